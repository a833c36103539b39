//! Random erasing.

use crate::{Augmentation, Entry, Picture, Policy, Rng};
use rand::RngExt;

pub const ENTRY: Entry = Entry {
    name: "erase",
    about: "covers a random rectangle with the picture's mean colour",
    policy: |_| Policy::On,
    build: |options| {
        let probability = options.erase_probability;
        (probability > 0.0).then(|| Box::new(Erase { probability }) as Box<dyn Augmentation>)
    },
};

/// Covers a rectangle of 2 to 20 % of the picture, from three times as wide as high to the reverse, with the mean
/// colour. Source: Zhong et al. 2017, arXiv 1708.04896 (variant RE-M).
#[derive(Clone, Copy, Debug)]
pub struct Erase {
    /// How often, 0 to 1.
    pub probability: f64,
}

impl Augmentation for Erase {
    fn apply(&self, picture: &mut Picture<'_>, rng: &mut Rng) {
        if !rng.random_bool(self.probability) {
            return;
        }
        let (width, height) = (picture.width(), picture.height());
        let area = rng.random_range(0.02..=0.2) * (width * height) as f64;
        let aspect = rng.random_range(-1.0..=1.0_f64) * 3.0_f64.ln();
        let aspect = aspect.exp();
        let side = |length: f64, limit: usize| (length.round() as usize).clamp(1, limit);
        let (wide, high) = (side((area * aspect).sqrt(), width), side((area / aspect).sqrt(), height));
        let left = rng.random_range(0..=width - wide);
        let top = rng.random_range(0..=height - high);
        let mean = mean_colour(picture.pixels());
        for row in picture.rows().skip(top).take(high) {
            row[left..left + wide].fill(mean);
        }
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

    #[test]
    fn one_rectangle_of_a_fair_size_has_the_mean_colour() {
        for seed in 0..200 {
            // Black and white in turn: the mean, 127, is nowhere before.
            let mut pixels: Vec<u8> = (0..64 * 64).flat_map(|i| [if i % 2 == 0 { 0 } else { 255 }; 3]).collect();
            let mut picture = Picture::new(64, 64, &mut pixels).unwrap();
            Erase { probability: 1.0 }.apply(&mut picture, &mut Rng::seed_from_u64(seed));
            let erased: Vec<usize> =
                picture.pixels().iter().enumerate().filter(|(_, p)| **p == [127; 3]).map(|(i, _)| i).collect();
            let columns = || erased.iter().map(|i| i % 64);
            let rows = || erased.iter().map(|i| i / 64);
            let wide = columns().max().unwrap() - columns().min().unwrap() + 1;
            let high = rows().max().unwrap() - rows().min().unwrap() + 1;
            assert_eq!(wide * high, erased.len());
            assert!((60..=900).contains(&erased.len()), "{}", erased.len());
        }
    }

    #[test]
    fn a_tiny_picture_does_no_harm() {
        for seed in 0..50 {
            let mut pixels = [5; 3];
            Erase { probability: 1.0 }
                .apply(&mut Picture::new(1, 1, &mut pixels).unwrap(), &mut Rng::seed_from_u64(seed));
            assert_eq!(pixels, [5; 3]);
        }
    }
}
