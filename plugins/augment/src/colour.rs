//! Brightness, contrast and saturation.

use crate::decision::Decision;
use crate::image::Image;
use crate::{Augmentation, Entry, Rng};
use rand::RngExt;

pub const ENTRY: Entry = Entry {
    name: "colour",
    about: "changes brightness, contrast and saturation",
    policy: |options| options.jitter,
    build: |options| {
        let colour = Colour {
            brightness: options.brightness as f32,
            contrast: options.contrast as f32,
            saturation: options.saturation as f32,
        };
        let some = colour.brightness > 0.0 || colour.contrast > 0.0 || colour.saturation > 0.0;
        some.then(|| Box::new(colour) as Box<dyn Augmentation>)
    },
};

/// Multiplies brightness, the distance from the image's mean grey, and the distance of each pixel from its own grey,
/// each by a factor from `1 − x` to `1 + x`. As torchvision's `ColorJitter`, but in a fixed order and in one step,
/// rounded and clamped once.
#[derive(Clone, Copy, Debug)]
pub struct Colour {
    /// 0 to 1.
    pub brightness: f32,
    /// 0 to 1.
    pub contrast: f32,
    /// 0 to 1.
    pub saturation: f32,
}

/// Luma of ITU-R BT.601.
fn grey([r, g, b]: [f32; 3]) -> f32 {
    0.299 * r + 0.587 * g + 0.114 * b
}

/// What a colour is multiplied by; 1 changes nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Factors {
    /// Of all channels.
    pub brightness: f32,
    /// Of the distance from the image's mean grey.
    pub contrast: f32,
    /// Of the distance of each pixel from its own grey.
    pub saturation: f32,
}

impl Factors {
    /// Colours as they are.
    pub const NONE: Self = Self { brightness: 1.0, contrast: 1.0, saturation: 1.0 };

    /// `[own, of_grey, of_mean]`: a channel becomes `own · channel + (of_grey · grey(pixel) + (of_mean · mean grey + ½))`, rounded
    /// down. By contrast · (brightness · (saturation · x + (1 − saturation) · grey(x)) − m) + m, where m = brightness · mean.
    pub fn coefficients(&self) -> [f32; 3] {
        let Self { brightness, contrast, saturation } = *self;
        [contrast * brightness * saturation, contrast * brightness * (1.0 - saturation), (1.0 - contrast) * brightness]
    }
}

impl Augmentation for Colour {
    fn draw(&self, _: [usize; 2], rng: &mut Rng, decision: &mut Decision) {
        // All three are drawn always, so that a strength of zero does not move the others.
        let mut factor = |strength: f32| 1.0 + strength * rng.random_range(-1.0_f32..=1.0);
        let brightness = factor(self.brightness);
        let contrast = factor(self.contrast);
        let saturation = factor(self.saturation);
        decision.colour = Factors { brightness, contrast, saturation };
    }
}

/// Changes the colours by factors.
pub fn apply(image: &mut Image<'_>, factors: Factors) {
    if factors == Factors::NONE {
        return;
    }
    let [own, of_grey, of_mean] = factors.coefficients();
    let constant = of_mean * mean_grey(image.pixels()) + 0.5;
    for pixel in image.pixels() {
        let colour = pixel.map(f32::from);
        let base = of_grey * grey(colour) + constant;
        // A cast to u8 clamps.
        *pixel = colour.map(|c| (own * c + base) as u8);
    }
}

fn mean_grey(pixels: &[[u8; 3]]) -> f32 {
    let mut sums = [0_u64; 3];
    for pixel in pixels {
        for (sum, channel) in sums.iter_mut().zip(pixel) {
            *sum += u64::from(*channel);
        }
    }
    grey(sums.map(|sum| (sum as f64 / pixels.len() as f64) as f32))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    fn changed(colour: Colour, pixels: &[u8], seed: u64) -> Vec<u8> {
        let mut pixels = pixels.to_vec();
        let width = pixels.len() as u32 / 3;
        let mut decision = Decision::NONE;
        colour.draw([width as usize, 1], &mut Rng::seed_from_u64(seed), &mut decision);
        apply(&mut Image::new(width, 1, &mut pixels).unwrap(), decision.colour);
        pixels
    }

    const NONE: Colour = Colour { brightness: 0.0, contrast: 0.0, saturation: 0.0 };
    const SOME: [u8; 9] = [100, 150, 50, 30, 30, 30, 200, 180, 90];

    #[test]
    fn strength_zero_changes_nothing() {
        for seed in 0..50 {
            assert_eq!(changed(NONE, &SOME, seed), SOME);
        }
    }

    #[test]
    fn each_changes_what_it_should() {
        for seed in 0..50 {
            // Saturation leaves grey pixels alone.
            assert_eq!(changed(Colour { saturation: 0.9, ..NONE }, &SOME, seed)[3..6], SOME[3..6]);
            // Contrast leaves a plain grey image alone.
            assert_eq!(changed(Colour { contrast: 0.9, ..NONE }, &[80; 9], seed), [80; 9]);
            // Brightness multiplies.
            let bright = changed(Colour { brightness: 0.2, ..NONE }, &[100, 100, 100, 50, 50, 50], seed);
            assert!((80..=120).contains(&bright[0]) && bright[0].abs_diff(bright[3] * 2) <= 1, "{bright:?}");
        }
    }

    #[test]
    fn what_leaves_the_range_is_clamped() {
        for seed in 0..50 {
            let out =
                changed(Colour { brightness: 1.0, contrast: 1.0, saturation: 1.0 }, &[255, 0, 0, 0, 255, 255], seed);
            assert_eq!(out.len(), 6);
        }
        let bright = Colour { brightness: 1.0, ..NONE };
        let brightest = (0..50).map(|seed| changed(bright, &[250; 3], seed)[0]).max();
        assert_eq!(brightest, Some(255));
    }
}
