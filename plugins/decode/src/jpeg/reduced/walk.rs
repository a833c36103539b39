//! Where each block of a sequential scan begins.
//!
//! A block costs most where the processor guesses its end wrongly. So there is no branch on it: a look at the next bits
//! says how far they reach and whether the block ends with them, and both together where the next look goes.

use super::bits::Bits;
use super::huffman::{COEFFICIENTS, LOOK, SIZE, Table};
use std::cell::RefCell;
use std::rc::Rc;

/// The codes of a block's mean and of its other coefficients.
pub type Pair = (Rc<Table>, Rc<Table>);

/// The most blocks of a unit (T.81, B.2.3, has 10).
const SLOTS: usize = 16;

/// The most blocks that are passed over in one go.
pub const MOST: usize = 1024;

/// A block of a unit.
#[derive(Clone, Copy, Default)]
struct Slot {
    /// Where its steps after the first stand.
    others: usize,
    /// What to change in that, by exclusive or, for the first steps of the next block.
    turn: usize,
    /// What to change in the slot's number for that of the next block.
    next: usize,
}

/// The steps of a scan.
pub struct Walk {
    pairs: Vec<Pair>,
    slots: [Slot; SLOTS],
    /// Where the first steps of the first block stand.
    first: usize,
    /// For each pair that is not like another, those at the beginning of a block and those after.
    steps: Vec<u16>,
}

thread_local! {
    /// The pictures of one camera have the same tables.
    static KEPT: RefCell<Vec<Rc<Walk>>> = RefCell::default();
}

/// The most walks that are kept, for each thread: 16 KiB for each pair of tables.
const MOST_KEPT: usize = 4;

impl Walk {
    /// The steps for units whose blocks have these tables. None when there are none or more than 16.
    pub fn of(pairs: Vec<Pair>) -> Option<Rc<Self>> {
        if pairs.is_empty() || pairs.len() > SLOTS {
            return None;
        }
        KEPT.with_borrow_mut(|all| {
            let fits = |walk: &&Rc<Self>| {
                walk.pairs.len() == pairs.len() && walk.pairs.iter().zip(&pairs).all(|(a, b)| same(a, b))
            };
            if let Some(walk) = all.iter().find(fits) {
                return Some(Rc::clone(walk));
            }
            if all.len() >= MOST_KEPT {
                all.remove(0);
            }
            let walk = Rc::new(Self::new(pairs));
            all.push(Rc::clone(&walk));
            Some(walk)
        })
    }

    fn new(pairs: Vec<Pair>) -> Self {
        let (mut known, mut steps): (Vec<&Pair>, _) = (Vec::new(), Vec::new());
        let mut place = |pair| {
            let place = known.iter().position(|known| same(known, pair)).unwrap_or(known.len());
            if place == known.len() {
                known.push(pair);
                steps.extend(pair.0.first_steps(&pair.1));
                steps.extend_from_slice(pair.1.steps());
            }
            place * 2 * SIZE
        };
        let places: Vec<usize> = pairs.iter().map(&mut place).collect();
        let mut slots = [Slot::default(); SLOTS];
        for (i, slot) in slots.iter_mut().enumerate().take(places.len()) {
            let next = (i + 1) % places.len();
            let others = places[i] + SIZE;
            *slot = Slot { others, turn: others ^ places[next], next: i ^ next };
        }
        Self { first: places[0], slots, steps, pairs }
    }

    /// The way from a place where a unit begins.
    pub fn from<'a>(&'a self, bits: Bits<'a>) -> Way<'a> {
        let mut starts = [0; MOST + 2];
        starts[0] = bits.position() as u32;
        let place = Place { bits, steps: self.first, at: 0, slot: 0, block: 0 };
        Way { walk: self, place, count: 0, starts }
    }

    /// Goes on to the end of a number of blocks, or a step beyond.
    fn pass<'a>(&self, mut place: Place<'a>, count: usize, starts: &mut Starts) -> Option<Place<'a>> {
        loop {
            let step = self.quickly(&mut place, count, starts)?;
            // Behind the last block anything may follow.
            if place.block >= count {
                return Some(place);
            }
            self.single(&mut place, step, starts)?;
        }
    }

    /// The same up to a step that is not like the others, which is returned.
    fn quickly(&self, from: &mut Place<'_>, count: usize, starts: &mut Starts) -> Option<u16> {
        let mut place = *from;
        while place.block < count {
            place.bits.refill()?;
            // A step takes at most 12 + 15 bits, so there are enough for two.
            for _ in 0..2 {
                let step = *self.steps.get(place.steps + place.bits.peek(LOOK))?;
                let to = place.at + u32::from(step >> 8);
                // The end of a block has 128; otherwise 64 are too many, or the last coefficient.
                if to & u32::from(COEFFICIENTS) != 0 {
                    *from = place;
                    return Some(step);
                }
                // All ones at the end of a block, or zero.
                let ends = isize::from(step.cast_signed() >> 15).cast_unsigned();
                place.bits.skip(u32::from(step & 0xFF));
                place.at = to & !(ends as u32);
                let slot = &self.slots[place.slot % SLOTS];
                place.steps = slot.others ^ (slot.turn & ends);
                place.slot ^= slot.next & ends;
                *starts.get_mut(place.block + 1)? = place.bits.position() as u32;
                place.block = place.block.wrapping_sub(ends);
            }
        }
        *from = place;
        Some(0)
    }

    /// A step to the last coefficient, or over one that a look does not tell.
    #[cold]
    fn single(&self, place: &mut Place<'_>, step: u16, starts: &mut Starts) -> Option<()> {
        place.bits.refill()?;
        let (dc, ac) = self.pairs.get(place.slot)?;
        let end = u32::from(COEFFICIENTS);
        if place.at + u32::from(step >> 8) == end {
            place.bits.skip(u32::from(step & 0xFF));
            place.at = end;
        } else if place.at == 0 {
            let size = dc.symbol(&mut place.bits)?;
            place.bits.skip(u32::from(size));
            place.at = 1;
        } else {
            place.at = u32::from(ac.one(&mut place.bits, place.at as u16)?);
        }
        let slot = &self.slots[place.slot % SLOTS];
        place.steps = slot.others;
        if place.at == end {
            place.at = 0;
            place.steps ^= slot.turn;
            place.slot ^= slot.next;
            place.block += 1;
            *starts.get_mut(place.block)? = place.bits.position() as u32;
        }
        Some(())
    }
}

fn same(a: &Pair, b: &Pair) -> bool {
    Rc::ptr_eq(&a.0, &b.0) && Rc::ptr_eq(&a.1, &b.1)
}

/// A place on the way. Copied into a function and back, it stays in registers.
#[derive(Clone, Copy)]
struct Place<'a> {
    bits: Bits<'a>,
    /// Where the steps stand that are next.
    steps: usize,
    /// Coefficients of the block that are behind.
    at: u32,
    /// The block's number in its unit.
    slot: usize,
    /// Blocks that are behind.
    block: usize,
}

/// By block of one go: where it begins; then where the last ends. One more may be begun.
type Starts = [u32; MOST + 2];

/// How far one has come.
pub struct Way<'a> {
    walk: &'a Walk,
    place: Place<'a>,
    /// Blocks that were asked for; the place may be beyond them.
    count: usize,
    starts: Starts,
}

impl Way<'_> {
    /// Where the next blocks begin, up to [`MOST`] of them, and where the last ends: bits from the start of the data.
    /// None when they are damaged.
    pub fn next(&mut self, count: usize) -> Option<&[u32]> {
        self.starts.copy_within(self.count..self.count + 2, 0);
        self.place.block -= self.count;
        self.count = count.min(MOST);
        self.place = self.walk.pass(self.place, self.count, &mut self.starts)?;
        self.starts.get(..=self.count)
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

    #[test]
    fn blocks_begin_where_reading_them_one_by_one_says() {
        let (pairs, mut random) = (pairs(), 1_u32);
        let walk = Walk::of(pairs.clone()).unwrap();
        let (mut passed, mut refused) = (0, 0);
        for round in 0..1000 {
            let next = |_| {
                random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                // Many zeros make blocks that go on to their last coefficient.
                if round % 2 == 0 { (random >> 24) as u8 & 0xFE } else { (random >> 24 & random >> 16) as u8 & 0xFE }
            };
            let data: Vec<u8> = (0..800).map(next).collect();
            let entropy = Entropy::of(&data).unwrap();
            let expected = one_by_one(&entropy, &pairs, data.len() * 8);
            let count = expected.len() - 1;
            let mut way = walk.from(entropy.bits(0).unwrap());
            let first = count.min(round % 7);
            assert_eq!(way.next(first).unwrap(), &expected[..=first], "{round}");
            assert_eq!(way.next(count - first).unwrap(), &expected[first..], "{round}");
            if expected[count] as usize + 2000 < data.len() * 8 {
                assert_eq!(walk.from(entropy.bits(0).unwrap()).next(count + 1), None, "{round}");
                refused += 1;
            }
            passed += count;
        }
        assert!(passed > 3000 && refused > 20, "{passed} {refused}");
    }

    #[test]
    fn the_same_tables_are_the_same_walk_and_a_unit_has_its_limit() {
        let pairs = pairs();
        assert!(Rc::ptr_eq(&Walk::of(pairs.clone()).unwrap(), &Walk::of(pairs.clone()).unwrap()));
        assert!(Walk::of(vec![pairs[0].clone(); 16]).is_some());
        assert!(Walk::of(vec![pairs[0].clone(); 17]).is_none() && Walk::of(Vec::new()).is_none());
    }
}
