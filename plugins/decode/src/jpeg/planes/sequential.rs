//! The blocks of a sequential scan, one after the other.

use super::bits::{Bits, Entropy};
use super::channel::{Channel, Lanes, Put, flat};
use super::header::Component;
use super::huffman::{COEFFICIENTS, LOOK, SIZE, Table};
use super::patterns::Patterns;
use super::walk::Walk;
use super::{Part, Scan};

/// Of a component that comes next to one of single samples, the coefficients that are read at least, in zigzag order: those of the
/// two lowest frequencies. The others hardly matter for two samples a side.
const ENOUGH: u16 = 5;

/// Reads a scan of `each` units between restarts. None when it is damaged.
pub fn read(scan: &Scan<'_>, entropy: &Entropy, each: usize, channels: &mut [Channel]) -> Option<()> {
    let one_sample = |part: &Part| {
        let channel = &channels[part.channel];
        channel.wide * channel.high == 1
    };
    if scan.parts.iter().any(one_sample) {
        return from_starts(scan, entropy, each, channels);
    }
    let units = scan.across * scan.down;
    for interval in 0..entropy.intervals() {
        let mut bits = entropy.bits(interval)?;
        let mut means = [0_i32; 4];
        for unit in interval * each..units.min((interval + 1) * each) {
            let (column, row) = (unit % scan.across, unit / scan.across);
            for (part, mean) in scan.parts.iter().zip(&mut means) {
                let Component { across, down, .. } = part.component;
                let channel = &mut channels[part.channel];
                let (dc, ac) = (part.dc.as_ref()?, part.ac.as_ref()?);
                let lanes = channel.lanes.as_ref()?;
                let mut put = Put::new(&mut channel.samples, channel.blocks_across, channel.wide, channel.high);
                for y in row * down..(row + 1) * down {
                    for x in column * across..(column + 1) * across {
                        bits.refill()?;
                        let size = dc.symbol(&mut bits)?;
                        *mean = mean.wrapping_add(bits.number(u32::from(size)));
                        match lanes {
                            Lanes::One(grid) => {
                                ac.pass(&mut bits, 1)?;
                                put.put(x, y, &flat(&grid.patterns, *mean));
                            }
                            Lanes::Four(grid) => {
                                put.put(x, y, &block(ac, &mut bits, *mean, &grid.patterns, COEFFICIENTS)?);
                            }
                            Lanes::Sixteen(grid) => {
                                put.put(x, y, &block(ac, &mut bits, *mean, &grid.patterns, COEFFICIENTS)?);
                            }
                            Lanes::All(grid) => {
                                put.put(x, y, &block(ac, &mut bits, *mean, &grid.patterns, COEFFICIENTS)?);
                            }
                        }
                    }
                }
            }
        }
        scan.is_end(entropy, interval, bits.position()).then_some(())?;
    }
    Some(())
}

/// The samples of a block whose mean has been read, of no more than its first coefficients where so many are enough.
#[inline]
fn block<const N: usize>(
    ac: &Table,
    place: &mut Bits<'_>,
    mean: i32,
    patterns: &Patterns<N>,
    enough: u16,
) -> Option<[f32; N]> {
    let values = ac.values()?;
    let mut sums = flat(patterns, mean);
    let mut bits = *place;
    let mut at = 1;
    loop {
        bits.refill()?;
        // Four looks of 12 bits are ready.
        for _ in 0..4 {
            let entry = values[bits.peek(LOOK)];
            let value;
            if entry == 0 {
                let next = ac.one_value(&mut bits, at)?;
                (at, value) = next;
            } else {
                bits.skip(entry & 0xFF);
                at += (entry >> 8) as u16 & 0xFF;
                value = i32::from((entry >> 16) as i16);
            }
            if at >= enough {
                match patterns.get(usize::from(at - 1)) {
                    Some(pattern) => add(&mut sums, pattern, value),
                    None if at < 2 * COEFFICIENTS => return None,
                    None => {}
                }
                *place = bits;
                return Some(sums);
            }
            add(&mut sums, &patterns[usize::from(at - 1)], value);
            if entry == 0 {
                break;
            }
        }
    }
}

/// The same of the coefficients before [`ENOUGH`] and the next. Where they end can't be foretold: so there are as many looks as may be
/// needed, and what they find behind the end counts nothing. None also where a look does not tell enough.
#[allow(clippy::inline_always, reason = "it is most of what a block costs")]
#[inline(always)]
fn first_few<const N: usize>(
    values: &[u32; SIZE],
    place: &Bits<'_>,
    mean: i32,
    patterns: &Patterns<N>,
) -> Option<[f32; N]> {
    let mut sums = flat(patterns, mean);
    let mut bits = *place;
    bits.refill()?;
    let mut at = 1;
    for _ in 1..ENOUGH {
        let entry = values[bits.peek(LOOK)];
        if entry == 0 && at < ENOUGH {
            return None;
        }
        bits.skip(entry & 0xFF);
        let value = if at < ENOUGH { entry.cast_signed() >> 16 } else { 0 };
        at += (entry >> 8) as u16 & 0xFF;
        // At the end of a block the value is 0.
        add(&mut sums, &patterns[usize::from(at - 1) % 64], value);
    }
    Some(sums)
}

#[inline]
pub fn add<const N: usize>(sums: &mut [f32; N], pattern: &[f32; N], value: i32) {
    let value = value as f32;
    for (sum, weight) in sums.iter_mut().zip(pattern) {
        *sum += value * weight;
    }
}

/// Units of which a component is read at once.
const AT_ONCE: usize = 128;

/// Finds where blocks begin first, then reads of each what is needed.
fn from_starts(scan: &Scan<'_>, entropy: &Entropy, each: usize, channels: &mut [Channel]) -> Option<()> {
    let pair = |part: &Part| Some((part.dc.clone()?, part.ac.clone()?));
    let of = |part: &Part| std::iter::repeat_n(pair(part), part.component.across * part.component.down);
    let pairs = scan.parts.iter().flat_map(of).collect::<Option<Vec<_>>>()?;
    let walk = Walk::of(entropy, &pairs)?;
    let in_unit = pairs.len();
    let coarse = channels.iter().any(|channel| channel.wide * channel.high == 1);
    let units = scan.across * scan.down;
    for interval in 0..entropy.intervals() {
        let first = interval * each;
        let count = units.min(first + each) - first;
        let (from, to) = entropy.interval(interval)?;
        let starts = walk.starts(from, to, count * in_unit)?;
        scan.is_end(entropy, interval, *starts.last()? as usize).then_some(())?;
        let mut means = [0; 4];
        // Components by turns, while the data is near.
        for (first, starts) in (first..).step_by(AT_ONCE).zip(starts[..count * in_unit].chunks(AT_ONCE * in_unit)) {
            let mut slot = 0;
            for (part, mean) in scan.parts.iter().zip(&mut means) {
                let channel = &mut channels[part.channel];
                let units = Units { part, first, across: scan.across, entropy, starts, in_unit, slot };
                slot += part.component.across * part.component.down;
                let enough = if coarse && channel.wide.max(channel.high) <= 2 { ENOUGH } else { COEFFICIENTS };
                let lanes = channel.lanes.take()?;
                match &lanes {
                    Lanes::One(grid) => units.means(channel, mean, &grid.patterns)?,
                    Lanes::Four(grid) => units.read(channel, mean, &grid.patterns, enough)?,
                    Lanes::Sixteen(grid) => units.read(channel, mean, &grid.patterns, enough)?,
                    Lanes::All(grid) => units.read(channel, mean, &grid.patterns, enough)?,
                }
                channel.lanes = Some(lanes);
            }
        }
    }
    Some(())
}

/// Consecutive units whose blocks' beginnings are known, of which one component is read.
struct Units<'a> {
    part: &'a Part,
    first: usize,
    across: usize,
    entropy: &'a Entropy,
    starts: &'a [u32],
    in_unit: usize,
    /// The component's first block in a unit.
    slot: usize,
}

impl Units<'_> {
    fn means(&self, channel: &mut Channel, mean: &mut i32, patterns: &Patterns<1>) -> Option<()> {
        let dc = self.part.dc.as_deref()?;
        let means = dc.values()?;
        let mut put = Put::of(channel);
        self.each(|x, y, start| {
            *mean = mean.wrapping_add(self.bits(dc, means, start)?.1);
            put.put(x, y, &flat(patterns, *mean));
            Some(())
        })
    }

    fn read<const N: usize>(
        &self,
        channel: &mut Channel,
        mean: &mut i32,
        patterns: &Patterns<N>,
        enough: u16,
    ) -> Option<()> {
        let (dc, ac) = (self.part.dc.as_deref()?, self.part.ac.as_deref()?);
        let (means, values) = (dc.values()?, ac.values()?);
        let mut put = Put::of(channel);
        self.each(|x, y, start| {
            let (mut bits, difference) = self.bits(dc, means, start)?;
            *mean = mean.wrapping_add(difference);
            let few = if enough == ENOUGH { first_few(values, &bits, *mean, patterns) } else { None };
            let sums = match few {
                Some(sums) => sums,
                None => block(ac, &mut bits, *mean, patterns, enough)?,
            };
            put.put(x, y, &sums);
            Some(())
        })
    }

    /// The bits behind a block's mean, and its difference from the mean before.
    #[allow(clippy::inline_always, reason = "it is most of what a block costs")]
    #[inline(always)]
    fn bits(&self, dc: &Table, means: &[u32; SIZE], start: u32) -> Option<(Bits<'_>, i32)> {
        let mut bits = self.entropy.at(start as usize)?;
        let entry = means[bits.peek(LOOK)];
        if entry == 0 {
            let size = dc.symbol(&mut bits)?;
            let difference = bits.number(u32::from(size));
            return Some((bits, difference));
        }
        bits.skip(entry & 0xFF);
        Some((bits, entry.cast_signed() >> 16))
    }

    #[inline]
    fn each(&self, mut block: impl FnMut(usize, usize, u32) -> Option<()>) -> Option<()> {
        let Component { across, down, .. } = self.part.component;
        let (mut column, mut row) = (self.first % self.across, self.first / self.across);
        for unit in self.starts.chunks_exact(self.in_unit) {
            let starts = unit.get(self.slot..self.slot + across * down)?;
            for (line, starts) in starts.chunks_exact(across).enumerate() {
                for (i, &start) in starts.iter().enumerate() {
                    block(column * across + i, row * down + line, start)?;
                }
            }
            column += 1;
            if column == self.across {
                (column, row) = (0, row + 1);
            }
        }
        Some(())
    }
}
