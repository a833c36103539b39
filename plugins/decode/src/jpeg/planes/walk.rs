//! Where each block of a sequential scan begins.
//!
//! A look at the next bits says how far as many whole coefficients as fit into them reach. Each look has to wait for the one before,
//! while the processor could do several: so the data is walked from two places at once. Huffman
//! codes synchronise themselves: a walk that begins anywhere, as if a unit began there, soon meets the places where blocks do
//! begin (Klein and Wiseman, "Parallel Huffman decoding with applications to JPEG files", The Computer Journal 46, 2003). The
//! walk from the front goes on into the next one's part until they meet at the same block of a unit; from there on they would do
//! the same. Where they never meet, the walk from the front does it all.

use super::bits::Entropy;
use super::huffman::{COEFFICIENTS, LOOK, SIZE, Table};
use std::rc::Rc;

/// The codes of a block's mean and of its other coefficients.
pub type Pair = (Rc<Table>, Rc<Table>);

/// Data of at least so many bits is walked from two places.
const LONG: usize = 1 << 16;

/// Blocks that are walked before it is seen whether two walks have met.
const MEET: usize = 64;

/// A block, as it is found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Block {
    /// Where it begins: bits from the start of the data.
    pub start: u32,
    /// Its first coefficient less that of the block before.
    pub difference: i32,
}

/// The tables of a block of a unit.
struct Slot<'a> {
    pair: &'a Pair,
    values: &'a [u32; SIZE],
    steps: &'a [u16; SIZE],
}

/// The tables of a scan.
pub struct Walk<'a> {
    entropy: &'a Entropy,
    /// By block of a unit.
    slots: Vec<Slot<'a>>,
    /// The tables repeat after so many blocks.
    period: usize,
}

impl<'a> Walk<'a> {
    /// For units whose blocks have these tables. None when there are none.
    pub fn of(entropy: &'a Entropy, pairs: &'a [Pair]) -> Option<Self> {
        let slot = |pair: &'a Pair| Some(Slot { pair, values: pair.0.values()?, steps: pair.1.steps()? });
        let slots: Vec<Slot<'_>> = pairs.iter().map(slot).collect::<Option<_>>()?;
        let count = slots.len();
        let repeats = |&period: &usize| {
            count.is_multiple_of(period) && (period..count).all(|i| same(&pairs[i], &pairs[i - period]))
        };
        let period = (1..count).find(repeats).unwrap_or(count);
        (count > 0).then_some(Self { entropy, slots, period })
    }

    /// `count` blocks, and where the last of them ends, of data from one bit to another that begins with a unit. None when they are
    /// damaged.
    pub fn blocks(&self, from: usize, to: usize, count: usize) -> Option<Vec<Block>> {
        // Places are kept in 32 bits.
        u32::try_from(to + 64).ok()?;
        let mut blocks = vec![Block::default(); count + 1];
        let mut front = self.begin(from, &mut blocks);
        if to.saturating_sub(from) >= LONG {
            front = self.both(front, &mut blocks, to)?;
        }
        while front.block < count {
            self.one(&mut front, &mut blocks, to);
            if front.block < count {
                self.single(&mut front, &mut blocks)?;
            }
        }
        Some(blocks)
    }

    /// Walks from the front and from the middle.
    fn both(&self, mut front: Chain<'a>, blocks: &mut [Block], to: usize) -> Option<Chain<'a>> {
        let middle = (front.position + (to - front.position) / 2).next_multiple_of(8);
        let mut others = vec![Block::default(); blocks.len()];
        let mut back = self.begin(middle, &mut others);
        let last = blocks.len() - 1;
        let mut back_to = to;
        while front.block < last && front.position < middle && back.block < last && back.position < back_to {
            match self.two([&mut front, &mut back], [blocks, &mut others], [middle, back_to]) {
                0 => self.single(&mut front, blocks)?,
                _ => self.or_anew(&mut back, &mut others, &mut back_to, middle),
            }
        }
        while back.block < last && back.position < back_to {
            self.one(&mut back, &mut others, back_to);
            if back.block < last && back.position < back_to {
                self.or_anew(&mut back, &mut others, &mut back_to, middle);
            }
        }
        self.meet(front, blocks, back, &others[..=back.block])
    }

    /// One coefficient of the walk from the middle. Near its beginning, what can't be in a block makes it begin anew; later it is
    /// the end.
    #[cold]
    fn or_anew(&self, chain: &mut Chain<'a>, blocks: &mut [Block], to: &mut usize, middle: usize) {
        if self.single(chain, blocks).is_none() {
            if chain.position - middle < (*to - middle) / 2 {
                *chain = self.begin(chain.position + 1, blocks);
            } else {
                *to = chain.position;
            }
        }
    }

    fn begin(&self, position: usize, blocks: &mut [Block]) -> Chain<'a> {
        if let Some(block) = blocks.first_mut() {
            block.start = position as u32;
        }
        Chain { position, steps: self.slots[0].steps, at: 0, slot: 0, block: 0 }
    }

    /// Goes on until the other walk is met, and then to where that has come; or to its last block, if they never meet.
    fn meet(&self, mut front: Chain<'a>, blocks: &mut [Block], back: Chain<'a>, others: &[Block]) -> Option<Chain<'a>> {
        let last = others.last()?.start as usize;
        let mut next = 0;
        let mut seen = front.block;
        loop {
            for at in seen..=front.block {
                let start = blocks.get(at)?.start;
                while others.get(next).is_some_and(|other| other.start < start) {
                    next += 1;
                }
                if others.get(next).is_some_and(|other| other.start == start) && at % self.period == next % self.period
                {
                    let more = &others[next..];
                    let count = more.len().min(blocks.len() - at);
                    blocks[at..at + count].copy_from_slice(&more[..count]);
                    return Some(Chain { block: at + count - 1, ..back });
                }
            }
            seen = front.block + 1;
            if front.position >= last || seen >= blocks.len() {
                return Some(front);
            }
            let until = blocks.len().min(seen + MEET);
            self.one(&mut front, &mut blocks[..until], last);
            if front.block + 1 < until && front.position < last {
                self.single(&mut front, blocks)?;
            }
        }
    }

    /// Goes on from two places until one of them comes to its limit, to its last block or to something that is not like the rest:
    /// which of them.
    fn two(&self, chains: [&mut Chain<'a>; 2], blocks: [&mut [Block]; 2], limits: [usize; 2]) -> usize {
        let [a, b] = chains;
        let (mut x, mut y) = (*a, *b);
        let [blocks_x, blocks_y] = blocks;
        let [bytes_x, bytes_y] = limits.map(|limit| self.entropy.up_to(limit));
        let which = loop {
            let Some(mut bits_x) = word(bytes_x, x.position) else { break 0 };
            let Some(mut bits_y) = word(bytes_y, y.position) else { break 1 };
            // A step takes at most 12 + 15 bits, so there are enough for two.
            if !self.step(&mut x, &mut bits_x, blocks_x) {
                break 0;
            }
            if !self.step(&mut y, &mut bits_y, blocks_y) {
                break 1;
            }
            if !self.step(&mut x, &mut bits_x, blocks_x) {
                break 0;
            }
            if !self.step(&mut y, &mut bits_y, blocks_y) {
                break 1;
            }
        };
        (*a, *b) = (x, y);
        which
    }

    /// The same from one place.
    fn one(&self, chain: &mut Chain<'a>, blocks: &mut [Block], limit: usize) {
        let mut x = *chain;
        let bytes = self.entropy.up_to(limit);
        while let Some(mut bits) = word(bytes, x.position) {
            if !self.step(&mut x, &mut bits, blocks) || !self.step(&mut x, &mut bits, blocks) {
                break;
            }
        }
        *chain = x;
    }

    /// One look. False, and nothing done, at a block's last coefficient and at what a look does not tell; false also when the last
    /// block is done.
    #[allow(clippy::inline_always, reason = "what is known of a chain stays in registers")]
    #[inline(always)]
    fn step(&self, chain: &mut Chain<'a>, bits: &mut u64, blocks: &mut [Block]) -> bool {
        let step = chain.steps[(*bits >> (64 - LOOK)) as usize];
        let to = chain.at + u32::from(step >> 8);
        // The end of a block has 128; otherwise 64 are too many, or the last coefficient. A block has begun with 1.
        if to & 0xC0 == 0 && chain.at != 0 {
            *bits <<= step & 0xFF;
            chain.position += usize::from(step & 0xFF);
            chain.at = to;
            return true;
        }
        if to & u32::from(COEFFICIENTS) != 0 || chain.at == 0 {
            return false;
        }
        chain.position += usize::from(step & 0xFF);
        self.next(chain, bits, blocks)
    }

    /// Begins the next block. False when there is none, or when its mean is not told by a look.
    #[allow(clippy::inline_always, reason = "what is known of a chain stays in registers")]
    #[inline(always)]
    fn next(&self, chain: &mut Chain<'a>, bits: &mut u64, blocks: &mut [Block]) -> bool {
        chain.at = 0;
        chain.block += 1;
        chain.slot += 1;
        if chain.slot >= self.slots.len() {
            chain.slot = 0;
        }
        let last = blocks.len() - 1;
        let (Some(slot), Some(block)) = (self.slots.get(chain.slot), blocks.get_mut(chain.block)) else { return false };
        chain.steps = slot.steps;
        block.start = chain.position as u32;
        let Some(next) = word(self.entropy.bytes(), chain.position) else { return false };
        let entry = slot.values[(next >> (64 - LOOK)) as usize];
        if entry == 0 || chain.block == last {
            return false;
        }
        block.difference = entry.cast_signed() >> 16;
        chain.at = 1;
        chain.position += (entry & 0xFF) as usize;
        *bits = next << (entry & 0xFF);
        true
    }

    /// One coefficient. None when it is damaged.
    #[cold]
    fn single(&self, chain: &mut Chain<'a>, blocks: &mut [Block]) -> Option<()> {
        let mut bits = self.entropy.at(chain.position)?;
        let (dc, ac) = self.slots.get(chain.slot)?.pair;
        let before = bits.position();
        if chain.at == 0 {
            let size = dc.symbol(&mut bits)?;
            blocks.get_mut(chain.block)?.difference = bits.number(u32::from(size));
            chain.at = 1;
        } else {
            chain.at = u32::from(ac.one(&mut bits, chain.at as u16)?);
        }
        chain.position += bits.position() - before;
        if chain.at == u32::from(COEFFICIENTS) {
            self.next(chain, &mut 0, blocks);
        }
        Some(())
    }
}

/// At least 57 bits from a place on.
#[inline]
fn word(bytes: &[u8], position: usize) -> Option<u64> {
    Some(u64::from_be_bytes(*bytes.get(position / 8..)?.first_chunk()?) << (position % 8))
}

fn same(a: &Pair, b: &Pair) -> bool {
    Rc::ptr_eq(&a.0, &b.0) && Rc::ptr_eq(&a.1, &b.1)
}

/// How far a walk has come.
#[derive(Clone, Copy)]
struct Chain<'a> {
    /// Bits from the start of the data.
    position: usize,
    /// What the next bits say of the block's coefficients.
    steps: &'a [u16; SIZE],
    /// Coefficients of the block that are behind.
    at: u32,
    /// The block's number in its unit.
    slot: usize,
    /// Blocks that are behind.
    block: usize,
}

#[cfg(test)]
mod tests {
    use super::super::bits::Entropy;
    use super::*;

    fn table(counts: [u8; 6], symbols: &[u8]) -> Rc<Table> {
        let mut all = [0; 16];
        all[..6].copy_from_slice(&counts);
        // One code is longer than a look.
        all[14] = 1;
        Rc::new(Table::new(&all, symbols).unwrap().with_steps())
    }

    fn starts(entropy: &Entropy, pairs: &[Pair], to: usize, count: usize) -> Option<Vec<u32>> {
        let blocks = Walk::of(entropy, pairs).unwrap().blocks(0, to, count)?;
        for (block, (dc, _)) in blocks[..count].iter().zip(pairs.iter().cycle()) {
            let mut bits = entropy.at(block.start as usize).unwrap();
            let size = dc.symbol(&mut bits).unwrap();
            assert_eq!(block.difference, bits.number(u32::from(size)));
        }
        Some(blocks.iter().map(|block| block.start).collect())
    }

    /// Two blocks with the same tables, one with others.
    fn pairs() -> Vec<Pair> {
        let one = (
            table([1, 1, 1, 0, 0, 0], &[0, 3, 9, 11]),
            table([0, 2, 2, 1, 0, 1], &[0x01, 0x12, 0x00, 0x31, 0xF0, 0x27, 0x4A]),
        );
        let other = (
            table([0, 3, 1, 0, 0, 0], &[1, 2, 0, 7, 12]),
            table([1, 0, 2, 1, 1, 0], &[0x01, 0x00, 0x02, 0x13, 0xF1, 0x55]),
        );
        vec![one.clone(), one, other]
    }

    /// Where blocks begin and the last ends, coefficient by coefficient, up to the first that is damaged or cut off.
    fn one_by_one(entropy: &Entropy, pairs: &[Pair], end: usize) -> Vec<u32> {
        let mut starts = vec![0];
        let mut bits = entropy.bits(0).unwrap();
        for (dc, ac) in pairs.iter().cycle() {
            let mut block = || {
                bits.refill()?;
                let size = dc.symbol(&mut bits)?;
                bits.skip(u32::from(size));
                let mut at = 1;
                while at < COEFFICIENTS {
                    at = ac.one(&mut bits, at)?;
                }
                Some(bits.position())
            };
            match block() {
                Some(position) if position <= end => starts.push(position as u32),
                _ => break,
            }
        }
        starts
    }

    fn random_data(round: usize, length: usize, random: &mut u32) -> Entropy {
        let next = |_| {
            *random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // Many zeros make blocks that go on to their last coefficient.
            if round.is_multiple_of(2) {
                (*random >> 24) as u8 & 0xFE
            } else {
                (*random >> 24 & *random >> 16) as u8 & 0xFE
            }
        };
        Entropy::of(&(0..length).map(next).collect::<Vec<u8>>()).unwrap()
    }

    #[test]
    fn blocks_begin_where_reading_them_one_by_one_says() {
        let (pairs, mut random) = (pairs(), 1_u32);
        let (mut passed, mut refused) = (0, 0);
        for round in 0..1000 {
            let end = 8 * 800;
            let entropy = random_data(round, 800, &mut random);
            let expected = one_by_one(&entropy, &pairs, end);
            let count = expected.len() - 1;
            assert_eq!(starts(&entropy, &pairs, end, count).unwrap(), expected, "{round}");
            if expected[count] as usize + 2000 < end {
                assert_eq!(starts(&entropy, &pairs, end, count + 1), None, "{round}");
                refused += 1;
            }
            passed += count;
        }
        assert!(passed > 3000 && refused > 20, "{passed} {refused}");
    }

    /// Blocks of a complete code, in which nothing is damaged, so that long data can be made of anything.
    fn complete_pairs(kinds: usize) -> Vec<Pair> {
        let table = |counts: [u8; 6], symbols: &[u8]| {
            let mut all = [0; 16];
            all[..6].copy_from_slice(&counts);
            // The last code of all is not used: ones only are reserved.
            all[15] = 1;
            Rc::new(Table::new(&all, symbols).unwrap().with_steps())
        };
        let one = (table([1, 1, 1, 0, 0, 0], &[3, 0, 5, 1]), table([0, 2, 1, 0, 0, 0], &[0x01, 0x00, 0x02, 0x03]));
        let other = (table([0, 3, 0, 0, 0, 0], &[1, 2, 0, 7]), table([1, 1, 0, 1, 0, 0], &[0x00, 0x01, 0x02, 0x04]));
        if kinds == 1 { vec![one; 3] } else { vec![one.clone(), one.clone(), one, other] }
    }

    #[test]
    fn walks_from_the_midst_meet_that_from_the_front() {
        for kinds in [1, 2] {
            let pairs = complete_pairs(kinds);
            let mut random = 7;
            for round in 0..6 {
                let length = LONG / 8 + 3000 * (round + 1);
                let entropy = random_data(round, length, &mut random);
                let expected = one_by_one(&entropy, &pairs, length * 8);
                let count = expected.len() - 1;
                let short = count.min(1 + round * 50);
                // Long data with few blocks asked for, all blocks, and one more than there are.
                assert_eq!(starts(&entropy, &pairs, length * 8, short).unwrap(), expected[..=short], "{kinds} {round}");
                assert_eq!(starts(&entropy, &pairs, length * 8, count).unwrap(), expected, "{kinds} {round}");
                let _ = starts(&entropy, &pairs, length * 8, count + 1);
            }
        }
    }

    #[test]
    fn tables_repeat_after_a_period() {
        let entropy = Entropy::of(&[1, 2, 3]).unwrap();
        let period = |pairs: &[Pair]| Walk::of(&entropy, pairs).map(|walk| walk.period);
        let pairs = pairs();
        assert_eq!(period(&pairs), Some(3));
        assert_eq!(period(&[&pairs[..], &pairs].concat()), Some(3));
        assert_eq!(period(&pairs[..2]), Some(1));
        assert_eq!(period(&[]), None);
    }
}
