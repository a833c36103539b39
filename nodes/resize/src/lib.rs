//! `resize`: from rasters to squares of one size, which is all that training sees of an image.

use arrow::array::{LargeBinaryArray, UInt32Array};
use plugin_api::edges::{HashedImages, Pixels};
use plugin_api::select::Select;
use plugin_api::{Edge, Header, RejectReason, WorkspaceArgs};
use plugin_decode::RetiredLimits;
use plugin_harness::{Answer, HarnessError, HasWorkspace, Node, Refusal, Stage, partition, run_stage};
use plugin_resize::{ResizeOptions, resize};
use rayon::prelude::*;

/// Brings images to one size.
#[derive(Debug, clap::Parser)]
pub struct Config {
    /// The workspace.
    #[command(flatten)]
    pub workspace: WorkspaceArgs,
    /// Size and mode.
    #[command(flatten)]
    pub resize: ResizeOptions,
    /// Options of the releases before this one.
    #[command(flatten)]
    pub retired: RetiredLimits,
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
    if config.retired.are_given() {
        tracing::warn!(
            "--max-pixels and --max-bytes are without effect, and refused by the next release: give them to `decode`"
        );
    }
    run_stage(&mut ResizeStage { resize: config.resize }, node)
}

/// The work on one message.
#[derive(Debug)]
pub struct ResizeStage {
    /// Size and mode.
    pub resize: ResizeOptions,
}

impl ResizeStage {
    fn square(&self, batch: &HashedImages, row: usize) -> Result<Vec<u8>, Refusal> {
        let (width, height, raster) = (batch.width.value(row), batch.height.value(row), batch.raster.value(row));
        resize(width, height, raster, self.resize.size_px, self.resize.mode)
            .map_err(|e| (RejectReason::NotResized, e.to_string()))
    }

    fn answer(&self, batch: &HashedImages, rows: &[usize], squares: &[Vec<u8>]) -> Pixels {
        let all = |value: u32| UInt32Array::from_value(value, rows.len());
        Pixels {
            path: batch.path.select(rows),
            label: batch.label.select(rows),
            split: batch.split.select(rows),
            modified_ns: batch.modified_ns.select(rows),
            changed_ns: batch.changed_ns.select(rows),
            inode: batch.inode.select(rows),
            size_bytes: batch.size_bytes.select(rows),
            digest: batch.digest.select(rows),
            pixel_digest: batch.pixel_digest.select(rows),
            captured_ms: batch.captured_ms.select(rows),
            ahash: batch.ahash.select(rows),
            dhash: batch.dhash.select(rows),
            phash: batch.phash.select(rows),
            whash: batch.whash.select(rows),
            source_width: batch.source_width.select(rows),
            source_height: batch.source_height.select(rows),
            width: all(self.resize.size_px),
            height: all(self.resize.size_px),
            channels: all(3),
            dark: batch.dark.select(rows),
            bright: batch.bright.select(rows),
            blur: batch.blur.select(rows),
            information: batch.information.select(rows),
            signature: batch.signature.select(rows),
            pixels: LargeBinaryArray::from_iter_values(squares),
        }
    }
}

impl Stage for ResizeStage {
    type In = HashedImages;
    type Out = Pixels;
    const INPUT: &'static str = "hashed";
    const OUTPUT: &'static str = "pixels";

    fn process(&mut self, _header: &Header, batch: HashedImages) -> Answer<Pixels> {
        let done: Vec<_> = (0..batch.rows()).into_par_iter().map(|row| self.square(&batch, row)).collect();
        let (rows, squares, rejects) = partition(&batch.path, done);
        Answer { out: self.answer(&batch, &rows, &squares), rejects }
    }
}

#[cfg(test)]
mod tests;
