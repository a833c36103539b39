//! The node `mirror`.

fn main() -> eyre::Result<()> {
    plugin_harness::main("mirror", node_mirror::run)
}
