//! From a JPEG's components to red, green and blue. Source: JFIF 1.02; libjpeg's jdcolor.c and jdsample.c.

use super::planes::Plane;

/// How components make colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Space {
    Grey,
    Rgb,
    YCbCr,
    /// Inverted, as browsers and Pillow take it.
    Cmyk,
    Ycck,
}

impl Space {
    /// From the number of components and the transform that the file names.
    pub const fn of(components: usize, transform: Option<u8>) -> Option<Self> {
        match (components, transform) {
            (1, _) => Some(Self::Grey),
            (3, Some(0)) => Some(Self::Rgb),
            (3, _) => Some(Self::YCbCr),
            (4, Some(0)) => Some(Self::Cmyk),
            (4, _) => Some(Self::Ycck),
            _ => None,
        }
    }
}

/// Red, green and blue of `width × height` pixels, row after row; inks go by `icc` where that is a profile of CMYK. None when there
/// are too few components or samples.
pub fn rgb(planes: Vec<Plane>, space: Space, width: usize, height: usize, icc: Option<&[u8]>) -> Option<Vec<u8>> {
    let planes: Vec<Plane> = planes.into_iter().map(|plane| enlarged(plane, width, height)).collect();
    let count = width * height;
    if planes.iter().any(|plane| plane.samples.len() != count) {
        return None;
    }
    let mut pixels = vec![0; count * 3];
    let rgb = pixels.as_chunks_mut::<3>().0;
    match (space, planes.as_slice()) {
        (Space::Grey, [y]) => {
            for (pixel, &y) in rgb.iter_mut().zip(&y.samples) {
                *pixel = [y; 3];
            }
        }
        (Space::Rgb, [r, g, b]) => {
            for (((pixel, &r), &g), &b) in rgb.iter_mut().zip(&r.samples).zip(&g.samples).zip(&b.samples) {
                *pixel = [r, g, b];
            }
        }
        (Space::YCbCr, [y, cb, cr]) => {
            for (((pixel, &y), &cb), &cr) in rgb.iter_mut().zip(&y.samples).zip(&cb.samples).zip(&cr.samples) {
                *pixel = from_ycc(y, cb, cr);
            }
        }
        (Space::Cmyk | Space::Ycck, [a, b, c, k]) => {
            let colours = a.samples.iter().zip(&b.samples).zip(&c.samples).zip(&k.samples);
            let mut inks = Vec::with_capacity(count * 4);
            for (((&a, &b), &c), &k) in colours {
                let [c, m, y] = if space == Space::Cmyk { [a, b, c].map(|v| 255 - v) } else { from_ycc(a, b, c) };
                inks.extend_from_slice(&[c, m, y, 255 - k]);
            }
            return Some(crate::colour::cmyk_to_srgb(&inks, icc));
        }
        _ => return None,
    }
    Some(pixels)
}

/// One colour, by 16-bit fixed-point factors.
#[inline]
fn from_ycc(y: u8, cb: u8, cr: u8) -> [u8; 3] {
    const HALF: i32 = 1 << 15;
    let (y, cb, cr) = (i32::from(y), i32::from(cb) - 128, i32::from(cr) - 128);
    let level = |value: i32| value.clamp(0, 255) as u8;
    [
        level(y + ((91_881 * cr + HALF) >> 16)),
        level(y + ((-22_554 * cb - 46_802 * cr + HALF) >> 16)),
        level(y + ((116_130 * cb + HALF) >> 16)),
    ]
}

/// A plane at the image's size. What was stored at half the size is interpolated linearly, as libjpeg does, all else repeated.
fn enlarged(plane: Plane, width: usize, height: usize) -> Plane {
    let [across, down] = plane.ratios;
    if plane.samples.is_empty() || (across.0 == across.1 && down.0 == down.1) {
        return plane;
    }
    let linear = [across, down].iter().all(|&(pixels, samples)| pixels == samples || pixels == 2 * samples);
    let (across, down) =
        (neighbours(plane.columns, width, across, linear), neighbours(plane.rows, height, down, linear));
    let mut samples = Vec::with_capacity(width * height);
    let mut mixed = vec![0_u16; plane.columns];
    for (near, far) in down {
        let row = |at: usize| &plane.samples[at * plane.columns..(at + 1) * plane.columns];
        for ((mixed, &near), &far) in mixed.iter_mut().zip(row(near)).zip(row(far)) {
            *mixed = u16::from(near) * 3 + u16::from(far);
        }
        samples.extend(across.iter().map(|&(near, far)| ((mixed[near] * 3 + mixed[far] + 8) >> 4) as u8));
    }
    Plane { columns: width, rows: height, samples, ..plane }
}

/// By place in an enlarged row or column of `to`: the sample with weight 3/4 and the one with 1/4.
fn neighbours(from: usize, to: usize, (pixels, samples): (usize, usize), linear: bool) -> Vec<(usize, usize)> {
    let last = from.saturating_sub(1);
    let pair = |at: usize| {
        let near = (at * samples / pixels).min(last);
        let far = match at % 2 {
            _ if !linear || pixels == samples => near,
            0 => near.saturating_sub(1),
            _ => (near + 1).min(last),
        };
        (near, far)
    };
    (0..to).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plane(columns: usize, samples: &[u8]) -> Plane {
        Plane { columns, rows: samples.len() / columns, ratios: [(1, 1); 2], samples: samples.to_vec() }
    }

    #[test]
    fn colours_are_those_of_the_standard() {
        let of =
            |y, cb, cr| rgb(vec![plane(1, &[y]), plane(1, &[cb]), plane(1, &[cr])], Space::YCbCr, 1, 1, None).unwrap();
        assert_eq!(of(76, 85, 255), [254, 0, 0]);
        assert_eq!(of(150, 44, 21), [0, 255, 1]);
        assert_eq!(of(29, 255, 107), [0, 0, 254]);
        assert_eq!(of(200, 128, 128), [200; 3]);
    }

    #[test]
    fn half_the_samples_are_interpolated_and_a_quarter_repeated() {
        let enlarged = |columns, across, down, (width, height)| {
            enlarged(Plane { ratios: [(across, 1), (down, 1)], ..plane(columns, &[0, 100]) }, width, height).samples
        };
        assert_eq!(enlarged(2, 2, 1, (4, 1)), [0, 25, 75, 100]);
        assert_eq!(enlarged(2, 2, 1, (3, 1)), [0, 25, 75]);
        assert_eq!(enlarged(1, 1, 2, (1, 4)), [0, 25, 75, 100]);
        assert_eq!(enlarged(2, 4, 1, (7, 1)), [0, 0, 0, 0, 100, 100, 100]);
        assert_eq!(enlarged(1, 1, 4, (1, 5)), [0, 0, 0, 0, 100]);
    }
}
