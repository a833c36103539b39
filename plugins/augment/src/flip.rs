//! Horizontal flip.

use crate::{Augmentation, Entry, Picture, Rng};
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
    fn apply(&self, picture: &mut Picture<'_>, rng: &mut Rng) {
        if rng.random_bool(self.probability) {
            picture.rows().for_each(<[[u8; 3]]>::reverse);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn it_mirrors_rows_and_keeps_pixels_whole() {
        let mut pixels = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
        let flip = Flip { probability: 1.0 };
        flip.apply(&mut Picture::new(2, 2, &mut pixels).unwrap(), &mut Rng::seed_from_u64(0));
        assert_eq!(pixels, [4, 5, 6, 1, 2, 3, 10, 11, 12, 7, 8, 9]);
    }

    #[test]
    fn it_happens_as_often_as_asked() {
        let (mut rng, flip) = (Rng::seed_from_u64(7), Flip { probability: 0.3 });
        let flipped = (0..10_000)
            .filter(|_| {
                let mut pixels = [0, 0, 0, 1, 1, 1];
                flip.apply(&mut Picture::new(2, 1, &mut pixels).unwrap(), &mut rng);
                pixels[0] == 1
            })
            .count();
        assert!((2800..3200).contains(&flipped), "{flipped}");
    }
}
