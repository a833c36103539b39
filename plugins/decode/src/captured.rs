//! When a photo was taken: EXIF `DateTimeOriginal` with `SubSecTimeOriginal` of a JPEG file. Source: CIPA DC-008 (Exif 2.32),
//! sections 4.5 and 4.6; TIFF 6.0, section 2.

use std::ops::Range;

/// Tags of the EXIF block.
const EXIF_FOLDER: u16 = 0x8769;
const DATE_TIME_ORIGINAL: u16 = 0x9003;
const SUB_SEC_TIME_ORIGINAL: u16 = 0x9291;

/// When a photo was taken, milliseconds since 1970, its clock read as UTC. `None` for files that do not say, or not rightly, and
/// for other formats than JPEG. Only the headers are looked at.
pub fn captured_ms(bytes: &[u8]) -> Option<i64> {
    let tiff = Tiff::new(bytes.get(exif(bytes)?)?)?;
    let first = tiff.u32(4)?;
    let folder = tiff.entry(first, EXIF_FOLDER)?;
    let folder = tiff.u32(folder.start)?;
    let seconds = seconds(tiff.text(folder, DATE_TIME_ORIGINAL)?)?;
    let fraction = tiff.text(folder, SUB_SEC_TIME_ORIGINAL).and_then(milliseconds).unwrap_or(0);
    Some(seconds * 1000 + fraction)
}

/// The EXIF block of a JPEG file, from the TIFF header on.
fn exif(bytes: &[u8]) -> Option<Range<usize>> {
    let mut at = if bytes.starts_with(&[0xFF, 0xD8]) { 2 } else { return None };
    loop {
        let &[0xFF, marker, high, low] = bytes.get(at..)?.first_chunk()? else { return None };
        let end = at + 2 + usize::from(u16::from_be_bytes([high, low]));
        match marker {
            // Fill bytes may stand before a marker.
            0xFF => at += 1,
            // The image begins, or ends.
            0xDA | 0xD9 => return None,
            0xE1 if bytes.get(at + 4..)?.starts_with(b"Exif\0") => return Some(at + 10..end.min(bytes.len())),
            _ => at = end,
        }
    }
}

/// Numbers of a TIFF structure.
struct Tiff<'a> {
    bytes: &'a [u8],
    is_little: bool,
}

impl<'a> Tiff<'a> {
    fn new(bytes: &'a [u8]) -> Option<Self> {
        match bytes.get(..4)? {
            b"II*\0" => Some(Self { bytes, is_little: true }),
            b"MM\0*" => Some(Self { bytes, is_little: false }),
            _ => None,
        }
    }

    fn u16(&self, at: usize) -> Option<u16> {
        let two = *self.bytes.get(at..)?.first_chunk()?;
        Some(if self.is_little { u16::from_le_bytes(two) } else { u16::from_be_bytes(two) })
    }

    fn u32(&self, at: usize) -> Option<u32> {
        let four = *self.bytes.get(at..)?.first_chunk()?;
        Some(if self.is_little { u32::from_le_bytes(four) } else { u32::from_be_bytes(four) })
    }

    /// Where the value of a tag lies, or where it says that it lies.
    fn entry(&self, folder: u32, tag: u16) -> Option<Range<usize>> {
        let start = folder as usize;
        let entries = usize::from(self.u16(start)?);
        let at = (0..entries).map(|n| start + 2 + n * 12).find(|at| self.u16(*at) == Some(tag))?;
        Some(at + 8..at + 12)
    }

    /// A tag of ASCII characters.
    fn text(&self, folder: u32, tag: u16) -> Option<&'a str> {
        let value = self.entry(folder, tag)?;
        let length = self.u32(value.start - 4)? as usize;
        let start = if length <= 4 { value.start } else { self.u32(value.start)? as usize };
        let text = std::str::from_utf8(self.bytes.get(start..start.checked_add(length)?)?).ok()?;
        Some(text.trim_end_matches('\0').trim())
    }
}

/// `YYYY:MM:DD HH:MM:SS` as seconds since 1970.
fn seconds(text: &str) -> Option<i64> {
    let number = |range: Range<usize>| {
        let digits = text.get(range)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse::<i64>().ok())?
    };
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    let is_right = year > 0 && (1..=12).contains(&month) && (1..=31).contains(&day);
    (is_right && hour < 24 && minute < 60 && second <= 60)
        .then(|| days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second)
}

/// Days since 1970 of a date of the Gregorian calendar (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms",
/// `days_from_civil`).
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year - era * 400;
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
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
