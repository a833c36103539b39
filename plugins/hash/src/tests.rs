//! The hashes of the images in `tests/fixtures/odd/good`, held against imagehash's.

use super::*;
use std::collections::BTreeSet;
use std::path::Path;

#[test]
fn the_registry_names_the_columns_once_each() {
    let names: BTreeSet<&str> = REGISTRY.iter().map(|h| h.name()).collect();
    assert_eq!(names, BTreeSet::from(["ahash", "dhash", "phash", "whash"]));
    assert_eq!(REGISTRY.len(), 4);
    assert!(REGISTRY.iter().all(|h| !h.about().is_empty()));
}

#[test]
fn hashes_equal_imagehash_where_the_pixels_do() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/odd");
    let text = std::fs::read_to_string(folder.join("good.json")).unwrap();
    let table: serde_json::Value = serde_json::from_str(&text).unwrap();
    let mut compared = 0;
    for (name, expected) in table.as_object().unwrap() {
        let Some(wanted) = expected.get("hashes") else { continue };
        let bytes = std::fs::read(folder.join("good").join(name)).unwrap();
        let image = plugin_decode::decode(&bytes, &plugin_decode::Limits::default()).unwrap();
        let grey = Grey::from_rgb(image.width, image.height, &image.pixels).unwrap();
        for hash in REGISTRY {
            assert_eq!(format!("{:016x}", hash.hash(&grey)), wanted[hash.name()], "{name} {}", hash.name());
        }
        compared += 1;
    }
    assert!(compared >= 10, "only {compared} images with hashes");
}

#[test]
fn all_hashes_are_those_of_the_registry() {
    let rgb: Vec<u8> = (0..50 * 40 * 3_u32).map(|i| (i * i % 251) as u8).collect();
    let grey = Grey::from_rgb(50, 40, &rgb).unwrap();
    let all = Hashes::of(50, 40, &rgb).unwrap();
    let each: Vec<u64> = REGISTRY.iter().map(|h| h.hash(&grey)).collect();
    assert_eq!(each, [all.ahash, all.dhash, all.phash, all.whash]);
    assert_eq!(Hashes::of(0, 0, &[]), None);
}

#[test]
fn a_look_alike_is_near_and_another_image_far() {
    let image = |f: &dyn Fn(u32, u32) -> u32| -> Vec<u8> {
        (0..64).flat_map(|y| (0..64).map(move |x| (x, y))).flat_map(|(x, y)| [f(x, y).min(255) as u8; 3]).collect()
    };
    let disc = |x: u32, y: u32| if x.abs_diff(20).pow(2) + y.abs_diff(30).pow(2) < 200 { 40 } else { x * 3 + 30 };
    let one = Hashes::of(64, 64, &image(&disc)).unwrap();
    let brighter = Hashes::of(64, 64, &image(&|x, y| disc(x, y) + 9)).unwrap();
    let other = Hashes::of(64, 64, &image(&|x, y| (63 - x) * 2 + (y / 8 % 2) * 90)).unwrap();
    assert!(distance(one.phash, brighter.phash) <= 4 && distance(one.dhash, brighter.dhash) <= 4);
    assert!(distance(one.phash, other.phash) > 10 && distance(one.dhash, other.dhash) > 10);
}

#[test]
fn the_digest_is_blake3() {
    // From BLAKE3's published test vectors: the empty input.
    assert_eq!(digest(b""), "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262");
    assert_ne!(digest(b"a"), digest(b"b"));
}
