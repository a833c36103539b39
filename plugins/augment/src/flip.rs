//! Horizontal flip.

use crate::decision::Decision;
use crate::image::Image;
use crate::{Augmentation, Entry, Rng};
use rand::RngExt;

pub const ENTRY: Entry = Entry {
    name: "flip",
    about: "mirrors left and right",
    policy: |options| options.flip,
    build: |options| {
        let probability = options.flip_probability;
        (probability > 0.0).then(|| Box::new(Flip { probability }) as Box<dyn Augmentation>)
    },
};

/// Mirrors left and right, sometimes.
#[derive(Clone, Copy, Debug)]
pub struct Flip {
    /// How often, 0 to 1.
    pub probability: f64,
}

impl Augmentation for Flip {
    fn draw(&self, _: [usize; 2], rng: &mut Rng, decision: &mut Decision) {
        decision.mirrored = rng.random_bool(self.probability);
    }
}

/// Mirrors left and right.
pub fn apply(image: &mut Image<'_>) {
    image.rows().for_each(<[[u8; 3]]>::reverse);
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn it_mirrors_rows_and_keeps_pixels_whole() {
        let mut pixels = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
        apply(&mut Image::new(2, 2, &mut pixels).unwrap());
        assert_eq!(pixels, [4, 5, 6, 1, 2, 3, 10, 11, 12, 7, 8, 9]);
    }

    #[test]
    fn it_happens_as_often_as_asked() {
        let (mut rng, flip) = (Rng::seed_from_u64(7), Flip { probability: 0.3 });
        let mut decision = Decision::NONE;
        let mirrored = (0..10_000).filter(|_| {
            flip.draw([2, 1], &mut rng, &mut decision);
            decision.mirrored
        });
        let mirrored = mirrored.count();
        assert!((2800..3200).contains(&mirrored), "{mirrored}");
    }
}
