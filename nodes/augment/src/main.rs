//! The node `augment`.

fn main() -> eyre::Result<()> {
    plugin_harness::main("augment", node_augment::run)
}
