//! Every check finds what it is for, and only that.

use super::*;
use proptest::prelude::*;

fn scene(width: u32, height: u32, pixel: impl Fn(u32, u32) -> [u8; 3]) -> Vec<u8> {
    (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).flat_map(|(x, y)| pixel(x, y)).collect()
}

/// A busy image: blocks of many colours.
fn busy(x: u32, y: u32) -> [u8; 3] {
    let n = (x / 9).wrapping_mul(2_654_435_761) ^ (y / 7).wrapping_mul(40_503);
    let noise = (x * 31 + y * 17) % 23;
    [(n >> 3) as u8, (n >> 9) as u8, ((n >> 14) + noise) as u8]
}

fn flagged(width: u32, height: u32, pixel: impl Fn(u32, u32) -> [u8; 3]) -> Vec<&'static str> {
    let scores = scores(width, height, &scene(width, height, pixel)).unwrap();
    let facts = Facts { width, height, scores };
    let set = Set::of([(300, 200); 20]);
    REGISTRY.iter().filter(|check| check.flags(&facts, &set)).map(|check| check.name).collect()
}

#[test]
fn each_fault_is_named() {
    assert_eq!(flagged(300, 200, busy), [""; 0]);
    assert_eq!(flagged(300, 200, |x, y| busy(x, y).map(|v| v / 5)), ["dark"]);
    assert_eq!(flagged(300, 200, |x, y| busy(x, y).map(|v| 247 + v / 32)), ["bright"]);
    // A slope: many tones, no edge.
    assert_eq!(flagged(300, 200, |x, y| [(x * 130 / 300 + y * 30 / 200) as u8; 3]), ["blur"]);
    // Its negative: brightness at the border is no edge.
    assert_eq!(flagged(300, 200, |x, y| [255 - (x * 130 / 300 + y * 30 / 200) as u8; 3]), ["blur"]);
    assert!(flagged(300, 200, |_, _| [120, 120, 120]).contains(&"information"));
    assert_eq!(flagged(610, 400, busy), ["odd_size"]);
    assert_eq!(flagged(1200, 200, busy), ["odd_size", "odd_aspect"]);
}

#[test]
fn what_was_not_measured_is_not_flagged() {
    let nothing = Scores { dark: f32::NAN, bright: f32::NAN, blur: f32::NAN, information: f32::NAN };
    let facts = Facts { width: 3, height: 2, scores: nothing };
    let set = Set::of([(3, 2); 3]);
    assert!(REGISTRY.iter().all(|check| !check.flags(&facts, &set)));
}

#[test]
fn what_is_no_image_is_refused() {
    for (width, height, bytes) in [(0, 3, 0), (2, 2, 11), (2, 2, 13)] {
        let error = scores(width, height, &vec![0; bytes]).unwrap_err();
        assert_eq!(error, CheckError { width, height, found: bytes });
    }
}

#[test]
fn a_grid_of_a_large_image_says_what_the_whole_says() {
    // Enlarged by repeating pixels: the same histogram, but a grid sees only some of it.
    let small = scene(160, 100, busy);
    let large = scene(1600, 1000, |x, y| busy(x / 10, y / 10));
    let (small, large) = (scores(160, 100, &small).unwrap(), scores(1600, 1000, &large).unwrap());
    assert!((small.dark - large.dark).abs() < 0.005, "{small:?} {large:?}");
    assert!((small.bright - large.bright).abs() < 0.005, "{small:?} {large:?}");
    assert!((small.information - large.information).abs() < 0.005, "{small:?} {large:?}");
}

proptest! {
    #[test]
    fn any_image_has_scores_from_0_to_1(width in 1u32..90, height in 1u32..90, seed in any::<u32>()) {
        let rgb = scene(width, height, |x, y| busy(x.wrapping_add(seed), y));
        let s = scores(width, height, &rgb).unwrap();
        for score in [s.dark, s.bright, s.blur, s.information] {
            prop_assert!((0.0..=1.0).contains(&score), "{:?}", s);
        }
    }
}
