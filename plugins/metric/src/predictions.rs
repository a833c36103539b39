//! What a model said of images whose class is known.

use crate::temper::temper;

/// Truth or probabilities do not fit the classes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    /// A class index beyond the class list.
    #[error("class index {index} with {classes} classes")]
    Class {
        /// The index.
        index: usize,
        /// How many classes there are.
        classes: usize,
    },
    /// A row of probabilities that does not have one for each class.
    #[error("a row of {probabilities} probabilities with {classes} classes")]
    Row {
        /// Numbers in the row.
        probabilities: usize,
        /// How many classes there are.
        classes: usize,
    },
}

/// Images with their true class and the probabilities a model gave, one row an image.
#[derive(Clone, Debug, PartialEq)]
pub struct Predictions {
    classes: Vec<String>,
    truth: Vec<usize>,
    /// `[images × classes]`, row after row.
    probabilities: Vec<f32>,
}

impl Predictions {
    /// No image yet, of these classes.
    pub fn new(classes: Vec<String>) -> Self {
        Self { classes, truth: Vec::new(), probabilities: Vec::new() }
    }

    /// Adds an image of class `truth` (an index) with one probability for each class.
    ///
    /// # Errors
    /// [`ShapeError`] when either does not fit the classes; nothing is added then.
    pub fn push(&mut self, truth: usize, probabilities: &[f32]) -> Result<(), ShapeError> {
        let classes = self.classes.len();
        if truth >= classes {
            return Err(ShapeError::Class { index: truth, classes });
        }
        if probabilities.len() != classes {
            return Err(ShapeError::Row { probabilities: probabilities.len(), classes });
        }
        self.truth.push(truth);
        self.probabilities.extend_from_slice(probabilities);
        Ok(())
    }

    /// Class names, by index.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// How many images.
    pub fn len(&self) -> usize {
        self.truth.len()
    }

    /// No image at all.
    pub fn is_empty(&self) -> bool {
        self.truth.is_empty()
    }

    /// Class index of image `i`. `i` is less than [`Predictions::len`], here and below.
    pub fn truth(&self, i: usize) -> usize {
        self.truth[i]
    }

    /// The probabilities of image `i`, one a class.
    pub fn row(&self, i: usize) -> &[f32] {
        &self.probabilities[i * self.classes.len()..(i + 1) * self.classes.len()]
    }

    /// The most probable class of image `i`; of equals the first. What is not a number never wins.
    pub fn prediction(&self, i: usize) -> usize {
        most_probable(self.row(i))
    }

    /// Probability of [`Predictions::prediction`].
    pub fn confidence(&self, i: usize) -> f32 {
        self.row(i)[self.prediction(i)]
    }

    /// Whether image `i` was classified correctly.
    pub fn is_correct(&self, i: usize) -> bool {
        self.prediction(i) == self.truth(i)
    }

    /// [`Predictions::is_correct`] of every image.
    pub fn correct(&self) -> Vec<bool> {
        (0..self.len()).map(|i| self.is_correct(i)).collect()
    }

    /// Whether every probability is a number. A model that diverged in training answers otherwise.
    pub fn is_finite(&self) -> bool {
        self.probabilities.iter().all(|p| p.is_finite())
    }

    /// The same images, with the model's logits divided by `temperature`, which is greater than 0.
    #[must_use]
    pub fn tempered(&self, temperature: f64) -> Self {
        let rows = self.probabilities.chunks_exact(self.classes.len().max(1));
        Self { probabilities: rows.flat_map(|row| temper(row, temperature)).collect(), ..self.clone() }
    }
}

/// Index of the greatest number; of equals the first; 0 when none is a number.
pub fn most_probable(row: &[f32]) -> usize {
    let mut best = None;
    for (index, &p) in row.iter().enumerate() {
        if !p.is_nan() && best.is_none_or(|b: usize| p > row[b]) {
            best = Some(index);
        }
    }
    best.unwrap_or(0)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Ten images of three classes. The values that scikit-learn 1.9.1, statsmodels 0.15.0 and SciPy 1.17.1 give
    /// for them stand in the tests of each metric.
    pub(crate) fn ten() -> Predictions {
        let truth = [0, 0, 0, 0, 1, 1, 1, 2, 2, 2];
        let rows = [
            [0.7, 0.2, 0.1],
            [0.6, 0.3, 0.1],
            [0.2, 0.5, 0.3],
            [0.9, 0.05, 0.05],
            [0.1, 0.8, 0.1],
            [0.45, 0.35, 0.2],
            [0.2, 0.6, 0.2],
            [0.1, 0.1, 0.8],
            [0.3, 0.3, 0.4],
            [0.15, 0.55, 0.3],
        ];
        let mut predictions = Predictions::new(["きゅんきゅん", "bus", "cat"].map(str::to_owned).to_vec());
        for (t, row) in truth.iter().zip(&rows) {
            predictions.push(*t, row).unwrap();
        }
        predictions
    }

    pub(crate) fn close(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-9, "{a} is not {b}");
    }

    #[test]
    fn predictions_are_the_most_probable_class() {
        let predictions = ten();
        let called: Vec<usize> = (0..predictions.len()).map(|i| predictions.prediction(i)).collect();
        assert_eq!(called, [0, 0, 1, 0, 1, 0, 1, 2, 2, 1]);
        assert_eq!(predictions.correct().iter().filter(|&&h| h).count(), 7);
        assert!((predictions.confidence(3) - 0.9).abs() < 1e-6);
    }

    #[test]
    fn of_equals_the_first_wins_and_what_is_no_number_never_does() {
        assert_eq!(most_probable(&[0.5, 0.5]), 0);
        assert_eq!(most_probable(&[f32::NAN, 0.1, 0.2]), 2);
        assert_eq!(most_probable(&[f32::NAN, f32::NAN]), 0);
        let mut predictions = ten();
        assert!(predictions.is_finite());
        predictions.push(0, &[f32::NAN, 0.0, 1.0]).unwrap();
        assert!(!predictions.is_finite());
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let mut predictions = ten();
        assert_eq!(predictions.push(3, &[0.0; 3]), Err(ShapeError::Class { index: 3, classes: 3 }));
        assert_eq!(predictions.push(0, &[0.0; 2]), Err(ShapeError::Row { probabilities: 2, classes: 3 }));
        assert_eq!(predictions.len(), 10);
    }
}
