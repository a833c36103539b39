//! Any RGB picture to a square of a given size.
//!
//! A mode says which part of the picture goes to which part of the square; the pixels are then computed with a
//! triangle filter that widens when a picture shrinks (antialiasing), as torchvision and Pillow do for "bilinear".
//! The numbers are resized as they are, without going to linear light, as is usual for classifiers.

mod crop;
mod options;
mod pad;
mod place;
mod resample;
mod stretch;

pub use crop::Crop;
pub use options::ResizeOptions;
pub use pad::Pad;
pub use place::{Area, Placement};
pub use resample::ResizeError;
pub use stretch::Stretch;

/// Smallest side of a square, pixels.
pub const MIN_SIZE_PX: u32 = 16;
/// Largest side of a square, pixels.
pub const MAX_SIZE_PX: u32 = 512;

/// A way to bring a picture into a square.
pub trait Mode: Sync {
    /// Name, as in `--mode` and in a model's card.
    fn name(&self) -> &'static str;
    /// What it does, in one line.
    fn about(&self) -> &'static str;
    /// Which part of a picture of `width × height` pixels goes to which part of a square of `size_px`. All three are
    /// at least 1.
    fn place(&self, width: u32, height: u32, size_px: u32) -> Placement;
}

/// Every mode, the default first.
pub const REGISTRY: &[&dyn Mode] = &[&Stretch, &Crop, &Pad];

/// The mode of a name.
pub fn mode(name: &str) -> Option<&'static dyn Mode> {
    REGISTRY.iter().copied().find(|mode| mode.name() == name)
}

/// Brings a picture of `height × width × 3` bytes into a square of `size_px × size_px × 3` bytes.
///
/// # Errors
/// [`ResizeError`] when the picture has no pixel or another number of bytes, or `size_px` is not in
/// [`MIN_SIZE_PX`]`..=`[`MAX_SIZE_PX`].
pub fn resize(width: u32, height: u32, rgb: &[u8], size_px: u32, mode: &dyn Mode) -> Result<Vec<u8>, ResizeError> {
    resample::check(width, height, rgb, size_px)?;
    resample::draw(width, height, rgb, size_px, mode.place(width, height, size_px))
}

#[cfg(test)]
mod tests;
