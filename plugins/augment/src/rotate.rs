//! Small rotation.

use crate::{Augmentation, Entry, Fill, Picture, Rng};
use rand::RngExt;

pub const ENTRY: Entry = Entry {
    name: "rotate",
    about: "turns the picture by a small angle; what comes in at the edges is mirrored",
    policy: |options| options.rotation,
    build: |options| {
        let degrees = options.rotation_degrees as f32;
        (degrees > 0.0).then(|| Box::new(Rotate { degrees }) as Box<dyn Augmentation>)
    },
};

/// Turns the picture around its middle by an angle from `−degrees` to `degrees`, bilinearly.
#[derive(Clone, Copy, Debug)]
pub struct Rotate {
    /// Largest angle, 0 to 45.
    pub degrees: f32,
}

impl Augmentation for Rotate {
    fn apply(&self, picture: &mut Picture<'_>, rng: &mut Rng) {
        let (sin, cos) = rng.random_range(-self.degrees..=self.degrees).to_radians().sin_cos();
        let (width, height) = (picture.width(), picture.height());
        let (mid_x, mid_y) = ((width - 1) as f32 / 2.0, (height - 1) as f32 / 2.0);
        let source = picture.copy();
        let at = |x: i64, y: i64| source[Fill::Reflect.index(y, height) * width + Fill::Reflect.index(x, width)];
        for (y, row) in picture.rows().enumerate() {
            let dy = y as f32 - mid_y;
            for (x, pixel) in row.iter_mut().enumerate() {
                let dx = x as f32 - mid_x;
                let (from_x, from_y) = (mid_x + cos * dx + sin * dy, mid_y - sin * dx + cos * dy);
                let (left, top) = (from_x.floor(), from_y.floor());
                let (right_share, low_share) = (from_x - left, from_y - top);
                let (left, top) = (left as i64, top as i64);
                let corners = [at(left, top), at(left + 1, top), at(left, top + 1), at(left + 1, top + 1)];
                *pixel = blend(corners, right_share, low_share);
            }
        }
    }
}

fn blend([a, b, c, d]: [[u8; 3]; 4], right_share: f32, low_share: f32) -> [u8; 3] {
    let mix = |from: f32, to: f32, share: f32| from + (to - from) * share;
    std::array::from_fn(|i| {
        let upper = mix(f32::from(a[i]), f32::from(b[i]), right_share);
        let lower = mix(f32::from(c[i]), f32::from(d[i]), right_share);
        (mix(upper, lower, low_share) + 0.5) as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn a_plain_picture_stays_plain() {
        let mut pixels = vec![77; 20 * 12 * 3];
        Rotate { degrees: 45.0 }.apply(&mut Picture::new(20, 12, &mut pixels).unwrap(), &mut Rng::seed_from_u64(3));
        assert_eq!(pixels, vec![77; 20 * 12 * 3]);
    }

    #[test]
    fn the_middle_stays_and_the_rim_moves() {
        let mut pixels = vec![0; 21 * 21 * 3];
        let mark = |x: usize, y: usize| (y * 21 + x) * 3;
        pixels[mark(10, 10)] = 200;
        pixels[mark(20, 10)] = 200;
        Rotate { degrees: 30.0 }.apply(&mut Picture::new(21, 21, &mut pixels).unwrap(), &mut Rng::seed_from_u64(1));
        assert_eq!(pixels[mark(10, 10)], 200);
        assert!(pixels[mark(20, 10)] < 100);
    }

    #[test]
    fn an_angle_of_zero_changes_nothing_and_one_pixel_is_enough() {
        let mut pixels: Vec<u8> = (0..75).collect();
        Rotate { degrees: 0.0 }.apply(&mut Picture::new(5, 5, &mut pixels).unwrap(), &mut Rng::seed_from_u64(1));
        assert_eq!(pixels, (0..75).collect::<Vec<u8>>());
        let mut one = [1, 2, 3];
        Rotate { degrees: 40.0 }.apply(&mut Picture::new(1, 1, &mut one).unwrap(), &mut Rng::seed_from_u64(1));
        assert_eq!(one, [1, 2, 3]);
    }
}
