//! Which sizes are usual in a set of images.

/// How many times the distance of the quartiles beyond them is still usual.
const QUARTILES: f64 = 3.0;

/// Between which sizes most images are: square root of the pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Usual {
    middle: f64,
    width: f64,
}

impl Usual {
    /// From all sizes of a set.
    pub fn of(sizes: impl IntoIterator<Item = (u32, u32)>) -> Self {
        let mut sides: Vec<f64> = sizes.into_iter().map(|(width, height)| side(width, height)).collect();
        sides.sort_by(f64::total_cmp);
        let (low, high) = (percentile(&sides, 25.0), percentile(&sides, 75.0));
        Self { middle: f64::midpoint(low, high), width: (high - low) * (1.0 + 2.0 * QUARTILES) }
    }

    /// 1 in the middle, 0.5 where the usual ends, falling to 0. Where at least half of the set is of one size, all others
    /// are below 0.5.
    pub fn score(&self, width: u32, height: u32) -> f32 {
        let distance = (side(width, height) - self.middle).abs();
        let score = if self.width > 0.0 {
            1.0 - (distance / self.width).min(1.0)
        } else if distance > 0.0 {
            // CleanVision moves the limit to 1 here; halved, the limit stays.
            0.5 - (distance / self.middle).min(1.0) / 2.0
        } else {
            1.0
        };
        score as f32
    }
}

fn side(width: u32, height: u32) -> f64 {
    f64::from(width).sqrt() * f64::from(height).sqrt()
}

/// As `numpy.percentile`; `sorted` may be empty.
fn percentile(sorted: &[f64], percent: f64) -> f64 {
    let place = sorted.len().saturating_sub(1) as f64 * percent / 100.0;
    let at = |i: usize| sorted.get(i).or(sorted.last()).copied().unwrap_or_default();
    let low = at(place as usize);
    low + (at(place as usize + 1) - low) * place.fract()
}
