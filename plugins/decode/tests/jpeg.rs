//! JPEGs of unusual kinds have libjpeg-turbo's pixels, whole and at reduced size; what is cut or bent is answered.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of a test")]

use plugin_decode::{DecodeError, Limits, Picture, decode, reduced};
use std::fs;
use std::path::{Path, PathBuf};

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/jpeg");
    let is_jpeg = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "jpg");
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(is_jpeg).collect();
    files.sort();
    assert!(files.len() > 25);
    files
}

/// What libjpeg-turbo makes of a file: a binary PPM.
fn expected(file: &Path) -> Picture {
    let bytes = fs::read(file.with_extension("ppm")).unwrap();
    let mut fields = bytes.splitn(4, u8::is_ascii_whitespace);
    let mut number = || std::str::from_utf8(fields.next().unwrap()).unwrap().parse().unwrap_or(0);
    let [_, width, height] = [number(), number(), number()];
    let pixels = fields.next().unwrap()[4..].to_vec();
    Picture { width, height, pixels }
}

fn apart(a: &[u8], b: &[u8]) -> f64 {
    assert_eq!(a.len(), b.len());
    let total: u64 = a.iter().zip(b).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    total as f64 / a.len() as f64
}

#[test]
fn unusual_kinds_have_the_pixels_of_libjpeg() {
    let mut wrong = Vec::new();
    for file in files() {
        match decode(&fs::read(&file).unwrap(), &Limits::default()) {
            Ok(picture) => {
                let apart = apart(&picture.pixels, &expected(&file).pixels);
                if apart > 1.0 {
                    wrong.push(format!("{}: {apart:.2} off", file.display()));
                }
            }
            Err(error) => wrong.push(format!("{}: {error}", file.display())),
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The mean of each square of pixels, as far as the image goes.
fn means(picture: &Picture, side: u32) -> Vec<u8> {
    let mut means = Vec::new();
    for y in (0..picture.height).step_by(side as usize) {
        for x in (0..picture.width).step_by(side as usize) {
            let (right, below) = ((x + side).min(picture.width), (y + side).min(picture.height));
            for channel in 0..3 {
                let level =
                    |x: u32, y: u32| u32::from(picture.pixels[((y * picture.width + x) * 3 + channel) as usize]);
                let total: u32 = (y..below).flat_map(|y| (x..right).map(move |x| level(x, y))).sum();
                means.push((total / ((right - x) * (below - y))) as u8);
            }
        }
    }
    means
}

#[test]
fn reduced_images_are_means_of_the_whole() {
    let mut wrong = Vec::new();
    for file in files() {
        let whole = expected(&file);
        for side in [8, 4, 2] {
            let least = whole.width.min(whole.height) / side;
            let small = reduced(&fs::read(&file).unwrap(), &Limits::default(), least).unwrap();
            assert_eq!((small.source_width, small.source_height), (whole.width, whole.height));
            if (small.picture.width, small.picture.height) != (whole.width.div_ceil(side), whole.height.div_ceil(side))
            {
                // Decoded whole, then made smaller.
                assert_eq!(small.picture.height, whole.height / (whole.height / least), "{}", file.display());
                continue;
            }
            let apart = apart(&small.picture.pixels, &means(&whole, side));
            if apart > 4.0 {
                wrong.push(format!("{} at 1/{side}: {apart:.2} off", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn cut_and_bent_files_are_answered() {
    let limits = Limits { max_pixels: 100_000, ..Limits::default() };
    for file in files() {
        let bytes = fs::read(&file).unwrap();
        let data = bytes.windows(2).position(|pair| pair == b"\xFF\xDA").unwrap();
        for at in (1..bytes.len()).step_by(2) {
            let mut bent = bytes.clone();
            bent[at] ^= 1 << (at / 2 % 8);
            for file in [&bytes[..at], &bent] {
                let whole = decode(file, &limits);
                let small = reduced(file, &limits, 3);
                if at < data {
                    assert_eq!(
                        whole.as_ref().err().map(DecodeError::reason),
                        small.as_ref().err().map(DecodeError::reason),
                        "{at}"
                    );
                }
            }
        }
    }
}
