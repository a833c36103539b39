//! The node `search`: proposes networks and keeps the journal of what came of them. See the library.

fn main() -> eyre::Result<()> {
    plugin_harness::main("search", node_search::run)
}
