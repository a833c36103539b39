//! Which head answers, and how sure it may be: each is judged on pictures that it has not learnt from.

use super::accepted::All;
use plugin_metric::{Judged, accuracy, fit_temperature, log_loss};
use plugin_probe::{ClassMeans, Head, ProbeOptions};
use plugin_standing::{Answer, Answers};
use std::collections::HashMap;

/// A linear head wants so many pictures of each class.
const LEAST_OF_A_CLASS: usize = 3;
/// Fitting takes longer than is worth while beyond so many.
const MOST_PICTURES: usize = 20_000;
const FOLDS: usize = 5;
const SEED: u64 = 1;

/// How good a head is on what it has not learnt from.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Worth {
    /// For its probabilities; none with too few pictures to tell.
    pub temperature: Option<f64>,
    /// Share that it tells right; none without pictures.
    pub accuracy: Option<f64>,
    /// Log loss with the temperature, nats; infinite without pictures.
    pub loss: f64,
}

impl Worth {
    fn of(judged: &Judged) -> Self {
        let temperature = fit_temperature(judged);
        let tempered = temperature.map_or_else(|| judged.clone(), |t| judged.tempered(t));
        Self { temperature, accuracy: accuracy(judged), loss: log_loss(&tempered).unwrap_or(f64::INFINITY) }
    }
}

/// What class means are worth: each picture by means without it.
pub fn of_means<'a>(means: &ClassMeans, seen: impl Iterator<Item = (&'a str, &'a [f32])>) -> Worth {
    let classes: Vec<String> = means.classes().map(str::to_owned).collect();
    let mut judged = Judged::new(classes.clone());
    for (class, embedding) in seen {
        let truth = classes.iter().position(|name| name == class);
        if let (Some(truth), Some(row)) = (truth, means.left_out(class, embedding)) {
            // A row of the means has a number a class.
            let _ = judged.push(truth, &row);
        }
    }
    Worth::of(&judged)
}

/// A linear head, and what is known of it.
pub struct Linear {
    /// The head.
    pub head: Head,
    /// Its classes, in order.
    pub classes: Vec<String>,
    /// What such a head is worth out of fold.
    pub worth: Worth,
    /// What such heads say of each picture out of fold.
    pub told: Answers,
}

/// A linear head over all of `seen` (digest and embedding). None when there is too little to fit one, or too much.
pub fn linear(all: &All, seen: &[(&str, &[f32])]) -> Option<Linear> {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    let classes_of: Vec<&str> = seen.iter().filter_map(|(digest, _)| Some(&all.get(*digest)?.class[..])).collect();
    for class in &classes_of {
        *counts.entry(class).or_default() += 1;
    }
    let enough = counts.len() > 1 && counts.values().all(|count| *count >= LEAST_OF_A_CLASS);
    if !enough || seen.len() > MOST_PICTURES || classes_of.len() != seen.len() {
        return None;
    }
    let mut classes: Vec<String> = counts.keys().map(|class| (*class).to_owned()).collect();
    classes.sort();
    let targets: Vec<u32> =
        classes_of.iter().map(|class| classes.iter().position(|c| c == class).unwrap_or_default() as u32).collect();
    let groups = plugin_probe::numbered(seen.iter().map(|(digest, _)| &all[*digest].group[..]));
    let features: Vec<Vec<f32>> = seen.iter().map(|(_, embedding)| embedding.to_vec()).collect();
    // Classes weigh the same, as they do in training.
    let weight = |target: &u32| seen.len() as f32 / (classes.len() * counts[&classes[*target as usize][..]]) as f32;
    let weights: Vec<f32> = targets.iter().map(weight).collect();
    let options = &ProbeOptions::UNIT_LENGTH;
    let work = || {
        let rows =
            plugin_probe::out_of_fold(&features, &targets, &groups, &weights, classes.len(), FOLDS, SEED, options)?;
        Ok::<_, plugin_probe::ProbeError>((
            rows,
            plugin_probe::fit(&features, &targets, &weights, classes.len(), options)?,
        ))
    };
    let (rows, head) = work().inspect_err(|error| tracing::warn!(%error, "no linear head")).ok()?;
    let mut judged = Judged::new(classes.clone());
    for (target, row) in targets.iter().zip(&rows) {
        judged.push(*target as usize, row).ok()?;
    }
    let answer = |(place, right): (usize, bool)| {
        let (digest, truth) = (seen[place].0.to_owned(), classes[judged.truth(place)].clone());
        (digest, Answer { truth, right })
    };
    let told = judged.hits().into_iter().enumerate().map(answer).collect();
    Some(Linear { head, worth: Worth::of(&judged), told, classes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::head::accepted::Accepted;

    /// Pictures of two classes: along one axis each, with `noise` across.
    fn pictures(of_each: usize, noise: f32) -> (All, Vec<(String, Vec<f32>)>) {
        let (mut all, mut seen) = (All::new(), Vec::new());
        for place in 0..2 * of_each {
            let class = ["a", "b"][place % 2];
            let digest = format!("{place:04}");
            let wave = |k: usize| ((place * k) as f32 * 0.7).sin() * noise;
            let mut row = vec![wave(3), wave(5), wave(7)];
            row[place % 2] += 1.0;
            let path = String::new();
            all.insert(digest.clone(), Accepted { class: class.to_owned(), path, group: digest.clone() });
            seen.push((digest, row));
        }
        (all, seen)
    }

    fn borrowed(seen: &[(String, Vec<f32>)]) -> Vec<(&str, &[f32])> {
        seen.iter().map(|(digest, row)| (&digest[..], &row[..])).collect()
    }

    #[test]
    fn a_linear_head_needs_a_few_of_each_class_and_is_judged_out_of_fold() {
        let (all, seen) = pictures(2, 0.1);
        assert!(linear(&all, &borrowed(&seen)).is_none());
        let (all, seen) = pictures(30, 0.3);
        let Linear { head, classes, worth, told } = linear(&all, &borrowed(&seen)).unwrap();
        assert_eq!((classes, worth.accuracy), (vec!["a".to_owned(), "b".to_owned()], Some(1.0)));
        assert_eq!((told.len(), &told["0001"]), (60, &Answer { truth: "b".to_owned(), right: true }));
        assert!(head.probabilities(&[1.0, 0.0, 0.0])[0] > 0.9 && worth.loss < 0.2, "{worth:?}");
    }

    #[test]
    fn noise_makes_the_means_less_sure() {
        let worth = |noise: f32| {
            let (all, seen) = pictures(30, noise);
            let mut means = ClassMeans::default();
            for (digest, row) in borrowed(&seen) {
                means.add(&all[digest].class, row);
            }
            of_means(&means, borrowed(&seen).into_iter().map(|(digest, row)| (&all[digest].class[..], row)))
        };
        let (clear, noisy) = (worth(0.1), worth(3.0));
        assert!(clear.accuracy > noisy.accuracy && clear.loss < noisy.loss, "{clear:?} {noisy:?}");
        assert!(clear.temperature < noisy.temperature);
        assert_eq!(of_means(&ClassMeans::default(), std::iter::empty()).accuracy, None);
    }
}
