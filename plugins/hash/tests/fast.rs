//! The fast hashes of large real images, held against the exact ones.

use image::codecs::jpeg::JpegEncoder;
use image::imageops::{self, FilterType};
use plugin_decode::Limits;
use plugin_hash::{Hashes, distance, exact, fast};
use std::path::Path;

#[test]
fn fast_hashes_of_large_images_are_near_the_exact_ones() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/openclipart8/animals");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()).collect();
    files.sort();
    let mut bits = [[0_u32; 40]; 4];
    // Sizes for 1/8, 1/4 and 1/2, most of them no multiple of what a sample covers.
    let sizes = [(1003, 701), (640, 480), (333, 251), (150, 131), (90, 70)];
    for (at, file) in files.iter().step_by(7).take(40).enumerate() {
        let (width, height) = sizes[at % sizes.len()];
        let image = image::open(file).unwrap().into_rgb8();
        let large = imageops::resize(&image, width, height, FilterType::CatmullRom);
        let mut bytes = Vec::new();
        JpegEncoder::new_with_quality(&mut bytes, 85).encode_image(&large).unwrap();
        let (fast, exact) = (fast(&bytes, &Limits::default()).unwrap(), exact(&bytes, &Limits::default()).unwrap());
        assert_eq!((fast.width, fast.height), (width, height));
        assert!(height > 100 || fast == exact, "small images are decoded whole");
        let four = |h: Hashes| [h.ahash, h.dhash, h.phash, h.whash];
        for ((bits, a), b) in bits.iter_mut().zip(four(fast.hashes)).zip(four(exact.hashes)) {
            bits[at] = distance(a, b);
        }
    }
    let mean = bits.map(|bits| f64::from(bits.iter().sum::<u32>()) / 40.0);
    let most = bits.map(|bits| bits.iter().max().copied().unwrap_or(0));
    eprintln!("ahash dhash phash whash: mean {mean:?}, most {most:?}");
    assert!(mean[0] < 1.0 && mean[1] < 4.0 && mean[2] < 1.0 && mean[3] < 4.0, "{mean:?}");
    assert!(most[2] <= 8, "{most:?}");
}
