//! Fax: modified Huffman, Group 3 (one- and two-dimensional) and Group 4. Source: ITU-T T.4 and T.6; TIFF 6.0, section 11.
//!
//! Codes are looked up by the crate `fax`; its decoders are not used, as they know neither modified Huffman nor
//! two-dimensional Group 3. A line that is damaged is left white from there on, as fax machines do, and of what is
//! missing at the end all is white.

use fax::BitReader;
use fax::maps::{Mode, black, mode, white};

/// The kinds of fax.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Modified Huffman: each line begins at a multiple of so many bits.
    Huffman {
        align: usize,
    },
    Group3 {
        two_dimensional: bool,
    },
    Group4,
}

/// Rows of `width` pixels, one bit each, 1 for black, padded to whole bytes.
pub fn decode(packed: &[u8], kind: Kind, width: usize, rows: usize) -> Vec<u8> {
    let mut bits = Bits { bytes: packed, at: 0 };
    let length = width.div_ceil(8);
    let mut data = vec![0; length * rows];
    // Where the colour changes, white first.
    let mut above: Vec<usize> = Vec::new();
    let mut line: Vec<usize> = Vec::new();
    for row in data.chunks_exact_mut(length.max(1)) {
        line.clear();
        let is_whole = match kind {
            Kind::Huffman { align } => {
                bits.at = bits.at.next_multiple_of(align);
                one_dimensional(&mut bits, width, &mut line)
            }
            Kind::Group3 { two_dimensional } => {
                bits.skip_end_of_line();
                let is_one = !two_dimensional || bits.take_one() != Some(0);
                if is_one {
                    one_dimensional(&mut bits, width, &mut line)
                } else {
                    two_dimensional_line(&mut bits, width, &above, &mut line)
                }
            }
            Kind::Group4 => two_dimensional_line(&mut bits, width, &above, &mut line),
        };
        blacken(row, &line, width);
        std::mem::swap(&mut above, &mut line);
        if is_whole.is_none() {
            let can_go_on = matches!(kind, Kind::Group3 { .. }) && bits.seek_end_of_line();
            if !can_go_on {
                break;
            }
        }
    }
    data
}

/// Sets the black runs of a row.
fn blacken(row: &mut [u8], changes: &[usize], width: usize) {
    for run in changes.chunks(2) {
        let end = run.get(1).copied().unwrap_or(width).min(width);
        for at in run[0].min(width)..end {
            row[at / 8] |= 0x80 >> (at % 8);
        }
    }
}

/// A run of one colour: any number of make-up codes, and a terminating one.
fn run(bits: &mut Bits, is_black: bool) -> Option<usize> {
    let mut length = 0;
    loop {
        let code = usize::from(if is_black { black::decode(bits)? } else { white::decode(bits)? });
        length += code;
        if code < 64 {
            return Some(length);
        }
    }
}

fn one_dimensional(bits: &mut Bits, width: usize, line: &mut Vec<usize>) -> Option<()> {
    let (mut at, mut is_black) = (0, false);
    while at < width {
        at += run(bits, is_black)?;
        line.push(at);
        is_black = !is_black;
    }
    Some(())
}

fn two_dimensional_line(bits: &mut Bits, width: usize, above: &[usize], line: &mut Vec<usize>) -> Option<()> {
    let (mut at, mut is_black) = (0, false);
    let mut is_start = true;
    while at < width {
        // The first change above, right of here, to the other colour than ours.
        let first = above
            .iter()
            .enumerate()
            .position(|(n, &change)| (n % 2 == 1) == is_black && (change > at || (is_start && change == 0)));
        let change = |n: Option<usize>| n.and_then(|n| above.get(n)).map_or(width, |change| (*change).min(width));
        let (b1, b2) = (change(first), change(first.map(|n| n + 1)));
        match mode::decode(bits)? {
            Mode::Pass => at = b2,
            Mode::Vertical(shift) => {
                let a1 = b1.checked_add_signed(isize::from(shift))?;
                if a1 < at {
                    return None;
                }
                line.push(a1);
                at = a1;
                is_black = !is_black;
            }
            Mode::Horizontal => {
                for colour in [is_black, !is_black] {
                    at += run(bits, colour)?;
                    line.push(at);
                }
            }
            Mode::Extension | Mode::EOF => return None,
        }
        is_start = false;
    }
    Some(())
}

/// Bits of a slice, the most significant first.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn take_one(&mut self) -> Option<u16> {
        let bit = self.peek(1)?;
        self.at += 1;
        Some(bit)
    }

    /// Passes fill bits and an end-of-line code, if one is next.
    fn skip_end_of_line(&mut self) {
        let start = self.at;
        while self.peek(1) == Some(0) {
            self.at += 1;
        }
        if self.at - start >= 11 && self.peek(1) == Some(1) {
            self.at += 1;
        } else {
            self.at = start;
        }
    }

    /// Goes on to the next end-of-line code.
    fn seek_end_of_line(&mut self) -> bool {
        while self.at + 12 <= self.bytes.len() * 8 {
            if self.peek(12) == Some(1) {
                return true;
            }
            self.at += 1;
        }
        false
    }
}

impl BitReader for Bits<'_> {
    type Error = ();

    /// Beyond the end there are zeros, as the last code may be looked up by more bits than it has.
    fn peek(&self, bits: u8) -> Option<u16> {
        if self.at >= self.bytes.len() * 8 {
            return None;
        }
        let byte = |n: usize| u32::from(self.bytes.get(self.at / 8 + n).copied().unwrap_or(0));
        let window = byte(0) << 16 | byte(1) << 8 | byte(2);
        let window = window << (8 + self.at % 8);
        Some((window >> (32 - u32::from(bits))) as u16)
    }

    fn consume(&mut self, bits: u8) -> Result<(), ()> {
        self.at += usize::from(bits);
        Ok(())
    }

    fn bits_to_byte_boundary(&self) -> u8 {
        (8 - self.at % 8) as u8 % 8
    }
}
