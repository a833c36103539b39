//! Tasks of each kind, drawn.

use super::*;
use clap::Parser as _;
use plugin_augment::Policy;
use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64Mcg;

const SIDE: usize = 64;

#[derive(clap::Parser)]
struct Line {
    #[command(flatten)]
    augment: AugmentOptions,
}

/// The options as `augment` has them by default, changed by a line.
fn options(line: &str) -> AugmentOptions {
    Line::parse_from(std::iter::once("x").chain(line.split_whitespace())).augment
}

/// An image that is drawn on, with places from -1 to 1.
struct Canvas(Vec<[f32; 3]>);

impl Canvas {
    fn plain(colour: [f32; 3]) -> Self {
        Self(vec![colour; SIDE * SIDE])
    }

    /// Colours what is inside.
    fn fill(&mut self, colour: [f32; 3], inside: impl Fn(f32, f32) -> bool) {
        for (at, pixel) in self.0.iter_mut().enumerate() {
            let place = |v: usize| (v as f32 + 0.5) / (SIDE as f32 / 2.0) - 1.0;
            if inside(place(at % SIDE), place(at / SIDE)) {
                *pixel = colour;
            }
        }
    }

    /// Turned by quarters, with noise.
    fn bytes(&self, quarters: usize, noise: f32, rng: &mut Pcg64Mcg) -> Vec<u8> {
        let mut bytes = Vec::new();
        for at in 0..SIDE * SIDE {
            let (mut x, mut y) = (at % SIDE, at / SIDE);
            for _ in 0..quarters {
                (x, y) = (y, SIDE - 1 - x);
            }
            let pixel = self.0[y * SIDE + x];
            bytes.extend(pixel.map(|v| (v + rng.random_range(-noise..=noise)).clamp(0.0, 255.0) as u8));
        }
        bytes
    }
}

fn colour(rng: &mut Pcg64Mcg, low: f32, high: f32) -> [f32; 3] {
    [0; 3].map(|_: i32| rng.random_range(low..high))
}

/// An arrow to the right, somewhere, of some size and colour, turned.
fn arrow(quarters: usize, rng: &mut Pcg64Mcg) -> Vec<u8> {
    let mut canvas = Canvas::plain(colour(rng, 150.0, 255.0));
    let (left, up) = (rng.random_range(-0.2..0.2_f32), rng.random_range(-0.2..0.2_f32));
    let (size, thick) = (rng.random_range(0.5..0.75_f32), rng.random_range(0.08..0.16_f32));
    canvas.fill(colour(rng, 0.0, 110.0), |x, y| {
        let (x, y) = ((x - left) / size, (y - up) / size);
        let shaft = (-1.0..0.3).contains(&x) && y.abs() < thick;
        shaft || ((0.2..1.0).contains(&x) && y.abs() < (1.0 - x) * 0.7)
    });
    canvas.bytes(quarters, 25.0, rng)
}

/// Sky above, ground below, a sun and hills; turned.
fn scene(quarters: usize, rng: &mut Pcg64Mcg) -> Vec<u8> {
    let sky = [rng.random_range(90.0..180.0), rng.random_range(150.0..220.0), rng.random_range(200.0..255.0)];
    let ground = [rng.random_range(40.0..130.0), rng.random_range(90.0..160.0), rng.random_range(20.0..90.0)];
    let (horizon, wave) = (rng.random_range(-0.2..0.4_f32), rng.random_range(2.0..6.0_f32));
    let (sun_x, sun_y) = (rng.random_range(-0.8..0.8_f32), rng.random_range(-0.9..-0.4_f32));
    let mut canvas = Canvas::plain(sky);
    canvas.fill([250.0, 230.0, 120.0], |x, y| (x - sun_x).hypot(y - sun_y) < 0.15);
    canvas.fill(ground, |x, y| y > horizon + 0.1 * (wave * x).sin());
    canvas.bytes(quarters, 15.0, rng)
}

/// A fruit of a colour, somewhere.
fn fruit(skin: [f32; 3], rng: &mut Pcg64Mcg) -> Vec<u8> {
    let mut canvas = Canvas::plain([rng.random_range(190.0..250.0); 3]);
    let (left, up) = (rng.random_range(-0.25..0.25_f32), rng.random_range(-0.25..0.25_f32));
    let (size, light) = (rng.random_range(0.4..0.65_f32), rng.random_range(0.9..1.1_f32));
    canvas.fill(skin.map(|v| v * light), |x, y| (x - left).hypot(y - up) < size);
    canvas.fill([80.0, 50.0, 20.0], |x, y| (x - left).abs() < 0.04 && y < up - size * 0.9 && y > up - size * 1.3);
    canvas.bytes(0, 20.0, rng)
}

/// `b` with its stem to the left and bowl below; mirrored `d`, turned over `p`, both `q`.
fn letter(mirrored: bool, over: bool, rng: &mut Pcg64Mcg) -> Vec<u8> {
    let mut canvas = Canvas::plain(colour(rng, 190.0, 255.0));
    let (left, up) = (rng.random_range(-0.2..0.2_f32), rng.random_range(-0.15..0.15_f32));
    let (size, thick) = (rng.random_range(0.6..0.85_f32), rng.random_range(0.12..0.22_f32));
    let sign = |negative: bool| if negative { -1.0 } else { 1.0 };
    canvas.fill(colour(rng, 0.0, 90.0), |x, y| {
        let (x, y) = (sign(mirrored) * (x - left) / size, sign(over) * (y - up) / size);
        let stem = (-0.5 - thick..-0.5 + thick).contains(&x) && y.abs() < 1.0;
        let bowl = ((x.hypot(y - 0.45)) - 0.5).abs() < thick;
        stem || bowl
    });
    canvas.bytes(0, 20.0, rng)
}

/// Beans of a shade: light and dark roast.
fn roast(shade: f32, rng: &mut Pcg64Mcg) -> Vec<u8> {
    let shade = shade + rng.random_range(-2.0..2.0_f32);
    let mut canvas = Canvas::plain([shade, shade * 0.7, shade * 0.45]);
    for _ in 0..12 {
        let (left, up) = (rng.random_range(-1.0..1.0_f32), rng.random_range(-1.0..1.0_f32));
        canvas.fill([shade * 0.9, shade * 0.62, shade * 0.4], |x, y| (x - left).hypot(y - up) < 0.1);
    }
    canvas.bytes(0, 8.0, rng)
}

/// A task: names of classes, and how an image of each is drawn.
type Task<'a> = &'a [(&'a str, &'a dyn Fn(&mut Pcg64Mcg) -> Vec<u8>)];

fn sample(task: Task<'_>, images: usize, seed: u64) -> Sample {
    let mut rng = Pcg64Mcg::seed_from_u64(seed);
    let mut sample = Sample::new(task.iter().map(|(name, _)| (*name).to_owned()).collect());
    for (class, (name, draw)) in task.iter().enumerate() {
        for number in 0..images {
            let digest = format!("{name}{number}");
            sample.add(&draw(&mut rng), SIDE as u32, &[class as u32], &digest, &digest).unwrap();
        }
    }
    sample
}

const ARROWS: Task<'_> = &[
    ("right", &|rng| arrow(0, rng)),
    ("down", &|rng| arrow(1, rng)),
    ("left", &|rng| arrow(2, rng)),
    ("up", &|rng| arrow(3, rng)),
];
const UPRIGHT: Task<'_> = &[
    ("0", &|rng| scene(0, rng)),
    ("90", &|rng| scene(1, rng)),
    ("180", &|rng| scene(2, rng)),
    ("270", &|rng| scene(3, rng)),
];
const APPLES: Task<'_> =
    &[("green", &|rng| fruit([90.0, 150.0, 40.0], rng)), ("red", &|rng| fruit([180.0, 40.0, 40.0], rng))];
const LETTERS: Task<'_> = &[
    ("b", &|rng| letter(false, false, rng)),
    ("d", &|rng| letter(true, false, rng)),
    ("p", &|rng| letter(false, true, rng)),
    ("q", &|rng| letter(true, true, rng)),
];
const ROASTS: Task<'_> =
    &[("dark", &|rng| roast(70.0, rng)), ("light", &|rng| roast(86.0, rng)), ("medium", &|rng| roast(78.0, rng))];

fn withheld(task: Task<'_>, images: usize, seed: u64, line: &str) -> String {
    let decision = sample(task, images, seed).decide(&options(line));
    eprintln!("{images} images, seed {seed}, {line}: {:.2}, {:?}", decision.accuracy, decision.reason());
    decision.withheld().to_string()
}

#[test]
fn mirror_twins_are_not_mirrored() {
    for seed in 0..3 {
        for task in [ARROWS, UPRIGHT, LETTERS] {
            assert_eq!(withheld(task, 40, seed, ""), "flip");
            assert_eq!(withheld(task, 12, seed, ""), "flip");
        }
    }
}

#[test]
fn colours_that_jitter_does_not_reach_stay_jittered() {
    for seed in 0..3 {
        assert_eq!(withheld(APPLES, 40, seed, ""), "");
    }
}

#[test]
fn shades_that_jitter_makes_equal_are_not_jittered() {
    for seed in 0..3 {
        assert_eq!(withheld(ROASTS, 40, seed, ""), "colour");
    }
}

#[test]
fn what_is_not_left_to_decide_is_not_examined() {
    for line in ["--flip on", "--flip off", "--flip-probability 0"] {
        assert!(!withheld(ARROWS, 20, 1, line).contains("flip"), "{line}");
    }
    let off = AugmentOptions { flip: Policy::Off, jitter: Policy::On, ..options("") };
    assert_eq!(sample(ARROWS, 20, 1).decide(&off), Decision::default());
}
