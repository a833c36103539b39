//! Huffman codes, and how to pass over coefficients that are not needed.
//!
//! An image at an eighth of its size needs the first of 64 coefficients of a block; the others only stand between it
//! and the next. So one look-up of the next bits says how far as many whole coefficients as fit into them reach, code
//! and value together.

use super::bits::Bits;

/// Bits that are looked up at once.
pub const LOOK: u32 = 12;
/// Entries of a table that is looked up.
pub const SIZE: usize = 1 << LOOK;

/// In the upper byte of a step: the block ends with it.
pub const ENDS: u16 = 128;
/// In the upper byte of a step: it has to be taken one by one.
const ONE_BY_ONE: u16 = 192;
/// Coefficients of a block.
pub const COEFFICIENTS: u16 = 64;

/// A table of codes, as a DHT segment defines it.
#[derive(Clone)]
pub struct Table {
    /// Length of the code in the upper byte and its symbol in the lower, by the next bits; 0 when the code is longer.
    codes: Vec<u16>,
    /// Coefficients to go on by in the upper byte and bits in the lower, by the next bits: for one code.
    singles: Vec<u16>,
    /// The same for as many codes as fit.
    steps: Vec<u16>,
    /// By the next bits, for a code with its value: the value in the upper half, below it coefficients to go on by ([`ENDS`]
    /// for the block's end) and bits; 0 when they reach further.
    values: Vec<u32>,
    /// By length: the first number of 16 bits that is no code of this length or a shorter one.
    limits: [u32; 17],
    /// By length: what to add to a code for the place of its symbol.
    places: [i32; 17],
    symbols: Vec<u8>,
}

impl Table {
    /// From the numbers of codes of 1 to 16 bits, and the symbols. None when they are no code.
    pub fn new(counts: &[u8; 16], symbols: &[u8]) -> Option<Self> {
        let mut table = Self {
            codes: vec![0; SIZE],
            singles: Vec::new(),
            steps: Vec::new(),
            values: Vec::new(),
            limits: [0; 17],
            places: [0; 17],
            symbols: symbols.to_vec(),
        };
        let (mut code, mut place) = (0_u32, 0_usize);
        for (length, &count) in (1..).zip(counts) {
            table.places[length as usize] = place as i32 - code as i32;
            for _ in 0..count {
                let symbol = *symbols.get(place)?;
                if length <= LOOK {
                    let from = (code << (LOOK - length)) as usize;
                    let to = from + (1 << (LOOK - length));
                    table.codes.get_mut(from..to)?.fill((length as u16) << 8 | u16::from(symbol));
                }
                (code, place) = (code + 1, place + 1);
            }
            // No code is all ones (T.81, C.2).
            if count > 0 && code >= 1 << length {
                return None;
            }
            table.limits[length as usize] = code << (16 - length);
            code <<= 1;
        }
        table.values = (0..).zip(&table.codes).map(|(bits, &code)| value(bits, code)).collect();
        (place == symbols.len()).then_some(table)
    }

    /// The same, with the steps for [`Self::pass`].
    pub fn with_steps(mut self) -> Self {
        self.singles = self.codes.iter().map(|&code| step(code)).collect();
        self.steps = (0..).zip(&self.singles).map(|(bits, &single)| self.further(bits, single)).collect();
        self
    }

    /// Goes on from a step by the coefficients whose codes are among the bits looked up.
    #[inline]
    fn further(&self, bits: usize, mut all: u16) -> u16 {
        loop {
            let used = u32::from(all & 0xFF);
            if all >> 8 >= COEFFICIENTS || used >= LOOK {
                return all;
            }
            let rest = (bits << used) & (SIZE - 1);
            let (code, next) = (self.codes[rest], self.singles[rest]);
            // Only the bits that were looked at are known; a value may reach beyond them, a code may not.
            if u32::from(code >> 8) > LOOK - used || (all >> 8) + (next >> 8 & !ENDS) >= COEFFICIENTS {
                return all;
            }
            all += next;
        }
    }

    /// Coefficients to go on by in the upper byte and bits in the lower, by the next bits; [`ENDS`] is added when the block
    /// ends, and [`ONE_BY_ONE`] stands for what the bits don't tell.
    pub fn steps(&self) -> Option<&[u16; SIZE]> {
        self.steps.first_chunk()
    }

    /// The steps of blocks that begin with a mean of this table, in the same form, with the coefficients behind it.
    pub fn steps_with(&self, ac: &Self, steps: &mut [u16]) {
        for (bits, (step, &code)) in steps.iter_mut().zip(&self.codes).enumerate() {
            let (length, size) = (code >> 8, code & 0xFF);
            *step = if length == 0 { ONE_BY_ONE << 8 } else { ac.further(bits, 1 << 8 | (length + size)) };
        }
    }

    /// By the next bits: the value of the coefficient that they begin with in the upper half, below it coefficients to go on
    /// by and bits; 0 for what the bits don't tell. At the end of a block one goes on by 128.
    pub fn values(&self) -> Option<&[u32; SIZE]> {
        self.values.first_chunk()
    }

    /// Bits of a block's mean, code and value together.
    #[inline]
    pub fn length(&self, bits: &Bits<'_>) -> Option<u32> {
        let mut after = *bits;
        let size = self.symbol(&mut after)?;
        Some((after.position() - bits.position()) as u32 + u32::from(size))
    }

    /// Reads one coefficient: the place of the next, at least 128 at the end of the block, and the value.
    #[cold]
    pub fn one_value(&self, bits: &mut Bits<'_>, at: u16) -> Option<(u16, i32)> {
        bits.refill()?;
        let symbol = self.symbol(bits)?;
        let value = bits.number(u32::from(symbol & 15));
        let to = match symbol {
            0 => 2 * COEFFICIENTS,
            _ if symbol.trailing_zeros() >= 4 && symbol != 0xF0 => return None,
            _ => at + u16::from(symbol >> 4) + 1,
        };
        Some((to, value))
    }

    /// Reads a symbol, up to 16 of the bits that are ready. None when they are no code.
    #[inline]
    pub fn symbol(&self, bits: &mut Bits<'_>) -> Option<u8> {
        let code = self.codes[bits.peek(LOOK)];
        if code == 0 {
            return self.long_symbol(bits);
        }
        bits.skip(u32::from(code >> 8));
        Some(code as u8)
    }

    #[cold]
    fn long_symbol(&self, bits: &mut Bits<'_>) -> Option<u8> {
        let next = bits.peek(16) as u32;
        let length = (LOOK + 1..=16).find(|&length| next < self.limits[length as usize])?;
        bits.skip(length);
        let place = (next >> (16 - length)) as i32 + self.places[length as usize];
        self.symbols.get(usize::try_from(place).ok()?).copied()
    }

    /// Passes over a block's coefficients from `next`, 1 to 63, on. None when they are damaged.
    #[inline]
    pub fn pass(&self, bits: &mut Bits<'_>, next: u16) -> Option<()> {
        let steps = self.steps()?;
        let mut at = next;
        loop {
            bits.refill()?;
            // A look takes at most 12 + 15 bits, so there are enough for two.
            for _ in 0..2 {
                let step = steps[bits.peek(LOOK)];
                let to = at + (step >> 8);
                if to < COEFFICIENTS {
                    bits.skip(u32::from(step & 0xFF));
                    at = to;
                } else if to == COEFFICIENTS || (step >> 8 >= ENDS && to < COEFFICIENTS + ENDS) {
                    bits.skip(u32::from(step & 0xFF));
                    return Some(());
                } else {
                    at = self.one(bits, at)?;
                    if at == COEFFICIENTS {
                        return Some(());
                    }
                }
            }
        }
    }

    /// Passes over one coefficient: the place of the next, 64 at the end of the block.
    #[cold]
    pub fn one(&self, bits: &mut Bits<'_>, at: u16) -> Option<u16> {
        bits.refill()?;
        let symbol = self.symbol(bits)?;
        bits.skip(u32::from(symbol & 15));
        let to = match symbol {
            0 => COEFFICIENTS,
            // Without a value, sixteen zeros are the only other thing that a sequential file may say.
            _ if symbol.trailing_zeros() >= 4 && symbol != 0xF0 => return None,
            _ => at + u16::from(symbol >> 4) + 1,
        };
        bits.refill()?;
        (to <= COEFFICIENTS).then_some(to)
    }
}

/// How far the coefficient goes that a code begins.
fn step(code: u16) -> u16 {
    let (length, run, size) = (code >> 8, code >> 4 & 15, code & 15);
    match (length, run, size) {
        (1.., 0, 0) => ENDS << 8 | length,
        (1.., 15, 0) => 16 << 8 | length,
        (1.., _, 1..) => (run + 1) << 8 | (length + size),
        _ => ONE_BY_ONE << 8,
    }
}

/// The coefficient that begins with these bits.
fn value(bits: u32, code: u16) -> u32 {
    let (length, advance) = (u32::from(code >> 8), step(code) >> 8);
    let size = u32::from(code & 15);
    if advance == ONE_BY_ONE || length + size > LOOK {
        return 0;
    }
    let raw = (bits >> (LOOK - length - size)) as i32 & ((1 << size) - 1);
    let value = if size > 0 && raw >> (size - 1) == 0 { raw - (1 << size) + 1 } else { raw };
    (value as u32) << 16 | u32::from(advance) << 8 | (length + size)
}

#[cfg(test)]
mod tests {
    use super::super::bits::Entropy;
    use super::*;

    /// Codes 0, 10, 110, 1110, and one of 16 bits.
    fn table() -> Table {
        let counts = [1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
        Table::new(&counts, &[0x01, 0x00, 0xF0, 0x32, 0x21]).unwrap().with_steps()
    }

    /// Text of zeros and ones as data, with other bits behind it.
    fn data(text: &str) -> Entropy {
        let bits: Vec<u8> = text.bytes().filter(|b| *b != b' ').map(|b| b - b'0').chain([0; 64]).collect();
        let bytes: Vec<u8> = bits.chunks_exact(8).map(|byte| byte.iter().fold(0, |all, bit| all << 1 | bit)).collect();
        let stuffed: Vec<u8> = bytes.iter().flat_map(|&b| if b == 0xFF { vec![b, 0] } else { vec![b] }).collect();
        Entropy::of(&stuffed).unwrap()
    }

    /// Bits that are passed over.
    fn passed(text: &str, next: u16) -> Option<usize> {
        let entropy = data(text);
        let mut bits = entropy.bits(0).unwrap();
        table().pass(&mut bits, next)?;
        Some(bits.position())
    }

    #[test]
    fn codes_are_read_short_and_long() {
        let entropy = data("10 1110 1111000000000000 0");
        let mut bits = entropy.bits(0).unwrap();
        bits.refill().unwrap();
        let read: Vec<u8> = (0..4).map(|_| table().symbol(&mut bits).unwrap()).collect();
        assert_eq!(read, [0x00, 0x32, 0x21, 0x01]);
    }

    #[test]
    fn a_block_ends_with_its_mark_or_its_last_coefficient() {
        // One coefficient, sixteen zeros, a run of three and a value, the mark.
        assert_eq!(passed("0 1 110 1110 11 10", 1), Some(13));
        // 63 is the last: what follows belongs to the next block, though it looks like a mark.
        assert_eq!(passed("0 1 10101010 10101010", 63), Some(2));
        assert_eq!(passed(&"01".repeat(63), 1), Some(126));
        // Sixteen zeros beyond the end; bits that are no code.
        assert_eq!(passed("110 10", 60), None);
        assert_eq!(passed("1111100000000000", 1), None);
    }

    #[test]
    fn what_is_no_code_is_no_table() {
        assert!(Table::new(&[3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], &[1, 2, 3]).is_none());
        assert!(Table::new(&[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], &[]).is_none());
        assert!(Table::new(&[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], &[1, 2]).is_none());
    }
}
