//! `hash`: from files to files with their digest, perceptual hashes and dimensions. What is no picture is rejected
//! with the decoder's reason.

use arrow::array::{LargeBinaryArray, StringArray, UInt32Array, UInt64Array};
use plugin_api::edges::{EncodedImages, HashedImages};
use plugin_api::select::Select;
use plugin_api::{Edge, Home, HomeArgs, Tag};
use plugin_decode::Limits;
use plugin_harness::{Answer, HarnessError, HasHome, Node, Refusal, Stage, part, run_stage};
use plugin_hash::{Hashed, Hashes, digest, exact, fast};
use rayon::prelude::*;

/// Decodes pictures, and gives each its digest and perceptual hashes.
#[derive(Debug, clap::Parser)]
pub struct Config {
    /// The workspace.
    #[command(flatten)]
    pub home: HomeArgs,
    /// What a picture may cost.
    #[command(flatten)]
    pub limits: Limits,
    /// How much of a JPEG is decoded for its hashes.
    #[arg(long, value_enum, default_value_t = Decoding::Fast)]
    pub decode: Decoding,
}

/// How much of a JPEG is decoded for its hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Decoding {
    /// A large one at 1/8 to 1/2 of its size: many times quicker; a bit of a hash may differ from imagehash's. Damage in
    /// finer passes of a progressive file is left for `resize` to find.
    Fast,
    /// All of it: hashes are imagehash's, bit for bit.
    Exact,
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
    run_stage(&mut HashStage { limits: config.limits, decode: config.decode, home: node.home().clone() }, node)
}

/// The work on one message.
#[derive(Debug)]
pub struct HashStage {
    /// What a picture may cost.
    pub limits: Limits,
    /// How much of a JPEG is decoded.
    pub decode: Decoding,
    /// The workspace, where files lie that are too large for a message.
    pub home: Home,
}

/// What is found out about one picture.
struct Found {
    digest: String,
    hashed: Hashed,
}

impl HashStage {
    fn look(&self, batch: &EncodedImages, row: usize) -> Result<Found, Refusal> {
        let data = batch.content(row, &self.home).map_err(|e| (e.reason(), e.to_string()))?;
        let hashed = match self.decode {
            Decoding::Fast => fast(&data, &self.limits),
            Decoding::Exact => exact(&data, &self.limits),
        }
        .map_err(|error| (error.reason(), error.to_string()))?;
        Ok(Found { digest: digest(&data), hashed })
    }
}

impl Stage for HashStage {
    type In = EncodedImages;
    type Out = HashedImages;
    const INPUT: &'static str = "images";
    const OUTPUT: &'static str = "hashed";

    fn process(&mut self, _tag: &Tag, batch: EncodedImages) -> Answer<HashedImages> {
        let looked: Vec<_> = (0..batch.rows()).into_par_iter().map(|row| self.look(&batch, row)).collect();
        let (rows, found, rejects) = part(&batch.path, looked);
        Answer { out: answer(&batch, &rows, &found), rejects }
    }
}

fn answer(batch: &EncodedImages, rows: &[usize], found: &[Found]) -> HashedImages {
    let hash = |which: fn(&Hashes) -> u64| UInt64Array::from_iter_values(found.iter().map(|f| which(&f.hashed.hashes)));
    let data: LargeBinaryArray = batch.data.select(rows);
    HashedImages {
        path: batch.path.select(rows),
        label: batch.label.select(rows),
        split: batch.split.select(rows),
        modified_ns: batch.modified_ns.select(rows),
        changed_ns: batch.changed_ns.select(rows),
        inode: batch.inode.select(rows),
        size_bytes: batch.size_bytes.select(rows),
        data,
        digest: StringArray::from_iter_values(found.iter().map(|f| &f.digest)),
        ahash: hash(|h| h.ahash),
        dhash: hash(|h| h.dhash),
        phash: hash(|h| h.phash),
        whash: hash(|h| h.whash),
        width: UInt32Array::from_iter_values(found.iter().map(|f| f.hashed.width)),
        height: UInt32Array::from_iter_values(found.iter().map(|f| f.hashed.height)),
    }
}

#[cfg(test)]
mod tests;
