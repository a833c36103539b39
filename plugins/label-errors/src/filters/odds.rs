//! Odds against the label.

use super::Filter;
use crate::joint::{Joint, most_probable};

/// A label is suspected where another class is so many times as probable. With 5 % of openclipart8's labels made wrong, 20 finds
/// as many of them as the filters of confident learning and is right more often (`examples/planted`, figures in `tests/README.md`). It also
/// counts nothing per class, so a set without wrong labels has few suspects.
pub const ODDS: f32 = 20.0;

/// Every image of which another class is twenty times as probable as its label.
pub struct Odds;

impl Filter for Odds {
    fn name(&self) -> &'static str {
        "odds"
    }

    fn about(&self) -> &'static str {
        "those of which another class is at least 20 times as probable as the label"
    }

    fn suspects(&self, _joint: &Joint, probabilities: &[Vec<f32>], given: &[u32]) -> Vec<bool> {
        let is_suspect = |(row, label): (&Vec<f32>, &u32)| row[most_probable(row)] >= ODDS * row[*label as usize];
        probabilities.iter().zip(given).map(is_suspect).collect()
    }
}
