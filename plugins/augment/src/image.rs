//! An image that is being changed.

/// The dimensions and the number of bytes do not belong together.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("an image of {width} × {height} pixels cannot have {bytes} bytes")]
pub struct ShapeError {
    /// Width claimed, pixels.
    pub width: u32,
    /// Height claimed, pixels.
    pub height: u32,
    /// Bytes that came.
    pub bytes: usize,
}

/// An image with at least one pixel: `height × width × 3` bytes, row after row, RGB.
#[derive(Debug)]
pub struct Image<'a> {
    width: usize,
    height: usize,
    pixels: &'a mut [u8],
}

impl<'a> Image<'a> {
    /// The image in `pixels`.
    ///
    /// # Errors
    /// [`ShapeError`] when it has no pixel or another number of bytes.
    pub fn new(width: u32, height: u32, pixels: &'a mut [u8]) -> Result<Self, ShapeError> {
        let bytes = (width as usize).checked_mul(height as usize).and_then(|n| n.checked_mul(3));
        if pixels.is_empty() || bytes != Some(pixels.len()) {
            return Err(ShapeError { width, height, bytes: pixels.len() });
        }
        Ok(Self { width: width as usize, height: height as usize, pixels })
    }

    /// Width, pixels.
    pub const fn width(&self) -> usize {
        self.width
    }

    /// Height, pixels.
    pub const fn height(&self) -> usize {
        self.height
    }

    /// The pixels, row after row.
    pub fn pixels(&mut self) -> &mut [[u8; 3]] {
        self.pixels.as_chunks_mut().0
    }

    /// The rows, from the top.
    pub fn rows(&mut self) -> impl Iterator<Item = &mut [[u8; 3]]> {
        let width = self.width;
        self.pixels().chunks_exact_mut(width)
    }

    /// A copy of the pixels, to draw the image anew from.
    pub fn copy(&self) -> Vec<[u8; 3]> {
        self.pixels.as_chunks().0.to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_checked() {
        assert!(Image::new(2, 1, &mut [0; 6]).is_ok());
        for (width, height, bytes) in [(0, 0, 0), (2, 1, 5), (1, 1, 6), (u32::MAX, u32::MAX, 3)] {
            assert!(Image::new(width, height, &mut vec![0; bytes]).is_err());
        }
    }
}
