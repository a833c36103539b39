//! What holds for every mode and any image.

use super::*;
use plugin_api::ResizeMode::{Crop, Pad, Stretch};
use proptest::prelude::*;

fn plain(width: u32, height: u32, colour: [u8; 3]) -> Vec<u8> {
    colour.repeat((width * height) as usize)
}

fn pixel(square: &[u8], size: u32, x: u32, y: u32) -> [u8; 3] {
    let at = ((y * size + x) * 3) as usize;
    square[at..at + 3].try_into().unwrap()
}

#[test]
fn what_is_no_image_is_refused() {
    let refused = |w, h, bytes: &[u8], size| resize(w, h, bytes, size, Stretch).unwrap_err().to_string();
    assert!(refused(0, 0, &[], 16).contains("0 × 0"));
    assert!(refused(2, 2, &[0; 11], 16).contains("11 bytes"));
    assert!(refused(u32::MAX, u32::MAX, &[0; 3], 16).contains("3 bytes"));
    assert!(refused(1, 1, &[0; 3], 15).contains("15"));
    assert!(refused(1, 1, &[0; 3], 513).contains("513"));
}

#[test]
fn the_same_size_is_the_same_image() {
    let image: Vec<u8> = (0..32 * 32 * 3_u32).map(|i| (i * 7 % 256) as u8).collect();
    for mode in ResizeMode::ALL {
        assert_eq!(resize(32, 32, &image, 32, mode).unwrap(), image, "{mode}");
    }
}

/// An image whose left half is red and right half blue, twice as wide as high.
fn flag() -> Vec<u8> {
    (0..20).flat_map(|_| [[255, 0, 0].repeat(20), [0, 0, 255].repeat(20)].concat()).collect()
}

#[test]
fn each_mode_puts_the_flag_where_it_says() {
    let stretch = resize(40, 20, &flag(), 16, Stretch).unwrap();
    assert_eq!((pixel(&stretch, 16, 2, 0), pixel(&stretch, 16, 13, 15)), ([255, 0, 0], [0, 0, 255]));
    let pad = resize(40, 20, &flag(), 16, Pad).unwrap();
    assert_eq!((pixel(&pad, 16, 2, 3), pixel(&pad, 16, 13, 12)), ([255; 3], [255; 3]));
    assert_eq!((pixel(&pad, 16, 2, 4), pixel(&pad, 16, 13, 11)), ([255, 0, 0], [0, 0, 255]));
    let crop = resize(40, 20, &flag(), 16, Crop).unwrap();
    assert_eq!((pixel(&crop, 16, 2, 0), pixel(&crop, 16, 13, 15)), ([255, 0, 0], [0, 0, 255]));
}

#[test]
fn shrinking_does_not_alias() {
    // Black and white lines of one pixel are grey from afar, not black or white.
    let lines: Vec<u8> = (0..256).flat_map(|y: u32| vec![if y.is_multiple_of(2) { 0 } else { 255 }; 256 * 3]).collect();
    let small = resize(256, 256, &lines, 16, Stretch).unwrap();
    assert!(small.iter().all(|&v| (110..=145).contains(&v)), "{small:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_plain_image_stays_plain_and_has_the_size(
        width in 1_u32..300, height in 1_u32..300, size in MIN_SIZE_PX..=96, colour in any::<[u8; 3]>(),
    ) {
        for mode in ResizeMode::ALL {
            let square = resize(width, height, &plain(width, height, colour), size, mode).unwrap();
            prop_assert_eq!(square.len(), (size * size * 3) as usize);
            let white = |p: &[u8]| mode == Pad && p == [255; 3];
            prop_assert!(square.chunks(3).all(|p| p == colour || white(p)), "{mode}");
        }
    }

    #[test]
    fn padding_keeps_the_shape(width in 1_u32..5000, height in 1_u32..5000, size in MIN_SIZE_PX..=MAX_SIZE_PX) {
        let to = place(width, height, size, Pad).to;
        prop_assert_eq!(to.width.max(to.height), size);
        prop_assert!(to.left + to.width <= size && to.top + to.height <= size);
        // The shorter side is right to half a pixel (and at least one pixel).
        let exact = f64::from(size) * f64::from(width.min(height)) / f64::from(width.max(height));
        prop_assert!((f64::from(to.width.min(to.height)) - exact.max(1.0)).abs() <= 0.5 + 1e-9);
        prop_assert!((2 * to.left + to.width).abs_diff(size) <= 1 && (2 * to.top + to.height).abs_diff(size) <= 1);
    }

    #[test]
    fn mirroring_before_or_after_is_the_same(width in 1_u32..80, height in 1_u32..80, seed in any::<u32>()) {
        let image: Vec<u8> = (0..width * height * 3).map(|i| (i.wrapping_mul(seed | 1) >> 24) as u8).collect();
        let mirror = |p: &[u8], w: u32| -> Vec<u8> {
            p.chunks((w * 3) as usize).flat_map(|row| row.chunks(3).rev().flatten().copied().collect::<Vec<_>>()).collect()
        };
        for mode in [Stretch, Crop] {
            let before = resize(width, height, &mirror(&image, width), 32, mode).unwrap();
            let after = mirror(&resize(width, height, &image, 32, mode).unwrap(), 32);
            // The kernels' weights are rounded to fixed point, so that a grey level may be off by one or two.
            prop_assert!(before.iter().zip(&after).all(|(a, b)| a.abs_diff(*b) <= 2), "{mode}");
        }
    }
}
