//! Every kernel with every instruction set against sums in 64 bits.

use super::*;

/// Numbers between -1 and 1 that look like chance.
pub(crate) fn numbers(count: usize, seed: usize) -> Vec<f32> {
    (0..count).map(|i| ((i * 7919 + seed * 104_729) % 2003) as f32 / 1001.5 - 1.0).collect()
}

struct Case {
    input: Map,
    outputs: usize,
    window: Window,
    groups: usize,
    clamp: Clamp,
    sum: bool,
}

impl Case {
    fn new([height, width, channels]: [usize; 3], outputs: usize, window: Window, groups: usize) -> Self {
        Self { input: Map { height, width, channels }, outputs, window, groups, clamp: Clamp::NONE, sum: false }
    }

    /// By the definition.
    fn expected(&self, x: &[f32], weight: &[f32], bias: &[f32], other: &[f32]) -> Vec<f64> {
        let Window { kernel: [high, wide], stride, dilation, padding: [(top, _), (left, _)] } = self.window;
        let [height, width] = self.window.over(self.input).unwrap();
        let (from, to) = (self.input.channels / self.groups, self.outputs / self.groups);
        let mut y = Vec::new();
        for (row, column, output) in (0..height)
            .flat_map(|row| (0..width).flat_map(move |column| (0..self.outputs).map(move |o| (row, column, o))))
        {
            let mut sum = f64::from(bias[output]);
            for (down, right) in (0..high).flat_map(|down| (0..wide).map(move |right| (down, right))) {
                let at =
                    |place: usize, point: usize, before: usize| (place * stride + point * dilation).checked_sub(before);
                let (Some(row), Some(column)) = (at(row, down, top), at(column, right, left)) else { continue };
                if row >= self.input.height || column >= self.input.width {
                    continue;
                }
                for channel in 0..from {
                    let pixel = (row * self.input.width + column) * self.input.channels;
                    let x = x[pixel + output / to * from + channel];
                    sum += f64::from(x) * f64::from(weight[((output * from + channel) * high + down) * wide + right]);
                }
            }
            if self.sum {
                sum += f64::from(other[y.len()]);
            }
            y.push(sum.max(self.clamp.low.into()).min(self.clamp.high.into()));
        }
        y
    }

    fn check(&self) {
        let Self { input, outputs, window, groups, clamp, sum } = *self;
        let [high, wide] = window.kernel;
        let x = numbers(input.len(), 1);
        let weight = numbers(outputs * input.channels / groups * high * wide, 2);
        let bias = numbers(outputs, 3);
        for level in Level::available() {
            let made = Convolution::with_level(level, input, window, groups, &weight, &bias, clamp).unwrap();
            let other = numbers(made.output.len(), 4);
            let mut y = vec![f32::NAN; made.output.len()];
            made.run(&x, sum.then_some(&other[..]), &mut y);
            let expected = self.expected(&x, &weight, &bias, &other);
            assert_eq!(y.len(), expected.len());
            for (at, (y, expected)) in y.iter().zip(&expected).enumerate() {
                let off = (f64::from(*y) - expected).abs();
                assert!(off < 1e-4, "{level:?}: {input:?} {window:?} {groups} groups: {y}, not {expected}, at {at}");
            }
        }
    }
}

const PIXEL: Window = Window { kernel: [1, 1], stride: 1, dilation: 1, padding: [(0, 0); 2] };

fn window(kernel: usize, stride: usize, padding: (usize, usize)) -> Window {
    Window { kernel: [kernel; 2], stride, dilation: 1, padding: [padding; 2] }
}

/// Widths around those of vectors and panels, rows around those of tiles.
#[test]
fn products_of_any_size_are_right() {
    for outputs in [1, 3, 4, 7, 8, 9, 15, 16, 17, 24, 31, 32, 33, 40, 65] {
        for (height, width, channels) in [(1, 1, 5), (3, 4, 1), (7, 7, 33), (5, 11, 16)] {
            let mut case = Case::new([height, width, channels], outputs, PIXEL, 1);
            case.check();
            case.sum = true;
            case.clamp = Clamp::RELU6;
            case.check();
        }
    }
    // More rows than a block has and more than a task.
    Case::new([40, 41, 96], 48, PIXEL, 1).check();
}

#[test]
fn depthwise_windows_of_any_kind_are_right() {
    for channels in [2, 3, 4, 8, 16, 19, 33, 64, 70] {
        for (kernel, stride, padding) in
            [(3, 1, (1, 1)), (3, 2, (0, 1)), (5, 1, (2, 2)), (5, 2, (1, 2)), (2, 1, (0, 0)), (7, 3, (3, 3))]
        {
            for side in [3, 7, 13, 28] {
                if side + padding.0 + padding.1 < kernel {
                    continue;
                }
                let mut case =
                    Case::new([side, side + 1, channels], channels, window(kernel, stride, padding), channels);
                case.check();
                case.clamp = Clamp::RELU;
                case.sum = true;
                case.check();
            }
        }
        let dilated = Window { dilation: 2, ..window(3, 1, (2, 2)) };
        Case::new([9, 12, channels], channels, dilated, channels).check();
    }
}

#[test]
fn windows_over_all_channels_are_right() {
    for (kernel, stride, padding) in [(3, 2, (0, 1)), (3, 1, (1, 1)), (7, 2, (3, 3)), (1, 2, (0, 0)), (4, 3, (1, 1))] {
        for (channels, outputs) in [(3, 32), (5, 7), (16, 20)] {
            let mut case = Case::new([14, 17, channels], outputs, window(kernel, stride, padding), 1);
            case.check();
            case.sum = true;
            case.clamp = Clamp::RELU;
            case.check();
        }
    }
    let uneven = Window { kernel: [3, 5], stride: 1, dilation: 2, padding: [(1, 0), (4, 3)] };
    Case::new([11, 13, 4], 6, uneven, 1).check();
}

#[test]
fn groups_see_only_their_channels() {
    for (groups, channels, outputs) in [(2, 6, 4), (4, 8, 40), (3, 3, 9)] {
        let mut case = Case::new([9, 8, channels], outputs, window(3, 1, (1, 1)), groups);
        case.sum = true;
        case.check();
        Case::new([5, 5, channels], outputs, PIXEL, groups).check();
    }
}

/// Broken weights must be seen by who reads the answer.
#[test]
fn what_is_not_a_number_stays_so() {
    let map = Map { height: 3, width: 3, channels: 20 };
    let mut x = numbers(map.len(), 1);
    x[0] = f32::NAN;
    for level in Level::available() {
        for groups in [1, 20] {
            let weight = vec![0.5; 20 * 20 / groups];
            let made = Convolution::with_level(level, map, PIXEL, groups, &weight, &[0.0; 20], Clamp::RELU6).unwrap();
            let mut y = vec![0.0; map.len()];
            made.run(&x, None, &mut y);
            assert!(y[0].is_nan() && y[20].is_finite(), "{level:?}, {groups} groups");
        }
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let map = Map { height: 4, width: 4, channels: 4 };
    let make = |window, groups, weights: usize, outputs: usize| {
        Convolution::new(map, window, groups, &vec![0.0; weights], &vec![0.0; outputs], Clamp::NONE)
    };
    assert!(make(PIXEL, 1, 8, 2).is_ok());
    assert!(make(PIXEL, 1, 9, 2).is_err() && make(PIXEL, 3, 8, 6).is_err() && make(PIXEL, 0, 8, 2).is_err());
    assert!(make(window(5, 1, (0, 0)), 1, 4 * 25, 1).is_err());
    assert!(make(window(3, 0, (0, 0)), 1, 4 * 9, 1).is_err() && make(PIXEL, 1, 0, 0).is_err());
}
