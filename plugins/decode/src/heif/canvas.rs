//! An image on its way to being assembled: RGB and alpha apart, since most have no alpha.

use crate::ground;
use image::metadata::Orientation;
use image::{DynamicImage, GrayImage};

/// 8-bit RGB with or without alpha.
pub struct Canvas {
    pub width: u32,
    pub height: u32,
    /// `height × width × 3` bytes.
    pub rgb: Vec<u8>,
    /// `height × width` bytes; `None` for opaque.
    pub alpha: Option<Vec<u8>>,
}

impl Canvas {
    /// One colour, opaque.
    pub fn filled(width: u32, height: u32, colour: [u8; 3]) -> Self {
        Self { width, height, rgb: colour.repeat(width as usize * height as usize), alpha: None }
    }

    /// Replaces what lies under an image whose left upper corner is here; what reaches beyond the edge is left out.
    pub fn place(&mut self, image: &Self, left: i64, top: i64) {
        if image.alpha.is_some() && self.alpha.is_none() {
            self.alpha = Some(vec![255; self.width as usize * self.height as usize]);
        }
        for (from, to, length) in overlap(self, image, left, top) {
            self.rgb[to * 3..(to + length) * 3].copy_from_slice(&image.rgb[from * 3..(from + length) * 3]);
            if let Some(alpha) = &mut self.alpha {
                match &image.alpha {
                    Some(of_image) => alpha[to..to + length].copy_from_slice(&of_image[from..from + length]),
                    None => alpha[to..to + length].fill(255),
                }
            }
        }
    }

    /// Lays an image with its alpha over what is here.
    pub fn blend(&mut self, image: &Self, left: i64, top: i64) {
        let Some(alpha) = &image.alpha else { return self.place(image, left, top) };
        for (from, to, length) in overlap(self, image, left, top) {
            for n in 0..length {
                let alpha = alpha[from + n];
                for channel in 0..3 {
                    let under = &mut self.rgb[(to + n) * 3 + channel];
                    *under = ground::over(image.rgb[(from + n) * 3 + channel], alpha, *under);
                }
            }
        }
    }

    /// A part.
    pub fn cropped(&self, left: u32, top: u32, width: u32, height: u32) -> Self {
        let mut part = Self::filled(width, height, [0; 3]);
        part.place(self, -i64::from(left), -i64::from(top));
        part
    }

    /// Turned or mirrored.
    pub fn turned(self, orientation: Orientation) -> Self {
        if orientation == Orientation::NoTransforms {
            return self;
        }
        let alpha = self.alpha.and_then(|alpha| GrayImage::from_raw(self.width, self.height, alpha)).map(|alpha| {
            let mut alpha = DynamicImage::ImageLuma8(alpha);
            alpha.apply_orientation(orientation);
            alpha.into_luma8().into_raw()
        });
        let turned = crate::finish::upright(self.width, self.height, self.rgb, orientation);
        Self { width: turned.width, height: turned.height, rgb: turned.pixels, alpha }
    }

    /// Undoes the multiplication of colours by alpha.
    pub fn divide_by_alpha(&mut self) {
        let Some(alpha) = &self.alpha else { return };
        for (pixel, &alpha) in self.rgb.as_chunks_mut::<3>().0.iter_mut().zip(alpha) {
            *pixel = pixel.map(|value| ground::divided(value, alpha));
        }
    }
}

/// For each row that both have: first pixel in the image, first pixel on the canvas, number of pixels.
fn overlap(
    canvas: &Canvas,
    image: &Canvas,
    left: i64,
    top: i64,
) -> impl Iterator<Item = (usize, usize, usize)> + use<> {
    let cut = |start: i64, length: u32, whole: u32| {
        let first = start.clamp(0, i64::from(whole));
        let last = start.saturating_add(i64::from(length)).clamp(0, i64::from(whole));
        (first as usize, (last - first).max(0) as usize)
    };
    let (column, columns) = cut(left, image.width, canvas.width);
    let (row, rows) = cut(top, image.height, canvas.height);
    let (of_image, of_canvas) = (image.width as usize, canvas.width as usize);
    let (skipped_columns, skipped_rows) = ((column as i64 - left) as usize, (row as i64 - top) as usize);
    let rows = if columns == 0 { 0 } else { rows };
    (0..rows).map(move |n| ((skipped_rows + n) * of_image + skipped_columns, (row + n) * of_canvas + column, columns))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(width: u32, height: u32) -> Canvas {
        let rgb = (0..width * height).flat_map(|n| [n as u8; 3]).collect();
        Canvas { width, height, rgb, alpha: None }
    }

    fn levels(canvas: &Canvas) -> Vec<u8> {
        canvas.rgb.iter().step_by(3).copied().collect()
    }

    #[test]
    fn parts_beyond_the_edge_are_left_out() {
        let mut canvas = Canvas::filled(3, 2, [9; 3]);
        canvas.place(&numbered(2, 2), 2, 1);
        assert_eq!(levels(&canvas), [9, 9, 9, 9, 9, 0]);
        canvas.place(&numbered(2, 2), -1, -1);
        assert_eq!(levels(&canvas), [3, 9, 9, 9, 9, 0]);
        canvas.place(&numbered(2, 2), 100, i64::MAX);
        canvas.place(&numbered(2, 2), i64::MIN / 2, 0);
        assert_eq!(levels(&canvas), [3, 9, 9, 9, 9, 0]);
        assert_eq!(levels(&numbered(3, 2).cropped(1, 1, 2, 1)), [4, 5]);
    }

    #[test]
    fn alpha_blends_and_turns_with_the_image() {
        let mut image = numbered(2, 1);
        image.alpha = Some(vec![0, 255]);
        let mut canvas = Canvas::filled(2, 1, [7; 3]);
        canvas.blend(&image, 0, 0);
        assert_eq!(levels(&canvas), [7, 1]);
        let turned = image.turned(Orientation::Rotate90);
        assert_eq!((turned.width, turned.height, turned.alpha), (1, 2, Some(vec![0, 255])));
    }
}
