//! `train`: learns from the data set whenever it has changed.

fn main() -> eyre::Result<()> {
    plugin_harness::main("train", node_train::run)
}
