//! A picture's brightness at reduced size: all that a perceptual hash needs, at a fraction of the cost.

use crate::Picture;
use image::metadata::Orientation;
use image::{DynamicImage, GrayImage};

/// What a glance at a file shows.
#[derive(Clone, Debug, PartialEq)]
pub enum Glance {
    /// The brightness at reduced size.
    Luma(Luma),
    /// Everything: the picture is small, or its file is of a kind that is only decoded whole.
    Whole(Picture),
}

/// Brightness at reduced size (Y of YCbCr, as JPEG has it), orientation applied.
#[derive(Clone, PartialEq)]
pub struct Luma {
    /// Width of the picture itself after orientation, pixels.
    pub width: u32,
    /// Height of the picture itself after orientation, pixels.
    pub height: u32,
    /// Samples in a row.
    pub columns: u32,
    /// Rows of samples.
    pub rows: u32,
    /// `rows × columns` bytes.
    pub samples: Vec<u8>,
    /// Where the picture lies in the samples: left, top, width, height, in samples. The first or last ones reach beyond
    /// its edge when its size is no multiple of what they cover.
    pub area: [f64; 4],
}

impl Luma {
    /// From samples as the file has them, of a picture of `size` pixels before orientation, at so many eighths.
    pub(crate) fn new(size: (u32, u32), eighths: u32, samples: GrayImage, orientation: Orientation) -> Self {
        let extent = |pixels: u32| f64::from(pixels * eighths) / 8.0;
        let (width, height) = (extent(size.0), extent(size.1));
        // What lies beyond the picture's edge, to the right and below.
        let beyond = [f64::from(samples.width()) - width, f64::from(samples.height()) - height];
        let (turned, from_right, from_below) = match orientation {
            Orientation::NoTransforms => (false, false, false),
            Orientation::FlipHorizontal => (false, true, false),
            Orientation::Rotate180 => (false, true, true),
            Orientation::FlipVertical => (false, false, true),
            Orientation::Rotate90FlipH => (true, false, false),
            Orientation::Rotate90 => (true, true, false),
            Orientation::Rotate270FlipH => (true, true, true),
            Orientation::Rotate270 => (true, false, true),
        };
        let (beyond, [width_px, height_px], [width, height]) = if turned {
            ([beyond[1], beyond[0]], [size.1, size.0], [height, width])
        } else {
            (beyond, [size.0, size.1], [width, height])
        };
        let left = if from_right { beyond[0] } else { 0.0 };
        let top = if from_below { beyond[1] } else { 0.0 };
        let samples = upright(samples, orientation);
        Self {
            width: width_px,
            height: height_px,
            columns: samples.width(),
            rows: samples.height(),
            samples: samples.into_raw(),
            area: [left, top, width, height],
        }
    }
}

impl std::fmt::Debug for Luma {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Luma({} × {} of {} × {})", self.columns, self.rows, self.width, self.height)
    }
}

fn upright(samples: GrayImage, orientation: Orientation) -> GrayImage {
    if orientation == Orientation::NoTransforms {
        return samples;
    }
    let mut image = DynamicImage::ImageLuma8(samples);
    image.apply_orientation(orientation);
    image.into_luma8()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whichever way it is turned, the picture's corner with the mark lies where the area says.
    #[test]
    fn the_area_turns_with_the_picture() {
        for exif in 1..=8 {
            let orientation = Orientation::from_exif(exif).unwrap();
            // 17 × 9 pixels are 3 × 2 samples; the last column and row hardly belong to the picture.
            let samples = GrayImage::from_raw(3, 2, vec![1, 2, 3, 4, 5, 6]).unwrap();
            let luma = Luma::new((17, 9), 1, samples, orientation);
            let [left, top, width, height] = luma.area;
            assert_eq!((width > height, luma.width > luma.height), (exif < 5, exif < 5));
            // The sample in the middle of the picture's first pixel: where its brightness is 1.
            let at = luma.samples.iter().position(|&s| s == 1).unwrap() as u32;
            let (x, y) = (f64::from(at % luma.columns), f64::from(at / luma.columns));
            assert!(x >= left.floor() && x < left + width && y >= top.floor() && y < top + height, "{exif}");
            // The sample of the far corner is the one that sticks out.
            let at = luma.samples.iter().position(|&s| s == 6).unwrap() as u32;
            let (x, y) = (f64::from(at % luma.columns), f64::from(at / luma.columns));
            assert!(x < left || x + 1.0 > left + width, "{exif}");
            assert!(y < top || y + 1.0 > top + height, "{exif}");
        }
    }
}
