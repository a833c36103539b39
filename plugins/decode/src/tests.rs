//! Whole files: the committed ones of `tests/fixtures/odd`, and the larger set outside the repository when it is there.

use crate::error::DecodeError;
use crate::limits::Limits;
use crate::{DecodedImage, decode};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/odd")
}

fn table(name: &str) -> serde_json::Map<String, Value> {
    let text = fs::read_to_string(fixtures().join(name)).unwrap();
    serde_json::from_str::<Value>(&text).unwrap().as_object().unwrap().clone()
}

fn number(value: &Value) -> usize {
    value.as_u64().unwrap() as usize
}

fn assert_sound(image: &DecodedImage, name: &str) {
    assert!(image.width > 0 && image.height > 0, "{name}");
    assert_eq!(image.pixels.len(), image.width as usize * image.height as usize * 3, "{name}");
}

#[test]
fn good_files_have_the_pixels_that_pillow_reads() {
    assert_pixels(&fixtures().join("good"), table("good.json"));
}

/// One file of every kind of format, and where it is upright, converted and laid over its ground.
#[test]
fn formats_have_the_pixels_that_were_put_in() {
    let folder = fixtures().join("../formats");
    let text = fs::read_to_string(folder.join("expected.json")).unwrap();
    let table = serde_json::from_str::<Value>(&text).unwrap().as_object().unwrap().clone();
    assert!(table.len() > 70);
    let is_built = |name: &str| cfg!(feature = "heif") || !name.contains("heic");
    assert_pixels(&folder, table.into_iter().filter(|(name, _)| is_built(name)).collect());
}

fn assert_pixels(folder: &Path, table: serde_json::Map<String, Value>) {
    let mut wrong = Vec::new();
    for (name, expected) in table {
        let bytes = fs::read(folder.join(&name)).unwrap();
        let image = decode(&bytes, &Limits::default()).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_sound(&image, &name);
        let size = (number(&expected["width"]), number(&expected["height"]));
        assert_eq!((image.width as usize, image.height as usize), size, "{name}");
        for point in expected["points"].as_array().unwrap() {
            let at = (number(&point["y"]) * size.0 + number(&point["x"])) * 3;
            for (have, want) in image.pixels[at..at + 3].iter().zip(point["rgb"].as_array().unwrap()) {
                if usize::from(*have).abs_diff(number(want)) > number(&expected["tolerance"]) {
                    wrong.push(format!("{name}: {point} but {:?}", &image.pixels[at..at + 3]));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn bytes_before_the_image_are_passed_over() {
    let limits = Limits::default();
    for name in ["baseline.jpg", "palette.png"] {
        let bytes = fs::read(fixtures().join("good").join(name)).unwrap();
        let behind = [b"HTTP/1.1 200 OK\r\n\r\n", &bytes[..]].concat();
        assert_eq!(decode(&behind, &limits).unwrap(), decode(&bytes, &limits).unwrap(), "{name}");
        assert_eq!(crate::reduced(&behind, &limits, 8), crate::reduced(&bytes, &limits, 8), "{name}");
        let cover = [b"ID3\x03", &bytes[..]].concat();
        assert_eq!(decode(&cover, &limits).unwrap_err().reason().name(), "not_an_image", "{name}");
    }
}

#[test]
fn bad_files_are_refused_with_their_reason() {
    let mut wrong = Vec::new();
    for (name, expected) in table("bad.json") {
        let bytes = fs::read(fixtures().join("bad").join(&name)).unwrap();
        match decode(&bytes, &Limits::default()) {
            Ok(image) => wrong.push(format!("{name}: {image:?}")),
            Err(error) => {
                let text = error.to_string();
                if error.reason().name() != expected["reason"] || !text.contains(expected["mentions"].as_str().unwrap())
                {
                    wrong.push(format!("{name}: {} ({text}), expected {expected}", error.reason()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A JPEG cut anywhere is refused, unless only the end marker or padding is missing: then every pixel is right.
#[test]
fn no_cut_of_a_jpeg_gives_a_half_image() {
    for name in ["baseline.jpg", "progressive.jpg", "grey.jpg", "cmyk-adobe.jpg", "restarts.jpg"] {
        let bytes = fs::read(fixtures().join("good").join(name)).unwrap();
        let whole = decode(&bytes, &Limits::default()).unwrap();
        for length in 1..bytes.len() {
            let ended = [&bytes[..length], b"\xFF\xD9"].concat();
            // With an end marker behind it, a progressive file cut between two passes is a whole, coarser image.
            let files = if name == "progressive.jpg" {
                vec![bytes[..length].to_vec()]
            } else {
                vec![bytes[..length].to_vec(), ended]
            };
            for file in files {
                if let Ok(image) = decode(&file, &Limits::default()) {
                    assert_eq!(image, whole, "{name} cut at {length} of {}", bytes.len());
                    assert!(length + 16 >= bytes.len(), "{name} cut at {length} of {} passes", bytes.len());
                }
            }
        }
    }
}

#[test]
fn limits_are_held_before_decoding() {
    let bytes = fs::read(fixtures().join("good/baseline.jpg")).unwrap();
    let refused = |limits: Limits| decode(&bytes, &limits).unwrap_err();
    assert_eq!(refused(Limits { max_pixels: 48 * 32 - 1, ..Limits::default() }).reason().name(), "too_large");
    assert_eq!(refused(Limits { max_bytes: 10, ..Limits::default() }).reason().name(), "too_large");
    assert!(decode(&bytes, &Limits { max_pixels: 48 * 32, max_bytes: bytes.len() as u64 }).is_ok());
}

/// Decoders answer every cut and bent file of the formats with an image or an error; a panic is caught.
#[test]
fn bent_formats_are_answered() {
    let folder = fixtures().join("../formats");
    let limits = Limits { max_pixels: 1_000_000, ..Limits::default() };
    for name in [
        "420.heic",
        "alpha.avif",
        "grid.avif",
        "lossless.jxl",
        "lossy.jxl",
        "jpeg-ycbcr.tif",
        "group3.tif",
        "fax-6.tif",
        "palette.tif",
        "predictor-3-32-big.tif",
        "planar-tiles.tif",
        "bigtiff.tif",
        "cicp-p3.png",
        "rle.tga",
        "bmp-inside.ico",
        "plain.qoi",
        "preview-6.dng",
        "p3.jpg",
        "xmp-5.webp",
    ] {
        let bytes = fs::read(folder.join(name)).unwrap();
        let step = (bytes.len() / 150).max(1);
        for at in (0..bytes.len()).step_by(step) {
            let bent = [0x00, 0x7F, 0xFF].map(|value| {
                let mut bent = bytes.clone();
                bent[at] = value;
                bent
            });
            for file in bent.iter().map(Vec::as_slice).chain([&bytes[..at]]) {
                match decode(file, &limits) {
                    Ok(image) => assert_sound(&image, name),
                    Err(DecodeError::Panicked { detail, .. }) => eprintln!("caught: {name} at {at}: {detail}"),
                    Err(error) => assert!(!error.to_string().is_empty()),
                }
            }
        }
    }
}

/// Headers that claim more than the limits are refused before pixels are allocated.
#[test]
fn limits_are_held_in_every_format() {
    let folder = fixtures().join("../formats");
    for name in [
        "420.heic",
        "grid.heic",
        "420.avif",
        "grid.avif",
        "lossless.jxl",
        "bigtiff.tif",
        "jpeg-ycbcr.tif",
        "p3.png",
        "p3.webp",
        "rle.tga",
        "plain.ppm",
        "plain.qoi",
        "fade-in.gif",
        "preview-6.dng",
    ] {
        if cfg!(not(feature = "heif")) && name.contains("heic") {
            continue;
        }
        let bytes = fs::read(folder.join(name)).unwrap();
        let error = decode(&bytes, &Limits { max_pixels: 1000, ..Limits::default() }).unwrap_err();
        assert_eq!(error.reason().name(), "too_large", "{name}: {error}");
    }
}

/// Every byte of the small files is bent in a few ways: the answer is an image or an error, never a panic.
#[test]
fn bent_bytes_are_answered() {
    for name in ["baseline.jpg", "palette.png", "animated.gif", "plain.bmp", "lossy.webp", "orientation-6.tiff"] {
        let bytes = fs::read(fixtures().join("good").join(name)).unwrap();
        let limits = Limits { max_pixels: 1_000_000, ..Limits::default() };
        for at in 0..bytes.len().min(700) {
            for value in [0x00, 0x7F, 0xFF] {
                let mut bent = bytes.clone();
                bent[at] = value;
                match decode(&bent, &limits) {
                    Ok(image) => assert_sound(&image, name),
                    Err(DecodeError::Panicked { detail, .. }) => eprintln!("caught: {name}[{at}]={value}: {detail}"),
                    Err(error) => assert!(!error.to_string().is_empty()),
                }
            }
        }
    }
}

fn files_under(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        if entry.path().is_dir() { files_under(&entry.path(), found) } else { found.push(entry.path()) }
    }
}

/// The test images of gdk-pixbuf: fuzzed, cut off and odd files. The folder is `$WAKUTEKA_SHARED/data/odd-images`, or
/// `../shared` beside the workspace.
#[test]
fn the_shared_odd_images_are_answered() {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let shared = std::env::var_os("WAKUTEKA_SHARED").map_or_else(beside, PathBuf::from);
    let folder = shared.join("data/odd-images");
    if !folder.is_dir() {
        eprintln!("SKIPPED: {} is not there; the odd images were not tried", folder.display());
        return;
    }
    let mut files = Vec::new();
    files_under(&folder, &mut files);
    files.sort();
    assert!(files.len() > 100, "only {} files", files.len());
    let mut answers = std::collections::BTreeMap::<&str, usize>::new();
    for file in &files {
        let started = std::time::Instant::now();
        let answer = decode(&fs::read(file).unwrap(), &Limits::default());
        let reason = match &answer {
            Ok(image) => {
                assert_sound(image, &file.display().to_string());
                "decoded"
            }
            Err(error) => error.reason().name(),
        };
        *answers.entry(reason).or_default() += 1;
        eprintln!("{}: {reason} {:?} {:?}", file.display(), answer.err(), started.elapsed());
    }
    eprintln!("{} files: {answers:?}", files.len());
    assert!(answers["decoded"] > 50 && answers["corrupt"] + answers["truncated"] > 20, "{answers:?}");
}
