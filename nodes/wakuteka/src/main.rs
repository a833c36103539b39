//! The one command line: `cargo wakuteka …`, `cargo demo`, `cargo verify`.

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    match wakuteka::run(wakuteka::cli::Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            wakuteka::say::problem(&format!("error: {error}"));
            ExitCode::from(error.exit_code())
        }
    }
}
