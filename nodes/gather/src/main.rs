//! The node `gather`. See [`node_gather`].

fn main() -> eyre::Result<()> {
    plugin_harness::main("gather", node_gather::run)
}
