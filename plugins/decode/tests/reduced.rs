//! Reading at reduced size says of a file what decoding it says: what is refused, and how bright the image is where.

#![cfg(test)]

use plugin_decode::{DecodedImage, Limits, decode, reduced};
use std::fs;
use std::path::{Path, PathBuf};

fn fixtures(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures").join(name)
}

fn files_under(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        if entry.path().is_dir() { files_under(&entry.path(), found) } else { found.push(entry.path()) }
    }
    found.sort();
}

/// What both say of a file at every scale: whether it is refused and why, or the size.
fn agree(bytes: &[u8], limits: &Limits, name: &str) -> Option<DecodedImage> {
    let whole = decode(bytes, limits);
    for least in [1, 8, 30] {
        match (&whole, reduced(bytes, limits, least)) {
            (Ok(image), Ok(seen)) => {
                assert_eq!((seen.source_width, seen.source_height), (image.width, image.height), "{name} {least}");
            }
            (Err(error), Err(also)) => assert_eq!(error.reason(), also.reason(), "{name} {least}: {error}; {also}"),
            (whole, seen) => panic!("{name} {least}: {whole:?}, but at reduced size {seen:?}"),
        }
    }
    whole.ok()
}

#[test]
fn odd_files_are_accepted_and_refused_alike() {
    let mut files = Vec::new();
    files_under(&fixtures("odd/good"), &mut files);
    let good = files.len();
    files_under(&fixtures("odd/bad"), &mut files);
    assert!(good > 40 && files.len() > good + 20);
    let shared = std::env::var_os("WAKUTEKA_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    if shared.join("data/odd-images").is_dir() {
        files_under(&shared.join("data/odd-images"), &mut files);
    } else {
        eprintln!("SKIPPED: {} is not there; its odd images were not tried", shared.display());
    }
    let limits = Limits::default();
    let decoded =
        files.iter().filter(|file| agree(&fs::read(file).unwrap(), &limits, &file.display().to_string()).is_some());
    assert!(decoded.count() >= good);
}

#[test]
fn cut_and_bent_files_are_accepted_and_refused_alike() {
    let limits = Limits { max_pixels: 1_000_000, ..Limits::default() };
    for name in ["baseline.jpg", "grey.jpg", "restarts.jpg", "no-end-marker.jpg", "narrow.jpg"] {
        let bytes = fs::read(fixtures("odd/good").join(name)).unwrap();
        for at in 1..bytes.len() {
            agree(&bytes[..at], &limits, &format!("{name} cut at {at}"));
            agree(&[&bytes[..at], b"\xFF\xD9"].concat(), &limits, &format!("{name} cut and ended at {at}"));
            for value in [0x00, 0x55, 0x7F, 0xFF] {
                let mut bent = bytes.clone();
                bent[at] = value;
                agree(&bent, &limits, &format!("{name}[{at}] = {value}"));
            }
        }
    }
}

/// Luma of a pixel.
fn brightness(image: &DecodedImage, x: u32, y: u32) -> f64 {
    let at = (y * image.width + x) as usize * 3;
    let [r, g, b] = [0, 1, 2].map(|i| f64::from(image.pixels[at + i]));
    0.299 * r + 0.587 * g + 0.114 * b
}

/// The mean of a whole image's brightness over each sample, as far as the image goes.
fn means(image: &DecodedImage, eighths: u32) -> Vec<f64> {
    let side = 8 / eighths;
    let brightness = |x, y| brightness(image, x, y);
    let mut means = Vec::new();
    for y in (0..image.height).step_by(side as usize) {
        for x in (0..image.width).step_by(side as usize) {
            let (right, below) = ((x + side).min(image.width), (y + side).min(image.height));
            let all: Vec<f64> =
                (y..below).flat_map(|y| (x..right).map(move |x| (x, y))).map(|(x, y)| brightness(x, y)).collect();
            means.push(all.iter().sum::<f64>() / all.len() as f64);
        }
    }
    means
}

#[test]
fn brightness_at_reduced_size_is_that_of_the_whole() {
    let mut files = Vec::new();
    files_under(&fixtures("openclipart8"), &mut files);
    for name in ["baseline.jpg", "grey.jpg", "restarts.jpg", "progressive.jpg"] {
        files.insert(0, fixtures("odd/good").join(name));
    }
    let (mut compared, mut total) = ([0; 3], [0.0; 3]);
    for file in files.iter().filter(|file| file.extension().is_some_and(|e| e == "jpg")).take(300) {
        let bytes = fs::read(file).unwrap();
        let whole = decode(&bytes, &Limits::default()).unwrap();
        for (log, eighths) in [1, 2, 4].into_iter().enumerate() {
            let least = (whole.width.min(whole.height) * eighths / 8).max(1);
            let small = reduced(&bytes, &Limits::default(), least).unwrap().image;
            let sides = |side: u32| (side * eighths).div_ceil(8);
            if (small.width, small.height) != (sides(whole.width), sides(whole.height)) {
                continue;
            }
            let means = means(&whole, eighths);
            assert_eq!(means.len() as u32, small.width * small.height, "{}", file.display());
            // The last column and row hold what the encoder thought of beyond the edge.
            let inside = |at: &usize| {
                let (x, y) = (*at as u32 % small.width, *at as u32 / small.width);
                (x + 1) * 8 <= whole.width * eighths && (y + 1) * 8 <= whole.height * eighths
            };
            let found = |at: usize| brightness(&small, at as u32 % small.width, at as u32 / small.width);
            let apart: Vec<f64> = (0..means.len()).filter(inside).map(|at| (means[at] - found(at)).abs()).collect();
            let mean = apart.iter().sum::<f64>() / apart.len().max(1) as f64;
            assert!(mean < [3.0, 20.0, 20.0][log], "{} {eighths}/8: {mean}", file.display());
            compared[log] += 1;
            total[log] += mean;
        }
    }
    assert!(compared.iter().all(|&of| of > 200), "{compared:?}");
    let apart = [0, 1, 2].map(|log| total[log] / f64::from(compared[log]));
    eprintln!("grey levels from the mean, at 1/8, 1/4 and 1/2: {apart:.2?}");
    // A mean is exact but for colours that were clipped; at line drawings' edges a smaller block is only like one.
    assert!(apart[0] < 1.0 && apart[1] < 4.0 && apart[2] < 4.0, "{apart:?}");
}
