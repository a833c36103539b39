//! Heads on made-up embeddings.

use crate::error::HeadError;
use crate::head::{ABSENT, Head};
use crate::options::{HeadKind, HeadOptions};
use crate::out_of_fold::out_of_fold;
use crate::samples::Samples;

/// Samples of their own.
pub struct Data {
    pub features: Vec<f32>,
    pub dimensions: usize,
    pub labels: Vec<u32>,
    pub classes: usize,
    pub groups: Vec<u32>,
}

impl Data {
    pub fn samples(&self) -> Samples<'_> {
        let Self { features, dimensions, labels, classes, groups } = self;
        Samples { features, dimensions: *dimensions, labels, classes: *classes, groups }
    }

    /// Rows of class `label` around the axis of that number.
    fn push(&mut self, label: u32, seed: usize, noise: f32) {
        let wave = |i: usize| ((seed * 31 + i * 17 + 7) as f32 * 12.9898).sin() * noise;
        let mut row: Vec<f32> = (0..self.dimensions).map(wave).collect();
        row[label as usize] += 1.0;
        let length = row.iter().map(|x| x * x).sum::<f32>().sqrt();
        self.features.extend(row.iter().map(|x| x / length));
        self.groups.push(self.labels.len() as u32);
        self.labels.push(label);
    }
}

/// `each` samples of every class, each a group of its own.
pub fn clusters(classes: usize, each: usize, dimensions: usize) -> Data {
    let mut data = Data { features: Vec::new(), dimensions, labels: Vec::new(), classes, groups: Vec::new() };
    for sample in 0..each * classes {
        data.push((sample % classes) as u32, sample, 0.1);
    }
    data
}

fn all_kinds() -> [HeadOptions; 3] {
    [HeadKind::Ridge, HeadKind::Neighbours, HeadKind::Blend].map(|kind| HeadOptions { kind, ..HeadOptions::DEFAULT })
}

fn predictions(log_probabilities: &[f32], classes: usize) -> Vec<u32> {
    let best = |row: &[f32]| (0..row.len()).max_by(|a, b| row[*a].total_cmp(&row[*b])).unwrap() as u32;
    log_probabilities.chunks(classes).map(best).collect()
}

fn assert_normalized(log_probabilities: &[f32], classes: usize) {
    for row in log_probabilities.chunks(classes) {
        let sum: f32 = row.iter().map(|p| p.exp()).sum();
        assert!((sum - 1.0).abs() < 1e-4 && row.iter().all(|p| p.is_finite() && *p <= 1e-6), "{row:?}");
    }
}

#[test]
fn clusters_are_told_apart_out_of_fold() {
    let data = clusters(4, 20, 16);
    for options in all_kinds() {
        let found = out_of_fold(&data.samples(), &options, 5).unwrap();
        assert_normalized(&found, 4);
        assert_eq!(predictions(&found, 4), data.labels, "{options:?}");
    }
}

#[test]
fn heads_ignore_the_number_of_threads() {
    let data = clusters(3, 70, 40);
    let compute = || {
        let head = Head::fit(&data.samples(), &HeadOptions::DEFAULT).unwrap();
        (head.predict(&data.features).unwrap(), head)
    };
    let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    assert_eq!(pool(1).install(compute), pool(4).install(compute));
}

#[test]
fn one_to_five_samples_a_class_are_enough() {
    for each in 1..=5 {
        let data = clusters(2, each, 8);
        for options in all_kinds() {
            let head = Head::fit(&data.samples(), &options).unwrap();
            let found = head.log_probabilities(&data.features).unwrap();
            assert_normalized(&found, 2);
            assert_eq!(predictions(&found, 2), data.labels, "{each} {options:?}");
            let mut fresh = clusters(2, 0, 8);
            (0..8).for_each(|sample| fresh.push(sample % 2, 900 + sample as usize, 0.1));
            let found = head.log_probabilities(&fresh.features).unwrap();
            let has_doubt = found.iter().all(|p| *p > -5.0);
            assert!(each > 1 || has_doubt, "one sample a class is no certainty: {options:?} {found:?}");
        }
    }
}

#[test]
fn a_class_of_one_sample_is_predicted() {
    let mut data = clusters(3, 30, 12);
    data.classes = 5;
    data.push(3, 500, 0.1);
    let head = Head::fit(&data.samples(), &HeadOptions::DEFAULT).unwrap();
    let mut other = clusters(4, 0, 12);
    other.push(3, 700, 0.1);
    let found = head.log_probabilities(&other.features).unwrap();
    assert_eq!(predictions(&found, 5), [3]);
    assert_eq!(found[4], ABSENT, "a class without samples");
    let out = out_of_fold(&data.samples(), &HeadOptions::DEFAULT, 5).unwrap();
    assert_eq!(out[90 * 5 + 3], ABSENT, "no other sample tells of its class");
}

#[test]
fn near_copies_never_predict_each_other() {
    let mut data = clusters(2, 20, 10);
    data.classes = 3;
    for copy in 0..4 {
        data.push(2, 900 + copy, 0.01);
    }
    data.groups[40..].fill(1000);
    let out = out_of_fold(&data.samples(), &HeadOptions::DEFAULT, 4).unwrap();
    assert!((40..44).all(|row| out[row * 3 + 2] == ABSENT));
}

#[test]
fn equal_and_zero_rows_give_a_uniform_answer() {
    for value in [0.0, 0.5] {
        let features = vec![value; 4 * 6];
        let (labels, groups) = ([0, 1, 0, 1, 0, 1], [0, 1, 2, 3, 4, 5]);
        let samples = Samples { features: &features, dimensions: 4, labels: &labels, classes: 2, groups: &groups };
        for options in all_kinds() {
            let head = Head::fit(&samples, &options).unwrap();
            let found = head.log_probabilities(&features).unwrap();
            assert!(found.iter().all(|p| (p.exp() - 0.5).abs() < 0.01), "{value} {options:?} {found:?}");
        }
    }
}

#[test]
fn one_sample_alone_is_its_class() {
    let data = clusters(1, 1, 3);
    let head = Head::fit(&data.samples(), &HeadOptions::DEFAULT).unwrap();
    assert_eq!(head.log_probabilities(&data.features).unwrap(), [0.0]);
    assert!(head.log_probabilities(&[]).unwrap().is_empty());
}

#[test]
fn novelty_grows_away_from_the_samples() {
    let data = clusters(3, 30, 12);
    let head = Head::fit(&data.samples(), &HeadOptions::DEFAULT).unwrap();
    let mut other = clusters(12, 0, 12);
    other.push(0, 800, 0.1);
    other.push(9, 801, 0.1);
    let novelty = head.novelty(&other.features).unwrap();
    let known = head.novelty(&data.features).unwrap();
    assert!(novelty[1] > novelty[0] && known.iter().all(|n| *n < novelty[1]), "{novelty:?}");
    assert!(novelty[1] > head.novelty_threshold(), "{novelty:?} {}", head.novelty_threshold());
    let flagged = known.iter().filter(|novelty| **novelty > head.novelty_threshold()).count();
    assert!(flagged <= 5, "{flagged} of 90 known ones");
    let few = clusters(3, 3, 12);
    assert_eq!(Head::fit(&few.samples(), &HeadOptions::DEFAULT).unwrap().novelty_threshold(), f32::MAX);
}

#[test]
fn wrong_samples_are_typed_errors() {
    let data = clusters(2, 3, 4);
    let fit = |samples: Samples<'_>| Head::fit(&samples, &HeadOptions::DEFAULT).unwrap_err();
    let samples = data.samples();
    assert!(matches!(fit(Samples { labels: &[], ..samples }), HeadError::Empty { samples: 0, .. }));
    assert!(matches!(fit(Samples { groups: &[1], ..samples }), HeadError::Length { what: "groups", .. }));
    let features = &data.features[1..];
    assert!(matches!(fit(Samples { features, ..samples }), HeadError::Length { what: "features", .. }));
    assert!(matches!(fit(Samples { classes: 1, ..samples }), HeadError::Label { row: 1, label: 1, classes: 1 }));
    let mut broken = data.features.clone();
    broken[9] = f32::NAN;
    assert!(matches!(fit(Samples { features: &broken, ..samples }), HeadError::NotFinite { row: 2 }));
    broken[9] = 3.0;
    assert!(matches!(fit(Samples { features: &broken, ..samples }), HeadError::NotUnitLength { row: 2, .. }));
    let folds = out_of_fold(&samples, &HeadOptions::DEFAULT, 7).unwrap_err();
    assert!(matches!(folds, HeadError::Folds { folds: 7, groups: 6 }));
    let head = Head::fit(&samples, &HeadOptions::DEFAULT).unwrap();
    assert!(matches!(head.log_probabilities(&[0.0; 5]), Err(HeadError::Length { .. })));
}
