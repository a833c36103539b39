//! The passes of a progressive file. Source: T.81, annex G; libjpeg's jdphuff.c.

use super::Scan;
use super::bits::Bits;
use super::channel::{Channel, Grid, Lanes};
use super::header::Component;
use super::huffman::LOOK;
use super::patterns::Patterns;
use super::sequential::add;

/// What the table of values says of the end of a block, and more.
const ENDS_HERE: u32 = 128;
/// Bits that are ready after a refill.
const READY: u32 = 56;

/// Reads one pass, or leaves it out when it adds nothing to the samples that are wanted.
pub fn read(scan: &Scan<'_>, restart: usize, channels: &mut [Channel]) -> Option<()> {
    if scan.low > 13 || scan.high != 0 && scan.high != scan.low + 1 {
        return None;
    }
    match scan.band {
        (0, 0) => means(scan, restart, channels),
        (1.., 1..64) => {
            let [part] = scan.parts.as_slice() else { return None };
            let channel = &mut channels[part.channel];
            match channel.lanes.as_mut() {
                None | Some(Lanes::One(_)) => Some(()),
                Some(Lanes::Four(grid)) => band(scan, restart, channel.blocks_across, grid),
                Some(Lanes::Sixteen(grid)) => band(scan, restart, channel.blocks_across, grid),
                Some(Lanes::All(grid)) => band(scan, restart, channel.blocks_across, grid),
            }
        }
        _ => None,
    }
}

/// A pass of the blocks' means.
fn means(scan: &Scan<'_>, restart: usize, channels: &mut [Channel]) -> Option<()> {
    for part in &scan.parts {
        let channel = &mut channels[part.channel];
        // A refinement is only of use to what has been read before.
        if (scan.high == 0) == channel.complete {
            return None;
        }
        channel.complete = true;
    }
    let (entropy, each) = scan.entropy(restart)?;
    let units = scan.across * scan.down;
    for interval in 0..entropy.intervals() {
        let mut bits = entropy.bits(interval)?;
        let mut means = [0_i32; 4];
        for unit in interval * each..units.min((interval + 1) * each) {
            let (column, row) = (unit % scan.across, unit / scan.across);
            for (part, mean) in scan.parts.iter().zip(&mut means) {
                let Component { across, down, .. } = part.component;
                let channel = &mut channels[part.channel];
                for y in row * down..(row + 1) * down {
                    for x in column * across..(column + 1) * across {
                        bits.refill()?;
                        let value = if scan.high == 0 {
                            let size = part.dc.as_ref()?.symbol(&mut bits)?;
                            *mean = mean.wrapping_add(bits.number(u32::from(size)));
                            mean.wrapping_shl(u32::from(scan.low))
                        } else {
                            i32::from(bits.bit()) << scan.low
                        };
                        let at = y * channel.blocks_across + x;
                        match channel.lanes.as_mut() {
                            None => {}
                            Some(Lanes::One(grid)) => add(grid.sums.get_mut(at)?, &grid.patterns[0], value),
                            Some(Lanes::Four(grid)) => add(grid.sums.get_mut(at)?, &grid.patterns[0], value),
                            Some(Lanes::Sixteen(grid)) => add(grid.sums.get_mut(at)?, &grid.patterns[0], value),
                            Some(Lanes::All(grid)) => add(grid.sums.get_mut(at)?, &grid.patterns[0], value),
                        }
                    }
                }
            }
        }
        scan.is_end(&entropy, interval, bits.position()).then_some(())?;
    }
    Some(())
}

/// A pass of other coefficients of one component.
fn band<const N: usize>(scan: &Scan<'_>, restart: usize, blocks_across: usize, grid: &mut Grid<N>) -> Option<()> {
    let (entropy, each) = scan.entropy(restart)?;
    let ac = scan.parts.first()?.ac.as_ref()?;
    let units = scan.across * scan.down;
    let values = ac.values()?;
    let (first, last) = (usize::from(scan.band.0), usize::from(scan.band.1));
    let in_band = u64::MAX >> (63 - last);
    let one = 1_i32 << scan.low;
    for interval in 0..entropy.intervals() {
        let mut bits = entropy.bits(interval)?;
        // Blocks to come in which nothing new begins.
        let mut empty = 0_u32;
        for unit in interval * each..units.min((interval + 1) * each) {
            if scan.high == 0 && empty > 0 {
                empty -= 1;
                continue;
            }
            let at = unit / scan.across * blocks_across + unit % scan.across;
            let (sums, nonzero) = (grid.sums.get_mut(at)?, grid.nonzero.get_mut(at)?);
            let mut k = first;
            if scan.high == 0 {
                while k <= last {
                    bits.refill()?;
                    let entry = values[bits.peek(LOOK)];
                    let forward = entry >> 8 & 0xFF;
                    let value = if entry != 0 && forward < ENDS_HERE {
                        bits.skip(entry & 0xFF);
                        k += forward as usize;
                        entry.cast_signed() >> 16
                    } else {
                        let symbol = ac.symbol(&mut bits)?;
                        let (run, size) = (u32::from(symbol >> 4), u32::from(symbol & 15));
                        if size == 0 && run < 15 {
                            empty = (1 << run) - 1 + bits.raw(run);
                            break;
                        }
                        k += run as usize + 1;
                        bits.number(size)
                    };
                    if value != 0 {
                        let place = k - 1;
                        let value = value << scan.low;
                        add(sums, grid.patterns.get(place).filter(|_| place <= last)?, value);
                        nonzero[0] |= 1 << place;
                        nonzero[1] |= u64::from(value < 0) << place;
                    }
                }
                if k > last + 1 {
                    return None;
                }
                continue;
            }
            let before = *nonzero;
            if empty == 0 {
                while k <= last {
                    bits.refill()?;
                    let symbol = ac.symbol(&mut bits)?;
                    let (run, size) = (u32::from(symbol >> 4), u32::from(symbol & 15));
                    let value = match size {
                        0 if run < 15 => {
                            empty = (1 << run) + bits.raw(run);
                            break;
                        }
                        0 => 0,
                        1 if bits.bit() => one,
                        1 => -one,
                        _ => return None,
                    };
                    // Where the run leads beyond the band, there is no such zero.
                    let ahead = in_band & u64::MAX << k;
                    let place = nth_zero(before[0], ahead, run)?;
                    refine(&mut bits, before, ahead & !(u64::MAX << place), one, &grid.patterns, sums)?;
                    if value != 0 {
                        add(sums, &grid.patterns[place], value);
                        nonzero[0] |= 1 << place;
                        nonzero[1] |= u64::from(value < 0) << place;
                    }
                    k = place + 1;
                }
            }
            if empty > 0 {
                if k <= last {
                    refine(&mut bits, before, in_band & u64::MAX << k, one, &grid.patterns, sums)?;
                }
                empty -= 1;
            }
        }
        (empty == 0 && scan.is_end(&entropy, interval, bits.position())).then_some(())?;
    }
    Some(())
}

/// Among the coefficients `ahead`, the one that is zero with `run` such before it.
#[inline]
fn nth_zero(nonzero: u64, ahead: u64, run: u32) -> Option<usize> {
    let mut zeros = !nonzero & ahead;
    for _ in 0..run {
        zeros &= zeros.wrapping_sub(1);
    }
    (zeros != 0).then(|| zeros.trailing_zeros() as usize)
}

/// Reads a bit for each coefficient of `within` that is not zero, which makes it larger by `one` where it is set.
#[inline]
fn refine<const N: usize>(
    bits: &mut Bits<'_>,
    [nonzero, negative]: [u64; 2],
    within: u64,
    one: i32,
    patterns: &Patterns<N>,
    sums: &mut [f32; N],
) -> Option<()> {
    let mut left = nonzero & within;
    while left != 0 {
        bits.refill()?;
        let count = left.count_ones().min(READY);
        let mut larger = bits.first(count);
        if larger == 0 && count < READY {
            return Some(());
        }
        for _ in 0..count {
            let k = left.trailing_zeros() as usize;
            // Half of the bits are set at random: adding nothing costs less than a wrong guess, but for large blocks.
            let is_larger = (larger >> 63) as i32;
            if N <= 16 || is_larger == 1 {
                let sign = 1 - 2 * (negative >> k & 1) as i32;
                add(sums, patterns.get(k)?, is_larger * sign * one);
            }
            larger <<= 1;
            left &= left - 1;
        }
    }
    Some(())
}
