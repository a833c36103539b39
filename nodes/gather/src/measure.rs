//! How unlike two images are.

use clap::ValueEnum;
use plugin_api::edges::{Embedded, list_row_f32};

/// What images are compared by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Metric {
    /// Average hash.
    Ahash,
    /// Difference hash.
    Dhash,
    /// Perceptual (DCT) hash.
    Phash,
    /// Wavelet hash.
    Whash,
    /// A network's penultimate layer.
    Embedding,
}

impl Metric {
    /// Every one of them.
    pub const ALL: [Self; 5] = [Self::Ahash, Self::Dhash, Self::Phash, Self::Whash, Self::Embedding];

    /// Its name, as an option and as a column of messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ahash => "ahash",
            Self::Dhash => "dhash",
            Self::Phash => "phash",
            Self::Whash => "whash",
            Self::Embedding => "embedding",
        }
    }
}

/// How far a candidate may be from a seed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reach {
    /// Hamming distance of 64-bit hashes, at most.
    Bits(u32),
    /// 1 − cosine: 0 (the same) to 2.
    Cosine(f32),
}

/// What an image is compared by.
#[derive(Clone, Debug, PartialEq)]
pub enum Feature {
    /// Perceptual hash of 64 bits.
    Hash(u64),
    /// An embedding, of unit length.
    Embedding(Vec<f32>),
}

impl Feature {
    /// The feature of a row of a message. None when it came without an embedding.
    pub fn of(rows: &Embedded, row: usize, metric: Metric) -> Option<Self> {
        Some(match metric {
            Metric::Ahash => Self::Hash(rows.ahash.value(row)),
            Metric::Dhash => Self::Hash(rows.dhash.value(row)),
            Metric::Phash => Self::Hash(rows.phash.value(row)),
            Metric::Whash => Self::Hash(rows.whash.value(row)),
            Metric::Embedding => Self::Embedding(list_row_f32(&rows.embedding, row)).filled()?,
        })
    }

    /// None for an embedding of no dimensions.
    fn filled(self) -> Option<Self> {
        if matches!(&self, Self::Embedding(values) if values.is_empty()) { None } else { Some(self) }
    }

    /// Bits that differ, or 1 − cosine. Infinite between things that cannot be compared.
    pub fn distance(&self, other: &Self) -> f32 {
        match (self, other) {
            (Self::Hash(a), Self::Hash(b)) => (a ^ b).count_ones() as f32,
            (Self::Embedding(a), Self::Embedding(b)) if a.len() == b.len() => (1.0 - dot(a, b)).max(0.0),
            _ => f32::INFINITY,
        }
    }
}

impl Reach {
    /// Whether a distance is within reach.
    pub fn holds(self, distance: f32) -> bool {
        match self {
            Self::Bits(bits) => distance <= bits as f32,
            // A similarity of exactly the limit still counts, whatever the rounding.
            Self::Cosine(most) => distance <= most + 1e-6,
        }
    }

    /// A distance as names and lists give it: sorted as text, it is sorted.
    pub fn text(self, distance: f32) -> String {
        match self {
            Self::Bits(_) if distance.fract() == 0.0 => format!("{distance:02}"),
            Self::Bits(_) => format!("{distance:05.2}"),
            Self::Cosine(_) => format!("{distance:.3}"),
        }
    }
}

/// Sum of the products, in eight lanes so that it is done with vector instructions.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0_f32; 8];
    let (a_lanes, b_lanes) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f32 = a_lanes.remainder().iter().zip(b_lanes.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in a_lanes.zip(b_lanes) {
        for lane in 0..8 {
            lanes[lane] += x[lane] * y[lane];
        }
    }
    lanes.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_bits_or_cosines() {
        assert_eq!(Feature::Hash(0b1011).distance(&Feature::Hash(0b0110)), 3.0);
        let unit = |values: &[f32]| Feature::Embedding(values.to_vec());
        assert_eq!(unit(&[1.0, 0.0]).distance(&unit(&[0.0, 1.0])), 1.0);
        assert_eq!(unit(&[0.6, 0.8]).distance(&unit(&[0.6, 0.8])), 0.0);
        assert!(unit(&[1.0]).distance(&Feature::Hash(1)).is_infinite());
        assert!(unit(&[1.0]).distance(&unit(&[1.0, 0.0])).is_infinite());
        let long: Vec<f32> = (0..1283_u16).map(|i| f32::from(i % 7) / 100.0).collect();
        let plain: f32 = long.iter().map(|x| x * x).sum();
        assert!((dot(&long, &long) - plain).abs() < 1e-3);
    }

    #[test]
    fn texts_sort_as_distances_do() {
        for (reach, distances) in
            [(Reach::Bits(64), vec![0.0, 3.0, 12.0, 64.0]), (Reach::Cosine(1.0), vec![0.0, 0.031, 0.5, 1.25])]
        {
            let texts: Vec<String> = distances.iter().map(|d| reach.text(*d)).collect();
            assert!(texts.is_sorted(), "{texts:?}");
        }
        assert_eq!(Reach::Bits(9).text(3.0), "03");
        assert_eq!(Reach::Bits(9).text(3.5), "03.50");
        assert!(Reach::Cosine(0.25).holds(1.0 - 0.75) && !Reach::Cosine(0.25).holds(0.26));
    }
}
