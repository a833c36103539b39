//! When a photo was taken: EXIF `DateTimeOriginal` with `SubSecTimeOriginal`. Source: CIPA DC-008 (Exif 2.32), sections 4.5
//! and 4.6; TIFF 6.0, section 2.

use crate::metadata::ifd::Reader;
use crate::metadata::{self, Metadata};
use crate::registry::Decoder;
use crate::sniff::{self, Kind};
use chrono::NaiveDate;
use image::ImageFormat;
use std::ops::Range;

/// Tags of the EXIF block.
const EXIF_FOLDER: u16 = 0x8769;
const DATE_TIME_ORIGINAL: u16 = 0x9003;
const SUB_SEC_TIME_ORIGINAL: u16 = 0x9291;

/// When a photo was taken, milliseconds since 1970, its clock read as UTC. `None` for files that do not say, or not rightly, and
/// for other formats than JPEG, PNG, WebP, HEIC, AVIF, TIFF and the camera RAW that is TIFF. Only the headers are looked at.
pub fn captured_ms(bytes: &[u8]) -> Option<i64> {
    let (kind, bytes) = sniff::image(bytes);
    match kind {
        Kind::Read(Decoder::Jpeg) => of_metadata(&metadata::jpeg::read(bytes)),
        Kind::Read(Decoder::Image(ImageFormat::Png)) => of_metadata(&metadata::png::read(bytes)),
        Kind::Read(Decoder::Image(ImageFormat::WebP)) => of_metadata(&metadata::webp::read(bytes)),
        Kind::Read(Decoder::Heic | Decoder::Avif) => of_block(&crate::heif::exif(bytes)?),
        Kind::Read(Decoder::Tiff | Decoder::Raw) => of_block(bytes),
        _ => None,
    }
}

fn of_metadata(metadata: &Metadata) -> Option<i64> {
    of_block(metadata.exif.as_deref()?)
}

/// Of a block of EXIF, or a whole TIFF.
fn of_block(block: &[u8]) -> Option<i64> {
    let reader = Reader::new(block.strip_prefix(b"Exif\0\0").unwrap_or(block))?;
    let first = reader.directory(reader.first()?)?;
    let folder = reader.directory(usize::try_from(first.number(EXIF_FOLDER)?).ok()?)?;
    let seconds = seconds(folder.text(DATE_TIME_ORIGINAL)?)?;
    let fraction = folder.text(SUB_SEC_TIME_ORIGINAL).and_then(milliseconds).unwrap_or(0);
    Some(seconds * 1000 + fraction)
}

/// `YYYY:MM:DD HH:MM:SS` as seconds since 1970.
fn seconds(text: &str) -> Option<i64> {
    let number = |range: Range<usize>| {
        let digits = text.get(range)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse::<i64>().ok())?
    };
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month as u32, day as u32)?;
    let is_right = year > 0 && hour < 24 && minute < 60 && second <= 60;
    let days = date.signed_duration_since(NaiveDate::default()).num_days();
    is_right.then_some(days * 86_400 + hour * 3600 + minute * 60 + second)
}

/// Digits behind the point of the seconds.
fn milliseconds(text: &str) -> Option<i64> {
    let digits = text.get(..text.len().min(3))?;
    let number: u32 = digits.parse().ok()?;
    Some(i64::from(number) * [100, 10, 1].get(digits.len() - 1)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The headers of a JPEG file with an EXIF block of these texts.
    fn jpeg(is_little: bool, date: &str, fraction: Option<&str>) -> Vec<u8> {
        let two = |n: u16| if is_little { n.to_le_bytes() } else { n.to_be_bytes() };
        let four = |n: u32| if is_little { n.to_le_bytes() } else { n.to_be_bytes() };
        let mut tiff = if is_little { b"II*\0".to_vec() } else { b"MM\0*".to_vec() };
        let entry = |tag: u16, kind: u16, count: u32, value: [u8; 4]| {
            [&two(tag)[..], &two(kind), &four(count), &value].concat()
        };
        tiff.extend([&four(8)[..], &two(1), &entry(EXIF_FOLDER, 4, 1, four(26)), &four(0)].concat());
        let entries = 1 + u16::from(fraction.is_some());
        let texts = 26 + 2 + u32::from(entries) * 12 + 4;
        tiff.extend(two(entries));
        tiff.extend(entry(DATE_TIME_ORIGINAL, 2, date.len() as u32 + 1, four(texts)));
        if let Some(fraction) = fraction {
            let mut value = [0; 4];
            value[..fraction.len()].copy_from_slice(fraction.as_bytes());
            tiff.extend(entry(SUB_SEC_TIME_ORIGINAL, 2, fraction.len() as u32 + 1, value));
        }
        tiff.extend([&four(0)[..], date.as_bytes(), b"\0"].concat());
        let length = (tiff.len() as u16 + 8).to_be_bytes();
        [b"\xFF\xD8\xFF\xE0\0\x04ab\xFF\xE1", &length[..], b"Exif\0\0", &tiff, b"\xFF\xDA\0\x02"].concat()
    }

    #[test]
    fn capture_times_are_read_in_both_byte_orders() {
        for is_little in [true, false] {
            let of = |date: &str, fraction: Option<&str>| captured_ms(&jpeg(is_little, date, fraction));
            assert_eq!(of("1970:01:01 00:00:00", None), Some(0));
            assert_eq!(of("2024:02:29 12:34:56", Some("78")), Some(1_709_210_096_780));
            assert_eq!(of("2000:12:31 23:59:59", Some("5")), Some(978_307_199_500));
            assert_eq!(of("1969:12:31 23:59:59", Some("999")), Some(-1));
            assert_eq!(of("2024:02:29 12:34:56", Some("xy")), Some(1_709_210_096_000));
        }
    }

    #[test]
    fn unknown_capture_times_are_none() {
        for date in ["0000:00:00 00:00:00", "    :  :     :  :  ", "2024:13:01 00:00:00", "2024", "é024:01:01 00:00:00"]
        {
            assert_eq!(captured_ms(&jpeg(true, date, None)), None, "{date}");
        }
        let whole = jpeg(false, "2024:02:29 12:34:56", Some("78"));
        for end in 0..whole.len() - 4 {
            let _ = captured_ms(&whole[..end]);
            let mut broken = whole.clone();
            broken[end] ^= 0xFF;
            let _ = captured_ms(&broken);
        }
        assert_eq!(captured_ms(b"\x89PNG\r\n\x1a\n"), None);
    }
}
