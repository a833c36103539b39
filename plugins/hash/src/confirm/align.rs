//! An image laid over another: affine map, gain and offset by Gauss-Newton on robust weighted least squares, as in Baker,
//! Matthews, "Lucas-Kanade 20 Years On: A Unifying Framework", IJCV 56(3), 2004,
//! <https://doi.org/10.1023/B:VISI.0000011205.11775.fd>.
//!
//! A pixel that is white in one image may have been clipped there ("brighter"), so it is held against the other only as far
//! as it could be.

use crate::thumbnail::LUMA_SIDE;

const PIXELS: usize = LUMA_SIDE * LUMA_SIDE;
/// Luma, row after row.
pub type Plane = [f32; PIXELS];

/// Rounds, and the pixels that they step by: the last round sees all.
const STEPS: [usize; 3] = [2, 2, 1];
/// From here on a pixel may have been clipped.
const CLIPPED: f32 = 250.0;
const WHITE: f32 = 255.0;
/// Unclipped pixels, as a share, from which a first gain is taken.
const LEAST_UNCLIPPED: f32 = 0.02;
const GAINS: (f32, f32) = (0.5, 2.0);
const OFFSET: f32 = 60.0;
/// How far a map may go from where it began: of the side's half.
const FREEDOM: f32 = 0.1;
/// Residuals well above their mean and so many levels weigh less.
const LEVELS: f32 = 4.0;
/// Pixels beyond the middle of the last one that still count as within the image.
const BEYOND: f32 = 0.75;
const MID_GREY: f32 = 128.0;
const BRIGHTNESS_ROUNDS: usize = 3;
/// Levels² that speak for an unchanged contrast.
const GAIN_PRIOR: f32 = 20.0;
/// Parameters: the map's six, gain, offset.
const PARAMETERS: usize = 8;
/// Damping, as a share of the pixels that are summed, so that what an image does not determine stays as it is.
const DAMPING: [f32; PARAMETERS] = [1.2, 1.2, 1.2, 1.2, 1.2, 1.2, 0.4, 0.02];

/// Where pixels come from, in coordinates from -1 to 1: `x' = a x + b y + c`, `y' = d x + e y + f`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Affine(pub [f32; 6]);

impl Default for Affine {
    fn default() -> Self {
        Self::IDENTITY
    }
}

impl Affine {
    /// Every pixel from its own place.
    pub const IDENTITY: Self = Self([1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);

    /// From inside a crop: shares of a side that are left out, as [left, right, top, bottom].
    pub fn inset([left, right, top, bottom]: [f64; 4]) -> Self {
        let numbers = [1.0 - left - right, 0.0, left - right, 0.0, 1.0 - top - bottom, top - bottom];
        Self(numbers.map(|number| number as f32))
    }

    /// Turned around the middle by degrees, and the share `inset` of each side left out.
    pub fn turned(degrees: f64, inset: f64) -> Self {
        let scale = 1.0 - 2.0 * inset;
        let (sin, cos) = degrees.to_radians().sin_cos();
        Self([cos * scale, -sin * scale, 0.0, sin * scale, cos * scale, 0.0].map(|number| number as f32))
    }

    /// Where a place comes from.
    pub fn apply(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        let [a, b, c, d, e, f] = self.0;
        [a * x + b * y + c, d * x + e * y + f]
    }
}

/// One image as the other should look.
pub struct Overlay {
    /// The moving image laid over the fixed one, and brought to its brightness.
    pub predicted: Plane,
    /// Pixels that lie within both images.
    pub seen: [bool; PIXELS],
    /// Pixels that agree as far as clipping lets one see.
    pub censored: [bool; PIXELS],
    /// By how much the fixed image has more contrast.
    pub gain: f32,
}

/// Luma and its derivatives by the coordinates, to be sampled together.
type Sampled = [f32; 4];

/// Improves a map that lays `moving` over `fixed`, beginning at `start`; `rim` pixels at the edge are not seen. Both are
/// to be smooth, as thin lines meet only when they are wide enough.
pub fn refine(moving: &Plane, fixed: &Plane, start: &Affine, rim: usize) -> Affine {
    let source = derivatives(moving);
    let mut state = State { affine: *start, gain: first_gain(&source, fixed, start), offset: 0.0, spread: LEVELS };
    for step in STEPS {
        state.improve(&source, fixed, start, step, rim);
    }
    state.affine
}

impl Overlay {
    /// Lays `moving` over `fixed`; `rim` pixels at the edge are not seen.
    pub fn new(moving: &Plane, fixed: &Plane, affine: &Affine, rim: usize) -> Self {
        let mut overlay =
            Self { predicted: [0.0; PIXELS], seen: [false; PIXELS], censored: [false; PIXELS], gain: 1.0 };
        for at in 0..PIXELS {
            let (value, inside) = sample_luma(moving, affine.apply(coordinates(at)));
            overlay.predicted[at] = value;
            overlay.seen[at] = inside && within_rim(at, rim);
        }
        let brightness = overlay.brightness(fixed);
        overlay.gain = brightness.gain;
        for ((predicted, censored), fixed) in overlay.predicted.iter_mut().zip(&mut overlay.censored).zip(fixed) {
            let expected = brightness.of(*predicted);
            *censored = is_censored(*predicted, expected, *fixed);
            *predicted = expected.clamp(0.0, WHITE);
        }
        overlay
    }

    /// Robust least squares over what is seen.
    fn brightness(&self, fixed: &Plane) -> Brightness {
        let seen = || self.predicted.iter().zip(fixed).zip(&self.seen).filter(|(_, seen)| **seen).map(|(pair, _)| pair);
        let mut brightness = Brightness { gain: proportion(seen().map(|(a, b)| (*a, *b))), offset: 0.0 };
        let mut spread = 2.0 * LEVELS;
        for _ in 0..BRIGHTNESS_ROUNDS {
            let scale = 2.0 * spread + LEVELS;
            let mut sums = [0.0_f32; 5];
            let mut absolute = 0.0;
            let mut count = 0.0_f32;
            for (&a, &b) in seen() {
                let expected = brightness.of(a);
                if is_censored(a, expected, b) {
                    continue;
                }
                let weight = 1.0 / (1.0 + ((b - expected) / scale).powi(2));
                // Around mid-grey, so that nothing large is subtracted from something large.
                let (a, b) = (a - MID_GREY, b - MID_GREY);
                for (sum, term) in sums.iter_mut().zip([1.0, a, b, a * a, a * b]) {
                    *sum += weight * term;
                }
                absolute += (b + MID_GREY - expected).abs();
                count += 1.0;
            }
            if count < 1.0 {
                break;
            }
            spread = absolute / count;
            let [weight, a, b, square, product] = sums;
            let (mean_a, mean_b) = (a / weight, b / weight);
            // A prior of gain 1: a plain image says nothing about it.
            let gain = (product - a * mean_b + GAIN_PRIOR) / (square - a * mean_a + GAIN_PRIOR);
            let gain = gain.clamp(GAINS.0, GAINS.1);
            let offset = mean_b + MID_GREY - gain * (mean_a + MID_GREY);
            brightness = Brightness { gain, offset: offset.clamp(-OFFSET, OFFSET) };
        }
        brightness
    }
}

/// How luma changes between two images.
struct Brightness {
    gain: f32,
    offset: f32,
}

impl Brightness {
    fn of(&self, luma: f32) -> f32 {
        self.gain * luma + self.offset
    }
}

/// What is improved from round to round.
struct State {
    affine: Affine,
    gain: f32,
    offset: f32,
    /// Mean absolute residual of the last round, levels.
    spread: f32,
}

impl State {
    fn improve(&mut self, source: &[Sampled; PIXELS], fixed: &Plane, start: &Affine, step: usize, rim: usize) {
        let mut normal = [[0.0_f32; PARAMETERS]; PARAMETERS];
        let mut right = [0.0_f32; PARAMETERS];
        let (mut count, mut absolute) = (0.0, 0.0);
        let scale = 2.0 * self.spread + LEVELS;
        let mean = source.iter().map(|sampled| sampled[0]).sum::<f32>() / PIXELS as f32;
        for y in (rim..LUMA_SIDE - rim).step_by(step) {
            for x in (rim..LUMA_SIDE - rim).step_by(step) {
                let at = y * LUMA_SIDE + x;
                let place = coordinates(at);
                let (sample, inside) = sample(source, self.affine.apply(place));
                let expected = self.gain * sample[0] + self.offset;
                if !inside || is_censored(sample[0], expected, fixed[at]) {
                    continue;
                }
                let residual = fixed[at] - expected;
                let weight = 1.0 / (1.0 + (residual / scale).powi(2));
                let (by_x, by_y) = (self.gain * sample[1], self.gain * sample[2]);
                let [px, py] = place;
                // The gain turns around the mean, so that it and the offset can be told apart.
                let row = [by_x * px, by_x * py, by_x, by_y * px, by_y * py, by_y, sample[0] - mean, 1.0];
                for (i, (line, value)) in normal.iter_mut().zip(row).enumerate() {
                    let weighted = value * weight;
                    for (sum, other) in line[i..].iter_mut().zip(&row[i..]) {
                        *sum += weighted * other;
                    }
                    right[i] += weighted * residual;
                }
                count += 1.0;
                absolute += residual.abs();
            }
        }
        if count < 1.0 {
            return;
        }
        self.spread = absolute / count;
        for (i, damping) in DAMPING.iter().enumerate() {
            normal[i][i] += damping * count;
        }
        let change = solve(&normal, &right);
        for ((value, start), change) in self.affine.0.iter_mut().zip(start.0).zip(change) {
            *value = (*value + change).clamp(start - FREEDOM, start + FREEDOM);
        }
        let gain = (self.gain + change[6]).clamp(GAINS.0, GAINS.1);
        self.offset = (self.offset + change[7] - (gain - self.gain) * mean).clamp(-OFFSET, OFFSET);
        self.gain = gain;
    }
}

/// The gain by what is not clipped, as a change of brightness alone would have it.
fn first_gain(source: &[Sampled; PIXELS], fixed: &Plane, start: &Affine) -> f32 {
    let luma = |at: usize| sample(source, start.apply(coordinates(at))).0[0];
    proportion(fixed.iter().enumerate().map(|(at, value)| (luma(at), *value)))
}

/// The factor between pairs that are not clipped; 1 when too few are.
fn proportion(pairs: impl Iterator<Item = (f32, f32)>) -> f32 {
    let mut product = 0.0;
    let mut square = 0.0;
    let mut count = 0.0_f32;
    for (a, b) in pairs.filter(|(a, b)| *a < CLIPPED && *b < CLIPPED) {
        product += a * b;
        square += a * a;
        count += 1.0;
    }
    let is_known = count >= LEAST_UNCLIPPED * PIXELS as f32 && square > 0.0;
    if is_known { (product / square).clamp(GAINS.0, GAINS.1) } else { 1.0 }
}

/// Whether a difference may be clipping: both as good as white, or one of them white and the other as it would be unclipped.
fn is_censored(moving: f32, expected: f32, fixed: f32) -> bool {
    fixed >= CLIPPED && expected >= CLIPPED || moving >= CLIPPED && fixed >= expected
}

/// The middle of a pixel, in coordinates from -1 to 1.
fn coordinates(at: usize) -> [f32; 2] {
    [at % LUMA_SIDE, at / LUMA_SIDE].map(|index| (index as f32 + 0.5) * (2.0 / LUMA_SIDE as f32) - 1.0)
}

fn within_rim(at: usize, rim: usize) -> bool {
    [at % LUMA_SIDE, at / LUMA_SIDE].iter().all(|index| (rim..LUMA_SIDE - rim).contains(index))
}

/// Luma, then its derivatives by x and y.
fn derivatives(luma: &Plane) -> [Sampled; PIXELS] {
    let per_pixel = LUMA_SIDE as f32 / 2.0;
    std::array::from_fn(|at| {
        let (x, y) = (at % LUMA_SIDE, at / LUMA_SIDE);
        let slope = |index: usize, step: usize| {
            let before = if index > 0 { step } else { 0 };
            let after = if index + 1 < LUMA_SIDE { step } else { 0 };
            (luma[at + after] - luma[at - before]) / ((after + before) / step) as f32 * per_pixel
        };
        [luma[at], slope(x, 1), slope(y, LUMA_SIDE), 0.0]
    })
}

/// The upper left of four pixels, the shares of the four, and whether the place lies within the image.
struct Bilinear {
    at: usize,
    shares: [f32; 4],
    inside: bool,
}

impl Bilinear {
    fn new([x, y]: [f32; 2]) -> Self {
        const LAST: f32 = (LUMA_SIDE - 1) as f32;
        let pixel = |value: f32| (value + 1.0) * (LUMA_SIDE as f32 / 2.0) - 0.5;
        let (x, y) = (pixel(x), pixel(y));
        let inside = [x, y].iter().all(|value| *value > -BEYOND && *value < LAST + BEYOND);
        let (x, y) = (x.clamp(0.0, LAST), y.clamp(0.0, LAST));
        let (left, top) = ((x as usize).min(LUMA_SIDE - 2), (y as usize).min(LUMA_SIDE - 2));
        let (fx, fy) = (x - left as f32, y - top as f32);
        let shares = [(1.0 - fx) * (1.0 - fy), fx * (1.0 - fy), (1.0 - fx) * fy, fx * fy];
        Self { at: top * LUMA_SIDE + left, shares, inside }
    }
}

/// The source at a place, bilinear, and whether the place lies within it.
fn sample(source: &[Sampled; PIXELS], place: [f32; 2]) -> (Sampled, bool) {
    let Bilinear { at, shares: [a, b, c, d], inside } = Bilinear::new(place);
    let four = [source[at], source[at + 1], source[at + LUMA_SIDE], source[at + LUMA_SIDE + 1]];
    let mixed = |k: usize| four[0][k] * a + four[1][k] * b + four[2][k] * c + four[3][k] * d;
    (std::array::from_fn(mixed), inside)
}

/// The plane at a place, bilinear, and whether the place lies within it.
fn sample_luma(plane: &Plane, place: [f32; 2]) -> (f32, bool) {
    let Bilinear { at, shares, inside } = Bilinear::new(place);
    let four = [plane[at], plane[at + 1], plane[at + LUMA_SIDE], plane[at + LUMA_SIDE + 1]];
    (four.iter().zip(shares).map(|(value, share)| value * share).sum(), inside)
}

/// Solves a symmetric positive definite system, given its upper triangle, by Cholesky's decomposition.
fn solve(normal: &[[f32; PARAMETERS]; PARAMETERS], right: &[f32; PARAMETERS]) -> [f32; PARAMETERS] {
    let mut lower = [[0.0_f64; PARAMETERS]; PARAMETERS];
    for i in 0..PARAMETERS {
        for j in 0..=i {
            let sum: f64 = (0..j).map(|k| lower[i][k] * lower[j][k]).sum();
            let rest = f64::from(normal[j][i]) - sum;
            lower[i][j] = if i == j { rest.max(1e-9).sqrt() } else { rest / lower[j][j] };
        }
    }
    let mut half = [0.0; PARAMETERS];
    for i in 0..PARAMETERS {
        let sum: f64 = (0..i).map(|k| lower[i][k] * half[k]).sum();
        half[i] = (f64::from(right[i]) - sum) / lower[i][i];
    }
    let mut solution = [0.0; PARAMETERS];
    for i in (0..PARAMETERS).rev() {
        let sum: f64 = (i + 1..PARAMETERS).map(|k| lower[k][i] * solution[k]).sum();
        solution[i] = (half[i] - sum) / lower[i][i];
    }
    solution.map(|value| value as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Waves that nothing leaves as they are, at a place from -1 to 1.
    fn waves([x, y]: [f32; 2]) -> f32 {
        110.0 + 40.0 * (5.0 * x + y).sin() + 35.0 * (4.0 * y - 3.0 * x * x).cos()
    }

    fn plane(of: impl Fn([f32; 2]) -> f32) -> Plane {
        std::array::from_fn(|at| of(coordinates(at)).clamp(0.0, 255.0).round())
    }

    #[test]
    fn maps_gain_and_offset_are_found() {
        let true_map = Affine([0.93, 0.03, 0.02, -0.03, 0.95, -0.03]);
        let fixed = plane(|place| waves(true_map.apply(place)) * 1.2 - 10.0);
        let moving = plane(waves);
        let found = refine(&moving, &fixed, &Affine::IDENTITY, 1);
        for (value, expected) in found.0.iter().zip(true_map.0) {
            assert!((value - expected).abs() < 0.01, "{found:?}");
        }
        let overlay = Overlay::new(&moving, &fixed, &found, 1);
        assert!((overlay.gain - 1.2).abs() < 0.02, "{}", overlay.gain);
        let far = (0..PIXELS).filter(|at| overlay.seen[*at] && (overlay.predicted[*at] - fixed[*at]).abs() > 4.0);
        assert!(far.count() < 10);
    }

    #[test]
    fn clipped_pixels_do_not_count() {
        let fixed = plane(|place| waves(place) * 1.6);
        let overlay = Overlay::new(&plane(waves), &fixed, &Affine::IDENTITY, 1);
        let white = fixed.iter().filter(|value| **value >= 255.0).count();
        assert!(white > 100, "the test tests something");
        assert!((0..PIXELS).all(|at| overlay.censored[at] || (overlay.predicted[at] - fixed[at]).abs() < 6.0));
    }

    #[test]
    fn equations_are_solved() {
        let normal = std::array::from_fn(|i| std::array::from_fn(|j| if i == j { 9.0 } else { 1.0 }));
        let right = std::array::from_fn(|i| 8.0 * i as f32 + 28.0);
        for (i, value) in solve(&normal, &right).iter().enumerate() {
            assert!((value - i as f32).abs() < 1e-4, "{i}: {value}");
        }
    }
}
