//! Histograms over a grid of an image's pixels: brightness, and the three channels.

/// Pixels looked at, about: an image of up to twice as many is looked at whole.
const PIXELS: usize = 1 << 14;
/// Steps of brightness: four for each of 8 bits, so that the rounding is finer than the file's own.
const STEPS: usize = 255 * 4 + 1;
/// Pixels whose brightness is computed in one go.
const CHUNK: usize = 256;

/// Histograms of the pixels looked at.
pub struct Sample {
    brightness: Vec<u32>,
    /// Red, green, blue.
    pub channels: [[u32; 256]; 3],
    /// How many pixels.
    pub count: u32,
}

impl Sample {
    /// Looks at every row and column of a small image, at every n-th of a large one. `rgb` has `width × height × 3`
    /// bytes.
    pub fn of(width: usize, height: usize, rgb: &[u8]) -> Self {
        let (rows, columns) = steps(width * height);
        let mut sample = Self { brightness: vec![0; STEPS], channels: [[0; 256]; 3], count: 0 };
        for row in rgb.chunks_exact(width * 3).take(height).step_by(rows) {
            let mut pixels = row.as_chunks::<3>().0.iter().step_by(columns);
            loop {
                let mut chunk = [[0u8; 3]; CHUNK];
                let mut taken = 0;
                for (place, pixel) in chunk.iter_mut().zip(&mut pixels) {
                    *place = *pixel;
                    taken += 1;
                }
                sample.add(&chunk[..taken]);
                if taken < CHUNK {
                    break;
                }
            }
        }
        sample
    }

    fn add(&mut self, pixels: &[[u8; 3]]) {
        let mut steps = [0u16; CHUNK];
        for (step, pixel) in steps.iter_mut().zip(pixels) {
            let [r, g, b] = pixel.map(f32::from);
            // Brightness as the eye has it, 0 to 255: http://alienryderflex.com/hsp.html.
            let brightness = (0.241 * r * r + 0.691 * g * g + 0.068 * b * b).sqrt();
            *step = (brightness * 4.0 + 0.5) as u16;
        }
        for (step, pixel) in steps.iter().zip(pixels) {
            self.brightness[usize::from(*step).min(STEPS - 1)] += 1;
            for (channel, value) in self.channels.iter_mut().zip(pixel) {
                channel[usize::from(*value)] += 1;
            }
        }
        self.count += pixels.len() as u32;
    }

    /// The brightness, 0 to 1, that `percent` of the pixels do not pass; between two pixels as `numpy.percentile` has it.
    pub fn percentile(&self, percent: f64) -> f32 {
        let place = f64::from(self.count.saturating_sub(1)) * percent / 100.0;
        let (below, share) = (place.floor() as u32, place.fract());
        let low = self.ranked(below);
        let high = if share > 0.0 { self.ranked(below + 1) } else { low };
        ((low + (high - low) * share) / (STEPS - 1) as f64) as f32
    }

    /// Step of the pixel of this rank, from 0, the darkest first.
    fn ranked(&self, rank: u32) -> f64 {
        let mut passed = 0;
        let found = self.brightness.iter().position(|n| {
            passed += n;
            passed > rank
        });
        found.unwrap_or(STEPS - 1) as f64
    }
}

/// How many rows and columns further the next pixel is.
fn steps(pixels: usize) -> (usize, usize) {
    let fewer = (pixels / PIXELS).max(1);
    let rows = (fewer as f64).sqrt().ceil() as usize;
    (rows, (fewer / rows).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_images_are_looked_at_whole_and_large_ones_at_a_grid() {
        assert_eq!(steps(0), (1, 1));
        assert_eq!(steps(2 * PIXELS - 1), (1, 1));
        assert_eq!(steps(200 * 200), (2, 1));
        assert_eq!(steps(4 * PIXELS), (2, 2));
        for (width, height) in [(4000, 3000), (65_000, 17), (17, 65_000), (1600, 1600)] {
            let count = Sample::of(width, height, &vec![7; width * height * 3]).count;
            assert!((4_000..60_000).contains(&count), "{width} × {height}: {count}");
        }
    }

    #[test]
    fn percentiles_are_between_pixels() {
        let rgb: Vec<u8> = (0..=100u8).flat_map(|v| [v, v, v]).collect();
        let sample = Sample::of(101, 1, &rgb);
        assert_eq!((sample.count, sample.channels[1][100]), (101, 1));
        for (percent, value) in [(0.0, 0.0), (5.0, 5.0), (12.5, 12.5), (99.0, 99.0), (100.0, 100.0)] {
            assert!((sample.percentile(percent) * 255.0 - value).abs() < 0.02, "{percent}");
        }
    }
}
