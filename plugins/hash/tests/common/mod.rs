//! Ground truth for near-copies: real images, and copies of them by named edits.
#![allow(dead_code, reason = "the example and the test use different parts")]
#![allow(clippy::unwrap_used, reason = "an example is not seen to be a test")]

pub mod layouts;

use image::codecs::jpeg::JpegEncoder;
use image::imageops::{self, FilterType};
use image::{Rgb, RgbImage};
use plugin_decode::Limits;
use plugin_hash::{Hashes, SIDE, Views, digest};
use plugin_resize::{ResizeMode, resize};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// What is done to an image.
pub type Edit = (&'static str, fn(&RgbImage) -> Vec<u8>);

/// The seven edits; every copy is written as JPEG.
pub const EDITS: [Edit; 7] = [
    ("quality 30", |p| jpeg(p, 30)),
    ("half size", |p| jpeg(&imageops::resize(p, p.width() / 2, p.height() / 2, FilterType::Lanczos3), 90)),
    ("crop 5 % a side", |p| cropped(p, [0.05; 4])),
    ("brightness × 1.3", |p| jpeg(&brighter(p, 1.3), 90)),
    ("rotation 3°", |p| jpeg(&turned(p, 3.0, [255; 3]), 90)),
    ("grey", |p| jpeg(&image::DynamicImage::ImageLuma8(imageops::grayscale(p)).into_rgb8(), 90)),
    ("mirror", |p| jpeg(&imageops::flip_horizontal(p), 90)),
];

/// Others of the kind, which nothing was chosen for, and recoloured ones.
pub const OTHERS: [Edit; 12] = [
    ("turned 90°", |p| jpeg(&imageops::rotate90(p), 90)),
    ("turned 180°", |p| jpeg(&imageops::rotate180(p), 90)),
    ("turned 270°", |p| jpeg(&imageops::rotate270(p), 90)),
    ("warmer", |p| jpeg(&recoloured(p, [1.08, 1.0, 0.92]), 90)),
    ("half saturation", |p| jpeg(&paler(p), 90)),
    ("crop 3 % a side", |p| cropped(p, [0.03; 4])),
    ("crop 10 % at the left", |p| cropped(p, [0.1, 0.0, 0.0, 0.0])),
    ("crop 6 % left and top", |p| cropped(p, [0.06, 0.06, 0.0, 0.0])),
    ("rotation -2°, black", |p| jpeg(&turned(p, -2.0, [0; 3]), 90)),
    ("mirror and quality 30", |p| jpeg(&imageops::flip_horizontal(p), 30)),
    ("brightness × 1.15", |p| jpeg(&brighter(p, 1.15), 90)),
    ("brightness × 0.7", |p| jpeg(&brighter(p, 0.7), 90)),
];

/// An image as the catalog knows it.
pub struct Seen {
    /// From the file at full size.
    pub hashes: Hashes,
    /// From the square of 64 px.
    pub views: Views,
}

/// Of a JPEG file.
pub fn seen(bytes: &[u8]) -> Seen {
    let image = plugin_decode::decode(bytes, &Limits::default()).unwrap();
    let hashes = Hashes::of(image.width, image.height, &image.pixels).unwrap();
    let square = resize(image.width, image.height, &image.pixels, SIDE as u32, ResizeMode::Stretch).unwrap();
    Seen { hashes, views: Views::of(&square).unwrap() }
}

/// Every `each`-th of the fixtures' images, without exact copies.
pub fn originals(each: usize) -> Vec<(String, RgbImage)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/openclipart8");
    let mut paths = Vec::new();
    for folder in fs::read_dir(&root).unwrap().flatten().filter(|entry| entry.path().is_dir()) {
        paths.extend(fs::read_dir(folder.path()).unwrap().flatten().map(|entry| entry.path()));
    }
    paths.sort();
    let (mut met, mut originals) = (BTreeSet::new(), Vec::new());
    for path in paths.iter().step_by(each) {
        let bytes = fs::read(path).unwrap();
        if met.insert(digest(&bytes)) {
            let image = plugin_decode::decode(&bytes, &Limits::default()).unwrap();
            let name = path.strip_prefix(&root).unwrap().display().to_string();
            originals.push((name, RgbImage::from_raw(image.width, image.height, image.pixels).unwrap()));
        }
    }
    originals
}

/// As JPEG.
pub fn jpeg(image: &RgbImage, quality: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, quality).encode_image(image).unwrap();
    bytes
}

fn cropped(image: &RgbImage, [left, top, right, bottom]: [f64; 4]) -> Vec<u8> {
    let part = |side: u32, share: f64| (f64::from(side) * share).round() as u32;
    let (x, y) = (part(image.width(), left), part(image.height(), top));
    let (right, bottom) = (part(image.width(), right), part(image.height(), bottom));
    let (width, height) = (image.width() - x - right, image.height() - y - bottom);
    jpeg(&imageops::crop_imm(image, x, y, width, height).to_image(), 90)
}

fn brighter(image: &RgbImage, by: f32) -> RgbImage {
    let mut image = image.clone();
    image.iter_mut().for_each(|value| *value = (f32::from(*value) * by).min(255.0) as u8);
    image
}

fn recoloured(image: &RgbImage, by: [f32; 3]) -> RgbImage {
    let mut image = image.clone();
    for pixel in image.pixels_mut() {
        *pixel = Rgb([0, 1, 2].map(|c| (f32::from(pixel[c]) * by[c]).min(255.0) as u8));
    }
    image
}

/// With half the saturation.
fn paler(image: &RgbImage) -> RgbImage {
    let mut paler = image.clone();
    for (pixel, grey) in paler.pixels_mut().zip(imageops::grayscale(image).pixels()) {
        *pixel = Rgb(pixel.0.map(|value| u8::midpoint(value, grey[0])));
    }
    paler
}

/// Turned around its middle, bilinear; what comes in at the corners is `fill`.
fn turned(image: &RgbImage, degrees: f32, fill: [u8; 3]) -> RgbImage {
    let (sin, cos) = degrees.to_radians().sin_cos();
    let (width, height) = image.dimensions();
    let middle = [(width - 1) as f32 / 2.0, (height - 1) as f32 / 2.0];
    let pixel = |x: i64, y: i64| {
        let inside = x >= 0 && y >= 0 && x < i64::from(width) && y < i64::from(height);
        if inside { image.get_pixel(x as u32, y as u32).0 } else { fill }
    };
    RgbImage::from_fn(width, height, |x, y| {
        let (u, v) = (x as f32 - middle[0], y as f32 - middle[1]);
        let (x, y) = (cos * u - sin * v + middle[0], sin * u + cos * v + middle[1]);
        let (left, top) = (x.floor(), y.floor());
        let around = [(0, 0), (1, 0), (0, 1), (1, 1)].map(|(i, j)| pixel(left as i64 + i, top as i64 + j));
        let (fx, fy) = (x - left, y - top);
        let weights = [(1.0 - fx) * (1.0 - fy), fx * (1.0 - fy), (1.0 - fx) * fy, fx * fy];
        Rgb([0, 1, 2].map(|c| (0..4).map(|k| f32::from(around[k][c]) * weights[k]).sum::<f32>() as u8))
    })
}
