//! Random erasing.

use crate::decision::Decision;
use crate::image::Image;
use crate::options::Policy;
use crate::{Augmentation, Entry, Rng};
use rand::RngExt;

pub const ENTRY: Entry = Entry {
    name: "erase",
    about: "covers a random rectangle with the image's mean colour",
    policy: |_| Policy::On,
    build: |options| {
        let probability = options.erase_probability;
        (probability > 0.0).then(|| Box::new(Erase { probability }) as Box<dyn Augmentation>)
    },
};

/// Covers a rectangle of 2 to 20 % of the image, from three times as wide as high to the reverse, with the mean
/// colour. Source: Zhong et al. 2017, arXiv 1708.04896 (variant RE-M).
#[derive(Clone, Copy, Debug)]
pub struct Erase {
    /// How often, 0 to 1.
    pub probability: f64,
}

/// A rectangle of an image, pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rectangle {
    /// First column.
    pub left: u32,
    /// First row.
    pub top: u32,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

impl Augmentation for Erase {
    fn draw(&self, [width, height]: [usize; 2], rng: &mut Rng, decision: &mut Decision) {
        if !rng.random_bool(self.probability) {
            return;
        }
        let area = rng.random_range(0.02..=0.2) * (width * height) as f64;
        let aspect = rng.random_range(-1.0..=1.0_f64) * 3.0_f64.ln();
        let aspect = aspect.exp();
        let side = |length: f64, limit: usize| (length.round() as usize).clamp(1, limit);
        let (wide, high) = (side((area * aspect).sqrt(), width), side((area / aspect).sqrt(), height));
        let left = rng.random_range(0..=width - wide) as u32;
        let top = rng.random_range(0..=height - high) as u32;
        decision.erased = Some(Rectangle { left, top, width: wide as u32, height: high as u32 });
    }
}

/// Covers a rectangle, which lies in the image, with the mean colour, rounded down.
pub fn apply(image: &mut Image<'_>, Rectangle { left, top, width, height }: Rectangle) {
    let mean = mean_colour(image.pixels());
    for row in image.rows().skip(top as usize).take(height as usize) {
        row[left as usize..(left + width) as usize].fill(mean);
    }
}

fn mean_colour(pixels: &[[u8; 3]]) -> [u8; 3] {
    let mut sums = [0_u64; 3];
    for pixel in pixels {
        for (sum, channel) in sums.iter_mut().zip(pixel) {
            *sum += u64::from(*channel);
        }
    }
    sums.map(|sum| (sum / pixels.len() as u64) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    fn erase(side: u32, pixels: &mut [u8], seed: u64) {
        let mut decision = Decision::NONE;
        let mut rng = Rng::seed_from_u64(seed);
        Erase { probability: 1.0 }.draw([side as usize; 2], &mut rng, &mut decision);
        apply(&mut Image::new(side, side, pixels).unwrap(), decision.erased.unwrap());
    }

    #[test]
    fn one_rectangle_of_a_fair_size_has_the_mean_colour() {
        for seed in 0..200 {
            // Black and white in turn: the mean, 127, is nowhere before.
            let mut pixels: Vec<u8> = (0..64 * 64).flat_map(|i| [if i % 2 == 0 { 0 } else { 255 }; 3]).collect();
            erase(64, &mut pixels, seed);
            let mut image = Image::new(64, 64, &mut pixels).unwrap();
            let erased: Vec<usize> =
                image.pixels().iter().enumerate().filter(|(_, p)| **p == [127; 3]).map(|(i, _)| i).collect();
            let columns = || erased.iter().map(|i| i % 64);
            let rows = || erased.iter().map(|i| i / 64);
            let wide = columns().max().unwrap() - columns().min().unwrap() + 1;
            let high = rows().max().unwrap() - rows().min().unwrap() + 1;
            assert_eq!(wide * high, erased.len());
            assert!((60..=900).contains(&erased.len()), "{}", erased.len());
        }
    }

    #[test]
    fn a_tiny_image_does_no_harm() {
        for seed in 0..50 {
            let mut pixels = [5; 3];
            erase(1, &mut pixels, seed);
            assert_eq!(pixels, [5; 3]);
        }
    }
}
