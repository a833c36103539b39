//! Real images and their copies, as `resize` sends them.

use super::*;
use arrow::array::{Float32Array, LargeBinaryArray, StringArray, UInt32Array, UInt64Array};
use clap::Parser as _;
use image::codecs::jpeg::JpegEncoder;
use image::{RgbImage, imageops};
use plugin_api::ResizeMode;
use plugin_catalog::StoredImage;
use plugin_decode::{Limits, decode};
use plugin_hash::{Hashes, SIDE, digest};
use plugin_resize::resize;
use std::path::Path;

const PROFILE: &str = "64-stretch";

fn jpeg(image: &RgbImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 90).encode_image(image).unwrap();
    bytes
}

/// Some of the fixtures that look like no other.
fn originals() -> Vec<RgbImage> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/openclipart8/animals");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let open = |path: &std::path::PathBuf| {
        let image = decode(&std::fs::read(path).unwrap(), &Limits::default()).unwrap();
        RgbImage::from_raw(image.width, image.height, image.pixels).unwrap()
    };
    paths.iter().step_by(12).map(open).collect()
}

/// What `hash` and `resize` make of files; `views` has the last word on theirs.
fn message(files: &[Vec<u8>], views: impl Fn(Vec<u8>) -> Vec<u8>) -> Pixels {
    let images: Vec<_> = files.iter().map(|file| decode(file, &Limits::default()).unwrap()).collect();
    let hashes: Vec<_> = images.iter().map(|p| Hashes::of(p.width, p.height, &p.pixels).unwrap()).collect();
    let squares: Vec<_> = images
        .iter()
        .map(|p| resize(p.width, p.height, &p.pixels, SIDE as u32, ResizeMode::Stretch).unwrap())
        .collect();
    let hash = |of: fn(&Hashes) -> u64| UInt64Array::from_iter_values(hashes.iter().map(of));
    let all = |value: u32| UInt32Array::from_value(value, files.len());
    let score = || Float32Array::from_value(0.5, files.len());
    Pixels {
        path: files.iter().map(|file| Some(format!("photos/animals/{}.jpg", digest(file)))).collect(),
        label: files.iter().map(|_| Some("animals")).collect(),
        split: files.iter().map(|_| None::<&str>).collect(),
        modified_ns: files.iter().map(|_| 1).collect(),
        changed_ns: files.iter().map(|_| 1).collect(),
        inode: files.iter().map(|_| 1).collect(),
        size_bytes: files.iter().map(|file| file.len() as u64).collect(),
        digest: StringArray::from_iter_values(files.iter().map(|file| digest(file))),
        pixel_digest: StringArray::from_iter_values(
            images.iter().map(|p| plugin_hash::pixel_digest(p.width, p.height, &p.pixels)),
        ),
        captured_ms: files.iter().map(|_| i64::MIN).collect(),
        ahash: hash(|h| h.ahash),
        dhash: hash(|h| h.dhash),
        phash: hash(|h| h.phash),
        whash: hash(|h| h.whash),
        source_width: all(96),
        source_height: all(96),
        width: all(SIDE as u32),
        height: all(SIDE as u32),
        channels: all(3),
        dark: score(),
        bright: score(),
        blur: score(),
        information: score(),
        signature: LargeBinaryArray::from_iter_values(
            squares.iter().map(|square| views(Views::of(square).unwrap().to_bytes())),
        ),
        pixels: LargeBinaryArray::from_iter_values(&squares),
    }
}

/// A data set that keeps what it is given.
struct Fixture {
    _folder: tempfile::TempDir,
    catalog: Writer,
    shards: Shards,
    config: Config,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let catalog = Writer::open_file(folder.path().join("catalog.sqlite")).unwrap();
        let shards = Shards::open(folder.path(), PROFILE).unwrap();
        Self { _folder: folder, catalog, shards, config: Config::parse_from(["dataset"]) }
    }

    /// As after a start.
    fn take(&mut self, message: Pixels) {
        let mut groups = Groups::new(self.config.near_copies.radii());
        let load = |image: StoredImage| {
            let views = image.signatures.and_then(Views::from_bytes);
            let face = GroupKey { sample: image.sample, phash: image.phash, dhash: image.dhash, views: views.as_ref() };
            groups.load(face, image.group);
        };
        self.catalog.read().stored_images(load).unwrap();
        groups.loaded();
        let rules = Rules::new(&self.config);
        take_in(&[message], &mut self.catalog, &self.shards, &mut groups, PROFILE, rules).unwrap();
    }

    /// Group of a file's image.
    fn group(&self, file: &[u8]) -> String {
        let rows = self.catalog.read().live_samples().unwrap();
        rows.into_iter().find(|row| row.digest == digest(file)).unwrap().group
    }

    /// How many of the copies lie with their originals.
    fn together(&self, files: &[Vec<u8>], copies: &[Vec<u8>]) -> usize {
        files.iter().zip(copies).filter(|(file, copy)| self.group(file) == self.group(copy)).count()
    }
}

#[test]
fn mirrored_and_cropped_copies_join_their_original() {
    let images = originals();
    let files: Vec<_> = images.iter().map(jpeg).collect();
    let mirrored: Vec<_> = images.iter().map(|p| jpeg(&imageops::flip_horizontal(p))).collect();
    let inside = |p: &RgbImage| {
        let (x, y) = (p.width() / 20, p.height() / 20);
        jpeg(&imageops::crop_imm(p, x, y, p.width() - 2 * x, p.height() - 2 * y).to_image())
    };
    let cropped: Vec<_> = images.iter().map(inside).collect();
    let mut fixture = Fixture::new();
    for files in [&files, &mirrored, &cropped] {
        fixture.take(message(files, |views| views));
    }
    let groups: HashSet<String> = files.iter().map(|file| fixture.group(file)).collect();
    assert!(files.len() > 20 && groups.len() + 2 >= files.len(), "{} of {}", groups.len(), files.len());
    for (name, copies) in [("mirrored", &mirrored), ("cropped", &cropped)] {
        assert!(fixture.together(&files, copies) + 1 >= files.len(), "{name}: {}", fixture.together(&files, copies));
    }
    // Without views only what hardly differs is found.
    let mut blind = Fixture::new();
    blind.take(message(&files, |_| Vec::new()));
    blind.take(message(&mirrored, |_| Vec::new()));
    assert!(blind.together(&files, &mirrored) < files.len() / 2);
}

#[test]
fn images_without_views_are_found_by_their_hashes() {
    let images = originals();
    let files: Vec<_> = images.iter().map(jpeg).collect();
    let again: Vec<_> = images
        .iter()
        .map(|p| {
            let mut bytes = Vec::new();
            JpegEncoder::new_with_quality(&mut bytes, 70).encode_image(p).unwrap();
            bytes
        })
        .collect();
    let mirrored: Vec<_> = images.iter().map(|p| jpeg(&imageops::flip_horizontal(p))).collect();
    let mut fixture = Fixture::new();
    fixture.take(message(&files, |_| Vec::new()));
    let before: Vec<_> = files.iter().map(|file| fixture.group(file)).collect();
    fixture.take(message(&again, |views| views));
    assert!(fixture.together(&files, &again) + 1 >= files.len(), "{}", fixture.together(&files, &again));
    let after: Vec<_> = files.iter().map(|file| fixture.group(file)).collect();
    assert_eq!(before, after, "old images stay where they are");
    let change = fixture.catalog.change().unwrap();
    change.grouped_by("a rule").unwrap();
    change.commit().unwrap();
    fixture.take(message(&again, |views| views));
    assert!(
        fixture.catalog.read().is_grouped_by("a rule").unwrap()
            && !fixture.catalog.read().is_grouped_by("another").unwrap()
    );
    fixture.take(message(&files, |views| views));
    assert!(!fixture.catalog.read().is_grouped_by("a rule").unwrap(), "late views: the next start looks through all");
    fixture.take(message(&mirrored, |views| views));
    assert!(fixture.together(&files, &mirrored) + 1 >= files.len(), "{}", fixture.together(&files, &mirrored));
}

#[test]
fn views_of_another_length_are_none() {
    let files: Vec<_> = originals().iter().take(3).map(jpeg).collect();
    for cut in [1, Views::BYTES - 1, Views::BYTES + 1, 416, 448] {
        let mut fixture = Fixture::new();
        fixture.take(message(&files, |mut views| {
            views.resize(cut, 0);
            views
        }));
        let mut seen = Vec::new();
        fixture.catalog.read().stored_images(|image| seen.push(image.signatures.is_some())).unwrap();
        assert_eq!(seen, [false; 3]);
    }
}

/// A PNG with a comment: the same pixels in other bytes.
fn png(image: &RgbImage, comment: &[u8]) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    let mut bytes = bytes.into_inner();
    let chunk = [b"tEXt", comment].concat();
    let checksum = crc(&chunk).to_be_bytes();
    let whole = [&(comment.len() as u32).to_be_bytes(), &chunk[..], &checksum].concat();
    // After the signature and the header.
    bytes.splice(33..33, whole);
    bytes
}

/// CRC-32 as PNG has it.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { 0xEDB8_8320 ^ crc >> 1 } else { crc >> 1 })
    })
}

#[test]
fn other_metadata_is_the_same_sample() {
    // A plain image, which looks like nothing: only its pixels tell.
    let plain = RgbImage::from_pixel(70, 70, image::Rgb([9, 9, 9]));
    let [one, two, three] = [b"a=1", b"a=2", b"a=3"].map(|comment| png(&plain, comment));
    let mut fixture = Fixture::new();
    fixture.take(message(&[one.clone(), two], |views| views));
    let rows = fixture.catalog.read().live_samples().unwrap();
    assert_eq!(rows.len(), 1, "two files of one sample");
    let mut change = fixture.catalog.change().unwrap();
    change.set_split(&rows[0].sample, Split::Test).unwrap();
    change.settle(1).unwrap();
    change.remove(&rows[0].path).unwrap();
    change.commit().unwrap();
    fixture.take(message(&[three], |views| views));
    let after = fixture.catalog.read().live_samples().unwrap();
    assert_eq!(after.len(), 1);
    assert_eq!((after[0].split, after[0].settled, &after[0].group), (Split::Test, true, &rows[0].group));
}
