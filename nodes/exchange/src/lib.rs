//! Data sets and models in the formats of other tools: the CSV of Sony's Neural Network Console in and out, its projects in,
//! nnabla's models in and out, safetensors and ONNX out.
//!
//! A data set there is a CSV file with a header `x:image,y:label` and a row an image: where it lies, relative to the
//! CSV, and the number of its class. Out: [`export`] writes one from the catalog. In: [`import`] lays one out as class
//! folders. [`model`] writes weights or whole networks.

pub mod catalog;
pub mod classes;
pub mod config;
pub mod copy;
pub mod error;
pub mod export;
pub mod import;
pub mod model;
pub mod nnc;
pub mod otherwise;
pub mod publish;
pub mod source;
pub mod table;

pub use config::Cli;
pub use error::ExchangeError;

/// Does what the command line asks for, and says what was done.
///
/// # Errors
/// Whatever stopped it, for a person. Nothing is left half done.
pub fn run(cli: Cli) -> Result<String, ExchangeError> {
    match cli.command {
        config::Command::ExportNnc(options) => export::run(&options).map(|done| done.to_string()),
        config::Command::ImportNnc(options) => match nnc::Kind::of(&options.from) {
            Some(kind) => nnc::run(&options, kind),
            None => import::run(&options).map(|done| done.to_string()),
        },
        config::Command::ExportModel(options) => model::run(&options),
    }
}
