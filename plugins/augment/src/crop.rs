//! Random crop of a padded picture: the picture moves by some pixels.

use crate::{Augmentation, Entry, Fill, Picture, Policy, Rng};
use rand::RngExt;

pub const ENTRY: Entry = Entry {
    name: "crop",
    about: "moves the picture; what comes in at the edges is mirrored or repeated",
    policy: |_| Policy::On,
    build: |options| {
        let share = f64::from(options.crop_padding_percent) / 100.0;
        let fill = options.crop_padding_fill;
        (share > 0.0).then(|| Box::new(Crop { share, fill }) as Box<dyn Augmentation>)
    },
};

/// Pads the picture on all sides and cuts its size out of that at a random place. Source: He et al. 2016,
/// arXiv 1512.03385, section 4.2.
#[derive(Clone, Copy, Debug)]
pub struct Crop {
    /// Padding as a share of each side, 0 to 0.5.
    pub share: f64,
    /// What the padding shows.
    pub fill: Fill,
}

impl Augmentation for Crop {
    fn apply(&self, picture: &mut Picture<'_>, rng: &mut Rng) {
        let (width, height) = (picture.width(), picture.height());
        let mut shift = |side: usize| {
            let reach = (self.share * side as f64).round() as i64;
            rng.random_range(-reach..=reach)
        };
        let (right, down) = (shift(width), shift(height));
        let source = picture.copy();
        let columns: Vec<usize> = (0..width).map(|x| self.fill.index(x as i64 + right, width)).collect();
        // Pixels that stay inside are one run in every row; only the rest is looked up.
        let inside = (-right).max(0) as usize..(width as i64 - right.max(0)) as usize;
        for (y, row) in picture.rows().enumerate() {
            let from = &source[self.fill.index(y as i64 + down, height) * width..][..width];
            let first = columns[inside.start];
            row[inside.clone()].copy_from_slice(&from[first..first + inside.len()]);
            for x in (0..inside.start).chain(inside.end..width) {
                row[x] = from[columns[x]];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;
    use proptest::prelude::*;
    use rand::SeedableRng;

    proptest! {
        #[test]
        fn every_pixel_comes_from_the_shifted_place(
            width in 1_u32..24, height in 1_u32..24, share in 0.0..=0.5, seed in any::<u64>(), reflect in any::<bool>(),
        ) {
            let fill = if reflect { Fill::Reflect } else { Fill::Edge };
            let mut pixels: Vec<u8> = (0..height).flat_map(|y| (0..width).flat_map(move |x| [x as u8, y as u8, 9])).collect();
            Crop { share, fill }.apply(&mut Picture::new(width, height, &mut pixels).unwrap(), &mut Rng::seed_from_u64(seed));
            // The same draws, the slow way.
            let mut rng = Rng::seed_from_u64(seed);
            let mut shift = |side: u32| {
                let reach = (share * f64::from(side)).round() as i64;
                rng.random_range(-reach..=reach)
            };
            let (right, down) = (shift(width), shift(height));
            for (i, pixel) in pixels.chunks(3).enumerate() {
                let (x, y) = (i as u32 % width, i as u32 / width);
                let at = |v: u32, shift: i64, side: u32| fill.index(i64::from(v) + shift, side as usize) as u8;
                prop_assert_eq!(pixel, [at(x, right, width), at(y, down, height), 9]);
            }
        }
    }
}
