//! The identity of a file and four hashes of what is to be seen on it.
//!
//! The perceptual hashes follow Python's [imagehash](https://github.com/JohannesBuchner/imagehash) 4.3 with its
//! default of 8 × 8 bits, down to the rounding of Pillow's resize: the first bit, row after row, is the most
//! significant. Two images look alike when few bits differ.
//!
//! - [`exact`] and [`fast`]: from a file to its hashes.
//! - [`Views`] and [`NearCopies`]: also mirrored, turned, cropped, brighter and grey copies.

mod ahash;
mod confirm;
mod dct;
mod dhash;
mod fast;
mod grey;
mod haar;
mod lanczos;
mod near;
mod phash;
mod symmetry;
mod thumbnail;
mod views;
mod whash;

pub use ahash::AverageHash;
pub use dhash::DifferenceHash;
pub use fast::{Hashed, exact, fast};
pub use grey::Grey;
pub use near::{NearCopies, Radii, are_near};
pub use phash::DctHash;
pub use thumbnail::SIDE;
pub use thumbnail::Thumbnail;
pub use views::{Signature, Views};
pub use whash::WaveletHash;

/// A hash of what is to be seen on an image.
pub trait PerceptualHash: Sync {
    /// Name of the hash, and of its column in messages.
    fn name(&self) -> &'static str;
    /// What it sees, in one line.
    fn about(&self) -> &'static str;
    /// The hash of an image that has pixels.
    fn hash(&self, image: &Grey) -> u64;
}

/// Every perceptual hash.
pub const REGISTRY: &[&dyn PerceptualHash] = &[&AverageHash, &DifferenceHash, &DctHash, &WaveletHash];

/// The four hashes of one image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hashes {
    /// [`AverageHash`].
    pub ahash: u64,
    /// [`DifferenceHash`].
    pub dhash: u64,
    /// [`DctHash`].
    pub phash: u64,
    /// [`WaveletHash`].
    pub whash: u64,
}

impl Hashes {
    /// The hashes of an image of `height × width × 3` bytes, RGB. None when it has no pixel or another length.
    pub fn of(width: u32, height: u32, rgb: &[u8]) -> Option<Self> {
        Some(Self::of_grey(&Grey::from_rgb(width, height, rgb)?))
    }

    /// The hashes of a grey image.
    pub fn of_grey(grey: &Grey) -> Self {
        let square = lanczos::resize(grey, phash::SIDE, phash::SIDE);
        // Of a small image two hashes see the same square.
        let side = whash::side(grey);
        let whash = if side == phash::SIDE { whash::of_square(&square, side) } else { WaveletHash.hash(grey) };
        Self {
            ahash: AverageHash.hash(grey),
            dhash: DifferenceHash.hash(grey),
            phash: phash::of_square(&square),
            whash,
        }
    }
}

/// BLAKE3 of a file's bytes, 64 hexadecimal digits. Source: <https://github.com/BLAKE3-team/BLAKE3-specs>.
pub fn digest(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

/// BLAKE3 of a decoded image, 64 hexadecimal digits: width and height as little-endian `u32`, then the RGB bytes row after row.
/// Equal for files that differ in metadata or lossless compression alone.
pub fn pixel_digest(width: u32, height: u32, rgb: &[u8]) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&width.to_le_bytes()).update(&height.to_le_bytes()).update(rgb);
    hasher.finalize().to_hex().to_string()
}

/// Bits in which two hashes differ, 0 to 64.
pub const fn distance(a: u64, b: u64) -> u32 {
    (a ^ b).count_ones()
}

/// 64 bits from 64 answers, the first the most significant.
fn bits(answers: impl Iterator<Item = bool>) -> u64 {
    answers.fold(0, |hash, bit| (hash << 1) | u64::from(bit))
}

#[cfg(test)]
mod tests;
