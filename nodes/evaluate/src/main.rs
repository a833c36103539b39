//! The node `evaluate`: evaluates finished runs on held-out images and names the champion. See the library.

fn main() -> eyre::Result<()> {
    plugin_harness::main("evaluate", node_evaluate::run)
}
