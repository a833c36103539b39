//! Features of an image from its pixels alone: no weights are needed, and unlike those of networks trained with mirroring or
//! colour jitter they are invariant to neither.

use std::ops::Range;

/// Side of the raster that features are computed from, pixels.
const SIDE: usize = 32;
/// Orientations of a gradient, over the full circle: light on the left is not light on the right.
const BINS: usize = 8;
/// Cells a side of the mean colours.
const COLOUR_CELLS: usize = 6;
/// Cells a side of the luma layout.
const LUMA_CELLS: usize = 12;
/// Cells a side of each level of the gradient pyramid.
const PYRAMID: [usize; 3] = [1, 2, 4];

/// Where mean colours (YCbCr, not normalised) are in [`features`].
pub const COLOUR: Range<usize> = 0..3 * COLOUR_CELLS * COLOUR_CELLS;
/// Where the luma layout (zero mean, unit norm) is.
pub const LUMA: Range<usize> = COLOUR.end..COLOUR.end + LUMA_CELLS * LUMA_CELLS;
/// Where histograms of gradient orientations are.
pub const SHAPE: Range<usize> = LUMA.end..LUMA.end + BINS * (1 + 4 + 16);
/// All of them.
pub const ALL: Range<usize> = 0..SHAPE.end;

/// Features of an image of `side × side` RGB pixels, [`ALL`] of them.
pub fn features(pixels: &[u8], side: usize) -> Vec<f32> {
    let rgb = reduce(pixels, side, SIDE);
    let ycc: Vec<[f32; 3]> = rgb.iter().map(|p| luma_and_chroma(*p)).collect();
    let luma: Vec<f32> = ycc.iter().map(|p| p[0]).collect();
    let mut all = Vec::with_capacity(ALL.end);
    for channel in 0..3 {
        let plane: Vec<f32> = ycc.iter().map(|p| p[channel]).collect();
        all.extend(cells(&plane, COLOUR_CELLS));
    }
    let mut layout = cells(&luma, LUMA_CELLS);
    let mean = layout.iter().sum::<f32>() / layout.len() as f32;
    for v in &mut layout {
        *v -= mean;
    }
    normalise(&mut layout);
    all.extend(layout);
    all.extend(gradients(&luma));
    all
}

/// Area average to `to × to` pixels in 0 to 1; an image that is smaller is enlarged by repeating pixels.
pub fn reduce(pixels: &[u8], side: usize, to: usize) -> Vec<[f32; 3]> {
    let pixels = pixels.as_chunks::<3>().0;
    let span = |at: usize| {
        let begin = at * side / to;
        begin..((at + 1) * side / to).max(begin + 1)
    };
    let mut reduced = Vec::with_capacity(to * to);
    for y in 0..to {
        for x in 0..to {
            let mut sum = [0_u32; 3];
            for row in span(y) {
                for pixel in &pixels[row * side..][span(x)] {
                    sum.iter_mut().zip(pixel).for_each(|(sum, v)| *sum += u32::from(*v));
                }
            }
            let area = (span(y).len() * span(x).len()) as f32 * 255.0;
            reduced.push(sum.map(|v| v as f32 / area));
        }
    }
    reduced
}

/// ITU-R BT.601.
fn luma_and_chroma([r, g, b]: [f32; 3]) -> [f32; 3] {
    let y = 0.299 * r + 0.587 * g + 0.114 * b;
    [y, 0.564 * (b - y), 0.713 * (r - y)]
}

/// Means over `count × count` cells of a plane of `SIDE × SIDE`.
fn cells(plane: &[f32], count: usize) -> Vec<f32> {
    let span = |at: usize| at * SIDE / count..(at + 1) * SIDE / count;
    let mut means = Vec::with_capacity(count * count);
    for y in 0..count {
        for x in 0..count {
            let sum: f32 = span(y).flat_map(|row| &plane[row * SIDE..][span(x)]).sum();
            means.push(sum / (span(y).len() * span(x).len()) as f32);
        }
    }
    means
}

/// Histograms of gradient orientations, weighted by magnitude, over each cell of [`PYRAMID`]: square roots of shares of a level.
fn gradients(luma: &[f32]) -> Vec<f32> {
    let at = |x: usize, y: usize| luma[y * SIDE + x];
    let mut levels = PYRAMID.map(|count| vec![0.0_f32; BINS * count * count]);
    for y in 1..SIDE - 1 {
        for x in 1..SIDE - 1 {
            let (dx, dy) = (at(x + 1, y) - at(x - 1, y), at(x, y + 1) - at(x, y - 1));
            let magnitude = dx.hypot(dy);
            if magnitude < 0.02 {
                continue;
            }
            let turn = dy.atan2(dx) / std::f32::consts::TAU * BINS as f32 + BINS as f32;
            let (bin, share) = (turn.floor() as usize, turn.fract());
            for (level, count) in levels.iter_mut().zip(PYRAMID) {
                let cell = (y * count / SIDE * count + x * count / SIDE) * BINS;
                level[cell + bin % BINS] += magnitude * (1.0 - share);
                level[cell + (bin + 1) % BINS] += magnitude * share;
            }
        }
    }
    let mut all = Vec::with_capacity(SHAPE.len());
    for mut level in levels {
        for v in &mut level {
            *v = v.sqrt();
        }
        normalise(&mut level);
        all.extend(level);
    }
    all
}

/// To unit length, unless it is next to nothing.
fn normalise(values: &mut [f32]) {
    let norm = values.iter().map(|v| v * v).sum::<f32>().sqrt();
    if norm > 1e-6 {
        for v in values {
            *v /= norm;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(side: usize, colour: impl Fn(usize, usize) -> [u8; 3]) -> Vec<u8> {
        (0..side * side).flat_map(|i| colour(i % side, i / side)).collect()
    }

    #[test]
    fn features_see_the_side_the_light_comes_from() {
        let step = |flip: bool| image(64, |x, _| if (x < 32) ^ flip { [250; 3] } else { [10; 3] });
        let (left, right) = (features(&step(false), 64), features(&step(true), 64));
        let global = |f: &[f32]| f[SHAPE][..BINS].to_vec();
        assert!(global(&left)[4] > 0.99 && global(&right)[0] > 0.99, "{:?} {:?}", global(&left), global(&right));
        assert!(left[LUMA][0] > 0.0 && right[LUMA][0] < 0.0);
    }

    #[test]
    fn features_are_finite_for_any_size_and_plain_images() {
        for side in [1, 16, 31, 64, 100] {
            for plain in [0, 128, 255] {
                let all = features(&image(side, |_, _| [plain; 3]), side);
                assert_eq!(all.len(), ALL.len());
                assert!(all.iter().all(|v| v.is_finite()), "{side} px");
                assert!(all[SHAPE].iter().all(|v| *v == 0.0));
            }
        }
    }

    #[test]
    fn colour_is_in_the_features() {
        let of = |colour: [u8; 3]| features(&image(32, |_, _| colour), 32)[COLOUR].to_vec();
        let (red, green) = (of([200, 30, 30]), of([30, 120, 30]));
        let distance = red.iter().zip(&green).map(|(a, b)| (a - b).powi(2)).sum::<f32>().sqrt();
        assert!(distance > 1.0, "{distance}");
    }
}
