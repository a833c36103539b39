//! A picture as its near-copies may show it: mirrored, turned a little, without its edges.

use crate::{Grey, Hashes};

/// Turned by up to so many degrees each way.
const DEGREES: f64 = 3.0;

/// Shares of a side that are left out: left, top, right, bottom.
const INSETS: [[f64; 4]; 7] = [
    [0.025, 0.025, 0.025, 0.025],
    [0.05, 0.05, 0.05, 0.05],
    [0.08, 0.08, 0.08, 0.08],
    [0.08, 0.08, 0.0, 0.0],
    [0.0, 0.08, 0.08, 0.0],
    [0.08, 0.0, 0.0, 0.08],
    [0.0, 0.0, 0.08, 0.08],
];

/// Mirrored or not, turned by degrees, and the share of each side that is left out after that.
const TURNS: [(bool, f64, f64); 5] =
    [(true, 0.0, 0.0), (false, DEGREES, 0.0), (false, -DEGREES, 0.0), (false, DEGREES, 0.04), (false, -DEGREES, 0.04)];

/// Bytes of [`Views::to_bytes`].
const BYTES: usize = (1 + TURNS.len() + INSETS.len()) * 32;

/// The hashes of a picture as it is, and of what its near-copies may look like. [`NearCopies`](crate::NearCopies) finds
/// who is who with them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Views {
    /// As it is.
    pub plain: Hashes,
    /// Mirrored; turned by 3° each way, with and without its edges.
    pub turned: [Hashes; TURNS.len()],
    /// Without its edges: all of them, or two.
    pub insets: [Hashes; INSETS.len()],
}

impl Views {
    /// The views of a picture of `height × width × 3` bytes, RGB. None when it has no pixel or another length.
    ///
    /// A small picture is enough: 64 × 64 pixels, stretched. But pictures are only comparable when all have been brought
    /// to their size in the same way (stretched, cropped or padded). It costs about half a millisecond at 64 × 64.
    pub fn of(width: u32, height: u32, rgb: &[u8]) -> Option<Self> {
        let grey = Grey::from_rgb(width, height, rgb)?;
        let hashes = |seen: Option<Grey>| seen.map_or_else(Hashes::default, |seen| Hashes::of_grey(&seen));
        Some(Self {
            plain: Hashes::of_grey(&grey),
            turned: TURNS.map(|(mirrored, degrees, inset)| hashes(seen(&grey, [inset; 4], mirrored, degrees))),
            insets: INSETS.map(|inset| hashes(seen(&grey, inset, false, 0.0))),
        })
    }

    /// All hashes in a row, to be kept: 416 bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let each = [&[self.plain][..], &self.turned, &self.insets].concat();
        each.iter().flat_map(|h| [h.ahash, h.dhash, h.phash, h.whash]).flat_map(u64::to_le_bytes).collect()
    }

    /// What [`Self::to_bytes`] gave. None when there is another number of bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let numbers: Vec<u64> = bytes.as_chunks::<8>().0.iter().map(|b| u64::from_le_bytes(*b)).collect();
        let each: Vec<Hashes> = (numbers.as_chunks::<4>().0.iter())
            .map(|&[ahash, dhash, phash, whash]| Hashes { ahash, dhash, phash, whash })
            .collect();
        let (plain, rest) = each.split_first().filter(|_| bytes.len() == BYTES)?;
        let (turned, insets) = rest.split_first_chunk()?;
        Some(Self { plain: *plain, turned: *turned, insets: *insets.first_chunk()? })
    }
}

/// The picture mirrored, turned, then without its edges; at the same size, bilinear. Beyond its edge it goes on as at the
/// edge.
fn seen(grey: &Grey, [left, top, right, bottom]: [f64; 4], mirrored: bool, degrees: f64) -> Option<Grey> {
    let (width, height) = (grey.width(), grey.height());
    let (sin, cos) = degrees.to_radians().sin_cos();
    let (across, down) = (width as f64, height as f64);
    let mut pixels = Vec::with_capacity(width * height);
    for y in 0..height {
        let v = (top + (y as f64 + 0.5) / down * (1.0 - top - bottom) - 0.5) * down;
        for x in 0..width {
            let u = (left + (x as f64 + 0.5) / across * (1.0 - left - right) - 0.5) * across;
            let (u, v) = (cos * u - sin * v, sin * u + cos * v);
            let u = if mirrored { -u } else { u };
            pixels.push(at(grey, u + across / 2.0 - 0.5, v + down / 2.0 - 0.5));
        }
    }
    Grey::new(width, height, pixels)
}

/// Brightness between pixels, whose centres are at whole numbers.
fn at(grey: &Grey, x: f64, y: f64) -> u8 {
    let (x, y) = (x.clamp(0.0, grey.width() as f64 - 1.0), y.clamp(0.0, grey.height() as f64 - 1.0));
    let (left, top) = (x as usize, y as usize);
    let (right, below) = ((left + 1).min(grey.width() - 1), (top + 1).min(grey.height() - 1));
    let pixel = |x: usize, y: usize| f64::from(grey.pixels()[y * grey.width() + x]);
    let (fx, fy) = (x - left as f64, y - top as f64);
    let upper = pixel(left, top) * (1.0 - fx) + pixel(right, top) * fx;
    let lower = pixel(left, below) * (1.0 - fx) + pixel(right, below) * fx;
    (upper * (1.0 - fy) + lower * fy + 0.5) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grey() -> Grey {
        Grey::new(5, 3, (0..15).map(|i| i * 17).collect()).unwrap()
    }

    #[test]
    fn without_change_it_stays_as_it_is() {
        assert_eq!(seen(&grey(), [0.0; 4], false, 0.0), Some(grey()));
        let mirrored = seen(&grey(), [0.0; 4], true, 0.0).unwrap();
        assert_eq!(mirrored.pixels()[..5], [68, 51, 34, 17, 0]);
        assert_eq!(seen(&mirrored, [0.0; 4], true, 0.0), Some(grey()));
    }

    #[test]
    fn turning_goes_around_the_middle_and_back() {
        let half = seen(&grey(), [0.0; 4], false, 180.0).unwrap();
        let back: Vec<u8> = grey().pixels().iter().rev().copied().collect();
        assert_eq!(half.pixels(), back);
    }

    #[test]
    fn an_inset_lies_inside() {
        let right = seen(&grey(), [0.6, 0.0, 0.0, 0.0], false, 0.0).unwrap();
        assert!(right.pixels()[0] >= 17 * 2 && right.pixels()[4] == 17 * 4, "{:?}", right.pixels());
    }

    #[test]
    fn views_are_kept_and_read_back() {
        let rgb: Vec<u8> = (0..32 * 32 * 3_u32).map(|i| (i * i % 251) as u8).collect();
        let views = Views::of(32, 32, &rgb).unwrap();
        let bytes = views.to_bytes();
        assert_eq!((bytes.len(), Views::from_bytes(&bytes)), (416, Some(views)));
        assert_eq!(Views::from_bytes(&bytes[1..]), None);
        assert_eq!(Views::of(0, 0, &[]), None);
    }
}
