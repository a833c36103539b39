//! The node `decode`.

fn main() -> eyre::Result<()> {
    plugin_harness::main("decode", node_decode::run)
}
