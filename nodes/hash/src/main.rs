//! The node `hash`.

fn main() -> eyre::Result<()> {
    plugin_harness::main("hash", node_hash::run)
}
