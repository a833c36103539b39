//! `resize`: from files to squares of one size, and, since the picture is decoded here already, the scores of its checks and
//! the views by which its near-copies are found. What cannot be decoded is rejected with the decoder's reason.

use arrow::array::{Float32Array, Int64Array, LargeBinaryArray, StringArray, UInt32Array};
use plugin_api::edges::{HashedImages, Pixels};
use plugin_api::select::Select;
use plugin_api::{Edge, Home, HomeArgs, Tag};
use plugin_check::{Scores, scores};
use plugin_decode::{Limits, captured_ms, decode};
use plugin_harness::{Answer, HarnessError, HasHome, Node, Refusal, Stage, part, run_stage};
use plugin_hash::{SIDE, Views, pixel_digest};
use plugin_resize::{Mode, ResizeOptions, Stretch, resize};
use rayon::prelude::*;

/// Brings pictures to one size.
#[derive(Debug, clap::Parser)]
pub struct Config {
    /// The workspace.
    #[command(flatten)]
    pub home: HomeArgs,
    /// Size and mode.
    #[command(flatten)]
    pub resize: ResizeOptions,
    /// What a picture may cost.
    #[command(flatten)]
    pub limits: Limits,
}

impl HasHome for Config {
    fn home(&self) -> &HomeArgs {
        &self.home
    }
}

/// Runs the node until the dataflow stops.
///
/// # Errors
/// Any [`HarnessError`].
pub fn run(config: Config, node: &mut Node) -> Result<(), HarnessError> {
    run_stage(&mut ResizeStage { resize: config.resize, limits: config.limits, home: node.home().clone() }, node)
}

/// The work on one message.
#[derive(Debug)]
pub struct ResizeStage {
    /// Size and mode.
    pub resize: ResizeOptions,
    /// What a picture may cost.
    pub limits: Limits,
    /// The workspace, where files lie that are too large for a message.
    pub home: Home,
}

/// What became of a picture.
struct Worked {
    square: Vec<u8>,
    views: Vec<u8>,
    scores: Scores,
    pixel_digest: String,
    captured_ms: i64,
}

impl ResizeStage {
    fn work(&self, batch: &HashedImages, row: usize) -> Result<Worked, Refusal> {
        let data = batch.content(row, &self.home).map_err(|e| (e.reason(), e.to_string()))?;
        let picture = decode(&data, &self.limits).map_err(|e| (e.reason(), e.to_string()))?;
        let captured_ms = captured_ms(&data).unwrap_or(i64::MIN);
        drop(data);
        let (width, height) = (picture.width, picture.height);
        let fit = |size_px: u32, mode: &dyn Mode| {
            resize(width, height, &picture.pixels, size_px, mode).map_err(|e| ("not_resized", e.to_string()))
        };
        let square = fit(self.resize.size_px, self.resize.mode)?;
        // Always of the whole picture at one size, so that views can be compared whatever the options are.
        let views = if self.resize.size_px == SIDE as u32 && self.resize.mode.name() == Stretch.name() {
            Views::of(&square)
        } else {
            Views::of(&fit(SIDE as u32, &Stretch)?)
        };
        let views = views.as_ref().map(Views::to_bytes).unwrap_or_default();
        let scores = scores(width, height, &picture.pixels).map_err(|e| ("not_checked", e.to_string()))?;
        let pixel_digest = pixel_digest(width, height, &picture.pixels);
        Ok(Worked { square, views, scores, pixel_digest, captured_ms })
    }

    fn answer(&self, batch: &HashedImages, rows: &[usize], worked: &[Worked]) -> Pixels {
        let score = |of: fn(&Scores) -> f32| Float32Array::from_iter_values(worked.iter().map(|w| of(&w.scores)));
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
            pixel_digest: StringArray::from_iter_values(worked.iter().map(|w| &w.pixel_digest)),
            captured_ms: Int64Array::from_iter_values(worked.iter().map(|w| w.captured_ms)),
            ahash: batch.ahash.select(rows),
            dhash: batch.dhash.select(rows),
            phash: batch.phash.select(rows),
            whash: batch.whash.select(rows),
            source_width: batch.width.select(rows),
            source_height: batch.height.select(rows),
            width: all(self.resize.size_px),
            height: all(self.resize.size_px),
            channels: all(3),
            dark: score(|s| s.dark),
            bright: score(|s| s.bright),
            blur: score(|s| s.blur),
            information: score(|s| s.information),
            views: LargeBinaryArray::from_iter_values(worked.iter().map(|w| &w.views)),
            pixels: LargeBinaryArray::from_iter_values(worked.iter().map(|w| &w.square)),
        }
    }
}

impl Stage for ResizeStage {
    type In = HashedImages;
    type Out = Pixels;
    const INPUT: &'static str = "hashed";
    const OUTPUT: &'static str = "pixels";

    fn process(&mut self, _tag: &Tag, batch: HashedImages) -> Answer<Pixels> {
        let done: Vec<_> = (0..batch.rows()).into_par_iter().map(|row| self.work(&batch, row)).collect();
        let (rows, worked, rejects) = part(&batch.path, done);
        Answer { out: self.answer(&batch, &rows, &worked), rejects }
    }
}

#[cfg(test)]
mod tests;
