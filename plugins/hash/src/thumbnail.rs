//! The small copy of an image that is kept beside its hashes, so that a candidate can be compared pixel by pixel.

use crate::grey::Grey;
use crate::symmetry::Symmetry;

/// Pixels of a side of the square that thumbnails are made of and views are taken of.
pub const SIDE: usize = 64;
/// Pixels of a side of the luma plane.
pub const LUMA_SIDE: usize = 32;
/// Cells of a side of the chroma plane.
pub const CHROMA_SIDE: usize = 8;
const LUMA: usize = LUMA_SIDE * LUMA_SIDE;
const CHROMA: usize = CHROMA_SIDE * CHROMA_SIDE;

/// Luma and chroma of an image that was stretched to a square.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thumbnail {
    /// ITU-R BT.601 luma, 32 × 32, row after row, means of 2 × 2 pixels.
    pub luma: [u8; LUMA],
    /// Cb and Cr less 128, 8 × 8, row after row, means of 8 × 8 pixels.
    pub chroma: [[i8; 2]; CHROMA],
}

impl Default for Thumbnail {
    fn default() -> Self {
        Self { luma: [0; LUMA], chroma: [[0; 2]; CHROMA] }
    }
}

impl Thumbnail {
    /// Bytes of [`Self::to_bytes`].
    pub const BYTES: usize = LUMA + 2 * CHROMA;

    /// Of 64 × 64 × 3 bytes RGB and their luma.
    pub(crate) fn new(rgb: &[u8], grey: &Grey) -> Self {
        let mut luma = [0_u16; LUMA];
        for (at, value) in grey.pixels().iter().enumerate() {
            luma[at / SIDE / 2 * LUMA_SIDE + at % SIDE / 2] += u16::from(*value);
        }
        let mut sums = [[0_i32; 3]; CHROMA];
        for (at, pixel) in rgb.as_chunks::<3>().0.iter().enumerate() {
            let cell = &mut sums[at / SIDE / CHROMA_SIDE * CHROMA_SIDE + at % SIDE / CHROMA_SIDE];
            for (sum, value) in cell.iter_mut().zip(pixel) {
                *sum += i32::from(*value);
            }
        }
        Self { luma: luma.map(|sum| ((sum + 2) / 4) as u8), chroma: sums.map(cell_chroma) }
    }

    /// Luma, then chroma: [`Self::BYTES`] bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let chroma = self.chroma.as_flattened().iter().map(|value| value.cast_unsigned());
        self.luma.iter().copied().chain(chroma).collect()
    }

    /// What [`Self::to_bytes`] gave. `None` for another number of bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (luma, rest) = bytes.split_first_chunk::<LUMA>()?;
        let (chroma, []) = rest.as_chunks::<2>() else { return None };
        let chroma: &[[u8; 2]; CHROMA] = chroma.try_into().ok()?;
        Some(Self { luma: *luma, chroma: chroma.map(|cell| cell.map(u8::cast_signed)) })
    }

    /// The thumbnail of the mirrored or turned image.
    pub(crate) fn transformed(&self, symmetry: Symmetry) -> Self {
        Self {
            luma: std::array::from_fn(|at| self.luma[symmetry.source(at, LUMA_SIDE)]),
            chroma: std::array::from_fn(|at| self.chroma[symmetry.source(at, CHROMA_SIDE)]),
        }
    }

    /// The thumbnail of the image made brighter by a factor from 1 on, each channel up to its limit. What is colourful and
    /// bright gains less luma than what is grey, and loses colour.
    pub(crate) fn brighter(&self, by: f32) -> Self {
        let mut brighter = *self;
        let mut sums = [[0.0; 2]; CHROMA];
        for (at, luma) in brighter.luma.iter_mut().enumerate() {
            let cell = cell_of(at);
            let clipped = rgb(f32::from(*luma), self.chroma[cell].map(f32::from)).map(|value| value.clamp(0.0, WHITE));
            let [before, ..] = luma_chroma(clipped);
            let [after, cb, cr] = luma_chroma(clipped.map(|value| (value * by).min(WHITE)));
            // The pixel's own chroma is not known: that of its cell may not belong to it, and says a factor alone.
            *luma = (f32::from(*luma) * after / before.max(1.0)).round() as u8;
            sums[cell][0] += cb;
            sums[cell][1] += cr;
        }
        brighter.chroma = sums.map(|cell| cell.map(|sum| (sum / (LUMA / CHROMA) as f32).round() as i8));
        brighter
    }

    /// Sum of luma.
    pub(crate) fn brightness(&self) -> u32 {
        self.luma.iter().map(|value| u32::from(*value)).sum()
    }

    /// By how much this image would have to be made brighter to be as bright as another, 1 to 2.
    pub(crate) fn factor_to(&self, other: &Self) -> f32 {
        let wanted = other.luma.iter().step_by(SAMPLED).map(|value| f32::from(*value)).sum::<f32>();
        let (mut low, mut high) = (1.0, 2.0);
        for _ in 0..FACTOR_ROUNDS {
            let by = f32::midpoint(low, high);
            let luma = |(at, luma): (usize, &u8)| {
                let clipped = rgb(f32::from(*luma), self.chroma[cell_of(at)].map(f32::from));
                luma_chroma(clipped.map(|value| (value.max(0.0) * by).min(WHITE)))[0]
            };
            let sum: f32 = self.luma.iter().enumerate().step_by(SAMPLED).map(luma).sum();
            if sum < wanted {
                low = by;
            } else {
                high = by;
            }
        }
        f32::midpoint(low, high)
    }

    /// Whether two hardly differ, place by place: frames of one fixed camera with its noise do, also when it gets a
    /// little brighter. Nothing is aligned, so this takes well below a microsecond.
    pub fn is_almost(&self, other: &Self) -> bool {
        let mean = |one: &Self| one.brightness() as i32 / LUMA as i32;
        let shift = mean(self) - mean(other);
        if shift.abs() > ALMOST_SHIFT {
            return false;
        }
        // By rows of four pixels, added up to blocks of 4 × 4.
        let mut blocks = [0_i32; LUMA / 16];
        let mut total = 0;
        let rows = self.luma.as_chunks::<LUMA_SIDE>().0.iter().zip(other.luma.as_chunks::<LUMA_SIDE>().0);
        for (y, (row, others)) in rows.enumerate() {
            for (x, (a, b)) in row.iter().zip(others).enumerate() {
                let difference = i32::from(*a) - i32::from(*b) - shift;
                blocks[y / 4 * 8 + x / 4] += difference;
                total += difference.abs();
            }
        }
        let near = |(a, b): (&i8, &i8)| i32::from(*a).abs_diff(i32::from(*b)) <= ALMOST_CHROMA;
        total <= ALMOST_MEAN * LUMA as i32
            && blocks.iter().all(|sum| sum.abs() <= ALMOST_BLOCK * 16)
            && self.chroma.as_flattened().iter().zip(other.chroma.as_flattened()).all(near)
    }
}

/// Levels by which one of two images that are almost the same may be brighter.
const ALMOST_SHIFT: i32 = 24;
/// Levels between their pixels, the mean.
const ALMOST_MEAN: i32 = 3;
/// Levels between the means of 4 × 4 pixels, the largest.
const ALMOST_BLOCK: i32 = 4;
/// Levels between chroma cells, the largest.
const ALMOST_CHROMA: u32 = 6;

const WHITE: f32 = 255.0;
/// Every so many-th pixel says how bright an image is; odd, so that all columns are met.
const SAMPLED: usize = 5;
/// Halvings of the range of the factor: it is found within 1 %.
const FACTOR_ROUNDS: usize = 6;

/// The chroma cell of a luma pixel.
const fn cell_of(at: usize) -> usize {
    const PIXELS: usize = LUMA_SIDE / CHROMA_SIDE;
    at / LUMA_SIDE / PIXELS * CHROMA_SIDE + at % LUMA_SIDE / PIXELS
}

/// RGB of luma and chroma, ITU-R BT.601, not clipped.
fn rgb(luma: f32, [cb, cr]: [f32; 2]) -> [f32; 3] {
    [luma + 1.402 * cr, luma - 0.344_136 * cb - 0.714_136 * cr, luma + 1.772 * cb]
}

/// Luma, Cb and Cr of RGB, ITU-R BT.601.
fn luma_chroma([r, g, b]: [f32; 3]) -> [f32; 3] {
    [
        0.299 * r + 0.587 * g + 0.114 * b,
        -0.168_736 * r - 0.331_264 * g + 0.5 * b,
        0.5 * r - 0.418_688 * g - 0.081_312 * b,
    ]
}

/// Mean Cb and Cr of 8 × 8 RGB pixels, given their sums.
fn cell_chroma([r, g, b]: [i32; 3]) -> [i8; 2] {
    let pixels = (SIDE / CHROMA_SIDE * (SIDE / CHROMA_SIDE)) as f32;
    let [_, cb, cr] = luma_chroma([r, g, b].map(|sum| sum as f32 / pixels));
    // Casting saturates at -128 and 127.
    [cb.round() as i8, cr.round() as i8]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thumbnail(of: impl Fn(usize, usize) -> [u8; 3]) -> Thumbnail {
        let rgb: Vec<u8> = (0..SIDE * SIDE).flat_map(|i| of(i % SIDE, i / SIDE)).collect();
        Thumbnail::new(&rgb, &Grey::from_rgb(SIDE as u32, SIDE as u32, &rgb).unwrap())
    }

    #[test]
    fn planes_are_means_and_are_read_back() {
        let one = thumbnail(|x, y| if x < 32 { [220, 30, 40] } else { [y as u8 * 2, y as u8 * 2, y as u8 * 2] });
        assert_eq!(one.luma[..2], [88, 88]);
        assert_eq!((one.luma[16], one.luma[LUMA - 1]), (1, 125), "means of rows 0 and 1, 62 and 63");
        assert_eq!(one.chroma[0], [-27, 94]);
        assert_eq!(one.chroma[7], [0, 0]);
        assert_eq!(one.to_bytes().len(), Thumbnail::BYTES);
        assert_eq!(Thumbnail::from_bytes(&one.to_bytes()), Some(one));
        assert_eq!(Thumbnail::from_bytes(&one.to_bytes()[1..]), None);
        assert_eq!(Thumbnail::from_bytes(&[one.to_bytes(), vec![0; 2]].concat()), None);
    }

    #[test]
    fn brighter_thumbnails_are_those_of_brighter_images() {
        // Fields of colours, of which some are clipped in one channel or two.
        let colours = [[250, 200, 10], [90, 90, 90], [20, 180, 240], [255, 255, 255], [120, 30, 60], [200, 220, 180]];
        let image = |by: f32| {
            thumbnail(move |x, y| {
                let of: [u8; 3] = colours[(x / 16 + y / 16) % colours.len()];
                of.map(|value| (f32::from(value) * by).min(255.0) as u8)
            })
        };
        let (one, other) = (image(1.0), image(1.3));
        assert!((one.factor_to(&other) - 1.3).abs() < 0.02, "{}", one.factor_to(&other));
        assert!(one.factor_to(&one) < 1.02);
        let brighter = one.brighter(1.3);
        for (a, b) in brighter.luma.iter().zip(&other.luma) {
            assert!(a.abs_diff(*b) <= 2, "{a} {b}");
        }
        for (a, b) in brighter.chroma.as_flattened().iter().zip(other.chroma.as_flattened()) {
            assert!(a.abs_diff(*b) <= 2, "{a} {b}");
        }
        assert!(one.luma.iter().zip(&other.luma).any(|(a, b)| a.abs_diff(*b) > 20), "the test tests something");
    }

    #[test]
    fn frames_of_one_camera_are_almost_the_same() {
        let noise = |x: usize, y: usize, seed: usize| (x * 31 + y * 17 + seed * 7919) * 2_654_435_761 / 4096 % 9;
        let frame = |seed: usize, person: usize, light: usize| {
            thumbnail(move |x, y| {
                let scene = if y < 30 { 150 } else { 60 + x } + light + noise(x, y, seed);
                let inside = person > 0 && x.abs_diff(person) < 5 && (20..44).contains(&y);
                if inside { [20, 30, 140] } else { [scene as u8; 3] }
            })
        };
        assert!(frame(1, 0, 0).is_almost(&frame(2, 0, 0)));
        assert!(frame(1, 0, 0).is_almost(&frame(2, 0, 8)), "a little brighter");
        assert!(!frame(1, 0, 0).is_almost(&frame(2, 0, 40)), "much brighter");
        assert!(!frame(1, 0, 0).is_almost(&frame(1, 30, 0)), "with a person");
        let tinted = |blue: u8| thumbnail(move |x, _| [100, 100 + x as u8, blue]);
        assert!(!tinted(90).is_almost(&tinted(140)));
    }
}
