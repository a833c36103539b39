//! The one command line of Wakuteka. It fetches the tools that a machine with Rust, a C compiler and Python lacks,
//! shows the whole workflow on images that come with the checkout (`cargo demo`), starts and stops dataflows, says how things stand,
//! and checks everything (`cargo verify`).
//!
//! It knows neither burn nor Arrow, so that it is built in seconds.

pub mod building;
pub mod checkout;
pub mod cli;
pub mod columns;
pub mod demo;
pub mod dora;
pub mod error;
pub mod interrupt;
pub mod models;
pub mod network;
pub mod options;
pub mod overview;
pub mod process;
pub mod program;
pub mod progress;
pub mod runs;
pub mod say;
pub mod screen;
pub mod start;
pub mod tools;
pub mod verify;

pub use error::Error;

use cli::{Cli, Command};
use program::Program;

/// Does what the command line asks for.
///
/// # Errors
/// Whatever stopped it, for a person; [`Error::exit_code`] is the exit code to end with.
pub fn run(cli: Cli) -> Result<(), Error> {
    if cli.json {
        say::use_json();
    }
    interrupt::listen()?;
    let checkout = checkout::Checkout::find()?;
    match cli.command {
        Command::Demo(options) => demo::run(&checkout, &options),
        Command::Verify(options) => verify::run(&checkout, &options),
        Command::Start(options) => start::run(&checkout, &options),
        Command::Stop => start::stop(&checkout),
        Command::Status(options) => progress::run(&checkout, &options),
        Command::ExportNnc(options) => program::run(&checkout, Program::Exchange, Some("export-nnc"), &options.words),
        Command::ImportNnc(options) => program::run(&checkout, Program::Exchange, Some("import-nnc"), &options.words),
        Command::Experiment(options) => program::run(&checkout, Program::Experiment, None, &options.words),
        Command::ExportModel(options) => {
            program::run(&checkout, Program::Exchange, Some("export-model"), &options.words)
        }
        Command::Models(command) => models::run(&checkout, &command),
        Command::Runs(command) => runs::run(&checkout, &command),
        Command::Network(cli::Network::Show(options)) => network::show(&options),
        Command::Options(options) => options::run(&checkout, &options),
        Command::Dora => {
            let program = tools::dora::ready(&checkout)?.display().to_string();
            say::either(&serde_json::json!({ "dora": program }), &[program]);
            Ok(())
        }
        Command::Libtorch => tools::libtorch::show(&checkout),
        Command::Weights(options) => tools::weights::show(&checkout, options.of),
    }
}
