//! Data sets in the formats of other tools: `exchange export-nnc`, `exchange import-nnc`.

use clap::Parser;
use std::io::Write;

fn main() -> eyre::Result<()> {
    let said = node_exchange::run(node_exchange::Cli::parse())?;
    // A reader that is gone is no reason to fail: the work is done.
    let _ = writeln!(std::io::stdout(), "{said}");
    Ok(())
}
