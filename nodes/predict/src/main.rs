//! The node `predict`. See [`node_predict`].

fn main() -> eyre::Result<()> {
    plugin_harness::main("predict", node_predict::run)
}
