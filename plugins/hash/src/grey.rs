//! An image without colour, as all hashes take it.

/// A grey image.
#[derive(Clone, Debug, PartialEq)]
pub struct Grey {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

impl Grey {
    /// From RGB, `height × width × 3` bytes, by ITU-R BT.601 luma in fixed point, exactly as Pillow's mode "L".
    /// None when there is no pixel or another number of bytes.
    pub fn from_rgb(width: u32, height: u32, rgb: &[u8]) -> Option<Self> {
        let luma = |&[r, g, b]: &[u8; 3]| {
            ((u32::from(r) * 19_595 + u32::from(g) * 38_470 + u32::from(b) * 7_471 + 0x8000) >> 16) as u8
        };
        let (pixels, rest) = rgb.as_chunks::<3>();
        if !rest.is_empty() {
            return None;
        }
        Self::new(width as usize, height as usize, pixels.iter().map(luma).collect())
    }

    /// From `height × width` bytes. None when there is no pixel or another number of bytes.
    pub fn new(width: usize, height: usize, pixels: Vec<u8>) -> Option<Self> {
        let sound = width > 0 && height > 0 && pixels.len() == width.checked_mul(height)?;
        sound.then_some(Self { width, height, pixels })
    }

    /// Width, pixels; at least 1.
    pub const fn width(&self) -> usize {
        self.width
    }

    /// Height, pixels; at least 1.
    pub const fn height(&self) -> usize {
        self.height
    }

    /// `height × width` bytes, row after row.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn luma_is_pillows() {
        // Image.new("RGB", (1, 1), colour).convert("L").getpixel((0, 0))
        for (colour, grey) in [([255, 0, 0], 76), ([0, 255, 0], 150), ([0, 0, 255], 29), ([12, 200, 77], 130)] {
            assert_eq!(Grey::from_rgb(1, 1, &colour).unwrap().pixels(), [grey]);
        }
    }

    #[test]
    fn what_is_no_image_is_none() {
        assert_eq!(Grey::from_rgb(0, 0, &[]), None);
        assert_eq!(Grey::from_rgb(1, 1, &[1, 2]), None);
        assert_eq!(Grey::from_rgb(2, 1, &[1, 2, 3]), None);
        assert_eq!(Grey::from_rgb(1, 1, &[1, 2, 3, 4]), None);
    }
}
