//! Colour: from the space that a file names to sRGB, 8 bits a channel.
//!
//! ICC profiles and code points are converted by `moxcms`, relative colorimetric where the profile is a matrix. Most
//! files hold a profile that is sRGB by another name: a profile that moves no colour by more than one level is
//! found out once and then passed over. What profiles mean is kept for the last 16 of them, since all files of a
//! camera have the same.

mod cache;
mod hdr;

pub(crate) use hdr::encoded;

use moxcms::{
    CicpColorPrimaries, CicpProfile, ColorProfile, DataColorSpace, Layout, MatrixCoefficients, ToneReprCurve,
    TransferCharacteristics, TransformExecutor, TransformOptions,
};
use std::sync::Arc;

/// The colour space of pixels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// sRGB, or nothing said.
    #[default]
    Srgb,
    /// An ICC profile.
    Icc(Vec<u8>),
    /// Code points.
    Cicp(Cicp),
}

/// Coding-independent code points of colour. Source: ITU-T H.273, tables 2 and 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cicp {
    /// Primaries: 1 BT.709 and sRGB, 9 BT.2020, 11 DCI-P3, 12 Display P3, 2 not said.
    pub primaries: u16,
    /// Transfer: 13 sRGB, 1, 6, 14 and 15 BT.709's, 16 PQ, 18 HLG, 8 linear, 2 not said.
    pub transfer: u16,
}

/// A profile that moves no colour of the test grid by more levels than this is taken for sRGB.
const SAME: u8 = 1;

/// Levels of each channel on the grid that tells profiles apart from sRGB.
const LEVELS: [u8; 9] = [0, 16, 48, 96, 128, 160, 208, 240, 255];

/// Pixels that are converted at a time.
const BATCH: usize = 1 << 14;

/// How the numbers of a profile become sRGB.
#[derive(Clone)]
enum Conversion {
    /// They are sRGB.
    None,
    /// Three channels.
    Rgb(Arc<dyn TransformExecutor<u8> + Send + Sync>),
    /// One channel: the grey of each level.
    Grey(Arc<[u8; 256]>),
    /// Four inks, 255 is full ink.
    Cmyk(Arc<dyn TransformExecutor<u8> + Send + Sync>),
}

/// Converts RGB pixels (`R, G, B` bytes, interleaved) from the space of an ICC profile to sRGB, in place. A grey profile is applied
/// to what is grey alone. A profile that is damaged, or of another kind than the pixels (CMYK, Lab, grey of colours), leaves them
/// as they are, as Pillow and libvips do.
pub fn to_srgb(pixels: &mut [u8], icc: &[u8]) {
    convert(pixels, &cache::conversion(icc, of_icc));
}

/// Converts RGB pixels from any [`Profile`] to sRGB, in place.
pub fn apply(pixels: &mut [u8], profile: &Profile) {
    match profile {
        Profile::Srgb => {}
        Profile::Icc(icc) => to_srgb(pixels, icc),
        Profile::Cicp(cicp) => from_code_points(pixels, *cicp),
    }
}

/// Four inks a pixel (`C, M, Y, K` bytes, 255 is full ink) as sRGB: by the profile where it is one of CMYK, else by the plain
/// formula `255 − ink` of Pillow, libjpeg-turbo and browsers.
pub fn cmyk_to_srgb(inks: &[u8], icc: Option<&[u8]>) -> Vec<u8> {
    let conversion = icc.map_or(Conversion::None, |icc| cache::conversion(icc, of_icc));
    let mut pixels = vec![0; inks.len() / 4 * 3];
    if let Conversion::Cmyk(transform) = conversion {
        let batches = inks.chunks(BATCH * 4).zip(pixels.chunks_mut(BATCH * 3));
        let mut all = batches.map(|(inks, pixels)| transform.transform(&inks[..pixels.len() / 3 * 4], pixels));
        if all.all(|done| done.is_ok()) {
            return pixels;
        }
    }
    for (pixel, &[c, m, y, k]) in pixels.as_chunks_mut::<3>().0.iter_mut().zip(inks.as_chunks::<4>().0) {
        *pixel = [c, m, y].map(|ink| product(255 - ink, 255 - k));
    }
    pixels
}

/// `a × b / 255`, rounded.
pub const fn product(a: u8, b: u8) -> u8 {
    ((a as u32 * b as u32 + 127) / 255) as u8
}

fn convert(pixels: &mut [u8], conversion: &Conversion) {
    match conversion {
        Conversion::None | Conversion::Cmyk(_) => {}
        Conversion::Grey(_) if pixels.as_chunks::<3>().0.iter().any(|[r, g, b]| r != g || g != b) => {}
        Conversion::Grey(levels) => pixels.iter_mut().for_each(|value| *value = levels[usize::from(*value)]),
        Conversion::Rgb(transform) => {
            let mut from = Vec::new();
            for batch in pixels.chunks_mut(BATCH * 3) {
                let whole = batch.len() / 3 * 3;
                from.clear();
                from.extend_from_slice(&batch[..whole]);
                if transform.transform(&from, &mut batch[..whole]).is_err() {
                    return;
                }
            }
        }
    }
}

/// What an ICC profile asks for.
fn of_icc(icc: &[u8]) -> Conversion {
    let Ok(profile) = ColorProfile::new_from_slice(icc) else { return Conversion::None };
    match profile.color_space {
        DataColorSpace::Rgb => of_rgb(&profile),
        DataColorSpace::Gray => grey(&profile).map_or(Conversion::None, |levels| Conversion::Grey(Arc::new(levels))),
        DataColorSpace::Cmyk => {
            let srgb = ColorProfile::new_srgb();
            profile
                .create_transform_8bit(Layout::Rgba, &srgb, Layout::Rgb, TransformOptions::default())
                .map_or(Conversion::None, Conversion::Cmyk)
        }
        _ => Conversion::None,
    }
}

fn of_rgb(profile: &ColorProfile) -> Conversion {
    let srgb = ColorProfile::new_srgb();
    let transform = profile.create_transform_8bit(Layout::Rgb, &srgb, Layout::Rgb, TransformOptions::default());
    let Ok(transform) = transform else { return Conversion::None };
    let level = |n: usize| LEVELS[n % LEVELS.len()];
    let side = LEVELS.len();
    let grid: Vec<u8> = (0..side.pow(3)).flat_map(|n| [level(n / side / side), level(n / side), level(n)]).collect();
    let mut moved = vec![0; grid.len()];
    if transform.transform(&grid, &mut moved).is_err() {
        return Conversion::None;
    }
    if grid.iter().zip(&moved).all(|(from, to)| from.abs_diff(*to) <= SAME) {
        return Conversion::None;
    }
    Conversion::Rgb(transform)
}

/// The sRGB level of each level of a grey profile: its curve gives the light, and sRGB's curve undoes it.
fn grey(profile: &ColorProfile) -> Option<[u8; 256]> {
    let curve = profile.gray_trc.as_ref()?;
    let light = |level: u8| {
        let x = f64::from(level) / 255.0;
        match curve {
            ToneReprCurve::Lut(table) => match table.as_slice() {
                [] => Some(x),
                // A single value is an exponent, 8.8 bits.
                [gamma] => Some(x.powf(f64::from(*gamma) / 256.0)),
                table => {
                    let at = x * (table.len() - 1) as f64;
                    let below = table.get(at as usize)?;
                    let above = table.get(at as usize + 1).unwrap_or(below);
                    let part = at - at.floor();
                    Some((f64::from(*below) * (1.0 - part) + f64::from(*above) * part) / 65_535.0)
                }
            },
            ToneReprCurve::Parametric(parameters) => parametric(x, parameters),
        }
    };
    let mut levels = [0; 256];
    for (level, value) in levels.iter_mut().enumerate() {
        *value = encoded(light(level as u8)?);
    }
    Some(levels)
}

/// Parametric curves of ICC.1, 10.18: g; g a b; g a b c; g a b c d; g a b c d e f.
fn parametric(x: f64, parameters: &[f32]) -> Option<f64> {
    let p = |n: usize| parameters.get(n).map_or(0.0, |value| f64::from(*value));
    let power = || (p(1) * x + p(2)).max(0.0).powf(p(0));
    Some(match parameters.len() {
        1 => x.powf(p(0)),
        3 => {
            if p(1) * x + p(2) >= 0.0 {
                power()
            } else {
                0.0
            }
        }
        4 => {
            if p(1) * x + p(2) >= 0.0 {
                power() + p(3)
            } else {
                p(3)
            }
        }
        5 => {
            if x >= p(4) {
                power()
            } else {
                p(3) * x
            }
        }
        7 => {
            if x >= p(4) {
                power() + p(5)
            } else {
                p(3) * x + p(6)
            }
        }
        _ => return None,
    })
}

fn from_code_points(pixels: &mut [u8], cicp: Cicp) {
    /// Not said, or of video, which everybody shows as if it were sRGB.
    const LIKE_SRGB: [u16; 7] = [1, 2, 6, 13, 14, 15, 0];
    match (cicp.primaries, cicp.transfer) {
        (_, 16 | 18) => hdr::to_srgb(pixels, cicp),
        (1 | 2 | 5 | 6 | 0, transfer) if LIKE_SRGB.contains(&transfer) => {}
        (primaries, transfer) => {
            // Video's curve is shown as if it were sRGB's; only the primaries count.
            let transfer = if LIKE_SRGB.contains(&transfer) { 13 } else { transfer };
            let primaries = if matches!(primaries, 0 | 2) { 1 } else { primaries };
            let key = [b"cicp".as_slice(), &primaries.to_be_bytes(), &transfer.to_be_bytes()].concat();
            convert(pixels, &cache::conversion(&key, |_| of_rgb_code_points(primaries, transfer)));
        }
    }
}

fn of_rgb_code_points(primaries: u16, transfer: u16) -> Conversion {
    let code = |value: u16| u8::try_from(value).ok();
    let primaries = code(primaries).and_then(|value| CicpColorPrimaries::try_from(value).ok());
    let transfer = code(transfer).and_then(|value| TransferCharacteristics::try_from(value).ok());
    let (Some(color_primaries), Some(transfer_characteristics)) = (primaries, transfer) else {
        return Conversion::None;
    };
    let profile = ColorProfile::new_from_cicp(CicpProfile {
        color_primaries,
        transfer_characteristics,
        matrix_coefficients: MatrixCoefficients::Identity,
        full_range: true,
    });
    if profile.is_matrix_shaper() { of_rgb(&profile) } else { Conversion::None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(profile: &ColorProfile) -> Vec<u8> {
        profile.encode().unwrap()
    }

    #[test]
    fn srgb_by_any_name_is_left_alone() {
        assert!(matches!(of_icc(&encoded(&ColorProfile::new_srgb())), Conversion::None));
        let mut pixels = [1, 2, 3, 250, 128, 7];
        to_srgb(&mut pixels, b"no profile at all");
        apply(&mut pixels, &Profile::Cicp(Cicp { primaries: 1, transfer: 13 }));
        apply(&mut pixels, &Profile::Cicp(Cicp { primaries: 2, transfer: 2 }));
        assert_eq!(pixels, [1, 2, 3, 250, 128, 7]);
    }

    /// Colours of sRGB as numbers of other spaces, computed with littleCMS (Pillow 13, relative colorimetric).
    #[test]
    fn wide_spaces_come_back_to_srgb() {
        let expected = [[200, 60, 40], [30, 160, 60], [40, 60, 180], [128, 128, 128_u8]];
        let spaces = [
            (ColorProfile::new_display_p3(), [[185, 71, 50], [76, 158, 73], [44, 59, 173], [128, 128, 128_u8]]),
            (ColorProfile::new_adobe_rgb(), [[173, 62, 45], [93, 159, 70], [50, 62, 175], [127, 127, 127]]),
            (ColorProfile::new_pro_photo_rgb(), [[136, 70, 39], [82, 133, 63], [67, 51, 153], [109, 109, 109]]),
        ];
        for (profile, stored) in spaces {
            let mut pixels = stored.concat();
            to_srgb(&mut pixels, &encoded(&profile));
            for (pixel, expected) in pixels.as_chunks::<3>().0.iter().zip(expected) {
                assert!(pixel.iter().zip(expected).all(|(a, b)| a.abs_diff(b) <= 3), "{pixel:?} {expected:?}");
            }
        }
        let mut by_code = [185, 71, 50];
        apply(&mut by_code, &Profile::Cicp(Cicp { primaries: 12, transfer: 13 }));
        assert!(by_code.iter().zip([200, 60, 40]).all(|(a, b)| a.abs_diff(b) <= 3), "{by_code:?}");
    }

    #[test]
    fn grey_profiles_are_curves() {
        let gamma = ColorProfile::new_gray_with_gamma(1.0);
        let mut pixels = [0, 0, 0, 55, 55, 55, 128, 128, 128, 255, 255, 255];
        to_srgb(&mut pixels, &encoded(&gamma));
        assert_eq!(pixels, [0, 0, 0, 128, 128, 128, 188, 188, 188, 255, 255, 255]);
        let mut colours = [0, 55, 128];
        to_srgb(&mut colours, &encoded(&gamma));
        assert_eq!(colours, [0, 55, 128]);
    }

    #[test]
    fn four_inks_without_a_profile_go_by_the_plain_formula() {
        assert_eq!(
            cmyk_to_srgb(&[0, 255, 255, 0, 0, 0, 0, 255, 0, 0, 0, 0], None),
            [255, 0, 0, 0, 0, 0, 255, 255, 255]
        );
    }
}
