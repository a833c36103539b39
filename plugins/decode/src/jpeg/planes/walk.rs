//! Where each block of a sequential scan begins.
//!
//! A look at the next bits says how far as many whole coefficients as fit into them reach. Each look has to wait for the one before,
//! while the processor could do several: so the data is walked from several places at once. Huffman
//! codes synchronise themselves: a walk that begins anywhere, as if a unit began there, soon meets the places where blocks do
//! begin (Klein and Wiseman, "Parallel Huffman decoding with applications to JPEG files", The Computer Journal 46, 2003). The
//! walk from the front goes on into the next one's part until they meet at the same block of a unit; from there on they would do
//! the same. Where they never meet, the walk from the front does it all.
//!
//! Where a block ends cannot be foretold, so a look does not branch on it: what comes next is chosen by arithmetic.

use super::bits::Entropy;
use super::huffman::{COEFFICIENTS, LOOK, SIZE, Table};
use std::rc::Rc;

/// The codes of a block's mean and of its other coefficients.
pub type Pair = (Rc<Table>, Rc<Table>);

/// Places from which long data is walked at once.
const PLACES: usize = 3;

/// Data of at least so many bits is walked from several places.
const LONG: usize = 1 << 16;

/// Blocks that are walked before it is seen whether two walks have met.
const MEET: usize = 64;

/// Tables of a scan: those of four components' means and of their other coefficients.
const TABLES: usize = 8;

/// Blocks of a unit, at most (T.81, B.2.3 has 10).
const SLOTS: usize = 16;

/// The tables of a scan.
pub struct Walk<'a> {
    entropy: &'a Entropy,
    pairs: &'a [Pair],
    /// What comes next, by a block's number in its unit, twice, and one if it has ended: the number, and where the table of the
    /// next look begins.
    states: [u32; 2 * SLOTS],
    /// What the next bits say, by component: of a block's mean and the coefficients behind it, and of the other coefficients.
    tables: Box<[u16; TABLES * SIZE]>,
    /// The tables repeat after so many blocks.
    period: usize,
}

impl<'a> Walk<'a> {
    /// For units whose blocks have these tables. None when there are none, or more than four components have.
    pub fn of(entropy: &'a Entropy, pairs: &'a [Pair]) -> Option<Self> {
        let count = pairs.len();
        let repeats = |&period: &usize| {
            count.is_multiple_of(period) && (period..count).all(|i| same(&pairs[i], &pairs[i - period]))
        };
        let period = (1..count).find(repeats).unwrap_or(count);
        let mut tables: Box<[u16; TABLES * SIZE]> = vec![0; TABLES * SIZE].try_into().ok()?;
        // Where each block's tables begin.
        let mut begins: Vec<usize> = Vec::new();
        let mut filled = 0;
        for (i, pair) in pairs.iter().enumerate() {
            if let Some(before) = pairs[..i].iter().position(|before| same(before, pair)) {
                begins.push(begins[before]);
                continue;
            }
            let (mean, rest) = tables.get_mut(filled..filled + 2 * SIZE)?.split_at_mut(SIZE);
            rest.copy_from_slice(pair.1.steps()?);
            pair.0.steps_with(&pair.1, mean);
            begins.push(filled);
            filled += 2 * SIZE;
        }
        let mut states = [0; 2 * SLOTS];
        for (slot, states) in states.as_chunks_mut().0.iter_mut().enumerate().take(count) {
            let next = (slot + 1) % count;
            *states = [(begins[slot] + SIZE) | slot, begins[next] | next].map(|state| state as u32);
        }
        (1..=SLOTS).contains(&count).then_some(Self { entropy, pairs, states, tables, period })
    }

    /// Where each of `count` blocks begins and the last of them ends, in bits from the start of the data, for data from one bit to
    /// another that begins with a unit. None when they are damaged.
    pub fn starts(&self, from: usize, to: usize, count: usize) -> Option<Vec<u32>> {
        // Places are kept in 32 bits.
        u32::try_from(to + 64).ok()?;
        let mut front = self.track(from, to, count);
        if to.saturating_sub(from) >= LONG {
            self.several(&mut front, from, to)?;
        }
        while front.chain.block < count {
            self.together([&mut front]);
            if front.chain.block < count {
                self.single(&mut front)?;
            }
        }
        Some(front.starts)
    }

    /// A walk from one bit to another, of no more than so many blocks.
    fn track(&self, from: usize, to: usize, blocks: usize) -> Track<'a> {
        let mut starts = vec![0; blocks + 1];
        starts[0] = from as u32;
        let bytes = self.entropy.up_to(to);
        Track { chain: Chain { position: from, ..Chain::default() }, from, to, bytes, starts }
    }

    /// Walks from the front and from other places, and leads the front to where the last of them has come.
    fn several(&self, front: &mut Track<'a>, from: usize, to: usize) -> Option<()> {
        let place = |i: usize| (from + (to - from) / PLACES * i).next_multiple_of(8);
        // Parts of an image differ; a walk that has found as many goes no further.
        let blocks = (front.starts.len() / PLACES * 2 + MEET).min(front.starts.len() - 1);
        let limits: [usize; PLACES] = std::array::from_fn(|i| if i + 1 < PLACES { place(i + 1) } else { to });
        let end = std::mem::replace(&mut front.to, limits[0]);
        front.bytes = self.entropy.up_to(limits[0]);
        let mut others: Vec<Track<'a>> = (1..PLACES).map(|i| self.track(place(i), limits[i], blocks)).collect();
        let mut going: Vec<&mut Track<'a>> = std::iter::once(&mut *front).chain(&mut others).collect();
        while !going.is_empty() {
            let stopped = match going.as_mut_slice() {
                [a, b, c] => self.together([a, b, c]),
                [a, b] => self.together([a, b]),
                all => self.together([&mut *all[0]]),
            };
            let track = &mut *going[stopped];
            if track.is_going() && self.single(track).is_none() {
                // Damage, or a beginning in the midst of a code.
                if track.from == from {
                    return None;
                }
                if track.chain.position - track.from < (track.to - track.from) / 2 {
                    let begin = track.chain.position + 1;
                    track.starts[0] = begin as u32;
                    track.chain = Chain { position: begin, ..Chain::default() };
                } else {
                    track.to = track.chain.position;
                }
            }
            if !going[stopped].is_going() {
                going.remove(stopped);
            }
        }
        front.bytes = self.entropy.up_to(end);
        front.to = end;
        others.iter().try_for_each(|other| self.meet(front, other))
    }

    /// Goes on until the other walk is met, and then to where that has come; or to its last block, if they never meet.
    fn meet(&self, front: &mut Track<'a>, other: &Track<'a>) -> Option<()> {
        let others = &other.starts[..=other.chain.block];
        let last = *others.last()? as usize;
        let mut next = 0;
        let mut seen = front.chain.block;
        loop {
            for at in seen..=front.chain.block {
                let start = *front.starts.get(at)?;
                while others.get(next).is_some_and(|&other| other < start) {
                    next += 1;
                }
                if others.get(next) == Some(&start) && at % self.period == next % self.period {
                    let more = &others[next..];
                    let count = more.len().min(front.starts.len() - at);
                    front.starts[at..at + count].copy_from_slice(&more[..count]);
                    let slot = (at + count - 1) % self.pairs.len();
                    front.chain = Chain { block: at + count - 1, slot, ..other.chain };
                    if count < more.len() {
                        front.chain.at = 0;
                        front.chain.position = more[count - 1] as usize;
                    }
                    return Some(());
                }
            }
            seen = front.chain.block + 1;
            if front.chain.position >= last || seen >= front.starts.len() {
                return Some(());
            }
            // A few blocks at a time.
            let until = front.chain.block + MEET;
            while front.chain.block < until && front.chain.position < last && front.chain.block + 1 < front.starts.len()
            {
                self.single(front)?;
            }
        }
    }

    /// Goes on from several places until one of them comes to its limit, to its last block or to something that is not like the
    /// rest: which of them.
    fn together<const N: usize>(&self, tracks: [&mut Track<'a>; N]) -> usize {
        let mut fast: [Fast; N] = std::array::from_fn(|i| self.fast(&tracks[i].chain));
        let mut bits = [0; N];
        let stopped = 'all: loop {
            for i in 0..N {
                let Some(word) = word(tracks[i].bytes, fast[i].position) else { break 'all i };
                bits[i] = word;
            }
            // A look takes at most 12 + 15 bits, so there are enough for two.
            for _ in 0..2 {
                for i in 0..N {
                    if !self.look(&mut fast[i], &mut bits[i], &mut tracks[i].starts) {
                        break 'all i;
                    }
                }
            }
        };
        for (track, fast) in tracks.into_iter().zip(fast) {
            let Fast { position, at, state, block } = fast;
            track.chain = Chain { position, at, slot: state as usize % SLOTS, block };
        }
        stopped
    }

    fn fast(&self, chain: &Chain) -> Fast {
        // The block before has ended, or this one has not.
        let before = if chain.at == 0 { chain.slot + self.pairs.len() - 1 } else { chain.slot } % self.pairs.len();
        let state = self.states[2 * before + usize::from(chain.at == 0)];
        Fast { position: chain.position, at: chain.at, state, block: chain.block }
    }

    /// One look. False, and nothing done, where a look does not tell enough, and after the last block.
    #[allow(clippy::inline_always, reason = "what is known of a walk stays in registers")]
    #[inline(always)]
    fn look(&self, fast: &mut Fast, bits: &mut u64, starts: &mut [u32]) -> bool {
        let place = (fast.state as usize & ((TABLES - 1) * SIZE)) | (*bits >> (64 - LOOK)) as usize;
        let entry = u32::from(self.tables[place]);
        let to = fast.at + (entry >> 8);
        let Some(start) = starts.get_mut(fast.block + 1) else { return false };
        // Too many, what the bits don't tell, or the last coefficient of all.
        if to & u32::from(COEFFICIENTS) != 0 {
            return false;
        }
        let used = entry & 0xFF;
        *bits <<= used;
        fast.position += used as usize;
        // Where the next block begins, if this one has ended.
        *start = fast.position as u32;
        let ended = to >> 7;
        fast.block += ended as usize;
        fast.at = to & ended.wrapping_sub(1);
        fast.state = self.states[(2 * fast.state + ended) as usize % (2 * SLOTS)];
        true
    }

    /// One coefficient. None when it is damaged.
    #[cold]
    fn single(&self, track: &mut Track<'a>) -> Option<()> {
        let chain = &mut track.chain;
        let mut bits = self.entropy.at(chain.position)?;
        let (dc, ac) = self.pairs.get(chain.slot)?;
        let before = bits.position();
        if chain.at == 0 {
            bits.skip(dc.length(&bits)?);
            chain.at = 1;
        } else {
            chain.at = u32::from(ac.one(&mut bits, chain.at as u16)?);
        }
        chain.position += bits.position() - before;
        if chain.at == u32::from(COEFFICIENTS) {
            chain.block += 1;
            *track.starts.get_mut(chain.block)? = chain.position as u32;
            (chain.at, chain.slot) = (0, (chain.slot + 1) % self.pairs.len());
        }
        Some(())
    }
}

/// At least 57 bits from a place on.
#[inline]
fn word(bytes: &[u8], position: usize) -> Option<u64> {
    let at = position / 8;
    Some(u64::from_be_bytes(bytes.get(at..at + 8)?.try_into().ok()?) << (position % 8))
}

fn same(a: &Pair, b: &Pair) -> bool {
    Rc::ptr_eq(&a.0, &b.0) && Rc::ptr_eq(&a.1, &b.1)
}

/// How far a walk has come.
#[derive(Clone, Copy, Default)]
struct Chain {
    /// Bits from the start of the data.
    position: usize,
    /// Coefficients of the block that are behind.
    at: u32,
    /// The block's number in its unit.
    slot: usize,
    /// Blocks that are behind.
    block: usize,
}

/// The same, with the table of the next look.
#[derive(Clone, Copy)]
struct Fast {
    position: usize,
    at: u32,
    state: u32,
    block: usize,
}

/// A walk through a part of the data.
struct Track<'a> {
    chain: Chain,
    from: usize,
    to: usize,
    /// The data up to its end, with what a look from there needs.
    bytes: &'a [u8],
    /// Where the blocks begin that are found.
    starts: Vec<u32>,
}

impl Track<'_> {
    fn is_going(&self) -> bool {
        self.chain.block + 1 < self.starts.len() && self.chain.position < self.to
    }
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
        Walk::of(entropy, pairs).unwrap().starts(0, to, count)
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
