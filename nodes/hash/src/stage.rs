//! The work on one message.

use crate::Decoding;
use arrow::array::{Float32Array, LargeBinaryArray, UInt64Array};
use plugin_api::edges::{DecodedImages, HashedImages};
use plugin_api::select::Select;
use plugin_api::{Edge, Header, RejectReason, ResizeMode, Workspace};
use plugin_check::{Scores, scores};
use plugin_decode::Limits;
use plugin_harness::{Answer, Refusal, Stage, partition};
use plugin_hash::{Hashes, SIDE, Views, exact};
use plugin_resize::resize;
use rayon::prelude::*;

/// Hashes the images of a message.
#[derive(Debug)]
pub struct HashStage {
    /// What an image may cost with [`Decoding::Exact`].
    pub limits: Limits,
    /// What the four hashes are taken of.
    pub decode: Decoding,
    /// The workspace, where the files lie.
    pub workspace: Workspace,
}

/// What is found out about one image.
struct Hashed {
    hashes: Hashes,
    signature: Vec<u8>,
    scores: Scores,
}

impl HashStage {
    fn hash(&self, batch: &DecodedImages, row: usize) -> Result<Hashed, Refusal> {
        let (width, height, raster) = (batch.width.value(row), batch.height.value(row), batch.raster.value(row));
        let hashes = match self.decode {
            Decoding::Fast => Hashes::of(width, height, raster).unwrap_or_default(),
            Decoding::Exact => self.exact_hashes(batch, row)?,
        };
        let side = SIDE as u32;
        let square = resize(width, height, raster, side, ResizeMode::Stretch)
            .map_err(|e| (RejectReason::NotResized, e.to_string()))?;
        let signature = Views::of(&square).map(|views| views.to_bytes()).unwrap_or_default();
        let scores = scores(width, height, raster).map_err(|e| (RejectReason::NotChecked, e.to_string()))?;
        Ok(Hashed { hashes, signature, scores })
    }

    fn exact_hashes(&self, batch: &DecodedImages, row: usize) -> Result<Hashes, Refusal> {
        let data = batch.content(row, &self.workspace).map_err(|e| (e.reason(), e.to_string()))?;
        let hashed = exact(&data, &self.limits).map_err(|error| (error.reason(), error.to_string()))?;
        Ok(hashed.hashes)
    }
}

impl Stage for HashStage {
    type In = DecodedImages;
    type Out = HashedImages;
    const INPUT: &'static str = "decoded";
    const OUTPUT: &'static str = "hashed";

    fn process(&mut self, _header: &Header, batch: DecodedImages) -> Answer<HashedImages> {
        let hashed: Vec<_> = (0..batch.rows()).into_par_iter().map(|row| self.hash(&batch, row)).collect();
        let (rows, hashed, rejects) = partition(&batch.path, hashed);
        Answer { out: answer(&batch, &rows, &hashed), rejects }
    }
}

fn answer(batch: &DecodedImages, rows: &[usize], hashed: &[Hashed]) -> HashedImages {
    let hash = |which: fn(&Hashes) -> u64| UInt64Array::from_iter_values(hashed.iter().map(|one| which(&one.hashes)));
    let score = |which: fn(&Scores) -> f32| Float32Array::from_iter_values(hashed.iter().map(|one| which(&one.scores)));
    HashedImages {
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
        source_width: batch.source_width.select(rows),
        source_height: batch.source_height.select(rows),
        ahash: hash(|hashes| hashes.ahash),
        dhash: hash(|hashes| hashes.dhash),
        phash: hash(|hashes| hashes.phash),
        whash: hash(|hashes| hashes.whash),
        signature: LargeBinaryArray::from_iter_values(hashed.iter().map(|one| &one.signature)),
        dark: score(|scores| scores.dark),
        bright: score(|scores| scores.bright),
        blur: score(|scores| scores.blur),
        information: score(|scores| scores.information),
        width: batch.width.select(rows),
        height: batch.height.select(rows),
        raster: batch.raster.select(rows),
    }
}
