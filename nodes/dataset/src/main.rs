//! The `dataset` node.

fn main() -> eyre::Result<()> {
    plugin_harness::main("dataset", node_dataset::run)
}
