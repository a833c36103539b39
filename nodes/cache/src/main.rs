//! The node `cache`.

fn main() -> eyre::Result<()> {
    plugin_harness::main("cache", node_cache::run)
}
