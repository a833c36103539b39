//! Resizing with a Lanczos window of 3, rounding for rounding as Pillow's `Resample.c` does it, so that hashes equal
//! imagehash's. (`fast_image_resize` keeps 16-bit coefficients where Pillow keeps 22 bits, which moves a grey level
//! here and there, and with it a bit.)

use crate::grey::Grey;
use std::cell::RefCell;
use std::collections::HashMap;
use std::f64::consts::PI;
use std::rc::Rc;

const PRECISION: u32 = 22;
const SUPPORT: f64 = 3.0;

/// The part of one source line that one output pixel is made of.
struct Window {
    start: usize,
    weights: Vec<i32>,
}

/// The image at another size.
pub fn resize(image: &Grey, width: usize, height: usize) -> Vec<u8> {
    let narrowed;
    let mut pixels = image.pixels();
    if image.width() != width {
        narrowed = horizontal(pixels, image.width(), &kept(image.width(), width));
        pixels = &narrowed;
    }
    if image.height() == height {
        return pixels.to_vec();
    }
    vertical(pixels, width, &kept(image.height(), height))
}

/// Windows by length before and after.
type Kept = HashMap<(usize, usize), Rc<Vec<Window>>>;

thread_local! {
    /// Sines are dear, and images of a folder often have the same size.
    static KEPT: RefCell<Kept> = RefCell::default();
}

/// The most lengths whose windows are kept, for each thread: 20 MB if all images have 12,000 pixels a side.
const MOST_KEPT: usize = 64;

fn kept(from: usize, to: usize) -> Rc<Vec<Window>> {
    KEPT.with_borrow_mut(|all| {
        let key = (from, to);
        if all.len() >= MOST_KEPT && !all.contains_key(&key) {
            all.clear();
        }
        Rc::clone(all.entry(key).or_insert_with(|| Rc::new(windows(from, to))))
    })
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 { 1.0 } else { (x * PI).sin() / (x * PI) }
}

fn lanczos(x: f64) -> f64 {
    if (-SUPPORT..SUPPORT).contains(&x) { sinc(x) * sinc(x / SUPPORT) } else { 0.0 }
}

/// Pillow's `precompute_coeffs` and `normalize_coeffs_8bpc`, for whole lines.
fn windows(from: usize, to: usize) -> Vec<Window> {
    let scale = from as f64 / to as f64;
    let filter_scale = scale.max(1.0);
    let support = SUPPORT * filter_scale;
    let step = 1.0 / filter_scale;
    let window = |index: usize| {
        let center = (index as f64 + 0.5) * scale;
        let start = (center - support + 0.5).max(0.0) as usize;
        let end = ((center + support + 0.5) as usize).min(from);
        let weights: Vec<f64> = (start..end).map(|x| lanczos((x as f64 - center + 0.5) * step)).collect();
        let sum: f64 = weights.iter().sum();
        Window { start, weights: weights.iter().map(|w| fixed(if sum == 0.0 { *w } else { w / sum })).collect() }
    };
    (0..to).map(window).collect()
}

fn fixed(weight: f64) -> i32 {
    let scaled = weight * f64::from(1 << PRECISION);
    if scaled < 0.0 { (scaled - 0.5) as i32 } else { (scaled + 0.5) as i32 }
}

fn rounded(sum: i32) -> u8 {
    (sum >> PRECISION).clamp(0, 255) as u8
}

const HALF: i32 = 1 << (PRECISION - 1);

fn horizontal(pixels: &[u8], width: usize, windows: &[Window]) -> Vec<u8> {
    let mut out = Vec::with_capacity(pixels.len() / width * windows.len());
    for row in pixels.chunks_exact(width) {
        out.extend(windows.iter().map(|window| {
            let part = &row[window.start..window.start + window.weights.len()];
            rounded(part.iter().zip(&window.weights).fold(HALF, |sum, (&p, &w)| sum.wrapping_add(i32::from(p) * w)))
        }));
    }
    out
}

fn vertical(pixels: &[u8], width: usize, windows: &[Window]) -> Vec<u8> {
    let mut out = Vec::with_capacity(width * windows.len());
    let mut sums = vec![0; width];
    for window in windows {
        sums.fill(HALF);
        for (row, &weight) in pixels.chunks_exact(width).skip(window.start).zip(&window.weights) {
            for (sum, &pixel) in sums.iter_mut().zip(row) {
                *sum = i32::wrapping_add(*sum, i32::from(pixel) * weight);
            }
        }
        out.extend(sums.iter().map(|&sum| rounded(sum)));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_ramp_is_resized_as_pillow_does() {
        // Image.frombytes("L", (7, 5), bytes(i * 37 % 256 for i in range(35))).resize((4, 3), Image.LANCZOS).tobytes()
        let ramp = Grey::new(7, 5, (0..35_u32).map(|i| (i * 37 % 256) as u8).collect()).unwrap();
        assert_eq!(resize(&ramp, 4, 3), RAMP_BY_PILLOW);
    }

    const RAMP_BY_PILLOW: [u8; 12] = [15, 78, 146, 209, 20, 83, 151, 214, 25, 88, 156, 219];

    proptest! {
        #[test]
        fn a_plain_image_stays_plain(
            value in 0_u8.., width in 1_usize..40, height in 1_usize..40, to_width in 1_usize..40, to_height in 1_usize..40,
        ) {
            let plain = Grey::new(width, height, vec![value; width * height]).unwrap();
            prop_assert_eq!(resize(&plain, to_width, to_height), vec![value; to_width * to_height]);
        }
    }
}
