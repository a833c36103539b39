//! Splits, drawn of all samples of a version when its snapshot is made: `plugin-splits` draws, this says what of.

use crate::order::classes_of;
use plugin_api::{Labels, Split};
use plugin_catalog::Sample;
use plugin_splits::{Image, Moved, Shares};
use std::collections::HashMap;
use std::ops::Range;

/// A sample whose split is another now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawn {
    /// Digest of the image's pixels: what is trained on, whatever its files are called.
    pub sample: String,
    /// Split of the sample in this version.
    pub split: Split,
    /// Why, where it had been trained or evaluated on.
    pub moved: Option<Moved>,
}

/// The rows of one sample, and the labels it is trained with.
struct Unit {
    rows: Range<usize>,
    classes: Vec<u32>,
}

/// Draws the splits of samples that are ordered as the catalog gives them, and sets them. Returns those that changed.
///
/// What is kept out of training stays where it is.
pub fn draw(samples: &mut [Sample], labels: Labels, shares: Shares) -> Vec<Drawn> {
    let units = units(samples, labels);
    let images: Vec<Image> = units
        .iter()
        .map(|unit| {
            let rows = &samples[unit.rows.clone()];
            Image {
                key: &rows[0].sample,
                classes: &unit.classes,
                group: &rows[0].group,
                captured_ms: rows[0].captured_ms,
                path: &rows[0].path,
                given: rows.iter().filter_map(|row| row.given).max(),
                settled: rows[0].settled.then_some(rows[0].split),
            }
        })
        .collect();
    let mut drawn = plugin_splits::draw(&images, shares);
    let moved: HashMap<usize, Moved> = drawn.moved.drain(..).map(|moved| (moved.image, moved)).collect();
    let splits = std::mem::take(&mut drawn.splits);
    drop(images);
    let mut changed = Vec::new();
    for (at, (unit, split)) in units.into_iter().zip(splits).enumerate() {
        let rows = &mut samples[unit.rows];
        if rows[0].split != split {
            changed.push(Drawn { sample: rows[0].sample.clone(), split, moved: moved.get(&at).copied() });
            for row in rows {
                row.split = split;
            }
        }
    }
    changed
}

fn units(samples: &[Sample], labels: Labels) -> Vec<Unit> {
    let classes = classes_of(samples);
    let number: HashMap<&str, u32> = classes.iter().map(String::as_str).zip(0..).collect();
    let mut units = Vec::with_capacity(samples.len());
    let mut start = 0;
    for rows in samples.chunk_by(|a, b| a.sample == b.sample) {
        let range = start..start + rows.len();
        start = range.end;
        if rows.len() == 1 || labels == Labels::Multi {
            units.push(Unit { rows: range, classes: rows.iter().map(|row| number[row.label.as_str()]).collect() });
        }
    }
    units
}

#[cfg(test)]
mod tests {
    use super::*;
    use plugin_catalog::fixture::sample;

    const SHARES: Shares = Shares { validation: 15, test: 15 };

    #[test]
    fn given_splits_are_kept_the_strictest_of_several() {
        let mut rows = [sample("1", "a"), sample("2", "a"), sample("2", "b")];
        rows[0].given = Some(Split::Validation);
        rows[1].given = Some(Split::Train);
        rows[2].given = Some(Split::Test);
        let changed = draw(&mut rows, Labels::Multi, SHARES);
        assert_eq!(rows.map(|row| row.split), [Split::Validation, Split::Test, Split::Test]);
        assert_eq!(changed.iter().map(|one| one.sample.as_str()).collect::<Vec<_>>(), ["1", "2"]);
    }

    #[test]
    fn what_is_kept_out_is_not_drawn() {
        let mut rows = [sample("1", "a"), sample("1", "b")];
        rows[0].given = Some(Split::Test);
        assert_eq!(draw(&mut rows, Labels::Single, SHARES), []);
        assert_eq!(rows.map(|row| row.split), [Split::Train; 2]);
    }

    #[test]
    fn settled_samples_stay() {
        let mut rows: Vec<Sample> = (0..40).map(|i| sample(&format!("{i:02}"), "a")).collect();
        for row in &mut rows {
            row.settled = true;
            row.split = Split::ALL[usize::from(row.sample.as_bytes()[1] - b'0') % 3];
        }
        let before = rows.clone();
        rows.extend((40..60).map(|i| sample(&format!("{i:02}"), "a")));
        draw(&mut rows, Labels::Single, SHARES);
        assert_eq!(rows[..40], before);
    }
}
