//! The node `dashboard`. See [`node_dashboard`].

fn main() -> eyre::Result<()> {
    plugin_harness::main("dashboard", node_dashboard::run)
}
