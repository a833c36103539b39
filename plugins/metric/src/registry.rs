//! The list of metrics.

use crate::accuracy::accuracy;
use crate::balanced_accuracy::balanced_accuracy;
use crate::calibration::expected_calibration_error;
use crate::log_loss::log_loss;
use crate::macro_f1::macro_f1;
use crate::mcnemar::mcnemar;
use crate::per_class::per_class;
use crate::predictions::Predictions;

/// How a metric is computed.
#[derive(Clone, Copy)]
pub enum Compute {
    /// One figure of a model; none without images.
    One(fn(&Predictions) -> Option<f64>),
    /// A figure of each class; none where it would be 0 / 0.
    Each(fn(&Predictions) -> Vec<Option<f64>>),
    /// A figure of two models on the same images, from which images each classified correctly.
    Paired(fn(&[bool], &[bool]) -> f64),
}

/// A metric with its name and how it is computed.
#[derive(Clone, Copy)]
pub struct Metric {
    /// Name in files.
    pub name: &'static str,
    /// Name for a person.
    pub title: &'static str,
    /// What it says, in one sentence.
    pub meaning: &'static str,
    /// A perfect model's figure; none where there is no such thing.
    pub best: Option<f64>,
    /// How it is computed.
    pub compute: Compute,
}

/// Every metric.
pub const REGISTRY: &[Metric] = &[
    Metric {
        name: "accuracy",
        title: "Accuracy",
        meaning: "Share of images classified correctly.",
        best: Some(1.0),
        compute: Compute::One(accuracy),
    },
    Metric {
        name: "balanced_accuracy",
        title: "Balanced accuracy",
        meaning: "Mean recall over the classes: every class counts the same, however many images it has.",
        best: Some(1.0),
        compute: Compute::One(balanced_accuracy),
    },
    Metric {
        name: "macro_f1",
        title: "Macro F1",
        meaning: "Mean F1 over the classes.",
        best: Some(1.0),
        compute: Compute::One(macro_f1),
    },
    Metric {
        name: "log_loss",
        title: "Log loss",
        meaning: "How surprised the model is by the truth, in nats.",
        best: Some(0.0),
        compute: Compute::One(log_loss),
    },
    Metric {
        name: "calibration_error",
        title: "Calibration error",
        meaning: "How far its probabilities are from how often it is right.",
        best: Some(0.0),
        compute: Compute::One(expected_calibration_error),
    },
    Metric {
        name: "precision",
        title: "Precision",
        meaning: "Of the images called a class, the share that is.",
        best: Some(1.0),
        compute: Compute::Each(|predictions| per_class(predictions).iter().map(|c| c.precision).collect()),
    },
    Metric {
        name: "recall",
        title: "Recall",
        meaning: "Of the images of a class, the share called it.",
        best: Some(1.0),
        compute: Compute::Each(|predictions| per_class(predictions).iter().map(|c| c.recall).collect()),
    },
    Metric {
        name: "f1",
        title: "F1",
        meaning: "Harmonic mean of precision and recall.",
        best: Some(1.0),
        compute: Compute::Each(|predictions| per_class(predictions).iter().map(|c| c.f1).collect()),
    },
    Metric {
        name: "mcnemar",
        title: "McNemar p",
        meaning: "How often two equally good models would differ at least this much on these images.",
        best: None,
        compute: Compute::Paired(mcnemar),
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::predictions::tests::ten;
    use std::collections::BTreeSet;

    /// The values of a metric, whatever its kind.
    fn values(metric: &Metric, predictions: &Predictions) -> Vec<Option<f64>> {
        match metric.compute {
            Compute::One(f) => vec![f(predictions)],
            Compute::Each(f) => f(predictions),
            Compute::Paired(f) => vec![Some(f(&predictions.correct(), &predictions.correct()))],
        }
    }

    #[test]
    fn names_are_unique_and_meanings_are_sentences() {
        let names: BTreeSet<&str> = REGISTRY.iter().map(|m| m.name).collect();
        assert_eq!(names.len(), REGISTRY.len());
        assert!(REGISTRY.iter().all(|m| m.meaning.ends_with('.') && !m.title.is_empty()));
    }

    #[test]
    fn a_perfect_model_has_the_best_figure_and_a_worse_one_has_not() {
        let ten = ten();
        let mut perfect = Predictions::new(ten.classes().to_vec());
        for i in 0..ten.len() {
            let row: Vec<f32> = (0..3).map(|c| f32::from(u8::from(c == ten.truth(i)))).collect();
            perfect.push(ten.truth(i), &row).unwrap();
        }
        for metric in REGISTRY.iter().filter(|m| m.best.is_some()) {
            let found = values(metric, &perfect);
            assert!(found.iter().all(|v| *v == metric.best), "{}: {found:?}", metric.name);
            assert!(values(metric, &ten).iter().any(|v| *v != metric.best), "{}", metric.name);
        }
    }

    #[test]
    fn the_order_of_images_does_not_matter_and_none_is_no_figure() {
        let ten = ten();
        let mut reversed = Predictions::new(ten.classes().to_vec());
        for i in (0..ten.len()).rev() {
            reversed.push(ten.truth(i), ten.row(i)).unwrap();
        }
        let empty = Predictions::new(ten.classes().to_vec());
        for metric in REGISTRY {
            for (a, b) in values(metric, &ten).iter().zip(values(metric, &reversed)) {
                assert!((a.unwrap() - b.unwrap()).abs() < 1e-9, "{}", metric.name);
            }
            if !matches!(metric.compute, Compute::Paired(_)) {
                assert!(values(metric, &empty).iter().all(Option::is_none), "{}", metric.name);
            }
        }
    }
}
