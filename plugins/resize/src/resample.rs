//! The pixels of the square, by `fast_image_resize`.

use crate::place::{Area, Placement};
use crate::{MAX_SIZE_PX, MIN_SIZE_PX};
use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

/// A picture that cannot be resized.
#[derive(Debug, thiserror::Error)]
pub enum ResizeError {
    /// The dimensions and the number of bytes do not belong together.
    #[error("a picture of {width} × {height} pixels cannot have {bytes} bytes")]
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

/// Draws a part of the picture into a part of a white square.
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
    let source = ImageRef::new(width, height, rgb, PixelType::U8x3).map_err(|e| failed(e.to_string()))?;
    let mut target = Image::new(place.to.width, place.to.height, PixelType::U8x3);
    let options = ResizeOptions::new()
        .crop(place.from.left, place.from.top, place.from.width, place.from.height)
        .resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
    Resizer::new().resize(&source, &mut target, &options).map_err(|e| failed(e.to_string()))?;
    Ok(target.into_vec())
}
