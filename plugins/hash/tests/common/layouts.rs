//! Drawn images of different things within one layout, and frames of one place: the same number gives the same image.
#![allow(dead_code, reason = "the example and the tests use different parts")]

use image::imageops::{self, FilterType};
use image::{Rgb, RgbImage};

/// SplitMix64. Source: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014.
pub struct Random(u64);

impl Random {
    /// Of image number `of` of a kind.
    pub const fn new(kind: u64, of: u64) -> Self {
        Self((kind << 32) + of)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Uniform from `low` to `high`.
    pub fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * (self.next() >> 40) as f32 / (1_u32 << 24) as f32
    }

    fn grey(&mut self, low: f32, high: f32) -> Rgb<u8> {
        Rgb([self.between(low, high) as u8; 3])
    }
}

/// Colours every pixel for which `inside` says so; places are in pixels.
fn paint(image: &mut RgbImage, colour: Rgb<u8>, inside: impl Fn(f32, f32) -> bool) {
    for (x, y, pixel) in image.enumerate_pixels_mut() {
        if inside(x as f32 + 0.5, y as f32 + 0.5) {
            *pixel = colour;
        }
    }
}

fn fill(image: &mut RgbImage, colour: Rgb<u8>, [left, top, right, bottom]: [f32; 4]) {
    paint(image, colour, |x, y| x >= left && x < right && y >= top && y < bottom);
}

/// Distance from a place to the line between two others.
fn from_line([x, y]: [f32; 2], [x0, y0]: [f32; 2], [x1, y1]: [f32; 2]) -> f32 {
    let (dx, dy) = (x1 - x0, y1 - y0);
    let along = (((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy)).clamp(0.0, 1.0);
    (x - x0 - along * dx).hypot(y - y0 - along * dy)
}

/// A spectrogram as a plotting library saves it: axes, ticks, a colour bar, and some rising or falling chirps.
pub fn spectrogram(of: u64, width: u32, height: u32) -> RgbImage {
    let mut random = Random::new(1, of);
    let (w, h) = (width as f32, height as f32);
    let [left, top, right, bottom] = [w * 0.125, h * 0.12, w * 0.79, h * 0.88];
    let mut image = RgbImage::from_fn(width, height, |x, y| {
        let (x, y) = (x as f32, y as f32);
        if x >= left && x < right && y >= top && y < bottom {
            let noise = random.between(0.0, 60.0) as u8;
            Rgb([noise / 3, noise / 3, 110 + noise])
        } else {
            Rgb([255; 3])
        }
    });
    for tick in 0..6 {
        let (x, y) = (left + (right - left) * tick as f32 / 6.0, top + (bottom - top) * tick as f32 / 6.0);
        fill(&mut image, Rgb([0; 3]), [x, bottom + h * 0.01, x + w * 0.008, bottom + h * 0.03]);
        fill(&mut image, Rgb([0; 3]), [left - w * 0.03, y, left - w * 0.015, y + h * 0.02]);
    }
    for row in top as u32..bottom as u32 {
        let share = (bottom - row as f32) / (bottom - top);
        let colour = Rgb([255.0 * share, 250.0 * share, 100.0 + 60.0 * share].map(|v| v as u8));
        fill(&mut image, colour, [w * 0.84, row as f32, w * 0.87, row as f32 + 1.0]);
    }
    for _ in 0..2 + of % 4 {
        let length = w * random.between(0.05, 0.1);
        let slope = random.between(0.8, 1.6) * if of.is_multiple_of(2) { 1.0 } else { -1.0 };
        let start = [random.between(left, right - length), random.between(top + h * 0.15, bottom - h * 0.15)];
        let end = [start[0] + length, start[1] + slope * length];
        paint(&mut image, Rgb([255, 230, 150]), |x, y| from_line([x, y], start, end) < w / 160.0);
    }
    image
}

/// A scanned letter of one firm: its head, and paragraphs of words.
pub fn document(of: u64) -> RgbImage {
    let mut random = Random::new(2, of);
    let mut page = RgbImage::from_pixel(310, 438, Rgb([255; 3]));
    fill(&mut page, Rgb([80; 3]), [22.0, 20.0, 74.0, 40.0]);
    fill(&mut page, Rgb([150; 3]), [82.0, 25.0, 125.0, 28.0]);
    fill(&mut page, Rgb([150; 3]), [22.0, 410.0, 118.0, 413.0]);
    let mut y = 95.0;
    let last = random.between(220.0, 370.0);
    while y < last {
        let end = random.between(200.0, 285.0);
        let mut x = 22.0;
        while x < end {
            let word = random.between(5.0, 26.0);
            let ink = random.grey(60.0, 130.0);
            fill(&mut page, ink, [x, y, (x + word).min(end), y + 4.0]);
            x += word + 3.0;
        }
        y += if random.between(0.0, 1.0) < 0.2 { 17.0 } else { 7.0 };
    }
    page
}

/// A thing inside one shop's frame, at a share of its side.
pub fn shop_card(thing: &RgbImage, share: f32) -> RgbImage {
    let mut card = RgbImage::from_pixel(300, 300, Rgb([250; 3]));
    fill(&mut card, Rgb([20, 60, 120]), [0.0, 0.0, 300.0, 42.0]);
    fill(&mut card, Rgb([255; 3]), [12.0, 12.0, 92.0, 34.0]);
    fill(&mut card, Rgb([225, 120, 20]), [0.0, 266.0, 300.0, 300.0]);
    let side = (300.0 * share) as u32;
    let small = imageops::resize(thing, side, side, FilterType::Triangle);
    let at = i64::from((300 - side) / 2);
    imageops::replace(&mut card, &small, at, at);
    card
}

/// One of the letters b, d, p, q, of another size, weight and place each.
pub fn letter(of: u64) -> RgbImage {
    let mut random = Random::new(3, of);
    let mut image = RgbImage::from_pixel(96, 96, random.grey(225.0, 255.0));
    let ink = random.grey(0.0, 80.0);
    let radius = random.between(10.0, 17.0);
    let half = random.between(1.5, 4.0);
    let ascent = radius * random.between(2.4, 3.2);
    let [x, y] = [0; 2].map(|_| 48.0 + random.between(-7.0, 7.0));
    let stem = if of.is_multiple_of(2) { x - radius } else { x + radius };
    let end = if of % 4 < 2 { y - ascent } else { y + ascent };
    let foot = if of % 4 < 2 { y + radius } else { y - radius };
    paint(&mut image, ink, |px, py| {
        ((px - x).hypot(py - y) - radius).abs() < half || from_line([px, py], [stem, end], [stem, foot]) < half
    });
    image
}

/// An apple, green when the number is odd and else red.
pub fn apple(of: u64) -> RgbImage {
    let mut random = Random::new(4, of);
    let ground = [0; 3].map(|_| random.between(200.0, 230.0) as u8);
    let mut image = RgbImage::from_pixel(120, 120, Rgb(ground));
    let [x, y, radius] = [60.0, 64.0, 34.0].map(|value| value + random.between(-3.0, 3.0));
    let base = if of.is_multiple_of(2) { [190.0, 40.0, 40.0] } else { [70.0, 130.0, 50.0] };
    let base = base.map(|value| value + random.between(-12.0, 12.0));
    paint(&mut image, Rgb([90, 60, 30]), |px, py| {
        from_line([px, py], [x, y - radius], [x + 6.0, y - radius - 12.0]) < 2.0
    });
    for (px, py, pixel) in image.enumerate_pixels_mut() {
        let (dx, dy) = (px as f32 + 0.5 - x, py as f32 + 0.5 - y);
        if dx.hypot(dy) < radius {
            let shade = 1.25 - 0.45 * ((dx + 6.0).hypot(dy + 6.0) / radius).min(1.2);
            *pixel = Rgb(base.map(|value| (value * shade).min(255.0) as u8));
        }
    }
    image
}

/// A stand-in for an X-ray of a chest: the same ribcage, other lungs, heart and spots.
pub fn xray(of: u64) -> RgbImage {
    let mut random = Random::new(5, of);
    let mut vary = |middle: f32, by: f32| middle + random.between(-by, by);
    let lungs = [[vary(0.32, 0.015), vary(0.45, 0.02)], [vary(0.68, 0.015), vary(0.45, 0.02)]];
    let lung = [vary(0.13, 0.015), vary(0.30, 0.03)];
    let heart = [vary(0.55, 0.02), vary(0.62, 0.03), vary(0.10, 0.02), vary(0.13, 0.025), vary(55.0, 12.0)];
    let diaphragm = vary(0.78, 0.03);
    let ribs = vary(0.2, 0.015);
    let spots: Vec<[f32; 4]> =
        (0..3 + of % 6).map(|_| [vary(0.5, 0.3), vary(0.47, 0.27), vary(0.037, 0.022), vary(2.0, 16.0)]).collect();
    let bell = |x: f32, y: f32, [cx, cy]: [f32; 2], [sx, sy]: [f32; 2]| {
        (-((x - cx) / sx).powi(2) - ((y - cy) / sy).powi(2)).exp()
    };
    RgbImage::from_fn(256, 256, |px, py| {
        let (x, y) = (px as f32 / 256.0, py as f32 / 256.0);
        let body = 1.0 / (1.0 + ((0.46 - (x - 0.5).abs()) * -30.0).exp());
        let mut value = 20.0 + 150.0 * body;
        value -= 95.0 * lungs.iter().map(|at| bell(x, y, *at, lung)).sum::<f32>();
        value += 60.0 * bell(x, y, [0.5, 0.5], [0.05, 0.6]);
        value += heart[4] * bell(x, y, [heart[0], heart[1]], [heart[2], heart[3]]);
        value += 50.0 * body / (1.0 + ((y - diaphragm) * -25.0).exp());
        for rib in 0..8 {
            let at = ribs + rib as f32 * 0.08 + 0.48 * (x - 0.5).powi(2);
            value += 10.0 * body * (-((y - at) / 0.012).powi(2)).exp();
        }
        value += spots.iter().map(|[sx, sy, size, by]| by * bell(x, y, [*sx, *sy], [*size, *size])).sum::<f32>();
        value += random.between(-4.0, 4.0);
        Rgb([value.clamp(0.0, 255.0) as u8; 3])
    })
}

/// A small thing on a white ground: ring, square, triangle or cross, of another colour, size and place each.
pub fn small_thing(of: u64) -> RgbImage {
    let mut random = Random::new(6, of);
    let mut image = RgbImage::from_pixel(128, 128, Rgb([255; 3]));
    let colour = Rgb([0; 3].map(|_| random.between(0.0, 160.0) as u8));
    let [x, y] = [0; 2].map(|_| 64.0 + random.between(-12.0, 12.0));
    let size = random.between(8.0, 18.0);
    paint(&mut image, colour, |px, py| {
        let (dx, dy) = (px - x, py - y);
        match of % 4 {
            0 => (dx.hypot(dy) - size).abs() < 2.0,
            1 => dx.abs().max(dy.abs()) < size,
            2 => dy > -size && dy < size && dx.abs() * 2.0 < dy + size,
            _ => dx.abs().min(dy.abs()) < size / 4.0 && dx.abs().max(dy.abs()) < size,
        }
    });
    image
}

/// A frame of a fixed camera: noise, light that changes slowly, and in every third frame somebody who walks through.
pub fn frame(of: u64) -> RgbImage {
    let mut random = Random::new(7, of);
    let light = of.abs_diff(500) as f32 * 0.08;
    let walks = of.is_multiple_of(3).then_some((of % 60) as f32 * 2.7);
    RgbImage::from_fn(160, 120, |px, py| {
        let (x, y) = (px as f32, py as f32);
        let inside = |[left, top, right, bottom]: [f32; 4]| x >= left && x < right && y >= top && y < bottom;
        let somebody = walks.is_some_and(|at| inside([at - 4.0, 60.0, at + 4.0, 88.0]));
        let colour: [f32; 3] = match () {
            () if somebody => [30.0, 30.0, 60.0],
            () if inside([10.0, 30.0, 52.0, 70.0]) => [140.0, 80.0, 60.0],
            () if inside([100.0, 24.0, 146.0, 70.0]) => [110.0, 110.0, 130.0],
            () if inside([66.0, 15.0, 86.0, 58.0]) => [40.0, 90.0, 40.0],
            () if y < 70.0 => [90.0, 120.0, 150.0],
            () if (x - 80.0).abs() < y - 60.0 => [120.0, 115.0, 100.0],
            () => [70.0, 70.0, 70.0],
        };
        let noise = random.between(-6.0, 6.0);
        Rgb(colour.map(|value| (value + light + noise).clamp(0.0, 255.0) as u8))
    })
}
