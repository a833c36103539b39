//! The node `embed`.

fn main() -> eyre::Result<()> {
    plugin_harness::main("embed", node_embed::run)
}
