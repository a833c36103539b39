//! Experiments: the same images trained on in several ways, outside of the graph, and what came of each.
//!
//! - [`photos`] reads class folders, [`split`] parts them so that near-copies stay together, [`learn`] trains and evaluates.
//! - [`sizes`], [`recipes`], [`folds`], [`increments`] and [`once`] are the experiments; [`table`], [`chart`] and [`lines`] show them.

pub mod backbone;
pub mod chart;
pub mod config;
pub mod error;
pub mod folds;
pub mod increments;
pub mod learn;
pub mod lines;
pub mod once;
pub mod page;
pub mod photos;
pub mod recipes;
pub mod sizes;
pub mod split;
pub mod table;

pub use config::Cli;
pub use error::ExperimentError;

use config::Command;
use std::io::Write as _;

/// Does what the command line asks for, and says what came of it.
///
/// # Errors
/// Whatever stopped it, for a person.
pub fn run(cli: Cli) -> Result<String, ExperimentError> {
    match cli.command {
        Command::Sizes(options) => sizes::run(&options),
        Command::Recipes(options) => recipes::run(&options),
        Command::Folds(options) => folds::run(&options),
        Command::Increments(options) => increments::run(&options),
        Command::Once(options) => once::run(&options),
    }
}

/// Tells a person who waits. A terminal that is gone is no reason to stop.
pub(crate) fn tell(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
