//! What the catalog holds, as structs.

use plugin_api::Split;
use plugin_check::Scores;
use plugin_hash::Hashes;

/// A file of an image, as it was when it was taken in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Relative to the workspace.
    pub path: String,
    /// Class folder; `None` for an unlabelled image.
    pub label: Option<String>,
    /// BLAKE3 of its bytes.
    pub digest: String,
    /// Nanoseconds since 1970.
    pub modified_ns: i64,
    /// Time of the last change of content or metadata, nanoseconds since 1970; 0 where an earlier version did not keep it.
    pub changed_ns: i64,
    /// Inode number; 0 where an earlier version did not keep it.
    pub inode: u64,
    /// File size in bytes.
    pub size_bytes: u64,
    /// The split its folder says.
    pub given: Option<Split>,
}

/// An image, whatever files hold it.
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    /// BLAKE3 of the file.
    pub digest: String,
    /// BLAKE3 of the decoded pixels; `None` where an earlier version did not keep it.
    pub pixel_digest: Option<String>,
    /// When it was taken, milliseconds since 1970.
    pub captured_ms: Option<i64>,
    /// Perceptual hashes.
    pub hashes: Hashes,
    /// Width and height of the original, pixels.
    pub source: (u32, u32),
    /// 0 is bad, 1 is good, NaN was never measured.
    pub scores: Scores,
    /// Digest that stands for its group of near-copies.
    pub group: String,
    /// Split that the sample is in.
    pub split: Split,
    /// Whether its split counts as trained or evaluated on, so that it is drawn anew only where it must be.
    pub settled: bool,
}

impl Image {
    /// Digest of its sample.
    pub fn sample(&self) -> &str {
        self.pixel_digest.as_deref().unwrap_or(&self.digest)
    }
}

/// A file with its image at some version.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// File the image was taken from.
    pub file: File,
    /// Its image, with the group and split of that version.
    pub image: Image,
}

/// A sample with one of its labels at some version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Digest of its pixels; of the file where an earlier version did not keep that.
    pub sample: String,
    /// Its class.
    pub label: String,
    /// The first of its files in this class, by name.
    pub path: String,
    /// BLAKE3 of that file.
    pub digest: String,
    /// Digest that stands for its group of near-copies.
    pub group: String,
    /// Split that the sample is in.
    pub split: Split,
    /// The split a folder says, the strictest of several.
    pub given: Option<Split>,
    /// When it was taken, milliseconds since 1970.
    pub captured_ms: Option<i64>,
    /// Whether its split has been trained or evaluated on.
    pub settled: bool,
}

/// What an inventory says of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownFile {
    /// Relative to the workspace.
    pub path: String,
    /// Nanoseconds since 1970.
    pub modified_ns: i64,
    /// As in [`File`].
    pub changed_ns: i64,
    /// As in [`File`].
    pub inode: u64,
    /// File size in bytes.
    pub size_bytes: u64,
}

/// A file that is there now, with what a page shows of it.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveFile {
    /// Relative to the workspace.
    pub path: String,
    /// Class folder.
    pub label: Option<String>,
    /// BLAKE3 of the file.
    pub digest: String,
    /// Digest of its sample.
    pub sample: String,
    /// Version of the data set it came in.
    pub added: u64,
    /// When the photo was taken, milliseconds since 1970; `None` where the file does not say.
    pub captured_ms: Option<i64>,
    /// When the file came to be here as it is, milliseconds since 1970: the last change of content or metadata; of content where
    /// an earlier version kept that alone.
    pub arrived_ms: i64,
    /// Perceptual hash.
    pub phash: u64,
    /// Difference hash.
    pub dhash: u64,
    /// Width and height of the original, pixels.
    pub source: (u32, u32),
    /// NaN was never measured.
    pub scores: Scores,
    /// Digest that stands for its group of near-copies.
    pub group: String,
    /// Split that the sample is in.
    pub split: Split,
}

/// An image as groups are made of it. Borrowed from the row it is read from.
#[derive(Clone, Copy, Debug)]
pub struct StoredImage<'a> {
    /// BLAKE3 of the file.
    pub digest: &'a str,
    /// Digest of its sample.
    pub sample: &'a str,
    /// Digest that stands for its group of near-copies.
    pub group: &'a str,
    /// Perceptual hash.
    pub phash: u64,
    /// Difference hash.
    pub dhash: u64,
    /// `plugin-hash`'s signatures of it, as bytes; `None` where an earlier version did not keep them.
    pub signatures: Option<&'a [u8]>,
}

/// Where the pixels of an image are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PixelsAt {
    /// The image.
    pub digest: String,
    /// Number of the shard.
    pub shard: i64,
    /// Row in the shard, from 0.
    pub row: usize,
}

/// A file of pixels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Its number.
    pub id: i64,
    /// Its name.
    pub file: String,
    /// How many rows it has.
    pub rows: usize,
}
