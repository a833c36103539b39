//! The node `watch`: `photos/` in, pictures out. See [`node_watch`].

fn main() -> eyre::Result<()> {
    plugin_harness::main("watch", node_watch::run)
}
