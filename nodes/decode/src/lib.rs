//! `decode`: from file names to rasters. A file is read once and decoded once, at the smallest scale that serves every later
//! stage, upright and in sRGB; from here on no stage opens it again. What is no image is rejected with the decoder's reason.

mod stage;

pub use stage::{DecodeStage, Decoder};

use plugin_api::WorkspaceArgs;
use plugin_decode::{Limits, Scale, decode_scaled};
use plugin_harness::{CrashLedger, HarnessError, HasWorkspace, Node, run_stage};
use std::time::Duration;

/// Decodes images.
#[derive(Debug, clap::Parser)]
pub struct Config {
    /// The workspace.
    #[command(flatten)]
    pub workspace: WorkspaceArgs,
    /// What an image may cost.
    #[command(flatten)]
    pub limits: Limits,
    /// The largest square, pixels a side, that a later node makes of an image. Without it: the larger of 224, for embeddings,
    /// and WAKUTEKA_IMAGE_SIZE. Rasters are half as many again on their shorter side, where the image has so many.
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(16..=512))]
    pub size: Option<u32>,
    /// What `resize` makes, given once for all nodes.
    #[arg(long, env = "WAKUTEKA_IMAGE_SIZE", hide = true, default_value_t = Scale::DEFAULT_SIZE_PX, value_name = "PIXELS",
          value_parser = clap::value_parser!(u32).range(16..=512))]
    pub image_size: u32,
    /// A file that takes longer to decode is given up: the node ends and starts again, and after the second time the file goes
    /// to quarantine. 0: never.
    #[arg(long, default_value_t = 60, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(0..=3600))]
    pub max_seconds: u64,
}

impl Config {
    /// How far a file may be shrunk while it is decoded.
    #[must_use]
    pub fn scale(&self) -> Scale {
        Scale::for_square(self.size.unwrap_or_else(|| self.image_size.max(Scale::DEFAULT_SIZE_PX)))
    }
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
    let folder = node.workspace().status();
    let ledger = CrashLedger::open(&folder, node.id(), Duration::from_secs(config.max_seconds))
        .map_err(|source| HarnessError::File { path: folder.display().to_string(), source })?;
    let mut stage = DecodeStage {
        workspace: node.workspace().clone(),
        scale: config.scale(),
        limits: config.limits,
        ledger,
        decoder: decode_scaled,
    };
    run_stage(&mut stage, node)
}

#[cfg(test)]
mod tests;
