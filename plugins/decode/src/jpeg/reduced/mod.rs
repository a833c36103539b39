//! Brightness of a JPEG at one, two or four eighths of its size, without decoding the rest of it.
//!
//! The lowest frequencies of a block are the block at a smaller size, and brightness is the first component, which is
//! never reduced in files as cameras and programs write them. All other coefficients are only passed over: that is what
//! a file costs here. Of a progressive file the passes that hold the blocks' means are read, and no other.
//!
//! Whatever is unusual or wrong is answered with None: the decoder of whole pictures then has the word.

mod bits;
mod header;
mod huffman;
mod idct;
mod means;
mod walk;

use super::structure::Structure;
use bits::{Bits, Entropy};
use header::{Component, Header};
use huffman::Table;
use std::rc::Rc;

/// Brightness, as the file has it: before orientation.
pub struct Plane {
    pub columns: usize,
    pub rows: usize,
    pub samples: Vec<u8>,
}

/// Where a coefficient stands in rows of four, by its place in zigzag order; 16 where it is not needed for 4 × 4.
const PLACES: [u8; 25] = [0, 1, 4, 8, 5, 2, 3, 6, 9, 12, 16, 13, 10, 7, 16, 16, 16, 11, 14, 16, 16, 16, 16, 16, 15];

/// By log of the side: the last coefficient that is needed, in zigzag order.
const LAST: [u16; 3] = [0, 4, 24];

/// The brightness at `eighths` (1, 2 or 4) of the size; edges are rounded up to whole samples.
pub fn plane(bytes: &[u8], structure: &Structure, eighths: usize) -> Option<Plane> {
    let mut header = Header::default();
    let mut plane: Option<Blocks> = None;
    for part in &structure.parts {
        let segment = bytes.get(part.clone())?;
        if segment.get(1) != Some(&0xDA) {
            header.take(segment)?;
            continue;
        }
        if header.components.iter().any(|component| header.quantisation[component.quantisation].is_none()) {
            return None;
        }
        let scan = Scan::of(&header, structure, segment)?;
        if !header.progressive {
            // Sequential files in several scans are rare.
            let all = scan.parts.len() == header.components.len() && scan.band == (0, 63);
            if structure.scans != 1 || !all || (scan.high, scan.low) != (0, 0) {
                return None;
            }
        } else if eighths != 1 {
            return None;
        } else if scan.band != (0, 0) {
            continue;
        }
        let blocks = plane.get_or_insert_with(|| Blocks::new(structure, eighths));
        scan.read(&header, blocks)?;
    }
    let plane = plane?;
    plane.complete.then_some(())?;
    Some(Plane { columns: plane.columns, rows: plane.rows, samples: plane.samples })
}

/// The samples, and for progressive files the blocks' means that they are made of.
struct Blocks {
    eighths: usize,
    columns: usize,
    rows: usize,
    samples: Vec<u8>,
    means: Vec<i32>,
    complete: bool,
}

impl Blocks {
    fn new(structure: &Structure, eighths: usize) -> Self {
        let size = |pixels: u16| (usize::from(pixels) * eighths).div_ceil(8);
        let (columns, rows) = (size(structure.width), size(structure.height));
        Self { eighths, columns, rows, samples: vec![0; columns * rows], means: Vec::new(), complete: false }
    }

    /// Puts a block's samples where they belong. What lies beyond the picture is left out.
    fn put(&mut self, x: usize, y: usize, samples: &[u8; 16]) {
        let (left, top) = (x * self.eighths, y * self.eighths);
        let width = self.eighths.min(self.columns.saturating_sub(left));
        if width == 0 {
            return;
        }
        for row in 0..self.eighths.min(self.rows.saturating_sub(top)) {
            let at = (top + row) * self.columns + left;
            self.samples[at..at + width].copy_from_slice(&samples[row * 4..row * 4 + width]);
        }
    }
}

/// One component of a scan.
struct Part {
    component: Component,
    /// It is the brightness.
    wanted: bool,
    dc: Option<Rc<Table>>,
    ac: Option<Rc<Table>>,
}

/// A scan, as its header has it.
struct Scan<'a> {
    parts: Vec<Part>,
    /// First and last coefficient.
    band: (u8, u8),
    /// Bits of the approximation before and after; 0 and 0 for all.
    high: u8,
    low: u8,
    /// Units in a row and rows of them.
    across: usize,
    down: usize,
    data: &'a [u8],
}

impl<'a> Scan<'a> {
    fn of(header: &Header, structure: &Structure, segment: &'a [u8]) -> Option<Self> {
        let length = usize::from(u16::from_be_bytes([*segment.get(2)?, *segment.get(3)?]));
        let data = segment.get(2 + length..)?;
        let (&count, rest) = segment.get(4..2 + length)?.split_first()?;
        let (named, rest) = rest.split_at_checked(usize::from(count) * 2)?;
        let &[first, last, approximation] = rest else { return None };
        let brightness = header.components.first()?;
        let part = |&[id, tables]: &[u8; 2]| {
            let component = *header.components.iter().find(|component| component.id == id)?;
            let dc = header.dc.get(usize::from(tables >> 4))?.clone();
            let ac = header.ac.get(usize::from(tables & 15))?.clone();
            Some(Part { component, wanted: id == brightness.id, dc, ac })
        };
        let mut parts: Vec<Part> = named.as_chunks::<2>().0.iter().map(part).collect::<Option<_>>()?;
        let most = |of: fn(&Component) -> usize| header.components.iter().map(of).max();
        let (most_across, most_down) = (most(|c| c.across)?, most(|c| c.down)?);
        let (mut across, mut down) = (8 * most_across, 8 * most_down);
        if header.components.len() > 1 && (brightness.across, brightness.down) != (most_across, most_down) {
            return None;
        }
        // A component alone comes block by block, without what fills the last units.
        if let [alone] = parts.as_mut_slice() {
            if alone.wanted {
                (across, down) = (8, 8);
            } else {
                let scale = |most: usize, own: usize| most.is_multiple_of(own).then_some(8 * most / own);
                across = scale(most_across, alone.component.across)?;
                down = scale(most_down, alone.component.down)?;
            }
            (alone.component.across, alone.component.down) = (1, 1);
        }
        Some(Self {
            parts,
            band: (first, last),
            high: approximation >> 4,
            low: approximation & 15,
            across: usize::from(structure.width).div_ceil(across),
            down: usize::from(structure.height).div_ceil(down),
            data,
        })
    }

    fn read(&self, header: &Header, blocks: &mut Blocks) -> Option<()> {
        let entropy = Entropy::of(self.data)?;
        let units = self.across * self.down;
        let each = if header.restart == 0 { units } else { header.restart };
        if units.div_ceil(each) != entropy.intervals() {
            return None;
        }
        if header.progressive {
            // A refinement is only of use to what has been read before.
            let wanted = self.parts.iter().any(|part| part.wanted);
            if blocks.means.is_empty() {
                blocks.means = vec![0; blocks.columns * blocks.rows];
            }
            if wanted && self.high == 0 && std::mem::replace(&mut blocks.complete, true) {
                return None;
            }
        } else {
            blocks.complete = true;
        }
        if !header.progressive
            && blocks.eighths == 1
            && let Some(walk) = means::walk(self)
        {
            return means::read(self, header, &walk, &entropy, each, blocks);
        }
        for interval in 0..entropy.intervals() {
            let mut bits = entropy.bits(interval)?;
            let mut means = [0; 4];
            for unit in interval * each..units.min((interval + 1) * each) {
                let (column, row) = (unit % self.across, unit / self.across);
                for (part, mean) in self.parts.iter().zip(&mut means) {
                    let Component { across, down, .. } = part.component;
                    for y in row * down..(row + 1) * down {
                        for x in column * across..(column + 1) * across {
                            let wanted = part.wanted.then_some((x, y));
                            if header.progressive {
                                self.mean(part, &mut bits, mean, blocks, wanted)?;
                            } else {
                                block(header, part, &mut bits, mean, blocks, wanted)?;
                            }
                        }
                    }
                }
            }
            entropy.is_end(interval, bits.position()).then_some(())?;
        }
        if header.progressive { shades(header, blocks) } else { Some(()) }
    }

    /// One block's mean in a pass of a progressive file.
    fn mean(
        &self,
        part: &Part,
        bits: &mut Bits<'_>,
        mean: &mut i32,
        blocks: &mut Blocks,
        wanted: Option<(usize, usize)>,
    ) -> Option<()> {
        bits.refill()?;
        let value = if self.high == 0 {
            *mean = mean.wrapping_add(difference(part, bits)?);
            *mean << self.low
        } else {
            let bit = bits.peek(1) as i32;
            bits.skip(1);
            bit << self.low
        };
        let inside = |&(x, y): &(usize, usize)| x < blocks.columns && y < blocks.rows;
        if let Some((x, y)) = wanted.filter(inside) {
            blocks.means[y * blocks.columns + x] |= value;
        }
        Some(())
    }
}

/// The difference of a block's mean to that of the block before.
#[inline]
fn difference(part: &Part, bits: &mut Bits<'_>) -> Option<i32> {
    let size = part.dc.as_ref()?.symbol(bits)?;
    Some(bits.number(u32::from(size)))
}

/// One block of a sequential file.
#[inline]
fn block(
    header: &Header,
    part: &Part,
    place: &mut Bits<'_>,
    mean: &mut i32,
    blocks: &mut Blocks,
    wanted: Option<(usize, usize)>,
) -> Option<()> {
    let mut bits = *place;
    let ac = part.ac.as_ref()?;
    bits.refill()?;
    *mean = mean.wrapping_add(difference(part, &mut bits)?);
    let Some((x, y)) = wanted else {
        ac.pass(&mut bits, 1)?;
        *place = bits;
        return Some(());
    };
    let scale = header.quantisation.get(part.component.quantisation)?.as_ref()?;
    let mut coefficients = [0.0; 17];
    coefficients[0] = mean.wrapping_mul(i32::from(scale[0])) as f32;
    let last = LAST[blocks.eighths.ilog2() as usize];
    let mut at = 1;
    while at <= last {
        bits.refill()?;
        let symbol = ac.symbol(&mut bits)?;
        let (run, size) = (u16::from(symbol >> 4), u32::from(symbol & 15));
        if symbol == 0 {
            at = 64;
            break;
        }
        at += run;
        if size == 0 && run != 15 || at > 63 {
            return None;
        }
        let value = bits.number(size);
        if let Some(&to) = PLACES.get(usize::from(at)) {
            coefficients[usize::from(to)] = (value * i32::from(scale[usize::from(at)])) as f32;
        }
        at += 1;
    }
    if at < 64 {
        ac.pass(&mut bits, at)?;
    }
    *place = bits;
    blocks.put(x, y, &idct::samples(coefficients.first_chunk()?, blocks.eighths));
    Some(())
}

/// Samples from means.
fn shades(header: &Header, blocks: &mut Blocks) -> Option<()> {
    let scale = header.quantisation.get(header.components.first()?.quantisation)?.as_ref()?;
    for (sample, mean) in blocks.samples.iter_mut().zip(&blocks.means) {
        *sample = ((mean.wrapping_mul(i32::from(scale[0])) as f32) / 8.0 + 128.5).clamp(0.0, 255.0) as u8;
    }
    Some(())
}
