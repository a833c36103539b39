//! JPEGs of unusual kinds have libjpeg-turbo's pixels, whole and at reduced size; what is cut or bent is answered.

#![cfg(test)]

use plugin_decode::{DecodeError, DecodedImage, Limits, decode, reduced};
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
fn expected(file: &Path) -> DecodedImage {
    let bytes = fs::read(file.with_extension("ppm")).unwrap();
    let mut fields = bytes.splitn(4, u8::is_ascii_whitespace);
    let mut number = || std::str::from_utf8(fields.next().unwrap()).unwrap().parse().unwrap_or(0);
    let [_, width, height] = [number(), number(), number()];
    let pixels = fields.next().unwrap()[4..].to_vec();
    DecodedImage { width, height, pixels }
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
            Ok(image) => {
                let apart = apart(&image.pixels, &expected(&file).pixels);
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
fn means(image: &DecodedImage, side: u32) -> Vec<u8> {
    let mut means = Vec::new();
    for y in (0..image.height).step_by(side as usize) {
        for x in (0..image.width).step_by(side as usize) {
            let (right, below) = ((x + side).min(image.width), (y + side).min(image.height));
            for channel in 0..3 {
                let level = |x: u32, y: u32| u32::from(image.pixels[((y * image.width + x) * 3 + channel) as usize]);
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
            if (small.image.width, small.image.height) != (whole.width.div_ceil(side), whole.height.div_ceil(side)) {
                // Decoded whole, then made smaller.
                assert_eq!(small.image.height, whole.height / (whole.height / least), "{}", file.display());
                continue;
            }
            let apart = apart(&small.image.pixels, &means(&whole, side));
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

/// A profile of printing inks in which any ink is darkness and none is a hue: `lut8` on two points a side (ICC.1:2022, 10.10).
fn grey_inks() -> Vec<u8> {
    let mut lut = b"mft1\0\0\0\0\x04\x03\x02\0".to_vec();
    for row in 0..9 {
        lut.extend(if row % 4 == 0 { 65_536_u32 } else { 0 }.to_be_bytes());
    }
    let identity = 0..=255_u8;
    (0..4).for_each(|_| lut.extend(identity.clone()));
    for corner in 0..16 {
        lut.extend([if corner == 0 { 255 } else { 0 }, 128, 128]);
    }
    (0..3).for_each(|_| lut.extend(identity.clone()));
    let mut profile = vec![0; 128];
    let at =
        |profile: &mut Vec<u8>, place: usize, bytes: &[u8]| profile[place..place + bytes.len()].copy_from_slice(bytes);
    at(&mut profile, 8, &[2, 0x10]);
    at(&mut profile, 12, b"prtrCMYKLab ");
    at(&mut profile, 36, b"acsp");
    at(&mut profile, 68, &[0, 0, 0xF6, 0xD6, 0, 1, 0, 0, 0, 0, 0xD3, 0x2D]);
    profile.extend(1_u32.to_be_bytes());
    profile.extend(b"A2B0");
    profile.extend(144_u32.to_be_bytes());
    profile.extend((lut.len() as u32).to_be_bytes());
    profile.extend(lut);
    let size = profile.len() as u32;
    at(&mut profile, 0, &size.to_be_bytes());
    profile
}

#[test]
fn inks_go_by_their_profile() {
    let odd = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/odd/good");
    let file = fs::read(odd.join("cmyk-adobe.jpg")).unwrap();
    let mut segment = b"ICC_PROFILE\0\x01\x01".to_vec();
    segment.extend(grey_inks());
    let length = (segment.len() + 2) as u16;
    let with_profile = [b"\xFF\xD8\xFF\xE2", &length.to_be_bytes()[..], &segment, &file[2..]].concat();
    let hue = |file: &[u8]| {
        let image = decode(file, &Limits::default()).unwrap();
        image.pixels.as_chunks::<3>().0.iter().map(|p| p.iter().max().unwrap() - p.iter().min().unwrap()).max().unwrap()
    };
    assert!(hue(&file) > 100);
    // Neutral Lab on the way through 8 bits.
    assert!(hue(&with_profile) <= 6, "{}", hue(&with_profile));
    let scaled = reduced(&with_profile, &Limits::default(), 8).unwrap().image;
    assert!(scaled.pixels.as_chunks::<3>().0.iter().all(|[r, g, b]| r.abs_diff(*g) <= 6 && r.abs_diff(*b) <= 6));
}
