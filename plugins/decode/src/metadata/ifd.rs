//! Directories of TIFF structures: TIFF and BigTIFF files, EXIF blocks, and camera RAW built upon them.
//!
//! Source: TIFF 6.0, section 2; BigTIFF, <https://www.awaresystems.be/imaging/tiff/bigtiff.html>. Nothing is allocated
//! but what is there, and no offset is trusted.

/// The type codes of values.
mod kind {
    pub const BYTE: u16 = 1;
    pub const ASCII: u16 = 2;
    pub const SHORT: u16 = 3;
    pub const LONG: u16 = 4;
    pub const RATIONAL: u16 = 5;
    pub const SBYTE: u16 = 6;
    pub const UNDEFINED: u16 = 7;
    pub const SSHORT: u16 = 8;
    pub const SLONG: u16 = 9;
    pub const SRATIONAL: u16 = 10;
    pub const FLOAT: u16 = 11;
    pub const DOUBLE: u16 = 12;
    pub const IFD: u16 = 13;
    pub const LONG8: u16 = 16;
    pub const SLONG8: u16 = 17;
    pub const IFD8: u16 = 18;
}

/// Reads numbers of a TIFF structure in its byte order.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    /// Little-endian (`II`).
    pub is_little: bool,
    is_big_tiff: bool,
}

/// One field of a directory.
#[derive(Clone, Copy)]
pub struct Entry {
    pub tag: u16,
    kind: u16,
    count: usize,
    /// Where its first value lies.
    at: usize,
}

/// One directory: its fields, and where the next one begins (0 for none).
pub struct Directory<'a> {
    reader: Reader<'a>,
    entries: Vec<Entry>,
    /// Offset of the next directory; 0 for none.
    pub next: usize,
}

impl<'a> Reader<'a> {
    /// From the header on. Also the headers of Olympus and Panasonic RAW (`IIRO`, `IIRS`, `IIU\0`) are known.
    pub fn new(bytes: &'a [u8]) -> Option<Self> {
        let (is_little, is_big_tiff) = match bytes.first_chunk::<4>()? {
            b"II*\0" | b"IIRO" | b"IIRS" | b"IIU\0" => (true, false),
            b"MM\0*" | b"MMOR" => (false, false),
            b"II+\0" => (true, true),
            b"MM\0+" => (false, true),
            _ => return None,
        };
        Some(Self { bytes, is_little, is_big_tiff })
    }

    pub fn u16(&self, at: usize) -> Option<u16> {
        let two = *self.bytes.get(at..)?.first_chunk()?;
        Some(if self.is_little { u16::from_le_bytes(two) } else { u16::from_be_bytes(two) })
    }

    pub fn u32(&self, at: usize) -> Option<u32> {
        let four = *self.bytes.get(at..)?.first_chunk()?;
        Some(if self.is_little { u32::from_le_bytes(four) } else { u32::from_be_bytes(four) })
    }

    fn u64(&self, at: usize) -> Option<u64> {
        let eight = *self.bytes.get(at..)?.first_chunk()?;
        Some(if self.is_little { u64::from_le_bytes(eight) } else { u64::from_be_bytes(eight) })
    }

    /// An offset or a count: 32 bits, 64 in BigTIFF.
    fn word(&self, at: usize) -> Option<usize> {
        if self.is_big_tiff { usize::try_from(self.u64(at)?).ok() } else { Some(self.u32(at)? as usize) }
    }

    /// Offset of the first directory.
    pub fn first(&self) -> Option<usize> {
        self.word(if self.is_big_tiff { 8 } else { 4 })
    }

    /// The directory at an offset. Fields that point outside the file are left out.
    pub fn directory(&self, offset: usize) -> Option<Directory<'a>> {
        let (count, head, size, inline) = if self.is_big_tiff {
            (usize::try_from(self.u64(offset)?).ok()?, 8, 20, 8)
        } else {
            (usize::from(self.u16(offset)?), 2, 12, 4)
        };
        let first = offset.checked_add(head)?;
        // A directory cut off by the end of the file still has its first fields.
        let there = self.bytes.len().saturating_sub(first) / size;
        let entries = (0..count.min(there)).filter_map(|n| self.entry(first + n * size, inline)).collect();
        let next = count.checked_mul(size).and_then(|length| self.word(first.checked_add(length)?)).unwrap_or(0);
        Some(Directory { reader: *self, entries, next })
    }

    fn entry(&self, at: usize, inline: usize) -> Option<Entry> {
        let (tag, kind) = (self.u16(at)?, self.u16(at + 2)?);
        let count = self.word(at + 4)?;
        let length = size(kind)?.checked_mul(count)?;
        let value = at + 4 + inline;
        let at = if length <= inline { value } else { self.word(value)? };
        (at.checked_add(length)? <= self.bytes.len()).then_some(Entry { tag, kind, count, at })
    }
}

/// Bytes of a value.
const fn size(kind: u16) -> Option<usize> {
    match kind {
        kind::BYTE | kind::ASCII | kind::SBYTE | kind::UNDEFINED => Some(1),
        kind::SHORT | kind::SSHORT => Some(2),
        kind::LONG | kind::SLONG | kind::FLOAT | kind::IFD => Some(4),
        kind::RATIONAL | kind::SRATIONAL | kind::DOUBLE | kind::LONG8 | kind::SLONG8 | kind::IFD8 => Some(8),
        _ => None,
    }
}

impl<'a> Directory<'a> {
    /// The first field of a tag.
    pub fn entry(&self, tag: u16) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.tag == tag)
    }

    /// Whether a field is there.
    pub fn has(&self, tag: u16) -> bool {
        self.entry(tag).is_some()
    }

    /// The first value of a field of whole numbers, whatever their size.
    pub fn number(&self, tag: u16) -> Option<u64> {
        self.numbers(tag)?.next()
    }

    /// The first value of a field of one of the two types that the standard has for most numbers.
    pub fn short_or_long(&self, tag: u16) -> Option<u64> {
        self.entry(tag).filter(|entry| matches!(entry.kind, kind::SHORT | kind::LONG))?;
        self.number(tag)
    }

    /// All values of a field of whole numbers. Negative ones count as none.
    pub fn numbers(&self, tag: u16) -> Option<impl ExactSizeIterator<Item = u64> + '_> {
        let entry = *self.entry(tag)?;
        let size = match entry.kind {
            kind::BYTE | kind::UNDEFINED => 1,
            kind::SHORT => 2,
            kind::LONG | kind::IFD => 4,
            kind::LONG8 | kind::IFD8 => 8,
            kind::SBYTE | kind::SSHORT | kind::SLONG | kind::SLONG8 => size(entry.kind)?,
            _ => return None,
        };
        let value = move |n: usize| {
            let at = entry.at + n * size;
            match size {
                1 => self.reader.bytes.get(at).map(|byte| u64::from(*byte)),
                2 => self.reader.u16(at).map(u64::from),
                4 => self.reader.u32(at).map(u64::from),
                _ => self.reader.u64(at),
            }
            .unwrap_or(0)
        };
        Some((0..entry.count).map(value))
    }

    /// All values of a field of fractions or floating-point numbers.
    pub fn fractions(&self, tag: u16) -> Option<Vec<f64>> {
        let entry = *self.entry(tag)?;
        let value = |n: usize| match entry.kind {
            kind::RATIONAL => {
                let at = entry.at + n * 8;
                Some(f64::from(self.reader.u32(at)?) / f64::from(self.reader.u32(at + 4)?))
            }
            kind::FLOAT => Some(f64::from(f32::from_bits(self.reader.u32(entry.at + n * 4)?))),
            kind::DOUBLE => Some(f64::from_bits(self.reader.u64(entry.at + n * 8)?)),
            _ => None,
        };
        (0..entry.count.min(64)).map(value).collect()
    }

    /// A field's raw bytes.
    pub fn bytes(&self, tag: u16) -> Option<&'a [u8]> {
        let entry = self.entry(tag)?;
        self.reader.bytes.get(entry.at..entry.at + size(entry.kind)? * entry.count)
    }

    /// A field of ASCII characters, without the zeros at its end.
    pub fn text(&self, tag: u16) -> Option<&'a str> {
        self.entry(tag).filter(|entry| entry.kind == kind::ASCII)?;
        Some(std::str::from_utf8(self.bytes(tag)?).ok()?.trim_end_matches('\0').trim())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_in_both_orders_and_sizes() {
        let little = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
        let big = b"MM\0+\0\x08\0\0\0\0\0\0\0\0\0\x10\0\0\0\0\0\0\0\x01\x01\x12\0\x04\0\0\0\0\0\0\0\x01\0\0\0\x06\0\0\0\0\0\0\0\0\0\0\0\0";
        for bytes in [&little[..], big] {
            let reader = Reader::new(bytes).unwrap();
            let directory = reader.directory(reader.first().unwrap()).unwrap();
            assert_eq!((directory.number(0x112), directory.next), (Some(6), 0));
        }
    }

    #[test]
    fn any_prefix_and_any_bent_byte_is_answered() {
        let whole = b"II*\0\x08\0\0\0\x02\0\x12\x01\x05\0\x01\0\0\0\x22\0\0\0\x13\x01\x02\0\x09\0\0\0\x22\0\0\0\0\0\0\0\x01\0\0\0\x02\0\0\0";
        for at in 0..whole.len() {
            for value in [0, 1, 0x7F, 0xFF] {
                let mut bent = whole.to_vec();
                bent[at] = value;
                for bytes in [&whole[..at], &bent] {
                    let Some(reader) = Reader::new(bytes) else { continue };
                    let Some(directory) = reader.first().and_then(|at| reader.directory(at)) else { continue };
                    for tag in [0x112, 0x113] {
                        let _ = (directory.number(tag), directory.fractions(tag), directory.text(tag));
                    }
                }
            }
        }
    }
}
