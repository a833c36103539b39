//! The passes of a progressive file. Source: T.81, annex G; libjpeg's jdphuff.c.

use super::Scan;
use super::bits::Bits;
use super::channel::{Channel, Grid, Lanes};
use super::header::Component;
use super::sequential::add;

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
    let (first, last) = (usize::from(scan.band.0), usize::from(scan.band.1));
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
                    let symbol = ac.symbol(&mut bits)?;
                    let (run, size) = (u32::from(symbol >> 4), u32::from(symbol & 15));
                    if size == 0 && run < 15 {
                        empty = (1 << run) - 1 + bits.raw(run);
                        break;
                    }
                    k += run as usize;
                    if size > 0 {
                        let value = bits.number(size) << scan.low;
                        add(sums, grid.patterns.get(k).filter(|_| k <= last)?, value);
                        nonzero[0] |= 1 << k;
                        nonzero[1] |= u64::from(value < 0) << k;
                    }
                    k += 1;
                }
                if k > last + 1 {
                    return None;
                }
                continue;
            }
            let one = 1_i32 << scan.low;
            let refine = |bits: &mut Bits<'_>, k: usize, sums: &mut [f32; N]| {
                bits.refill()?;
                if bits.bit() {
                    add(sums, &grid.patterns[k], if nonzero[1] >> k & 1 == 0 { one } else { -one });
                }
                Some(())
            };
            let before = nonzero[0];
            let mut new = [0_u64; 2];
            if empty == 0 {
                while k <= last {
                    bits.refill()?;
                    let symbol = ac.symbol(&mut bits)?;
                    let (mut run, size) = (u32::from(symbol >> 4), u32::from(symbol & 15));
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
                    while k <= last {
                        if before >> k & 1 == 1 {
                            refine(&mut bits, k, sums)?;
                        } else if run == 0 {
                            break;
                        } else {
                            run -= 1;
                        }
                        k += 1;
                    }
                    if k > last {
                        // The run leads beyond the band.
                        return None;
                    }
                    if value != 0 {
                        add(sums, &grid.patterns[k], value);
                        new[0] |= 1 << k;
                        new[1] |= u64::from(value < 0) << k;
                    }
                    k += 1;
                }
            }
            if empty > 0 {
                let mut rest = before & (u64::MAX << (k as u32).min(63)) & (u64::MAX >> (63 - last));
                if k > last {
                    rest = 0;
                }
                while rest != 0 {
                    refine(&mut bits, rest.trailing_zeros() as usize, sums)?;
                    rest &= rest - 1;
                }
                empty -= 1;
            }
            nonzero[0] |= new[0];
            nonzero[1] |= new[1];
        }
        (empty == 0 && scan.is_end(&entropy, interval, bits.position())).then_some(())?;
    }
    Some(())
}
