//! The node `resize`.

fn main() -> eyre::Result<()> {
    plugin_harness::main("resize", node_resize::run)
}
