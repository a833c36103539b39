//! The node `watch`: files in, images out. See [`node_watch`].

fn main() -> eyre::Result<()> {
    plugin_harness::main("watch", node_watch::run)
}
