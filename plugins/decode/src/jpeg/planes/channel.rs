//! A component's samples while its coefficients are read.

use super::Plane;
use super::patterns::{Patterns, patterns};

/// Half a level for rounding, and the level that a block of zeros has.
const MIDDLE: f32 = 128.5;

/// A component at the size that was asked for.
pub struct Channel {
    /// Samples of a block, in a row and rows of them.
    pub wide: usize,
    pub high: usize,
    /// Blocks in a row and rows of them, with those that fill the last units.
    pub blocks_across: usize,
    pub blocks_down: usize,
    /// Samples inside the image, before blocks are filled up.
    pub inside: (usize, usize),
    pub ratios: [(usize, usize); 2],
    /// What coefficients add to samples; from the component's first scan on.
    pub lanes: Option<Lanes>,
    /// Its means have been read, and of a sequential file all else.
    pub complete: bool,
    pub samples: Vec<u8>,
}

/// Blocks of up to 1, 4, 16 or 64 samples.
pub enum Lanes {
    One(Grid<1>),
    Four(Grid<4>),
    Sixteen(Grid<16>),
    All(Grid<64>),
}

/// What is known of a component's blocks.
pub struct Grid<const N: usize> {
    pub patterns: Box<Patterns<N>>,
    /// For progressive files: samples so far.
    pub sums: Vec<[f32; N]>,
    /// The same: which coefficients are not zero, one bit each, and which of them are below.
    pub nonzero: Vec<[u64; 2]>,
}

impl<const N: usize> Grid<N> {
    fn new(wide: usize, high: usize, quantisation: &[u16; 64], blocks: usize) -> Self {
        let history = if N == 1 { 0 } else { blocks };
        Self {
            patterns: Box::new(patterns(wide, high, quantisation)),
            sums: vec![[MIDDLE; N]; blocks],
            nonzero: vec![[0; 2]; history],
        }
    }
}

impl Channel {
    /// Fixes the quantisation, as the first scan of a component does. Of progressive files, blocks are kept.
    pub fn begin(&mut self, quantisation: &[u16; 64], progressive: bool) {
        if self.lanes.is_some() {
            return;
        }
        let (wide, high) = (self.wide, self.high);
        let blocks = if progressive { self.blocks_across * self.blocks_down } else { 0 };
        self.lanes = Some(match wide * high {
            1 => Lanes::One(Grid::new(wide, high, quantisation, blocks)),
            2..=4 => Lanes::Four(Grid::new(wide, high, quantisation, blocks)),
            5..=16 => Lanes::Sixteen(Grid::new(wide, high, quantisation, blocks)),
            _ => Lanes::All(Grid::new(wide, high, quantisation, blocks)),
        });
        self.samples = vec![0; self.blocks_across * wide * self.blocks_down * high];
    }

    /// Turns the sums of a progressive file's blocks into samples.
    pub fn finish(&mut self) {
        match self.lanes.take() {
            Some(Lanes::One(grid)) => self.finish_grid(&grid),
            Some(Lanes::Four(grid)) => self.finish_grid(&grid),
            Some(Lanes::Sixteen(grid)) => self.finish_grid(&grid),
            Some(Lanes::All(grid)) => self.finish_grid(&grid),
            None => {}
        }
    }

    fn finish_grid<const N: usize>(&mut self, grid: &Grid<N>) {
        let mut blocks = Put::of(self);
        for (i, sums) in grid.sums.iter().enumerate() {
            blocks.put(i % blocks.across, i / blocks.across, sums);
        }
    }

    /// The samples inside the image.
    pub fn into_plane(self) -> Plane {
        let stride = self.blocks_across * self.wide;
        let (columns, rows) = self.inside;
        let mut samples = self.samples;
        if stride != columns {
            for row in 1..rows {
                samples.copy_within(row * stride..row * stride + columns, row * columns);
            }
        }
        samples.truncate(columns * rows);
        Plane { columns, rows, ratios: self.ratios, samples }
    }
}

/// Where blocks' samples go.
pub struct Put<'a> {
    pub across: usize,
    wide: usize,
    high: usize,
    stride: usize,
    samples: &'a mut [u8],
}

impl<'a> Put<'a> {
    pub fn of(channel: &'a mut Channel) -> Self {
        Self::new(&mut channel.samples, channel.blocks_across, channel.wide, channel.high)
    }

    pub fn new(samples: &'a mut [u8], across: usize, wide: usize, high: usize) -> Self {
        Self { across, wide, high, stride: across * wide, samples }
    }

    /// Puts a block's samples where they belong.
    #[allow(clippy::inline_always, reason = "samples stay in registers")]
    #[inline(always)]
    pub fn put<const N: usize>(&mut self, x: usize, y: usize, sums: &[f32; N]) {
        let levels = sums.map(|sum| (sum as i32).clamp(0, 255) as u8);
        let at = y * self.high * self.stride + x * self.wide;
        match self.wide {
            _ if N == 1 => {
                if let Some(sample) = self.samples.get_mut(at) {
                    *sample = levels[0];
                }
            }
            2 => self.rows::<2>(at, &levels),
            4 => self.rows::<4>(at, &levels),
            8 => self.rows::<8>(at, &levels),
            wide => {
                for (row, levels) in levels.chunks_exact(wide).enumerate().take(self.high) {
                    if let Some(to) = self.samples.get_mut(at + row * self.stride..).and_then(|to| to.get_mut(..wide)) {
                        to.copy_from_slice(levels);
                    }
                }
            }
        }
    }

    #[inline]
    fn rows<const WIDE: usize>(&mut self, mut at: usize, levels: &[u8]) {
        for row in levels.as_chunks::<WIDE>().0.iter().take(self.high) {
            if let Some(to) = self.samples.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
                *to = *row;
            }
            at += self.stride;
        }
    }
}

/// The samples of a block with nothing but a mean.
#[inline]
pub fn flat<const N: usize>(patterns: &Patterns<N>, mean: i32) -> [f32; N] {
    let mean = mean as f32;
    patterns[0].map(|weight| mean * weight + MIDDLE)
}
