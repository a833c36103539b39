//! The pixels of the square, by `fast_image_resize`.

use crate::place::{Area, Placement};
use crate::{MAX_SIZE_PX, MIN_SIZE_PX};
use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};

/// An image that cannot be resized.
#[derive(Debug, thiserror::Error)]
pub enum ResizeError {
    /// The dimensions and the number of bytes do not belong together.
    #[error("an image of {width} × {height} pixels cannot have {bytes} bytes")]
    Shape {
        /// Width claimed, pixels.
        width: u32,
        /// Height claimed, pixels.
        height: u32,
        /// Bytes that came.
        bytes: usize,
    },
    /// The size wanted is out of range.
    #[error("a square of {0} pixels is not made; {MIN_SIZE_PX} to {MAX_SIZE_PX} are")]
    Size(u32),
    /// The resizer refused.
    #[error("resizing: {0}")]
    Resizer(String),
}

pub fn check(width: u32, height: u32, rgb: &[u8], size_px: u32) -> Result<(), ResizeError> {
    if !(MIN_SIZE_PX..=MAX_SIZE_PX).contains(&size_px) {
        return Err(ResizeError::Size(size_px));
    }
    let bytes = (width as usize).checked_mul(height as usize).and_then(|n| n.checked_mul(3));
    if rgb.is_empty() || bytes != Some(rgb.len()) {
        return Err(ResizeError::Shape { width, height, bytes: rgb.len() });
    }
    Ok(())
}

/// Draws a part of the image into a part of a white square.
pub fn draw(width: u32, height: u32, rgb: &[u8], size_px: u32, place: Placement) -> Result<Vec<u8>, ResizeError> {
    let Area { left, top, width: to_width, height: to_height } = place.to;
    let part = resampled(width, height, rgb, place)?;
    if (to_width, to_height) == (size_px, size_px) {
        return Ok(part);
    }
    let line = size_px as usize * 3;
    let mut square = vec![255; line * size_px as usize];
    let rows = square.chunks_exact_mut(line).skip(top as usize);
    for (row, from) in rows.zip(part.chunks_exact(to_width as usize * 3)) {
        row[left as usize * 3..][..from.len()].copy_from_slice(from);
    }
    Ok(square)
}

fn resampled(width: u32, height: u32, rgb: &[u8], place: Placement) -> Result<Vec<u8>, ResizeError> {
    let failed = |text: String| ResizeError::Resizer(text);
    let Area { width: to_width, height: to_height, .. } = place.to;
    let mut pixels = vec![0; to_width as usize * to_height as usize * 3];
    // Of one kind of pixels: `Resizer::resize` would compile every filter for all kinds there are.
    let source = TypedImageRef::<U8x3>::from_buffer(width, height, rgb).map_err(|e| failed(e.to_string()))?;
    let mut target = TypedImage::from_buffer(to_width, to_height, &mut pixels).map_err(|e| failed(e.to_string()))?;
    let options = ResizeOptions::new()
        .crop(place.from.left, place.from.top, place.from.width, place.from.height)
        .resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
    Resizer::new().resize_typed(&source, &mut target, &options).map_err(|e| failed(e.to_string()))?;
    Ok(pixels)
}
