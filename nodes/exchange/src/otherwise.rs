//! Images of which nnabla's data iterator (and so Neural Network Console) makes other numbers than we do.
//!
//! Seen with nnabla 1.39.0 (`tests/peers/nnabla_images.py`): it does not turn images by their Exif orientation, keeps alpha and the
//! four channels of CMYK, takes the low byte of 16 bits, reads white of 1 bit as 1 of 255, and fails on grey beside colours.

use image::{ImageDecoder as _, ImageReader, metadata::Orientation};
use std::collections::BTreeMap;
use std::io::Cursor;

/// What is otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Otherwise {
    /// One channel, which a network of colours refuses there.
    Grey,
    /// Transparency as a channel more.
    Alpha,
    /// Four channels of ink.
    Cmyk,
    /// The low byte of each number.
    SixteenBits,
    /// 0 and 1 of 255 instead of black and white.
    OneBit,
    /// Not turned upright.
    Turned,
    /// Not read at all.
    WebP,
}

impl Otherwise {
    /// What NNC would have seen and what is seen here.
    pub fn text(self) -> &'static str {
        match self {
            Self::Grey => "are grey: one channel there, which fails beside images in colour; three equal ones here",
            Self::Alpha => "have transparency: a channel more there; laid over white here",
            Self::Cmyk => "are CMYK: four channels of ink there; colours here",
            Self::SixteenBits => "have 16 bits a channel: the low 8 there, which look like noise; the high 8 here",
            Self::OneBit => "have 1 bit a pixel: black and 1 of 255 there; black and white here",
            Self::Turned => "are turned by Exif: left as they lie there; upright here",
            Self::WebP => "are WebP: an error there; read here",
        }
    }
}

/// All that is otherwise of an image file.
pub fn of(bytes: &[u8]) -> Vec<Otherwise> {
    let mut all = Vec::new();
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        let (depth, kind) = (bytes.get(24).copied(), bytes.get(25).copied());
        match depth {
            Some(16) => all.push(Otherwise::SixteenBits),
            Some(1) if kind == Some(0) => all.push(Otherwise::OneBit),
            _ => {}
        }
        match kind {
            Some(0) => all.push(Otherwise::Grey),
            Some(4 | 6) => all.push(Otherwise::Alpha),
            _ => {}
        }
    } else if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        all.push(Otherwise::WebP);
    } else if bytes.starts_with(&[0xff, 0xd8]) {
        match components(bytes) {
            Some(1) => all.push(Otherwise::Grey),
            Some(4) => all.push(Otherwise::Cmyk),
            _ => {}
        }
    }
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format();
    let decoder = reader.ok().and_then(|reader| reader.into_decoder().ok());
    let turned = decoder.and_then(|mut decoder| decoder.orientation().ok());
    if turned.is_some_and(|turned| turned != Orientation::NoTransforms) {
        all.push(Otherwise::Turned);
    }
    all
}

/// Components of a JPEG, by its frame header.
fn components(bytes: &[u8]) -> Option<u8> {
    let mut at = 2;
    loop {
        let (mark, kind) = (*bytes.get(at)?, *bytes.get(at + 1)?);
        if mark != 0xff {
            return None;
        }
        if kind == 0xff {
            at += 1;
            continue;
        }
        let length = usize::from(u16::from_be_bytes([*bytes.get(at + 2)?, *bytes.get(at + 3)?]));
        if matches!(kind, 0xc0..=0xcf) && !matches!(kind, 0xc4 | 0xc8 | 0xcc) {
            return bytes.get(at + 9).copied();
        }
        at += 2 + length.max(2);
    }
}

/// How many images are otherwise, and the first of each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts(BTreeMap<Otherwise, (usize, String)>);

impl Counts {
    /// Counts an image of this name.
    pub fn add(&mut self, name: &str, found: &[Otherwise]) {
        for otherwise in found {
            self.0.entry(*otherwise).or_insert_with(|| (0, name.to_owned())).0 += 1;
        }
    }

    /// A line for each kind, of `all` images. Where all are grey, nothing is otherwise but the number of channels.
    pub fn lines(&self, all: usize) -> Vec<String> {
        let worth = |(kind, (count, _)): &(&Otherwise, &(usize, String))| **kind != Otherwise::Grey || *count < all;
        let line = |(kind, (count, first)): (&Otherwise, &(usize, String))| {
            format!("{count} images ({first} first) {}", kind.text())
        };
        self.0.iter().filter(worth).map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{DynamicImage, ImageFormat};

    fn png(image: DynamicImage) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        image.write_to(&mut bytes, ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn what_nnabla_reads_otherwise_is_told() {
        for (image, expected) in [
            (DynamicImage::new_rgb8(2, 2), vec![]),
            (DynamicImage::new_luma8(2, 2), vec![Otherwise::Grey]),
            (DynamicImage::new_rgba8(2, 2), vec![Otherwise::Alpha]),
            (DynamicImage::new_rgb16(2, 2), vec![Otherwise::SixteenBits]),
            (DynamicImage::new_luma_a16(2, 2), vec![Otherwise::SixteenBits, Otherwise::Alpha]),
        ] {
            assert_eq!(of(&png(image)), expected);
        }
        let mut jpeg = Cursor::new(Vec::new());
        DynamicImage::new_luma8(8, 8).write_to(&mut jpeg, ImageFormat::Jpeg).unwrap();
        assert_eq!(of(jpeg.get_ref()), [Otherwise::Grey]);
        assert_eq!(components(b"\xff\xd8\xff\xc0\x00\x14\x08\x00\x01\x00\x01\x04"), Some(4));
        assert!(of(b"nothing").is_empty());
    }

    #[test]
    fn kinds_are_counted_and_grey_alone_is_no_difference() {
        let mut counts = Counts::default();
        counts.add("a.png", &[Otherwise::Grey]);
        counts.add("b.png", &[Otherwise::Grey, Otherwise::Turned]);
        assert_eq!(counts.lines(2).len(), 1);
        let lines = counts.lines(3);
        assert!(
            lines[0].starts_with("2 images (a.png first) are grey") && lines[1].contains("b.png first"),
            "{lines:?}"
        );
    }
}
