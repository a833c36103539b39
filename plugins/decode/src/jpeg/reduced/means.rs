//! The means of a sequential file's blocks, which are all of it at an eighth of its size: where blocks begin is found
//! first, then those of the brightness are read.

use super::bits::Entropy;
use super::header::{Component, Header};
use super::walk::{MOST, Walk};
use super::{Blocks, Part, Scan, idct};
use std::rc::Rc;

/// The way through a scan; None when a table is missing or a unit has too many blocks.
pub fn walk(scan: &Scan<'_>) -> Option<Rc<Walk>> {
    let pair = |part: &Part| Some((part.dc.clone()?, part.ac.clone()?));
    let of = |part: &Part| std::iter::repeat_n(pair(part), part.component.across * part.component.down);
    Walk::of(scan.parts.iter().flat_map(of).collect::<Option<_>>()?)
}

/// Reads a scan of `each` units between restarts. None when it is damaged or has no brightness.
pub fn read(
    scan: &Scan<'_>,
    header: &Header,
    walk: &Walk,
    entropy: &Entropy,
    each: usize,
    blocks: &mut Blocks,
) -> Option<()> {
    let in_unit = |parts: &[Part]| parts.iter().map(|part| part.component.across * part.component.down).sum::<usize>();
    let index = scan.parts.iter().position(|part| part.wanted)?;
    let (part, from, all) = (&scan.parts[index], in_unit(&scan.parts[..index]), in_unit(&scan.parts));
    let Component { across, down, quantisation, .. } = part.component;
    let scale = i32::from(header.quantisation.get(quantisation)?.as_ref()?[0]);
    let dc = part.dc.as_ref()?;
    let (units, at_once) = (scan.across * scan.down, MOST / all);
    for interval in 0..entropy.intervals() {
        let mut way = walk.from(entropy.bits(interval)?);
        let mut mean = 0_i32;
        let mut end = 0;
        let last = units.min((interval + 1) * each);
        for first in (interval * each..last).step_by(at_once) {
            let count = at_once.min(last - first);
            let starts = way.next(count * all)?;
            end = *starts.last()?;
            for (unit, starts) in (first..).zip(starts.chunks_exact(all).take(count)) {
                let (column, row) = (unit % scan.across, unit / scan.across);
                for (i, &start) in starts[from..from + across * down].iter().enumerate() {
                    let mut bits = entropy.at(start as usize)?;
                    let size = dc.symbol(&mut bits)?;
                    mean = mean.wrapping_add(bits.number(u32::from(size)));
                    let (x, y) = (column * across + i % across, row * down + i / across);
                    if x < blocks.columns && y < blocks.rows {
                        blocks.samples[y * blocks.columns + x] = idct::shade(mean.wrapping_mul(scale));
                    }
                }
            }
        }
        entropy.is_end(interval, end as usize).then_some(())?;
    }
    Some(())
}
