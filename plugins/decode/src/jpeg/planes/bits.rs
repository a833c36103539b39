//! The compressed data of a scan, bit by bit.

use memchr::memchr;

/// So many bytes without a meaning lie behind the data, so that a refill always finds eight.
const BEHIND: usize = 16;

/// A scan's data without stuffing and restart markers.
pub struct Entropy {
    bytes: Vec<u8>,
    /// Where each restart interval ends; the last is the end of the data.
    ends: Vec<usize>,
}

impl Entropy {
    /// From what lies between the scan's header and the next marker. None when restart markers are out of order.
    pub fn of(data: &[u8]) -> Option<Self> {
        let mut bytes = Vec::with_capacity(data.len() + BEHIND);
        let mut ends = Vec::new();
        let mut rest = data;
        while let Some(at) = memchr(0xFF, rest) {
            bytes.extend_from_slice(&rest[..at]);
            rest = &rest[at + 1..];
            match rest.first() {
                Some(0x00) => {
                    bytes.push(0xFF);
                    rest = &rest[1..];
                }
                Some(&marker @ 0xD0..=0xD7) => {
                    if usize::from(marker & 7) != ends.len() % 8 {
                        return None;
                    }
                    ends.push(bytes.len());
                    rest = &rest[1..];
                }
                // Fill bytes before a marker; what is behind the data.
                Some(0xFF) | None => {}
                Some(_) => return None,
            }
        }
        bytes.extend_from_slice(rest);
        ends.push(bytes.len());
        bytes.extend_from_slice(&[0xFF; BEHIND]);
        Some(Self { bytes, ends })
    }

    /// How many restart intervals there are; at least 1.
    pub fn intervals(&self) -> usize {
        self.ends.len()
    }

    /// The bytes that begin before a place, counted in bits, and those behind that a look from there needs.
    pub fn up_to(&self, position: usize) -> &[u8] {
        self.bytes.get(..position.div_ceil(8) + 7).unwrap_or(&self.bytes)
    }

    /// Where a restart interval begins and ends, in bits.
    pub fn interval(&self, interval: usize) -> Option<(usize, usize)> {
        let start = interval.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied())?;
        Some((start * 8, self.ends.get(interval)? * 8))
    }

    /// The bits of one restart interval. Reading on leads into the next; [`Self::is_end`] tells afterwards.
    pub fn bits(&self, interval: usize) -> Option<Bits<'_>> {
        Some(Bits { bytes: &self.bytes, at: self.interval(interval)?.0 / 8, next: 0, count: 0 })
    }

    /// The bits from a place on, counted in bits; at least 49 of them are ready. None behind the end.
    #[inline]
    pub fn at(&self, position: usize) -> Option<Bits<'_>> {
        let mut bits = Bits { bytes: &self.bytes, at: position / 8, next: 0, count: 0 };
        bits.refill()?;
        bits.skip((position % 8) as u32);
        Some(bits)
    }

    /// Whether an interval has been read to its end, at a place counted in bits; where nothing may follow, all of it but for the
    /// bits that fill its last byte.
    pub fn is_end(&self, interval: usize, position: usize, nothing_follows: bool) -> bool {
        let end = self.ends.get(interval).map_or(0, |end| end * 8);
        position <= end && (!nothing_follows || position + 7 >= end)
    }
}

/// A place in the data. Copied into a function and back, it stays in registers.
#[derive(Clone, Copy)]
pub struct Bits<'a> {
    bytes: &'a [u8],
    /// The next byte that is not counted yet.
    at: usize,
    /// The next bits, the first on top.
    next: u64,
    /// How many of them count.
    count: u32,
}

impl Bits<'_> {
    /// Makes at least 56 bits ready. None behind the end. Source: Fabian Giesen, "Reading bits in far too many ways",
    /// variant 4, <https://fgiesen.wordpress.com/2018/02/20/reading-bits-in-far-too-many-ways-part-2/>.
    #[inline]
    pub fn refill(&mut self) -> Option<()> {
        let more = u64::from_be_bytes(*self.bytes.get(self.at..)?.first_chunk()?);
        self.next |= more >> self.count;
        self.at += ((63 - self.count) >> 3) as usize;
        // To 56 or more, by what was added.
        self.count |= 0b11_1000;
        Some(())
    }

    /// The next bits, 1 to 56, without going on.
    #[inline]
    pub const fn peek(&self, count: u32) -> usize {
        (self.next >> (64 - count)) as usize
    }

    /// Goes on by up to 56 bits that are ready.
    #[inline]
    pub const fn skip(&mut self, count: u32) {
        self.next <<= count;
        self.count = self.count.wrapping_sub(count);
    }

    /// The next `count` bits, 0 to 15, as T.81 (F.2.2.1) writes a number of that size.
    #[inline]
    pub const fn number(&mut self, count: u32) -> i32 {
        if count == 0 {
            return 0;
        }
        let raw = self.peek(count) as i32;
        self.skip(count);
        if raw >> (count - 1) == 0 { raw - (1 << count) + 1 } else { raw }
    }

    /// The next `count` bits, 0 to 16, as they are.
    #[inline]
    pub const fn raw(&mut self, count: u32) -> u32 {
        if count == 0 {
            return 0;
        }
        let raw = self.peek(count) as u32;
        self.skip(count);
        raw
    }

    /// The next `count` bits, up to 56, the first on top and zeros below.
    #[inline]
    pub const fn first(&mut self, count: u32) -> u64 {
        let first = self.next & !(u64::MAX >> count);
        self.skip(count);
        first
    }

    /// The next bit.
    #[inline]
    pub const fn bit(&mut self) -> bool {
        let bit = self.next >> 63 == 1;
        self.skip(1);
        bit
    }

    /// Bits read since the start of the data.
    pub const fn position(&self) -> usize {
        (self.at * 8).wrapping_sub(self.count as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stuffing_and_restarts_are_taken_out() {
        let entropy = Entropy::of(b"\x12\xFF\x00\x34\xFF\xD0\xAB\xFF\xFF\xD1\xCD\xFF").unwrap();
        assert_eq!(entropy.intervals(), 3);
        let read = |interval| {
            let mut bits = entropy.bits(interval).unwrap();
            bits.refill().unwrap();
            bits.peek(8)
        };
        assert_eq!([read(0), read(1), read(2)], [0x12, 0xAB, 0xCD]);
        assert!(Entropy::of(b"\xFF\xD1").is_none() && Entropy::of(b"\xFF\xD9").is_none());
    }

    #[test]
    fn an_interval_ends_within_its_last_byte() {
        let entropy = Entropy::of(b"\xA5\xA5\xFF\xD0\x77").unwrap();
        let mut bits = entropy.bits(0).unwrap();
        bits.refill().unwrap();
        bits.skip(8);
        assert!(!entropy.is_end(0, bits.position(), true));
        bits.skip(1);
        assert!(entropy.is_end(0, bits.position(), true));
        bits.skip(7);
        assert!(entropy.is_end(0, bits.position(), true));
        bits.skip(1);
        assert!(!entropy.is_end(0, bits.position(), true));
    }

    #[test]
    fn numbers_are_read_as_they_are_written() {
        let entropy = Entropy::of(&[0b0111_0001, 0b1000_0000]).unwrap();
        let mut bits = entropy.bits(0).unwrap();
        bits.refill().unwrap();
        assert_eq!([bits.number(0), bits.number(1), bits.number(3), bits.number(4)], [0, -1, 7, -14]);
        assert_eq!(bits.number(1), 1);
        let mut bits = entropy.bits(0).unwrap();
        bits.refill().unwrap();
        assert_eq!((bits.first(4), bits.first(5), bits.position()), (0b0111 << 60, 0b0_0011 << 59, 9));
    }

    #[test]
    fn behind_the_end_there_is_nothing() {
        let entropy = Entropy::of(&[1, 2, 3]).unwrap();
        let mut bits = entropy.bits(0).unwrap();
        let mut refills = 0;
        while bits.refill().is_some() {
            bits.skip(40);
            refills += 1;
        }
        assert!(refills < 5);
    }
}
