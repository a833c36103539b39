//! `hash`: what is to be seen on an image, in numbers: perceptual hashes, the signature by which near-copies are found, and the
//! scores of the quality checks. It works on rasters; only `--decode exact` opens files again.

mod stage;

pub use stage::HashStage;

use plugin_api::WorkspaceArgs;
use plugin_decode::Limits;
use plugin_harness::{HarnessError, HasWorkspace, Node, run_stage};

/// Gives each image its perceptual hashes, signature and quality scores.
#[derive(Debug, clap::Parser)]
pub struct Config {
    /// The workspace.
    #[command(flatten)]
    pub workspace: WorkspaceArgs,
    /// What an image may cost with `--decode exact`.
    #[command(flatten)]
    pub limits: Limits,
    /// What the four hashes are taken of.
    #[arg(long, value_enum, default_value_t = Decoding::Fast)]
    pub decode: Decoding,
}

/// What the four hashes are taken of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Decoding {
    /// The raster that `decode` sends. Of an image that it reduced, a bit of a hash may differ from imagehash's.
    Fast,
    /// The whole image, for which every file is read and decoded a second time: hashes are imagehash's, bit for bit.
    Exact,
}

impl HasWorkspace for Config {
    fn workspace(&self) -> &WorkspaceArgs {
        &self.workspace
    }
}

/// Runs the node until the dataflow stops.
///
/// # Errors
/// Any [`HarnessError`].
pub fn run(config: Config, node: &mut Node) -> Result<(), HarnessError> {
    run_stage(
        &mut HashStage { limits: config.limits, decode: config.decode, workspace: node.workspace().clone() },
        node,
    )
}

#[cfg(test)]
mod tests;
