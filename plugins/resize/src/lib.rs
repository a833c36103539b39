//! Any RGB image to a square of a given size.
//!
//! A [`ResizeMode`] says which part of the image goes to which part of the square; the pixels are then computed with a
//! triangle filter that widens when an image shrinks (antialiasing), as torchvision and Pillow do for "bilinear".
//! The numbers are resized as they are, without going to linear light, as is usual for classifiers.

mod crop;
mod options;
mod pad;
mod place;
mod resample;
mod stretch;

pub use options::ResizeOptions;
pub use place::{Area, Placement};
pub use plugin_api::ResizeMode;
pub use resample::ResizeError;

/// Smallest side of a square, pixels.
pub const MIN_SIZE_PX: u32 = 16;
/// Largest side of a square, pixels.
pub const MAX_SIZE_PX: u32 = 512;

/// Which part of an image of `width × height` pixels goes to which part of a square of `size_px`. All three are at least 1.
pub fn place(width: u32, height: u32, size_px: u32, mode: ResizeMode) -> Placement {
    match mode {
        ResizeMode::Stretch => stretch::place(width, height, size_px),
        ResizeMode::Crop => crop::place(width, height, size_px),
        ResizeMode::Pad => pad::place(width, height, size_px),
    }
}

/// Brings an image of `height × width × 3` bytes into a square of `size_px × size_px × 3` bytes.
///
/// # Errors
/// [`ResizeError`] when the image has no pixel or another number of bytes, or `size_px` is not in
/// [`MIN_SIZE_PX`]`..=`[`MAX_SIZE_PX`].
pub fn resize(width: u32, height: u32, rgb: &[u8], size_px: u32, mode: ResizeMode) -> Result<Vec<u8>, ResizeError> {
    resample::check(width, height, rgb, size_px)?;
    resample::draw(width, height, rgb, size_px, place(width, height, size_px, mode))
}

#[cfg(test)]
mod tests;
