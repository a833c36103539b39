//! Samples of video codecs as 8-bit RGB. Source: ITU-T H.273, 8.3 (matrix coefficients, ranges).

/// How luma and chroma become RGB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colours {
    /// Matrix coefficients: 0 GBR, 1 BT.709, 5 and 6 BT.601, 8 YCgCo, 9 and 10 BT.2020; others count as BT.601.
    pub matrix: u16,
    /// Samples use the full range, else 16 to 235 (240 for chroma) of 8 bits.
    pub full_range: bool,
}

/// One luma and two chroma planes, or one luma plane.
pub struct Planes {
    pub width: u32,
    pub height: u32,
    /// Bits a sample, 8 to 16, of luma and chroma.
    pub bits: [u32; 2],
    pub luma: Vec<u16>,
    /// Samples in a row of luma.
    pub luma_stride: usize,
    pub chroma: Option<Chroma>,
}

/// Two chroma planes.
pub struct Chroma {
    pub cb: Vec<u16>,
    pub cr: Vec<u16>,
    pub stride: usize,
    pub rows: usize,
    /// Luma samples a chroma sample, across and down, as powers of two: 0 or 1.
    pub shift: [u32; 2],
    /// Interpolated linearly, as libavif does, else repeated, as libheif does.
    pub is_smooth: bool,
}

/// One plane of 8 bits.
pub struct Plane8 {
    pub width: u32,
    pub height: u32,
    pub levels: Vec<u8>,
}

/// Fractional bits of fixed-point numbers.
const FRACTION: u32 = 14;

impl Planes {
    /// RGB of the left upper `width × height` pixels, each at most the size of the planes. Chroma is repeated, or interpolated
    /// linearly, its samples lying between luma samples where it has half their number (as in JPEG).
    pub fn to_rgb(&self, width: u32, height: u32, colours: Colours) -> Vec<u8> {
        let (width, height) = (width.min(self.width) as usize, height.min(self.height) as usize);
        let mut rgb = Vec::with_capacity(width * height * 3);
        let luma = Range::luma(self.bits[0], colours.full_range);
        let Some(chroma) = &self.chroma else {
            for row in self.luma.chunks(self.luma_stride).take(height) {
                rgb.extend(row[..width].iter().flat_map(|value| [luma.level(*value); 3]));
            }
            return rgb;
        };
        if colours.matrix == 0 {
            // Green, blue and red, none of them subsampled in valid files.
            let range = Range::luma(self.bits[1], colours.full_range);
            for (y, row) in self.luma.chunks(self.luma_stride).take(height).enumerate() {
                let start = (y >> chroma.shift[1]).min(chroma.rows - 1) * chroma.stride;
                for (x, green) in row[..width].iter().enumerate() {
                    let at = start + (x >> chroma.shift[0]);
                    rgb.extend([range.level(chroma.cr[at]), luma.level(*green), range.level(chroma.cb[at])]);
                }
            }
            return rgb;
        }
        let weights = Weights::new(colours, self.bits[1]);
        let (mut cb, mut cr) = (vec![0_i32; width], vec![0_i32; width]);
        let middle = 1 << (self.bits[1] - 1);
        for (y, row) in self.luma.chunks(self.luma_stride).take(height).enumerate() {
            chroma.row(&chroma.cb, y, middle, &mut cb);
            chroma.row(&chroma.cr, y, middle, &mut cr);
            for ((value, cb), cr) in row[..width].iter().zip(&cb).zip(&cr) {
                let bright = luma.scaled(*value);
                rgb.extend(weights.pixel(bright, *cb, *cr));
            }
        }
        rgb
    }

    /// Luma alone, as 8 bits.
    pub fn brightness(&self, full_range: bool) -> Plane8 {
        let range = Range::luma(self.bits[0], full_range);
        let width = self.width as usize;
        let rows = self.luma.chunks(self.luma_stride).take(self.height as usize);
        let levels = rows.flat_map(|row| row[..width].iter().map(|value| range.level(*value))).collect();
        Plane8 { width: self.width, height: self.height, levels }
    }
}

impl Chroma {
    /// One row of a plane at the size of luma, four times its value less `middle`.
    fn row(&self, plane: &[u16], y: usize, middle: i32, out: &mut [i32]) {
        let rows = self.rows;
        if !self.is_smooth {
            let row = &plane[(y >> self.shift[1]).min(rows - 1) * self.stride..][..self.stride];
            let last = self.stride - 1;
            let sample = |x: usize| i32::from(row[(x >> self.shift[0]).min(last)]);
            out.iter_mut().enumerate().for_each(|(x, value)| *value = (sample(x) - middle) * 4);
            return;
        }
        // Rows between which this one lies: three parts of the nearer, one of the farther.
        let (near, far) = if self.shift[1] == 0 {
            (y.min(rows - 1), y.min(rows - 1))
        } else {
            let near = (y / 2).min(rows - 1);
            (near, if y.is_multiple_of(2) { near.saturating_sub(1) } else { (near + 1).min(rows - 1) })
        };
        let near = &plane[near * self.stride..(near + 1) * self.stride];
        let far = &plane[far * self.stride..(far + 1) * self.stride];
        let mixed = |x: usize| i32::from(near[x]) * 3 + i32::from(far[x]);
        if self.shift[0] == 0 {
            out.iter_mut().enumerate().for_each(|(x, value)| *value = mixed(x.min(self.stride - 1)) - 4 * middle);
            return;
        }
        let last = self.stride - 1;
        for (n, pair) in out.chunks_mut(2).enumerate() {
            let here = mixed(n.min(last));
            let before = mixed(n.saturating_sub(1).min(last));
            let after = mixed((n + 1).min(last));
            pair[0] = (here * 3 + before + 2) / 4 - 4 * middle;
            if let Some(second) = pair.get_mut(1) {
                *second = (here * 3 + after + 2) / 4 - 4 * middle;
            }
        }
    }
}

impl Plane8 {
    /// At another size, each pixel the nearest.
    pub fn scaled(self, width: u32, height: u32) -> Vec<u8> {
        if (self.width, self.height) == (width, height) {
            return self.levels;
        }
        let at = |n: u32, from: u32, to: u32| (u64::from(n) * u64::from(from) / u64::from(to)) as usize;
        let row = |y| at(y, self.height, height) * self.width as usize;
        let levels = |y| (0..width).map(move |x| (row(y), at(x, self.width, width)));
        (0..height).flat_map(levels).map(|(row, column)| self.levels[row + column]).collect()
    }
}

/// A range of samples as 0 to 255.
#[derive(Clone, Copy)]
struct Range {
    least: i32,
    /// Levels a step, fixed-point.
    factor: i32,
}

impl Range {
    fn luma(bits: u32, full_range: bool) -> Self {
        let scale = 1_i32 << (bits - 8);
        let (least, range) = if full_range { (0, (1 << bits) - 1) } else { (16 * scale, 219 * scale) };
        Self { least, factor: (255.0 * f64::from(1 << FRACTION) / f64::from(range)).round() as i32 }
    }

    const fn scaled(self, value: u16) -> i32 {
        (value as i32 - self.least) * self.factor
    }

    fn level(self, value: u16) -> u8 {
        clipped(self.scaled(value))
    }
}

fn clipped(fixed: i32) -> u8 {
    ((fixed + (1 << (FRACTION - 1))) >> FRACTION).clamp(0, 255) as u8
}

/// What chroma adds to each colour, fixed-point, for chroma of four times its value.
#[derive(Clone, Copy)]
struct Weights {
    red: [i32; 2],
    green: [i32; 2],
    blue: [i32; 2],
}

impl Weights {
    fn new(colours: Colours, bits: u32) -> Self {
        let range = if colours.full_range { f64::from((1_u32 << bits) - 1) } else { f64::from(224_u32 << (bits - 8)) };
        let fixed = |weight: f64| (weight * 255.0 / range / 4.0 * f64::from(1 << FRACTION)).round() as i32;
        if colours.matrix == 8 {
            // YCgCo: chroma planes are Cg and Co.
            return Self { red: [fixed(-1.0), fixed(1.0)], green: [fixed(1.0), 0], blue: [fixed(-1.0), fixed(-1.0)] };
        }
        let (kr, kb) = match colours.matrix {
            1 => (0.2126, 0.0722),
            4 => (0.30, 0.11),
            7 => (0.212, 0.087),
            9 | 10 => (0.2627, 0.0593),
            _ => (0.299, 0.114),
        };
        let kg = 1.0 - kr - kb;
        let (of_cb, of_cr) = (2.0 * (1.0 - kb), 2.0 * (1.0 - kr));
        Self {
            red: [0, fixed(of_cr)],
            green: [fixed(-kb * of_cb / kg), fixed(-kr * of_cr / kg)],
            blue: [fixed(of_cb), 0],
        }
    }

    fn pixel(&self, luma: i32, cb: i32, cr: i32) -> [u8; 3] {
        [self.red, self.green, self.blue].map(|[of_cb, of_cr]| clipped(luma + of_cb * cb + of_cr * cr))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(bits: u32, luma: u16, cb: u16, cr: u16) -> Planes {
        let chroma = Chroma { cb: vec![cb; 4], cr: vec![cr; 4], stride: 2, rows: 2, shift: [1, 1], is_smooth: true };
        Planes { width: 3, height: 3, bits: [bits; 2], luma: vec![luma; 12], luma_stride: 4, chroma: Some(chroma) }
    }

    #[test]
    fn primaries_come_out_in_every_matrix_depth_and_range() {
        // Red, by each matrix: luma Kr, Cr at its end.
        for (matrix, kr, kb) in [(1, 0.2126, 0.0722), (6, 0.299, 0.114), (9, 0.2627, 0.0593)] {
            for bits in [8_u32, 10, 12] {
                for full_range in [true, false] {
                    let scale = f64::from(1_u32 << (bits - 8));
                    let full = f64::from((1_u32 << bits) - 1);
                    let (base, span, chroma) =
                        if full_range { (0.0, full, full) } else { (16.0 * scale, 219.0 * scale, 224.0 * scale) };
                    let code = |value: f64| (128.0 * scale + value * chroma).round().min(full) as u16;
                    let planes =
                        plain(bits, (base + kr * span).round() as u16, code(-kr / 2.0 / (1.0 - kb)), code(0.5));
                    let rgb = planes.to_rgb(3, 3, Colours { matrix, full_range });
                    assert_eq!(rgb.len(), 27);
                    for pixel in rgb.as_chunks::<3>().0 {
                        assert!(pixel[0] >= 252 && pixel[1] <= 3 && pixel[2] <= 3, "{matrix} {bits} {pixel:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn samples_can_be_green_blue_and_red() {
        let mut planes = plain(8, 20, 30, 10);
        if let Some(chroma) = &mut planes.chroma {
            *chroma =
                Chroma { cb: vec![30; 12], cr: vec![10; 12], stride: 4, rows: 3, shift: [0, 0], is_smooth: false };
        }
        assert_eq!(planes.to_rgb(1, 1, Colours { matrix: 0, full_range: true }), [10, 20, 30]);
    }

    #[test]
    fn a_small_alpha_plane_is_stretched() {
        let plane = Plane8 { width: 2, height: 1, levels: vec![1, 2] };
        assert_eq!(plane.scaled(4, 2), [1, 1, 2, 2, 1, 1, 2, 2]);
    }
}
