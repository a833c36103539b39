//! The components of a JPEG at one, two, four or eight eighths of their size, without decoding what that does not need.
//!
//! A sample of an image at an eighth of its size is a block's first coefficient; all others are only passed over: that is what
//! a file costs there. Components that are stored at a lower resolution are read at a larger scale, so that all come at the
//! same size, as libjpeg does it.
//!
//! Whatever is unusual or wrong is answered with None: the decoder of whole images then has the word.

mod bits;
mod channel;
mod header;
mod huffman;
mod patterns;
mod progressive;
mod sequential;
mod walk;

use super::structure::Structure;
use bits::Entropy;
use channel::Channel;
use header::{Component, Header};
use huffman::Table;
use std::rc::Rc;

/// A component's samples, as the file has them: before orientation.
pub struct Plane {
    pub columns: usize,
    pub rows: usize,
    /// Pixels of the image at this scale to samples of the plane, across and down.
    pub ratios: [(usize, usize); 2],
    pub samples: Vec<u8>,
}

/// The components at `eighths` (1, 2, 4 or 8) of the size; edges are rounded up to whole samples. A component may have fewer
/// samples than the image when it is stored at a much lower resolution.
pub fn planes(bytes: &[u8], structure: &Structure, eighths: usize) -> Option<Vec<Plane>> {
    let mut header = Header::default();
    let mut channels: Vec<Channel> = Vec::new();
    for part in &structure.parts {
        let segment = bytes.get(part.clone())?;
        if segment.get(1) != Some(&0xDA) {
            header.take(segment)?;
            continue;
        }
        if channels.is_empty() {
            channels = self::channels(&header, structure, eighths)?;
        }
        let scan = Scan::of(&header, structure, segment)?;
        for part in &scan.parts {
            let quantisation = header.quantisation[part.component.quantisation].as_ref()?;
            channels[part.channel].begin(quantisation, header.progressive);
        }
        scan.read(&header, &mut channels)?;
    }
    (!channels.is_empty() && channels.iter().all(|channel| channel.complete)).then_some(())?;
    let plane = |mut channel: Channel| {
        if header.progressive {
            channel.finish();
        }
        channel.into_plane()
    };
    Some(channels.into_iter().map(plane).collect())
}

fn channels(header: &Header, structure: &Structure, eighths: usize) -> Option<Vec<Channel>> {
    let most = |of: fn(&Component) -> usize| header.components.iter().map(of).max();
    let (most_across, most_down) = (most(|c| c.across)?, most(|c| c.down)?);
    let (width, height) = (usize::from(structure.width), usize::from(structure.height));
    let units = (width.div_ceil(8 * most_across), height.div_ceil(8 * most_down));
    // Samples of a block so that the component comes at the size of the whole, if a block has so many.
    let side = |most: usize, own: usize| (eighths * most).is_multiple_of(own).then(|| (eighths * most / own).min(8));
    let inside = |pixels: usize, own: usize, most: usize, side: usize| (pixels * own * side).div_ceil(8 * most);
    let channel = |component: &Component| {
        let (wide, high) = (side(most_across, component.across)?, side(most_down, component.down)?);
        Some(Channel {
            wide,
            high,
            blocks_across: units.0 * component.across,
            blocks_down: units.1 * component.down,
            inside: (
                inside(width, component.across, most_across, wide),
                inside(height, component.down, most_down, high),
            ),
            ratios: [(eighths * most_across, component.across * wide), (eighths * most_down, component.down * high)],
            lanes: None,
            complete: false,
            samples: Vec::new(),
        })
    };
    header.components.iter().map(channel).collect()
}

/// One component of a scan.
struct Part {
    /// Its number in the frame.
    channel: usize,
    /// With its blocks in a unit of this scan.
    component: Component,
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
    /// The image's end is marked, so that nothing may follow the last unit.
    ended: bool,
}

impl<'a> Scan<'a> {
    fn of(header: &Header, structure: &Structure, segment: &'a [u8]) -> Option<Self> {
        let length = usize::from(u16::from_be_bytes([*segment.get(2)?, *segment.get(3)?]));
        let data = segment.get(2 + length..)?;
        let (&count, rest) = segment.get(4..2 + length)?.split_first()?;
        let (named, rest) = rest.split_at_checked(usize::from(count) * 2)?;
        let &[first, last, approximation] = rest else { return None };
        // Each component once; of those with the same identifier the first that is left, as libjpeg has it.
        let mut taken = Vec::new();
        let part = |&[id, tables]: &[u8; 2]| {
            let is_next = |(n, component): (usize, &Component)| component.id == id && !taken.contains(&n);
            let channel = header.components.iter().enumerate().position(is_next)?;
            taken.push(channel);
            let dc = header.dc.get(usize::from(tables >> 4))?.clone();
            let ac = header.ac.get(usize::from(tables & 15))?.clone();
            Some(Part { channel, component: header.components[channel], dc, ac })
        };
        let mut parts: Vec<Part> = named.as_chunks::<2>().0.iter().map(part).collect::<Option<_>>()?;
        if parts.is_empty() || parts.len() > 4 {
            return None;
        }
        let most = |of: fn(&Component) -> usize| header.components.iter().map(of).max();
        let (most_across, most_down) = (most(|c| c.across)?, most(|c| c.down)?);
        let (width, height) = (usize::from(structure.width), usize::from(structure.height));
        let (mut across, mut down) = (width.div_ceil(8 * most_across), height.div_ceil(8 * most_down));
        // A component alone comes block by block, without what fills the last units.
        if let [alone] = parts.as_mut_slice() {
            across = (width * alone.component.across).div_ceil(most_across).div_ceil(8);
            down = (height * alone.component.down).div_ceil(most_down).div_ceil(8);
            (alone.component.across, alone.component.down) = (1, 1);
        }
        let (high, low) = (approximation >> 4, approximation & 15);
        Some(Self { parts, band: (first, last), high, low, across, down, data, ended: structure.ended })
    }

    fn read(&self, header: &Header, channels: &mut [Channel]) -> Option<()> {
        if header.progressive {
            return progressive::read(self, header.restart, channels);
        }
        if self.band != (0, 63) || (self.high, self.low) != (0, 0) {
            return None;
        }
        for part in &self.parts {
            // A component that comes twice is not for us to decide.
            (!std::mem::replace(&mut channels[part.channel].complete, true)).then_some(())?;
        }
        let (entropy, each) = self.entropy(header.restart)?;
        sequential::read(self, &entropy, each, channels)
    }

    /// The data without stuffing, and the units between restarts.
    fn entropy(&self, restart: usize) -> Option<(Entropy, usize)> {
        let entropy = Entropy::of(self.data)?;
        let units = self.across * self.down;
        let each = if restart == 0 { units } else { restart };
        (units.div_ceil(each) == entropy.intervals()).then_some((entropy, each))
    }

    /// Whether a restart interval was read up to its end.
    fn is_end(&self, entropy: &Entropy, interval: usize, position: usize) -> bool {
        entropy.is_end(interval, position, self.ended || interval + 1 < entropy.intervals())
    }
}
