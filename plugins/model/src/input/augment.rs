//! Augmentation on the device, whole batches at a time: what [`Decision::apply`] does to one image on the host.
//!
//! The same 32-bit operations in the same order, so that on the CPU the results are equal and on a GPU differ by rounding at most.
//! Cropping and mirroring are one look-up of each pixel; rotation looks up four.

use crate::device::upload::floats;
use burn::tensor::{Device, Int, Tensor};
use plugin_augment::{Decision, Factors, Rectangle};

/// Augments images `[images, height, width, 3]` of 8 bit, each as its decision says. Returns whole numbers from 0 to 255 of the same
/// shape. Rectangles must lie in the images.
pub(crate) fn augment(images: Tensor<4, Int>, decisions: &[Decision]) -> Tensor<4> {
    let batch = Shape { images: images.dims()[0], height: images.dims()[1], width: images.dims()[2] };
    let mut x = if decisions.iter().all(|decision| decision.angle == 0.0) {
        moved(images, decisions, batch)
    } else {
        rotated(images, decisions, batch)
    };
    if decisions.iter().any(|decision| decision.colour != Factors::NONE) {
        x = recoloured(x, decisions);
    }
    if decisions.iter().any(|decision| decision.erased.is_some()) {
        x = covered(x, decisions, batch);
    }
    x
}

/// Of a batch.
#[derive(Clone, Copy)]
struct Shape {
    images: usize,
    height: usize,
    width: usize,
}

impl Shape {
    /// Pixels of an image.
    fn pixels(self) -> usize {
        self.height * self.width
    }

    /// Of each row of the result, the row of the rotated image that it shows: `[images, height, 1, 1]`.
    fn rows(self, decisions: &[Decision], device: &Device) -> Tensor<4> {
        let of = |decision: &Decision, y: usize| {
            let shift = decision.shift;
            shift.fill.index(y as i64 + i64::from(shift.down), self.height) as f32
        };
        let rows = decisions.iter().flat_map(|decision| (0..self.height).map(move |y| of(decision, y)));
        floats(rows.collect(), [self.images, self.height, 1, 1], device)
    }

    /// The same of columns: `[images, 1, width, 1]`.
    fn columns(self, decisions: &[Decision], device: &Device) -> Tensor<4> {
        let of = |decision: &Decision, x: usize| {
            let x = if decision.mirrored { self.width - 1 - x } else { x };
            decision.shift.fill.index(x as i64 + i64::from(decision.shift.right), self.width) as f32
        };
        let columns = decisions.iter().flat_map(|decision| (0..self.width).map(move |x| of(decision, x)));
        floats(columns.collect(), [self.images, 1, self.width, 1], device)
    }

    /// The pixels at rows and columns, which broadcast to `[images, height, width, 1]`.
    fn look_up(self, images: &Tensor<4, Int>, rows: Tensor<4>, columns: Tensor<4>) -> Tensor<4> {
        let first = Tensor::<1, Int>::arange(0..self.images as i64, &images.device()).reshape([self.images, 1, 1, 1]);
        let places = first * self.pixels() as i64 + rows.int() * self.width as i64 + columns.int();
        let all = images.clone().reshape([self.images * self.pixels(), 3]);
        let found = all.select(0, places.reshape([self.images * self.pixels()]));
        found.float().reshape([self.images, self.height, self.width, 3])
    }
}

fn moved(images: Tensor<4, Int>, decisions: &[Decision], batch: Shape) -> Tensor<4> {
    let is_moved = |decision: &Decision| decision.mirrored || (decision.shift.right, decision.shift.down) != (0, 0);
    if !decisions.iter().any(is_moved) {
        return images.float();
    }
    let device = images.device();
    batch.look_up(&images, batch.rows(decisions, &device), batch.columns(decisions, &device))
}

/// Rotates, and moves what came of it.
fn rotated(images: Tensor<4, Int>, decisions: &[Decision], batch: Shape) -> Tensor<4> {
    let device = images.device();
    let of_each = |value: fn(f32) -> f32| {
        floats(decisions.iter().map(|decision| value(decision.angle)).collect(), [batch.images, 1, 1, 1], &device)
    };
    let (sin, cos) = (of_each(f32::sin), of_each(f32::cos));
    let middle = |side: usize| (side - 1) as f32 / 2.0;
    let dx = batch.columns(decisions, &device) - middle(batch.width);
    let dy = batch.rows(decisions, &device) - middle(batch.height);
    let from_x = cos.clone() * dx.clone() + middle(batch.width) + sin.clone() * dy.clone();
    let from_y = (sin * dx).neg() + middle(batch.height) + cos * dy;
    let (left, top) = (from_x.clone().floor(), from_y.clone().floor());
    let (right_share, low_share) = (from_x - left.clone(), from_y - top.clone());
    let columns = [reflected(left.clone(), batch.width), reflected(left + 1.0, batch.width)];
    let rows = [reflected(top.clone(), batch.height), reflected(top + 1.0, batch.height)];
    let corner = |row: usize, column: usize| batch.look_up(&images, rows[row].clone(), columns[column].clone());
    let mix = |from: Tensor<4>, to: Tensor<4>, share: &Tensor<4>| from.clone() + (to - from) * share.clone();
    let upper = mix(corner(0, 0), corner(0, 1), &right_share);
    let lower = mix(corner(1, 0), corner(1, 1), &right_share);
    (mix(upper, lower, &low_share) + 0.5).floor()
}

/// `Fill::Reflect` of whole numbers.
fn reflected(at: Tensor<4>, side: usize) -> Tensor<4> {
    if side == 1 {
        return at.zeros_like();
    }
    let period = 2.0 * (side - 1) as f32;
    let place = at.clone() - (at / period).floor() * period;
    place.clone().min_pair(place.neg() + period)
}

fn recoloured(x: Tensor<4>, decisions: &[Decision]) -> Tensor<4> {
    let device = x.device();
    let of_each = |which: usize| {
        let values = decisions.iter().map(|decision| decision.colour.coefficients()[which]);
        floats(values.collect(), [decisions.len(), 1, 1, 1], &device)
    };
    let constant = of_each(2) * grey(&mean(&x)) + 0.5;
    let base = of_each(1) * grey(&x) + constant;
    (of_each(0) * x + base).clamp(0.0, 255.0).floor()
}

/// Mean of each channel: `[images, 1, 1, 3]`.
fn mean(x: &Tensor<4>) -> Tensor<4> {
    let [_, height, width, _] = x.dims();
    x.clone().sum_dim(1).sum_dim(2) / (height * width) as f32
}

/// Luma of ITU-R BT.601.
fn grey(x: &Tensor<4>) -> Tensor<4> {
    let channel = |index: usize| x.clone().narrow(3, index, 1);
    channel(0) * 0.299 + channel(1) * 0.587 + channel(2) * 0.114
}

fn covered(x: Tensor<4>, decisions: &[Decision], batch: Shape) -> Tensor<4> {
    let device = x.device();
    let inside = |side: usize, span: fn(Rectangle) -> [u32; 2]| -> Vec<f32> {
        let of = |decision: &Decision, at: usize| {
            let is_inside = |[first, length]: [u32; 2]| (first..first + length).contains(&(at as u32));
            if decision.erased.is_some_and(|rectangle| is_inside(span(rectangle))) { 1.0 } else { 0.0 }
        };
        decisions.iter().flat_map(|decision| (0..side).map(move |at| of(decision, at))).collect()
    };
    let rows = floats(inside(batch.height, |r| [r.top, r.height]), [batch.images, batch.height, 1, 1], &device);
    let columns = floats(inside(batch.width, |r| [r.left, r.width]), [batch.images, 1, batch.width, 1], &device);
    let mask = rows * columns;
    let colour = mean(&x).floor();
    x * (mask.clone().neg() + 1.0) + colour * mask
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::DeviceChoice;
    use burn::tensor::{DType, TensorData};
    use clap::Parser;
    use plugin_augment::{AugmentOptions, Image, Key, Pipeline, Withheld};

    #[derive(Debug, Parser)]
    struct Config {
        #[command(flatten)]
        augment: AugmentOptions,
    }

    const HEIGHT: usize = 33;
    const WIDTH: usize = 20;
    const IMAGES: usize = 24;

    fn devices() -> Vec<Device> {
        let all = crate::device::available();
        let on_the_cpu = all.iter().filter(|name| *name != "auto" && !name.contains("cuda"));
        on_the_cpu.map(|name| name.parse::<DeviceChoice>().unwrap().open().unwrap().device).collect()
    }

    /// Noise with a gradient under it, each image of another mean.
    fn pixels(image: usize) -> Vec<u8> {
        let value = |at: usize| (at * 2_654_435_761 + image * 97).rotate_right(13) % 120 + image * 5 + at / 60;
        (0..HEIGHT * WIDTH * 3).map(|at| value(at) as u8).collect()
    }

    /// What the options draw for each image, in `[on the host, on a device]`.
    fn both(line: &str, device: &Device) -> [Vec<f32>; 2] {
        let off = ["--flip-probability", "--crop-padding-percent", "--brightness", "--contrast", "--saturation"];
        let off = off.iter().filter(|flag| !line.contains(**flag)).flat_map(|flag| [*flag, "0"]);
        let options = Config::parse_from(std::iter::once("x").chain(off).chain(line.split_whitespace())).augment;
        let pipeline = Pipeline::new(&options, &Withheld::none());
        let digests: Vec<String> = (0..IMAGES).map(|image| format!("{image:064x}")).collect();
        let decide = |digest| pipeline.decide(Key { seed: 3, epoch: 1, digest }, WIDTH as u32, HEIGHT as u32);
        let decisions: Vec<Decision> = digests.iter().map(|digest| decide(digest)).collect();
        let mut host = Vec::new();
        for (image, decision) in decisions.iter().enumerate() {
            let mut pixels = pixels(image);
            decision.apply(&mut Image::new(WIDTH as u32, HEIGHT as u32, &mut pixels).unwrap());
            host.extend(pixels.into_iter().map(f32::from));
        }
        let data = TensorData::new((0..IMAGES).flat_map(pixels).collect(), [IMAGES, HEIGHT, WIDTH, 3]);
        let images = Tensor::<4, Int>::from_data(data, (device, DType::U8));
        [host, augment(images, &decisions).into_data().try_to_vec::<f32>().unwrap()]
    }

    #[test]
    fn every_operation_is_that_of_the_host() {
        let lines = [
            "",
            "--rotation-degrees 30",
            "--crop-padding-percent 25",
            "--crop-padding-percent 50 --crop-padding-fill edge",
            "--flip-probability 0.5",
            "--brightness 0.6",
            "--contrast 0.9",
            "--saturation 1",
            "--brightness 1 --contrast 1 --saturation 1",
            "--erase-probability 0.7",
            "--rotation-degrees 45 --crop-padding-percent 30 --flip-probability 0.5 --brightness 0.3 --contrast 0.3 --saturation 0.3 \
             --erase-probability 0.5",
        ];
        let untouched: Vec<f32> = (0..IMAGES).flat_map(pixels).map(f32::from).collect();
        for device in devices() {
            for line in lines {
                let [host, there] = both(line, &device);
                let changed = host.iter().zip(&untouched).filter(|(a, b)| a != b).count();
                assert_eq!(changed > host.len() / 100, !line.is_empty(), "{line}: {changed} values are changed");
                let apart = host.iter().zip(&there).filter(|(a, b)| a != b).count();
                let most = host.iter().zip(&there).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                assert_eq!((host.len(), apart, most), (there.len(), 0, 0.0), "{device:?} {line}");
            }
        }
    }

    #[test]
    fn one_pixel_is_enough() {
        let decision = Decision { angle: 0.7, mirrored: true, ..Decision::NONE };
        for device in devices() {
            let image =
                Tensor::<4, Int>::from_data(TensorData::new(vec![1_u8, 2, 3], [1, 1, 1, 3]), (&device, DType::U8));
            assert_eq!(augment(image, &[decision]).into_data().try_to_vec::<f32>().unwrap(), [1.0, 2.0, 3.0]);
        }
    }
}
