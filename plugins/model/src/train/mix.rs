//! Images of a batch mixed with each other, and their targets with them: mixup (Zhang et al. 2017, arXiv 1710.09412)
//! blends two, CutMix (Yun et al. 2019, arXiv 1905.04899) puts a piece of one into the other. Both keep a network from
//! being too sure of few images.

use crate::device::upload::floats;
use burn::tensor::Tensor;
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use rand_distr::{Beta, Distribution as _};
use rand_pcg::Pcg64Mcg;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// How much images are mixed. With both, each batch gets one of the two, by chance.
#[derive(Clone, Copy, Debug, Default, PartialEq, clap::Args, Serialize, Deserialize)]
pub struct MixOptions {
    /// Blend images two by two, by a share drawn from Beta(ALPHA, ALPHA): 0 (never) to 10. 0.2 is usual.
    #[arg(long, default_value_t = 0.0, value_name = "ALPHA", value_parser = alpha, allow_negative_numbers = true)]
    #[serde(default)]
    pub mixup: f64,
    /// Put a piece of one image into another, as large as drawn from Beta(ALPHA, ALPHA): 0 (never) to 10. 1 is usual.
    #[arg(long, default_value_t = 0.0, value_name = "ALPHA", value_parser = alpha, allow_negative_numbers = true)]
    #[serde(default)]
    pub cutmix: f64,
}

fn alpha(text: &str) -> Result<f64, String> {
    let accepted = || "accepted is a number from 0 to 10".to_owned();
    text.parse().ok().filter(|v| (0.0..=10.0).contains(v)).ok_or_else(accepted)
}

/// Which images were mixed, and how much of each is left.
#[derive(Clone, Debug, PartialEq)]
pub struct Blend {
    /// By image, the one that was mixed into it.
    pub partner: Vec<usize>,
    /// Of each image, what is its own: 0 to 1.
    pub own: f32,
}

impl Blend {
    /// Mixes targets: `share` has `images × classes` numbers, `weight` one an image.
    pub fn mix(&self, share: &mut [f32], weight: &mut [f32], classes: usize) {
        let (before, weights) = (share.to_vec(), weight.to_vec());
        for (row, &partner) in self.partner.iter().enumerate() {
            let (mine, other) = (self.own * weights[row], (1.0 - self.own) * weights[partner]);
            weight[row] = mine + other;
            if weight[row] > 0.0 {
                let whole = mine + other;
                for class in 0..classes {
                    share[row * classes + class] =
                        (mine * before[row * classes + class] + other * before[partner * classes + class]) / whole;
                }
            }
        }
    }
}

impl MixOptions {
    /// Whether images stay as they are.
    pub fn is_off(&self) -> bool {
        self.mixup == 0.0 && self.cutmix == 0.0
    }

    /// Draws how the images of a batch are mixed, each with another. None when both are off or there are not two images. The same
    /// seed mixes a batch of as many images of the same size in the same way.
    pub fn draw(&self, images: usize, size_px: u32, seed: u64) -> Option<Mix> {
        let mut rng = Pcg64Mcg::seed_from_u64(seed);
        let cut = match (self.mixup > 0.0, self.cutmix > 0.0) {
            (false, false) => return None,
            (true, true) => rng.random::<bool>(),
            (_, cut) => cut,
        };
        if images < 2 {
            return None;
        }
        let mut partner: Vec<usize> = (0..images).collect();
        // Sattolo's shuffle: one cycle, so that no image meets itself.
        for last in (1..images).rev() {
            partner.swap(last, rng.random_range(0..last));
        }
        let size = size_px as usize;
        if !cut {
            let own = beta(&mut rng, self.mixup) as f32;
            return Some(Mix { blend: Blend { partner, own }, piece: None });
        }
        let own = beta(&mut rng, self.cutmix);
        let side = ((1.0 - own).sqrt() * size as f64).round() as usize;
        // The middle lies anywhere, so a piece at the edge is smaller; what counts is what is seen of it.
        let mut span = || {
            let (middle, half) = (rng.random_range(0..size), side.div_ceil(2));
            middle.saturating_sub(half)..(middle + side - half).min(size)
        };
        let (columns, rows) = (span(), span());
        let own = 1.0 - (columns.len() * rows.len()) as f64 / (size * size) as f64;
        Some(Mix { blend: Blend { partner, own: own as f32 }, piece: Some(Piece { rows, columns }) })
    }
}

/// Where partners are seen, pixels.
#[derive(Clone, Debug, PartialEq)]
struct Piece {
    rows: Range<usize>,
    columns: Range<usize>,
}

/// How the images of a batch are mixed.
#[derive(Clone, Debug, PartialEq)]
pub struct Mix {
    /// What becomes of the targets.
    pub blend: Blend,
    /// Of CutMix; none: images are blended all over.
    piece: Option<Piece>,
}

impl Mix {
    /// Mixes images `[images, size, size, 3]` of whole numbers from 0 to 255, and rounds.
    pub(crate) fn apply(&self, images: Tensor<4>) -> Tensor<4> {
        let Blend { partner, own } = &self.blend;
        let [count, _, _, channels] = images.dims();
        let partner: Vec<f32> = partner.iter().map(|place| *place as f32).collect();
        let others = images.clone().select(0, floats(partner, [count], &images.device()).int());
        let Some(Piece { rows, columns }) = &self.piece else {
            return (images * *own + others * (1.0 - *own) + 0.5).floor();
        };
        if rows.is_empty() || columns.is_empty() {
            return images;
        }
        let place = [0..count, rows.clone(), columns.clone(), 0..channels];
        images.slice_assign(place.clone(), others.slice(place))
    }
}

/// A draw from Beta(alpha, alpha); an even chance of 0 and 1 where alpha is too small for the distribution.
fn beta(rng: &mut Pcg64Mcg, alpha: f64) -> f64 {
    match Beta::new(alpha, alpha) {
        Ok(beta) => beta.sample(rng),
        Err(_) => f64::from(rng.next_u32() & 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::batch::Batch;

    /// Images of one tone each, 10 apart.
    fn batch(images: usize) -> Batch {
        Batch {
            size_px: 16,
            pixels: (0..images).flat_map(|p| vec![(p * 10) as u8; 16 * 16 * 3]).collect(),
            targets: (0..images).map(|p| vec![p as u32]).collect(),
            weights: vec![1.0; images],
        }
    }

    /// Mixes on the host, pixel by pixel.
    fn mix(options: MixOptions, batch: &mut Batch, seed: u64) -> Option<Blend> {
        let mix = options.draw(batch.len(), batch.size_px, seed)?;
        match &mix.piece {
            Some(piece) => paste(batch, &mix.blend.partner, piece),
            None => blend(batch, &mix.blend.partner, mix.blend.own),
        }
        Some(mix.blend)
    }

    /// Puts what partners show in a piece into the images.
    fn paste(batch: &mut Batch, partner: &[usize], Piece { rows, columns }: &Piece) {
        let size = batch.size_px as usize;
        let before = batch.pixels.clone();
        for (row, &other) in partner.iter().enumerate() {
            for line in rows.clone() {
                let place = |image: usize| ((image * size + line) * size + columns.start) * 3;
                let length = columns.len() * 3;
                let (to, from) = (place(row), place(other));
                batch.pixels[to..to + length].copy_from_slice(&before[from..from + length]);
            }
        }
    }

    fn blend(batch: &mut Batch, partner: &[usize], own: f32) {
        let bytes = batch.size_px as usize * batch.size_px as usize * 3;
        let before = batch.pixels.clone();
        for (image, &other) in batch.pixels.chunks_exact_mut(bytes).zip(partner) {
            let others = &before[other * bytes..(other + 1) * bytes];
            for (pixel, other) in image.iter_mut().zip(others) {
                *pixel = (f32::from(*pixel) * own + f32::from(*other) * (1.0 - own) + 0.5) as u8;
            }
        }
    }

    #[test]
    fn a_device_mixes_as_is_told() {
        for name in crate::device::available().iter().filter(|name| *name != "auto" && !name.contains("cuda")) {
            let device = name.parse::<crate::device::DeviceChoice>().unwrap().open().unwrap().device;
            for (seed, options) in (0..40).zip([(0.4, 0.0), (0.0, 1.0), (1.0, 1.0)].into_iter().cycle()) {
                let mut batch = batch(5);
                for (at, pixel) in batch.pixels.iter_mut().enumerate() {
                    *pixel = pixel.wrapping_add((at % 251) as u8);
                }
                let options = MixOptions { mixup: options.0, cutmix: options.1 };
                let drawn = options.draw(5, 16, seed).unwrap();
                let there = drawn.apply(crate::input::ModelInput::from(&batch).images(&device).unwrap());
                assert_eq!(mix(options, &mut batch, seed), Some(drawn.blend));
                let host: Vec<f32> = batch.pixels.iter().copied().map(f32::from).collect();
                assert_eq!(there.into_data().try_to_vec::<f32>().unwrap(), host, "{name} {options:?} {seed}");
            }
        }
    }

    #[test]
    fn a_draw_has_the_mean_and_deviation_of_its_distribution() {
        let mut rng = Pcg64Mcg::seed_from_u64(1);
        for alpha in [0.2, 1.0, 3.0] {
            let draws: Vec<f64> = (0..20_000).map(|_| beta(&mut rng, alpha)).collect();
            let mean = draws.iter().sum::<f64>() / 20_000.0;
            let deviation = (draws.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / 20_000.0).sqrt();
            let expected = (1.0 / (4.0 * (2.0 * alpha + 1.0))).sqrt();
            assert!((mean - 0.5).abs() < 0.01 && (deviation - expected).abs() < 0.01, "{alpha}: {mean} {deviation}");
        }
    }

    #[test]
    fn cutmix_says_how_much_is_left_of_each() {
        for seed in 0..50 {
            let (before, mut after) = (batch(5), batch(5));
            let blend = mix(MixOptions { mixup: 0.0, cutmix: 1.0 }, &mut after, seed).unwrap();
            for (image, &partner) in blend.partner.iter().enumerate() {
                assert_ne!(image, partner);
                let pixels = &after.pixels[image * 768..(image + 1) * 768];
                let of = |image: usize| pixels.iter().map(|p| usize::from(*p == (image * 10) as u8)).sum::<usize>();
                let own = of(image);
                assert_eq!(own + of(partner), 768);
                assert!((own as f32 / 768.0 - blend.own).abs() < 1e-6);
            }
            assert_eq!(before.targets, after.targets);
        }
    }

    #[test]
    fn mixup_blends_and_the_seed_decides() {
        let options = MixOptions { mixup: 0.5, cutmix: 0.0 };
        let (mut a, mut b, mut c) = (batch(4), batch(4), batch(4));
        let blend = mix(options, &mut a, 7).unwrap();
        assert_eq!((mix(options, &mut b, 7).unwrap(), &b), (blend.clone(), &a));
        assert_ne!(mix(options, &mut c, 8).unwrap(), blend);
        for (image, &partner) in blend.partner.iter().enumerate() {
            let expected = (image * 10) as f32 * blend.own + (partner * 10) as f32 * (1.0 - blend.own);
            assert!((f32::from(a.pixels[image * 768]) - expected).abs() <= 0.5);
        }
    }

    #[test]
    fn targets_are_mixed_by_weight() {
        let blend = Blend { partner: vec![1, 0], own: 0.75 };
        let (mut share, mut weight) = (vec![1.0, 0.0, 0.0, 1.0], vec![1.0, 3.0]);
        blend.mix(&mut share, &mut weight, 2);
        assert_eq!(weight, [1.5, 2.5]);
        assert_eq!(share, [0.5, 0.5, 0.1, 0.9]);
        let (mut share, mut weight) = (vec![1.0, 0.0, 0.0, 1.0], vec![0.0, 0.0]);
        blend.mix(&mut share, &mut weight, 2);
        assert_eq!(weight, [0.0, 0.0]);
    }

    #[test]
    fn off_or_alone_nothing_is_mixed() {
        let mut one = batch(1);
        assert_eq!(mix(MixOptions { mixup: 1.0, cutmix: 1.0 }, &mut one, 1), None);
        assert_eq!(mix(MixOptions::default(), &mut batch(3), 1), None);
        assert!(alpha("10.5").is_err() && alpha("x").is_err() && alpha("0").is_ok());
    }
}
