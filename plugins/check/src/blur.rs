//! Blurred: few edges, unless there are few tones as well.

use crate::Check;
use crate::error::CheckError;
use crate::reduce::{Grey, reduce};

pub const CHECK: Check = Check {
    name: "blur",
    title: "Blurred",
    meaning: "It has no sharp edge even when made small: what is on it can hardly be told.",
    advice: "Take the sharp shot of the same scene, or delete it.",
    threshold: 0.29,
    score: |facts, _| facts.scores.blur,
};

/// How fast edges and tones count.
const PER_STEP: f64 = 0.01;
/// A drawing of few tones has few edges without being blurred: only so uneven a histogram counts.
const FEW_TONES: f64 = 0.18;

/// How much the edges of the reduced grey image vary, and how uneven its histogram is.
///
/// # Errors
/// [`CheckError`] when there is no pixel, or another number of bytes.
pub fn score(width: u32, height: u32, rgb: &[u8]) -> Result<f32, CheckError> {
    let grey = reduce(width, height, rgb)?;
    let edges = 1.0 - (-PER_STEP * deviation_of_edges(&grey)).exp();
    let tones = 1.0 - (-PER_STEP * deviation_of_histogram(&grey)).exp();
    let tones = if tones <= FEW_TONES { 0.0 } else { tones };
    Ok((edges + tones).min(1.0) as f32)
}

/// Standard deviation of Pillow's `FIND_EDGES`, eight times a pixel less its neighbours, between 0 and 255, of the pixels that have
/// eight neighbours. CleanVision counts those at the border too, which Pillow leaves as they are: their brightness then
/// stands for edges, and a blurred image on bright ground is never found (`findings/cleanvision-blur-of-the-border.sh`).
/// Infinite where no pixel has eight, as nothing can be told of it.
fn deviation_of_edges(grey: &Grey) -> f64 {
    let (width, height, pixels) = (grey.width, grey.height, &grey.pixels);
    if width < 3 || height < 3 {
        return f64::INFINITY;
    }
    let (mut sum, mut squares) = (0u64, 0u64);
    let three = |line: &[u8]| line.iter().map(|p| i32::from(*p)).sum::<i32>();
    for y in 1..height - 1 {
        let row = &pixels[y * width..(y + 1) * width];
        let (above, below) = (&pixels[(y - 1) * width..y * width], &pixels[(y + 1) * width..(y + 2) * width]);
        for x in 1..width - 1 {
            let around = three(&above[x - 1..x + 2]) + three(&row[x - 1..x + 2]) + three(&below[x - 1..x + 2]);
            let edge = (9 * i32::from(row[x]) - around).clamp(0, 255) as u64;
            sum += edge;
            squares += edge * edge;
        }
    }
    let count = ((width - 2) * (height - 2)) as f64;
    let mean = sum as f64 / count;
    (squares as f64 / count - mean * mean).max(0.0).sqrt()
}

/// Standard deviation of the numbers of pixels of the 256 tones.
fn deviation_of_histogram(grey: &Grey) -> f64 {
    let mut histogram = [0u32; 256];
    grey.pixels.iter().for_each(|p| histogram[usize::from(*p)] += 1);
    let mean = grey.pixels.len() as f64 / 256.0;
    (histogram.iter().map(|n| (f64::from(*n) - mean).powi(2)).sum::<f64>() / 256.0).sqrt()
}
