//! Data sets and models in the formats of other tools: `exchange export-nnc`, `import-nnc`, `export-model`.

use clap::Parser;
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    // A reader that is gone is no reason to fail: the work is done.
    match node_exchange::run(node_exchange::Cli::parse()) {
        Ok(said) => {
            let _ = writeln!(std::io::stdout(), "{said}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}
