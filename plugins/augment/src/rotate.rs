//! Small rotation.

use crate::decision::Decision;
use crate::image::Image;
use crate::options::Fill;
use crate::{Augmentation, Entry, Rng};
use rand::RngExt;

pub const ENTRY: Entry = Entry {
    name: "rotate",
    about: "turns the image by a small angle; what comes in at the edges is mirrored",
    policy: |options| options.rotation,
    build: |options| {
        let degrees = options.rotation_degrees as f32;
        (degrees > 0.0).then(|| Box::new(Rotate { degrees }) as Box<dyn Augmentation>)
    },
};

/// Rotates the image about its centre by an angle from `−degrees` to `degrees`.
#[derive(Clone, Copy, Debug)]
pub struct Rotate {
    /// Largest angle, 0 to 45.
    pub degrees: f32,
}

impl Augmentation for Rotate {
    fn draw(&self, _: [usize; 2], rng: &mut Rng, decision: &mut Decision) {
        decision.angle = rng.random_range(-self.degrees..=self.degrees).to_radians();
    }
}

/// Rotates by `angle` radians about the centre, bilinearly; beyond the edges the image is mirrored.
pub fn apply(image: &mut Image<'_>, angle: f32) {
    if angle == 0.0 {
        return;
    }
    let (sin, cos) = angle.sin_cos();
    let (width, height) = (image.width(), image.height());
    let (mid_x, mid_y) = ((width - 1) as f32 / 2.0, (height - 1) as f32 / 2.0);
    let source = image.copy();
    let at = |x: i64, y: i64| source[Fill::Reflect.index(y, height) * width + Fill::Reflect.index(x, width)];
    for (y, row) in image.rows().enumerate() {
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

    fn rotated(degrees: f32, width: u32, height: u32, mut pixels: Vec<u8>) -> Vec<u8> {
        apply(&mut Image::new(width, height, &mut pixels).unwrap(), degrees.to_radians());
        pixels
    }

    #[test]
    fn a_plain_image_stays_plain() {
        assert_eq!(rotated(45.0, 20, 12, vec![77; 20 * 12 * 3]), vec![77; 20 * 12 * 3]);
    }

    #[test]
    fn the_middle_stays_and_the_rim_moves() {
        let mut pixels = vec![0; 21 * 21 * 3];
        let mark = |x: usize, y: usize| (y * 21 + x) * 3;
        pixels[mark(10, 10)] = 200;
        pixels[mark(20, 10)] = 200;
        let pixels = rotated(-25.0, 21, 21, pixels);
        assert_eq!(pixels[mark(10, 10)], 200);
        assert!(pixels[mark(20, 10)] < 100);
    }

    #[test]
    fn an_angle_of_zero_changes_nothing_and_one_pixel_is_enough() {
        let pixels: Vec<u8> = (0..75).collect();
        assert_eq!(rotated(0.0, 5, 5, pixels.clone()), pixels);
        assert_eq!(rotated(40.0, 1, 1, vec![1, 2, 3]), [1, 2, 3]);
    }
}
