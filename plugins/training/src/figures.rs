//! The figures of an epoch.

use arrow::array::{Float64Array, StringArray, UInt64Array};
use plugin_api::edges::Metrics;
use plugin_api::runs::MetricRow;
use plugin_model::StepResult;

/// Sums over the batches of a split.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sums {
    loss: f64,
    weight: f64,
    correct: usize,
    correct_weight: f64,
    /// Images.
    pub images: usize,
}

impl Sums {
    /// Adds a batch.
    pub fn add(&mut self, step: &StepResult) {
        self.loss += step.loss * step.weight;
        self.weight += step.weight;
        self.correct += step.correct;
        self.correct_weight += step.correct_weight;
        self.images += step.images;
    }

    /// Mean loss by weight; NaN without images.
    pub fn loss(&self) -> f64 {
        self.loss / self.weight
    }

    /// Share of the images that were predicted correctly; NaN without images.
    pub fn accuracy(&self) -> f64 {
        self.correct as f64 / self.images as f64
    }

    /// The same, each image counted by its weight.
    pub fn weighted_accuracy(&self) -> f64 {
        self.correct_weight / self.weight
    }
}

/// The figures of an epoch.
pub struct Epoch {
    /// Epoch, from 0.
    pub epoch: u64,
    /// Optimizer steps so far.
    pub step: u64,
    /// Over the training images.
    pub train: Sums,
    /// Over the validation images.
    pub validation: Sums,
    /// Learning rate of the last step.
    pub learning_rate: f64,
    /// Seconds for the training images.
    pub train_seconds: f64,
    /// Seconds for all of it, but what the checkpoint took.
    pub seconds: f64,
    /// Seconds in which training waited for the checkpoint, which is written beside it.
    pub checkpoint_seconds: f64,
}

impl Epoch {
    /// The figures one by one; none of a split without images.
    pub fn rows(&self) -> Vec<MetricRow> {
        let row = |split: &str, metric: &str, value: f64| MetricRow {
            split: split.to_owned(),
            metric: metric.to_owned(),
            epoch: self.epoch,
            step: self.step,
            value,
        };
        let of = |split: &str, sums: &Sums| {
            let rows = [
                row(split, "loss", sums.loss()),
                row(split, "accuracy", sums.accuracy()),
                row(split, "weighted_accuracy", sums.weighted_accuracy()),
            ];
            rows.into_iter().filter(|_| sums.images > 0).collect::<Vec<_>>()
        };
        let mut rows = of("train", &self.train);
        rows.extend(of("validation", &self.validation));
        rows.push(row("train", "learning_rate", self.learning_rate));
        rows.push(row("train", "images_per_second", self.train.images as f64 / self.train_seconds.max(1e-9)));
        rows.push(row("train", "epoch_seconds", self.seconds));
        rows.push(row("train", "checkpoint_seconds", self.checkpoint_seconds));
        // JSON has no infinities and no NaN.
        rows.retain(|row| row.value.is_finite());
        rows
    }
}

/// Figures as a message.
pub fn message(run: &str, rows: &[MetricRow]) -> Metrics {
    Metrics {
        run: StringArray::from(vec![run; rows.len()]),
        split: StringArray::from_iter_values(rows.iter().map(|r| &r.split)),
        metric: StringArray::from_iter_values(rows.iter().map(|r| &r.metric)),
        epoch: rows.iter().map(|r| r.epoch).collect::<UInt64Array>(),
        step: rows.iter().map(|r| r.step).collect::<UInt64Array>(),
        value: rows.iter().map(|r| r.value).collect::<Float64Array>(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums() -> Sums {
        let mut sums = Sums::default();
        sums.add(&StepResult { loss: 1.0, weight: 3.0, correct: 1, correct_weight: 2.0, images: 4 });
        sums.add(&StepResult { loss: 2.0, weight: 1.0, correct: 2, correct_weight: 1.0, images: 2 });
        sums
    }

    #[test]
    fn means_are_by_weight_and_accuracy_is_by_image() {
        assert_eq!((sums().loss(), sums().accuracy(), sums().weighted_accuracy()), (1.25, 0.5, 0.75));
    }

    #[test]
    fn a_split_without_images_has_no_figures() {
        let epoch = |validation| Epoch {
            epoch: 2,
            step: 7,
            train: sums(),
            validation,
            learning_rate: 0.1,
            train_seconds: 2.0,
            seconds: 3.0,
            checkpoint_seconds: 0.1,
        };
        let named = |rows: &[MetricRow]| rows.iter().map(|r| format!("{} {}", r.split, r.metric)).collect::<Vec<_>>();
        let rows = epoch(Sums::default()).rows();
        assert!(!named(&rows).iter().any(|n| n.starts_with("validation")));
        assert!(rows.iter().any(|r| r.metric == "images_per_second" && r.value == 3.0));
        let rows = epoch(sums()).rows();
        assert!(named(&rows).contains(&"validation accuracy".to_owned()));
        assert!(rows.iter().all(|r| r.epoch == 2 && r.step == 7));
        assert_eq!(message("r", &rows).run.iter().flatten().count(), rows.len());
    }
}
