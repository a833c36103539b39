//! The node `inspect`.

fn main() -> eyre::Result<()> {
    plugin_harness::main("inspect", node_inspect::run)
}
