//! PBM, PGM, PPM, PAM, PFM and the thumbnails of XV. Sources: the manual pages of Netpbm (pbm, pgm, ppm, pam, pfm); XV 3.10a,
//! `xvbrowse.c`. The image crate reads neither PFM nor XV's, and no PAM whose header is not in Netpbm's own order (0.25.10).

use crate::error::DecodeError;
use crate::finish::Raw;
use crate::limits::Limits;
use crate::metadata::Metadata;
use crate::{DecodedImage, depth, guard};

const NAME: &str = "PNM";

/// Decodes a file of one of the formats; of several images in one file, the first.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<DecodedImage, DecodeError> {
    let mut header = Header { bytes, at: 2 };
    let shape = header.shape()?;
    let Shape { width, height, channels, maximum, coding } = shape;
    let pixels = limits.check_pixels(NAME, width, height)?;
    let _turn = guard::turn(pixels);
    let count = pixels as usize * channels;
    let data = bytes.get(header.at..).unwrap_or(&[]);
    let samples = match coding {
        Coding::TextBits => {
            let digits = data.iter().filter(|byte| matches!(byte, b'0' | b'1')).take(count);
            Some(digits.map(|digit| if *digit == b'0' { 255 } else { 0 }).collect::<Vec<u8>>())
        }
        Coding::Bits => {
            let stride = (width as usize).div_ceil(8);
            let level = |row: &[u8], x: usize| if row[x / 8] >> (7 - x % 8) & 1 == 1 { 0 } else { 255 };
            let rows = data.get(..stride * height as usize).map(|rows| rows.chunks_exact(stride));
            rows.map(|rows| rows.flat_map(|row| (0..width as usize).map(move |x| level(row, x))).collect())
        }
        Coding::Text => {
            let numbers = std::iter::from_fn(|| header.number()).take(count);
            let samples: Vec<u16> = numbers.map(|number| number.min(u32::from(maximum)) as u16).collect();
            Some(depth::narrow_within(&samples, maximum))
        }
        Coding::Bytes if maximum == 255 => data.get(..count).map(<[u8]>::to_vec),
        Coding::Bytes => data.get(..count).map(|data| {
            let samples: Vec<u16> = data.iter().map(|value| u16::from(*value)).collect();
            depth::narrow_within(&samples, maximum)
        }),
        Coding::Pairs => data.get(..count * 2).map(|data| {
            let samples: Vec<u16> = data.as_chunks().0.iter().map(|pair| u16::from_be_bytes(*pair)).collect();
            if maximum == u16::MAX { depth::narrow(&samples) } else { depth::narrow_within(&samples, maximum) }
        }),
        Coding::Floats { is_little } => data.get(..count * 4).map(|data| {
            let number = |four: &[u8; 4]| {
                f64::from(if is_little { f32::from_le_bytes(*four) } else { f32::from_be_bytes(*four) })
            };
            // The lowest row is the first.
            let rows = data.chunks_exact(width as usize * channels * 4).rev();
            let samples: Vec<f64> = rows.flat_map(|row| row.as_chunks().0.iter().map(number)).collect();
            depth::narrow_float(&samples)
        }),
        Coding::Packed => data.get(..count).map(<[u8]>::to_vec),
    };
    let samples = samples
        .filter(|samples| samples.len() == count)
        .ok_or_else(|| DecodeError::truncated(NAME, "it ends before the image does"))?;
    let mut rgb = Vec::with_capacity(pixels as usize * 3);
    let mut alpha = Vec::new();
    for pixel in samples.chunks_exact(channels) {
        match *pixel {
            [packed] if matches!(coding, Coding::Packed) => {
                let level = |value: u8, most: u8| (u16::from(value & most) * 255 / u16::from(most)) as u8;
                rgb.extend([level(packed >> 5, 7), level(packed >> 2, 7), level(packed, 3)]);
            }
            [grey] => rgb.extend([grey; 3]),
            [grey, opaque] => {
                rgb.extend([grey; 3]);
                alpha.push(opaque);
            }
            [r, g, b] => rgb.extend([r, g, b]),
            [r, g, b, opaque, ..] => {
                rgb.extend([r, g, b]);
                alpha.push(opaque);
            }
            [] => {}
        }
    }
    let alpha = alpha.iter().any(|value| *value != 255).then_some(alpha);
    let metadata = Metadata::default();
    Ok(Raw { width, height, rgb, alpha, profile: metadata.profile(), orientation: metadata.orientation() }.finish())
}

/// How samples are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    TextBits,
    Bits,
    Text,
    Bytes,
    Pairs,
    Floats {
        is_little: bool,
    },
    /// Three bits of red, three of green, two of blue.
    Packed,
}

struct Shape {
    width: u32,
    height: u32,
    /// Samples of a pixel: 1 grey, 2 grey and alpha, 3 colour, 4 colour and alpha.
    channels: usize,
    /// The value of white.
    maximum: u16,
    coding: Coding,
}

struct Header<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Header<'a> {
    fn shape(&mut self) -> Result<Shape, DecodeError> {
        let kind = self.bytes.get(1).copied().unwrap_or(0);
        let cut = || DecodeError::truncated(NAME, "it ends inside its header");
        match kind {
            b'7' if self.bytes.starts_with(b"P7 332") => {
                self.at = 6;
                let mut number = || self.number().ok_or_else(cut);
                let (width, height, _) = (number()?, number()?, number()?);
                self.at += 1;
                Ok(Shape { width, height, channels: 1, maximum: 255, coding: Coding::Packed })
            }
            b'7' => self.arbitrary(),
            b'F' | b'f' => {
                let (width, height) = (self.number().ok_or_else(cut)?, self.number().ok_or_else(cut)?);
                let is_little = self.word().ok_or_else(cut)?.starts_with(b"-");
                self.at += 1;
                let channels = if kind == b'F' { 3 } else { 1 };
                Ok(Shape { width, height, channels, maximum: 255, coding: Coding::Floats { is_little } })
            }
            _ => {
                let (width, height) = (self.number().ok_or_else(cut)?, self.number().ok_or_else(cut)?);
                let is_bits = matches!(kind, b'1' | b'4');
                let maximum = maximum(if is_bits { 255 } else { self.number().ok_or_else(cut)? })?;
                self.at += 1;
                let channels = if matches!(kind, b'3' | b'6') { 3 } else { 1 };
                let coding = match kind {
                    b'1' => Coding::TextBits,
                    b'4' => Coding::Bits,
                    b'2' | b'3' => Coding::Text,
                    _ if maximum > 255 => Coding::Pairs,
                    _ => Coding::Bytes,
                };
                Ok(Shape { width, height, channels, maximum, coding })
            }
        }
    }

    /// PAM: lines of a name and a value, in any order.
    fn arbitrary(&mut self) -> Result<Shape, DecodeError> {
        let (mut width, mut height, mut channels, mut white) = (0, 0, 0, 0);
        loop {
            let name = self.word().ok_or_else(|| DecodeError::truncated(NAME, "it ends inside its header"))?;
            let field = match name {
                b"WIDTH" => &mut width,
                b"HEIGHT" => &mut height,
                b"DEPTH" => &mut channels,
                b"MAXVAL" => &mut white,
                b"ENDHDR" => break,
                _ => {
                    self.at += memchr::memchr(b'\n', &self.bytes[self.at..]).unwrap_or(0);
                    continue;
                }
            };
            *field = self.number().ok_or_else(|| DecodeError::corrupt(NAME, "a field of its header has no number"))?;
        }
        self.at += 1;
        if !(1..=4).contains(&channels) {
            return Err(DecodeError::unsupported(format!("PAM with {channels} samples a pixel")));
        }
        let maximum = maximum(white)?;
        let coding = if maximum > 255 { Coding::Pairs } else { Coding::Bytes };
        Ok(Shape { width, height, channels: channels as usize, maximum, coding })
    }

    /// The next characters that are no space; comments are passed over.
    fn word(&mut self) -> Option<&'a [u8]> {
        loop {
            match self.bytes.get(self.at)? {
                b'#' => self.at += memchr::memchr(b'\n', &self.bytes[self.at..])?,
                byte if byte.is_ascii_whitespace() => self.at += 1,
                _ => break,
            }
        }
        let rest: &'a [u8] = &self.bytes[self.at..];
        let length = rest.iter().position(|byte| byte.is_ascii_whitespace() || *byte == b'#').unwrap_or(rest.len());
        self.at += length;
        Some(&rest[..length])
    }

    fn number(&mut self) -> Option<u32> {
        std::str::from_utf8(self.word()?).ok()?.parse().ok()
    }
}

fn maximum(value: u32) -> Result<u16, DecodeError> {
    let maximum = u16::try_from(value).ok().filter(|value| *value > 0);
    maximum.ok_or_else(|| DecodeError::corrupt(NAME, format!("white is {value}, not 1 to 65535")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(file: &[u8]) -> Vec<u8> {
        decode(file, &Limits::default()).unwrap().pixels
    }

    #[test]
    fn every_kind_is_read() {
        for (file, expected) in [
            (&b"P1\n# x\n2 1\n01"[..], [255, 255, 255, 0, 0, 0]),
            (b"P4 2 1\n\x40", [255, 255, 255, 0, 0, 0]),
            (b"P2 2 1 15 15 #x\n0 ", [255, 255, 255, 0, 0, 0]),
            (b"P5 2 1 100\n\x64\0", [255, 255, 255, 0, 0, 0]),
            (b"P5 2 1 4095\n\x0F\xFF\0\0", [255, 255, 255, 0, 0, 0]),
            (b"P3 2 1 255 1 2 3 4 5 6", [1, 2, 3, 4, 5, 6]),
            (b"P6\n2\n1\n255\n\x01\x02\x03\x04\x05\x06", [1, 2, 3, 4, 5, 6]),
            (
                b"P7\nTUPLTYPE RGB\nMAXVAL 255\nDEPTH 3\nWIDTH 2\nHEIGHT 1\nENDHDR\n\x01\x02\x03\x04\x05\x06",
                [1, 2, 3, 4, 5, 6],
            ),
            (b"P7\nWIDTH 2\nHEIGHT 1\nDEPTH 2\nMAXVAL 1\nENDHDR\n\0\x01\0\0", [0, 0, 0, 255, 255, 255]),
            (b"P7 332\n#XVVERSION:x\n#END_OF_COMMENTS\n2 1 255\n\xE0\x03", [255, 0, 0, 0, 0, 255]),
            (b"Pf\n2 1\n-1.0\n\0\0\x80\x3F\0\0\0\0", [255, 255, 255, 0, 0, 0]),
            (b"Pf 2 1 1.0\n\x3F\x80\0\0\0\0\0\0", [255, 255, 255, 0, 0, 0]),
        ] {
            assert_eq!(seen(file), expected, "{}", String::from_utf8_lossy(file));
            for end in 2..file.len() {
                let _ = decode(&file[..end], &Limits::default());
            }
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let reason = |file: &[u8]| decode(file, &Limits::default()).unwrap_err().reason().name();
        assert_eq!(reason(b"P5 2 2 255\n123"), "truncated");
        assert_eq!(reason(b"P2 2 2 255 1 2 3"), "truncated");
        assert_eq!(reason(b"P5 2"), "truncated");
        assert_eq!(reason(b"P5 2 2 0\n1234"), "corrupt");
        assert_eq!(reason(b"P7\nWIDTH 1\nHEIGHT 1\nDEPTH 9\nMAXVAL 255\nENDHDR\n"), "unsupported");
    }
}
