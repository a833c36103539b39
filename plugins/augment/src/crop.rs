//! Random crop of a padded image: the image moves by some pixels.

use crate::decision::Decision;
use crate::image::Image;
use crate::options::{Fill, Policy};
use crate::{Augmentation, Entry, Rng};
use rand::RngExt;

pub const ENTRY: Entry = Entry {
    name: "crop",
    about: "moves the image; what comes in at the edges is mirrored or repeated",
    policy: |_| Policy::On,
    build: |options| {
        let share = f64::from(options.crop_padding_percent) / 100.0;
        let fill = options.crop_padding_fill;
        (share > 0.0).then(|| Box::new(Crop { share, fill }) as Box<dyn Augmentation>)
    },
};

/// Pads the image on all sides and cuts its size out of that at a random place. Source: He et al. 2016,
/// arXiv 1512.03385, section 4.2.
#[derive(Clone, Copy, Debug)]
pub struct Crop {
    /// Padding as a share of each side, 0 to 0.5.
    pub share: f64,
    /// What the padding shows.
    pub fill: Fill,
}

/// Where the crop lies in the padded image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shift {
    /// Pixels to the right of the middle.
    pub right: i32,
    /// Pixels below it.
    pub down: i32,
    /// What the padding shows.
    pub fill: Fill,
}

impl Shift {
    /// The image as it is.
    pub const NONE: Self = Self { right: 0, down: 0, fill: Fill::Reflect };
}

impl Augmentation for Crop {
    fn draw(&self, [width, height]: [usize; 2], rng: &mut Rng, decision: &mut Decision) {
        let mut shift = |side: usize| {
            let reach = (self.share * side as f64).round() as i64;
            rng.random_range(-reach..=reach) as i32
        };
        let right = shift(width);
        let down = shift(height);
        decision.shift = Shift { right, down, fill: self.fill };
    }
}

/// Cuts the image out of its padded self.
pub fn apply(image: &mut Image<'_>, shift: Shift) {
    let (right, down) = (i64::from(shift.right), i64::from(shift.down));
    if (right, down) == (0, 0) {
        return;
    }
    let (width, height) = (image.width(), image.height());
    let source = image.copy();
    let columns: Vec<usize> = (0..width).map(|x| shift.fill.index(x as i64 + right, width)).collect();
    // Pixels that stay inside are one run in every row; only the rest is looked up.
    let inside = (-right).clamp(0, width as i64) as usize..(width as i64 - right.max(0)).max(0) as usize;
    for (y, row) in image.rows().enumerate() {
        let from = &source[shift.fill.index(y as i64 + down, height) * width..][..width];
        if !inside.is_empty() {
            let first = columns[inside.start];
            row[inside.clone()].copy_from_slice(&from[first..first + inside.len()]);
        }
        for x in (0..inside.start).chain(inside.end..width) {
            row[x] = from[columns[x]];
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
            width in 1_u32..24, height in 1_u32..24, right in -30_i32..30, down in -30_i32..30, reflect in any::<bool>(),
        ) {
            let fill = if reflect { Fill::Reflect } else { Fill::Edge };
            let mut pixels: Vec<u8> = (0..height).flat_map(|y| (0..width).flat_map(move |x| [x as u8, y as u8, 9])).collect();
            apply(&mut Image::new(width, height, &mut pixels).unwrap(), Shift { right, down, fill });
            for (i, pixel) in pixels.chunks(3).enumerate() {
                let (x, y) = (i as u32 % width, i as u32 / width);
                let at = |v: u32, shift: i32, side: u32| fill.index(i64::from(v) + i64::from(shift), side as usize) as u8;
                prop_assert_eq!(pixel, [at(x, right, width), at(y, down, height), 9]);
            }
        }

        #[test]
        fn shifts_stay_within_the_padding(side in 1_usize..200, share in 0.0..=0.5, seed in any::<u64>()) {
            let mut decision = Decision::NONE;
            Crop { share, fill: Fill::Edge }.draw([side, 2 * side], &mut Rng::seed_from_u64(seed), &mut decision);
            let Shift { right, down, fill } = decision.shift;
            let reach = |side: usize| (share * side as f64).round() as u32;
            prop_assert!(right.unsigned_abs() <= reach(side) && down.unsigned_abs() <= reach(2 * side));
            prop_assert_eq!(fill, Fill::Edge);
        }
    }
}
