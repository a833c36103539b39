//! What more images of each class would bring, and which classes it is taken for: `dataset/report/forecast.json`.

use crate::search::{FOLDS, Rows};
use plugin_forecast::{ClassForecast, Confusion, Expected, Forecast, Forecasts};
use plugin_heads::{HeadOptions, LearningCurve, learning_curves};
use plugin_metric::{Predictions, confusion};

/// Images that heads on subsamples are fitted to, at most: a minute of one processor.
const MAX_IMAGES: usize = 4_000;
/// Classes that a class is taken for, at most …
const MAX_CONFUSIONS: usize = 2;
/// … each for this share of its images at least.
const MIN_CONFUSION: f64 = 0.05;

/// The forecasts of a version; `None` where there are too few images to fit curves to.
///
/// `log_probabilities`: what heads say of each row that were not trained on it.
pub fn forecasts(rows: &Rows, log_probabilities: &[f32], version: u64) -> Option<Forecasts> {
    let samples = rows.samples();
    let step = samples.len().div_ceil(MAX_IMAGES).max(1);
    let chosen: Vec<usize> = (0..samples.len()).step_by(step).collect();
    let chosen = samples.select(&chosen);
    let curves = learning_curves(&chosen.samples(), &HeadOptions::DEFAULT, FOLDS);
    let (overall, of_class) =
        curves.inspect_err(|error| tracing::info!(%error, "no forecast of what more images would bring")).ok()?;
    let forecast = |curve: &LearningCurve| Forecast {
        twice: expected(curve, 2.0 * step as f64),
        four_times: expected(curve, 4.0 * step as f64),
    };
    let counts = predicted_as(log_probabilities, samples.labels, &rows.classes)?;
    let correct: u64 = (0..samples.classes).map(|class| counts[class][class]).sum();
    let classes = counts.iter().zip(&of_class).enumerate().map(|(class, (row, curve))| {
        let images: u64 = row.iter().sum();
        let accuracy = row[class] as f64 / images.max(1) as f64;
        ClassForecast {
            class: rows.classes[class].clone(),
            images,
            accuracy,
            forecast: curve.as_ref().map(forecast).filter(|forecast| is_plausible(forecast, accuracy)),
            taken_for: taken_for(row, class, &rows.classes),
        }
    });
    Some(Forecasts {
        version,
        images: samples.len() as u64,
        accuracy: correct as f64 / samples.len() as f64,
        forecast: forecast(&overall),
        classes: classes.collect(),
    })
}

/// A curve that promises less with four times the images than there is now was fitted to subsamples that were too small, as of a
/// class whose images have little in common.
fn is_plausible(forecast: &Forecast, accuracy_now: f64) -> bool {
    forecast.four_times.high >= accuracy_now
}

fn expected(curve: &LearningCurve, factor: f64) -> Expected {
    let plugin_heads::Forecast { accuracy, low, high } = curve.forecast(factor);
    Expected { accuracy, low, high }
}

/// Images by their class (row) and the most probable one (column). `None` when a row is not one number for each class.
fn predicted_as(log_probabilities: &[f32], labels: &[u32], classes: &[String]) -> Option<Vec<Vec<u64>>> {
    let mut predictions = Predictions::new(classes.to_vec());
    for (row, label) in log_probabilities.chunks(classes.len()).zip(labels) {
        predictions.push(*label as usize, row).ok()?;
    }
    Some(confusion(&predictions))
}

fn taken_for(row: &[u64], class: usize, names: &[String]) -> Vec<Confusion> {
    let images: u64 = row.iter().sum();
    let mut others: Vec<Confusion> = (0..row.len())
        .filter(|other| *other != class)
        .map(|other| Confusion { class: names[other].clone(), share: row[other] as f64 / images.max(1) as f64 })
        .filter(|confusion| confusion.share >= MIN_CONFUSION)
        .collect();
    others.sort_by(|a, b| b.share.total_cmp(&a.share));
    others.truncate(MAX_CONFUSIONS);
    others
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_taken_for_the_most_frequent_others() {
        let names: Vec<String> = ["a", "b", "c", "d"].map(str::to_owned).to_vec();
        let found = taken_for(&[1, 70, 10, 19], 1, &names);
        let found: Vec<(&str, f64)> = found.iter().map(|of| (&of.class[..], of.share)).collect();
        assert_eq!(found, [("d", 0.19), ("c", 0.1)]);
        assert!(taken_for(&[0, 0, 0, 0], 1, &names).is_empty());
    }

    #[test]
    fn predictions_are_counted_by_class() {
        let classes = ["a", "b"].map(str::to_owned);
        let counts = predicted_as(&[-0.1, -3.0, -3.0, -0.1, -0.1, -3.0], &[0, 1, 1], &classes);
        assert_eq!(counts.unwrap(), [[1, 0], [1, 1]]);
    }
}
