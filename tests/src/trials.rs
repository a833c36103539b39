//! Small tasks as people bring them, drawn by rules and a seed, so that the end-to-end trials need no photos.
//!
//! Each is one that looks like a mistake to a naive rule: images of one place in two states, the same shape in two colours, a shape and
//! its mirror image, one misfiled frame. JPEG files of 96 × 96 px, quality 90, with sensor noise.

use image::codecs::jpeg::JpegEncoder;
use image::{Rgb, RgbImage, imageops};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use std::io;
use std::path::Path;

/// Side of the drawn images, pixels.
pub const SIDE_PX: u32 = 96;

/// A colour as red, green, blue, 0 to 255.
type Colour = [f32; 3];

const WHITE: Colour = [245.0, 245.0, 242.0];
const STEEL: Colour = [150.0, 155.0, 160.0];

/// One task: its name and its images as `(class, number)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trial {
    /// One place, a gate that is open or closed; a fixed camera, light that changes a little.
    Gate,
    /// A machined part, good or with a scratch.
    Parts,
    /// One apple shape, red or green.
    Apples,
    /// Arrows that point up, down, left and right.
    Arrows,
    /// Sky above ground, turned by so many degrees.
    Upright,
    /// Three objects before one webcam.
    Webcam,
    /// A class that is one burst of near-copies beside a class of unlike images.
    Burst,
    /// Sixty frames of one scene, one of which lies in the other class.
    Misfiled,
    /// Three classes of eight unlike images.
    Small,
}

/// Every trial.
pub const ALL: [Trial; 9] = [
    Trial::Gate,
    Trial::Parts,
    Trial::Apples,
    Trial::Arrows,
    Trial::Upright,
    Trial::Webcam,
    Trial::Burst,
    Trial::Misfiled,
    Trial::Small,
];

impl Trial {
    /// Class names with the number of images in each.
    pub fn classes(self) -> &'static [(&'static str, u32)] {
        match self {
            Self::Gate => &[("open", 30), ("closed", 30)],
            Self::Parts => &[("good", 30), ("scratched", 30)],
            Self::Apples => &[("red", 40), ("green", 40)],
            Self::Arrows => &[("up", 40), ("down", 40), ("left", 40), ("right", 40)],
            Self::Upright => &[("0", 30), ("90", 30), ("180", 30), ("270", 30)],
            Self::Webcam => &[("cup", 30), ("book", 30), ("plant", 30)],
            Self::Burst => &[("burst", 40), ("others", 40)],
            Self::Misfiled => &[("street", 60), ("sketches", 40)],
            Self::Small => &[("dots", 8), ("stripes", 8), ("rings", 8)],
        }
    }

    /// Writes the images as `<class>/<number>.jpg` below `folder`.
    ///
    /// # Errors
    /// Any error of the file system.
    pub fn write(self, folder: &Path) -> io::Result<()> {
        for (class, count) in self.classes() {
            std::fs::create_dir_all(folder.join(class))?;
            for number in 0..*count {
                write_jpeg(&folder.join(class).join(format!("{number:03}.jpg")), &self.image(class, number))?;
            }
        }
        Ok(())
    }

    /// One image.
    pub fn image(self, class: &str, number: u32) -> RgbImage {
        let mut canvas = Canvas::new(&format!("{self:?} {class} {number}"));
        match self {
            Self::Gate => gate(&mut canvas, class == "open"),
            Self::Parts => part(&mut canvas, class == "scratched"),
            Self::Apples => apple(&mut canvas, if class == "red" { [200.0, 40.0, 45.0] } else { [110.0, 170.0, 60.0] }),
            Self::Arrows => arrow(&mut canvas, class),
            Self::Upright => landscape(&mut canvas, class),
            Self::Webcam => webcam(&mut canvas, class),
            Self::Burst if class == "burst" => street(&mut canvas, number as f32 * 0.15),
            // The fifth of the sketches is a frame of the street.
            Self::Misfiled if class == "street" || number == 5 => street(&mut canvas, number as f32 * 0.15),
            Self::Burst | Self::Misfiled => sketch(&mut canvas),
            Self::Small => pattern(&mut canvas, class),
        }
        canvas.noise(3.0);
        canvas.image
    }
}

/// Saves at quality 90.
fn write_jpeg(path: &Path, image: &RgbImage) -> io::Result<()> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 90).encode_image(image).map_err(io::Error::other)?;
    std::fs::write(path, bytes)
}

/// An image and the random numbers it is drawn with.
struct Canvas {
    image: RgbImage,
    random: Pcg64Mcg,
}

impl Canvas {
    fn new(seed: &str) -> Self {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&blake3::hash(seed.as_bytes()).as_bytes()[..16]);
        Self { image: RgbImage::new(SIDE_PX, SIDE_PX), random: Pcg64Mcg::from_seed(bytes) }
    }

    /// A number between two.
    fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.random.random::<f32>()
    }

    /// Any colour.
    fn colour(&mut self) -> Colour {
        [0; 3].map(|_: i32| self.between(20.0, 235.0))
    }

    /// Paints where `inside` says so of a point, in pixels.
    fn paint(&mut self, colour: Colour, inside: impl Fn(f32, f32) -> bool) {
        for (x, y, pixel) in self.image.enumerate_pixels_mut() {
            if inside(x as f32 + 0.5, y as f32 + 0.5) {
                *pixel = Rgb(colour.map(|value| value.clamp(0.0, 255.0) as u8));
            }
        }
    }

    /// Adds noise of so many levels, each way.
    fn noise(&mut self, levels: f32) {
        for pixel in self.image.pixels_mut() {
            for value in &mut pixel.0 {
                let changed = f32::from(*value) + levels * (self.random.random::<f32>() * 2.0 - 1.0);
                *value = changed.clamp(0.0, 255.0) as u8;
            }
        }
    }
}

/// Inside a rectangle given by its corners.
fn rectangle(left: f32, top: f32, right: f32, bottom: f32) -> impl Fn(f32, f32) -> bool {
    move |x, y| x >= left && x < right && y >= top && y < bottom
}

/// Inside a disc.
fn disc(centre_x: f32, centre_y: f32, radius: f32) -> impl Fn(f32, f32) -> bool {
    move |x, y| (x - centre_x).hypot(y - centre_y) < radius
}

/// Sky, ground and a fence; in its middle a gate.
fn gate(canvas: &mut Canvas, open: bool) {
    let light = canvas.between(-12.0, 12.0);
    canvas.paint([120.0 + light, 160.0 + light, 205.0 + light], |_, _| true);
    canvas.paint([95.0 + light, 115.0 + light, 70.0 + light], |_, y| y > 60.0);
    canvas.paint([110.0, 80.0, 50.0], |x, y| {
        (38.0..72.0).contains(&y) && !(30.0..66.0).contains(&x) && (x as u32 % 8) < 5
    });
    if open {
        canvas.paint([70.0, 50.0, 30.0], |x, y| (34.0..74.0).contains(&y) && (28.0..33.0).contains(&x));
    } else {
        canvas.paint([70.0, 50.0, 30.0], |x, y| {
            (34.0..74.0).contains(&y) && (30.0..66.0).contains(&x) && (y as u32 % 8) < 5
        });
    }
}

/// A flange with four bores under a lamp; a scratch is a thin bright line somewhere on it.
fn part(canvas: &mut Canvas, scratched: bool) {
    let light = canvas.between(-6.0, 6.0);
    let (dx, dy) = (canvas.between(-2.0, 2.0), canvas.between(-2.0, 2.0));
    let (centre_x, centre_y) = (48.0 + dx, 48.0 + dy);
    canvas.paint([60.0 + light; 3], |_, _| true);
    canvas.paint(STEEL.map(|value| value + light), disc(centre_x, centre_y, 38.0));
    canvas.paint([40.0; 3], disc(centre_x, centre_y, 12.0));
    for (bore_x, bore_y) in [(-25.0, 0.0), (25.0, 0.0), (0.0, -25.0), (0.0, 25.0)] {
        canvas.paint([45.0; 3], disc(centre_x + bore_x, centre_y + bore_y, 4.0));
    }
    if scratched {
        let angle = canvas.between(0.0, std::f32::consts::TAU);
        let (sin, cos) = angle.sin_cos();
        let (from_x, from_y) = (centre_x + 20.0 * cos, centre_y + 20.0 * sin);
        let (along_x, along_y) = (-sin, cos);
        canvas.paint([235.0; 3], move |x, y| {
            let (x, y) = (x - from_x, y - from_y);
            (x * along_x + y * along_y).abs() < 14.0 && (x * along_y - y * along_x).abs() < 1.6
        });
    }
}

/// An apple on a white table.
fn apple(canvas: &mut Canvas, colour: Colour) {
    let (x, y) = (48.0 + canvas.between(-6.0, 6.0), 52.0 + canvas.between(-6.0, 6.0));
    let radius = canvas.between(26.0, 32.0);
    let shade = canvas.between(-12.0, 12.0);
    canvas.paint(WHITE, |_, _| true);
    canvas.paint([205.0; 3], move |px, py| ((px - x) / radius).hypot((py - y - radius) / 6.0) < 1.0);
    canvas.paint(colour.map(|value| value + shade), disc(x, y, radius));
    canvas.paint(colour.map(|value| value + shade + 25.0), disc(x - radius / 3.0, y - radius / 3.0, radius / 4.0));
    canvas.paint([80.0, 55.0, 30.0], rectangle(x - 1.5, y - radius - 9.0, x + 1.5, y - radius + 3.0));
}

/// A dark arrow on a light, plain ground, anywhere near the middle.
fn arrow(canvas: &mut Canvas, direction: &str) {
    let (ground, ink) = (canvas.between(190.0, 245.0), canvas.between(10.0, 90.0));
    let (centre_x, centre_y) = (48.0 + canvas.between(-10.0, 10.0), 48.0 + canvas.between(-10.0, 10.0));
    let size = canvas.between(0.8, 1.2);
    let direction = direction.to_owned();
    canvas.paint([ground; 3], |_, _| true);
    canvas.paint([ink; 3], move |x, y| {
        let (x, y) = ((x - centre_x) / size, (y - centre_y) / size);
        // `along` grows towards the point.
        let (along, across) = match direction.as_str() {
            "up" => (-y, x),
            "down" => (y, x),
            "left" => (-x, y),
            _ => (x, y),
        };
        let shaft = (-24.0..4.0).contains(&along) && across.abs() < 5.0;
        let head = (4.0..24.0).contains(&along) && across.abs() < (24.0 - along) * 0.8;
        shaft || head
    });
}

/// Sky with a sun above ground with bushes, turned clockwise by so many degrees.
fn landscape(canvas: &mut Canvas, degrees: &str) {
    let (light, horizon) = (canvas.between(-20.0, 20.0), canvas.between(38.0, 60.0));
    for row in 0..SIDE_PX {
        let y = row as f32;
        let far = y / SIDE_PX as f32;
        let sky = [130.0 + 60.0 * far, 165.0 + 50.0 * far, 225.0];
        let ground = [120.0 - 50.0 * far, 140.0 - 50.0 * far, 70.0 - 30.0 * far];
        let colour = if y < horizon { sky } else { ground };
        canvas.paint(colour.map(|value| value + light), move |_, at| at as u32 == row);
    }
    let (sun_x, sun_y) = (canvas.between(10.0, 86.0), canvas.between(8.0, 26.0));
    canvas.paint([250.0, 235.0, 150.0], disc(sun_x, sun_y, 5.0));
    for _ in 0..4 {
        let (x, y, radius) = (canvas.between(4.0, 92.0), canvas.between(horizon, 90.0), canvas.between(3.0, 9.0));
        canvas.paint([55.0, 95.0 + light, 50.0], disc(x, y, radius));
    }
    canvas.image = match degrees {
        "90" => imageops::rotate90(&canvas.image),
        "180" => imageops::rotate180(&canvas.image),
        "270" => imageops::rotate270(&canvas.image),
        _ => canvas.image.clone(),
    };
}

/// A desk before a wall, and one thing on it.
fn webcam(canvas: &mut Canvas, class: &str) {
    let light = canvas.between(-6.0, 6.0);
    let at = 48.0 + canvas.between(-8.0, 8.0);
    canvas.paint([205.0 + light, 200.0 + light, 190.0 + light], |_, _| true);
    canvas.paint([130.0 + light, 95.0 + light, 65.0 + light], |_, y| y > 66.0);
    canvas.paint([90.0, 120.0, 160.0], rectangle(6.0, 8.0, 26.0, 40.0));
    match class {
        "cup" => {
            canvas.paint([60.0, 90.0, 170.0], rectangle(at - 8.0, 52.0, at + 8.0, 72.0));
            canvas.paint([60.0, 90.0, 170.0], move |x, y| ((x - at - 9.0).hypot(y - 62.0) - 5.0).abs() < 1.6);
        }
        "book" => canvas.paint([170.0, 50.0, 50.0], rectangle(at - 16.0, 60.0, at + 16.0, 72.0)),
        _ => {
            canvas.paint([150.0, 80.0, 50.0], rectangle(at - 7.0, 60.0, at + 7.0, 72.0));
            canvas.paint([50.0, 130.0, 60.0], disc(at, 50.0, 12.0));
        }
    }
}

/// Frames of one street; a car has come `travelled` pixels far.
fn street(canvas: &mut Canvas, travelled: f32) {
    canvas.paint([150.0, 180.0, 215.0], |_, _| true);
    canvas.paint([85.0, 85.0, 90.0], |_, y| y > 64.0);
    for (left, top, shade) in [(4.0, 20.0, 120.0), (30.0, 32.0, 160.0), (60.0, 14.0, 140.0)] {
        canvas.paint([shade, shade - 20.0, shade - 40.0], rectangle(left, top, left + 24.0, 64.0));
    }
    canvas.paint([190.0, 30.0, 30.0], rectangle(20.0 + travelled, 68.0, 44.0 + travelled, 80.0));
}

/// Shapes anywhere, in any colour: no two are alike.
fn sketch(canvas: &mut Canvas) {
    let ground = canvas.colour();
    canvas.paint(ground, |_, _| true);
    for _ in 0..6 {
        let colour = canvas.colour();
        let (x, y) = (canvas.between(0.0, 96.0), canvas.between(0.0, 96.0));
        let (width, height) = (canvas.between(8.0, 40.0), canvas.between(8.0, 40.0));
        if canvas.between(0.0, 1.0) < 0.5 {
            canvas.paint(colour, disc(x, y, width / 2.0));
        } else {
            canvas.paint(colour, rectangle(x, y, x + width, y + height));
        }
    }
}

/// Dots, stripes or rings, in any two colours, coarse or fine, at any place.
fn pattern(canvas: &mut Canvas, class: &str) {
    let (ground, ink) = (canvas.colour(), canvas.colour());
    let period = canvas.between(12.0, 26.0);
    let (shift_x, shift_y) = (canvas.between(0.0, 26.0), canvas.between(0.0, 26.0));
    let class = class.to_owned();
    canvas.paint(ground, |_, _| true);
    canvas.paint(ink, move |x, y| {
        let (x, y) = (x + shift_x, y + shift_y);
        match class.as_str() {
            "dots" => (x % period - period / 2.0).hypot(y % period - period / 2.0) < period / 3.5,
            "stripes" => (x + y / 2.0) % period < period / 2.0,
            _ => (x - 60.0).hypot(y - 60.0) % period < period / 2.0,
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trials_are_reproducible_and_no_two_images_equal() {
        for trial in ALL {
            let mut seen = std::collections::BTreeSet::new();
            for (class, count) in trial.classes() {
                for number in 0..*count {
                    let image = trial.image(class, number);
                    assert_eq!(image, trial.image(class, number));
                    assert!(seen.insert(image.into_raw()), "{trial:?} {class} {number}");
                }
            }
        }
    }
}
