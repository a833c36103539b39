//! The node `watch`: files in, pictures out. See [`node_watch`].

fn main() -> eyre::Result<()> {
    plugin_harness::main("watch", node_watch::run)
}
