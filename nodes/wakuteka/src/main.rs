//! The one command line: `cargo wakuteka …`, `cargo demo`, `cargo verify`.

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    match wakuteka::run(wakuteka::cli::Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if !error.is_told() {
                wakuteka::say::problem(&format!("error: {error}"));
            }
            wakuteka::say::result(&error.report());
            ExitCode::from(error.exit_code())
        }
    }
}
