//! What a model said of images that may have several classes.

use crate::predictions::ShapeError;
use crate::temper::temper_each;

/// From this probability on a model says that an image has a class.
const SAID: f32 = 0.5;

/// Images with their true classes and the probabilities a model gave, one row an image. Each class is a question of
/// its own: the probabilities of an image sum to anything.
#[derive(Clone, Debug, PartialEq)]
pub struct MultilabelPredictions {
    classes: Vec<String>,
    /// `[images × classes]`, row after row.
    truth: Vec<bool>,
    /// `[images × classes]`, row after row.
    probabilities: Vec<f32>,
    images: usize,
}

impl MultilabelPredictions {
    /// No image yet, of these classes.
    pub fn new(classes: Vec<String>) -> Self {
        Self { classes, truth: Vec::new(), probabilities: Vec::new(), images: 0 }
    }

    /// Adds an image of the classes `truth` (indices) with one probability for each class.
    ///
    /// # Errors
    /// [`ShapeError`] when either does not fit the classes; nothing is added then.
    pub fn push(&mut self, truth: &[usize], probabilities: &[f32]) -> Result<(), ShapeError> {
        let classes = self.classes.len();
        if let Some(&index) = truth.iter().find(|&&t| t >= classes) {
            return Err(ShapeError::Class { index, classes });
        }
        if probabilities.len() != classes {
            return Err(ShapeError::Row { probabilities: probabilities.len(), classes });
        }
        self.truth.extend((0..classes).map(|class| truth.contains(&class)));
        self.probabilities.extend_from_slice(probabilities);
        self.images += 1;
        Ok(())
    }

    /// Class names, by index.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// How many images.
    pub fn len(&self) -> usize {
        self.images
    }

    /// No image at all.
    pub fn is_empty(&self) -> bool {
        self.images == 0
    }

    /// Whether image `i` has a class. `i` is less than [`MultilabelPredictions::len`] and `class` an index, here and below.
    pub fn has(&self, i: usize, class: usize) -> bool {
        self.truth[i * self.classes.len() + class]
    }

    /// The probability the model gave image `i` for a class.
    pub fn probability(&self, i: usize, class: usize) -> f32 {
        self.probabilities[i * self.classes.len() + class]
    }

    /// Whether the model says that image `i` has a class.
    pub fn says(&self, i: usize, class: usize) -> bool {
        self.probability(i, class) >= SAID
    }

    /// Whether image `i` was classified correctly: all of its classes and no other.
    pub fn is_correct(&self, i: usize) -> bool {
        (0..self.classes.len()).all(|class| self.has(i, class) == self.says(i, class))
    }

    /// [`MultilabelPredictions::is_correct`] of every image.
    pub fn correct(&self) -> Vec<bool> {
        (0..self.len()).map(|i| self.is_correct(i)).collect()
    }

    /// How far the model was off on image `i` where it was off most, 0 to 1.
    pub fn error(&self, i: usize) -> f32 {
        let off = |class| (self.probability(i, class) - f32::from(u8::from(self.has(i, class)))).abs();
        (0..self.classes.len()).map(off).fold(0.0, f32::max)
    }

    /// The classes of image `i` by name, those it has or those the model says, `a + b`; `nothing` when there is none.
    pub fn names(&self, i: usize, of: fn(&Self, usize, usize) -> bool) -> String {
        let names: Vec<&str> =
            self.classes.iter().enumerate().filter(|(c, _)| of(self, i, *c)).map(|(_, n)| n.as_str()).collect();
        if names.is_empty() { "nothing".to_owned() } else { names.join(" + ") }
    }

    /// Whether every probability is a number. A model that diverged in training answers otherwise.
    pub fn is_finite(&self) -> bool {
        self.probabilities.iter().all(|p| p.is_finite())
    }

    /// The same images, with the model's logits divided by `temperature`, which is greater than 0.
    #[must_use]
    pub fn tempered(&self, temperature: f64) -> Self {
        Self { probabilities: temper_each(&self.probabilities, temperature), ..self.clone() }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Images of three classes; each row is truth and probabilities.
    pub(crate) fn some(rows: &[([u8; 3], [f32; 3])]) -> MultilabelPredictions {
        let mut tagged = MultilabelPredictions::new(["きゅんきゅん", "bus", "cat"].map(str::to_owned).to_vec());
        for (truth, probabilities) in rows {
            let truth: Vec<usize> = (0..3).filter(|&c| truth[c] == 1).collect();
            tagged.push(&truth, probabilities).unwrap();
        }
        tagged
    }

    #[test]
    fn all_classes_and_no_other_are_right() {
        let tagged = some(&[
            ([1, 0, 1], [0.5, 0.4, 0.9]),
            ([1, 0, 1], [0.9, 0.4, 0.4]),
            ([1, 0, 0], [0.9, 0.6, 0.4]),
            ([0, 0, 0], [0.1, 0.1, 0.2]),
        ]);
        assert_eq!(tagged.correct(), [true, false, false, true]);
        assert_eq!(tagged.names(0, MultilabelPredictions::has), "きゅんきゅん + cat");
        assert_eq!(
            (tagged.names(1, MultilabelPredictions::says), tagged.names(3, MultilabelPredictions::says)),
            ("きゅんきゅん".into(), "nothing".into())
        );
        assert!((tagged.error(1) - 0.6).abs() < 1e-6);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let mut tagged = some(&[]);
        assert_eq!(tagged.push(&[0, 3], &[0.0; 3]), Err(ShapeError::Class { index: 3, classes: 3 }));
        assert_eq!(tagged.push(&[0], &[0.0; 2]), Err(ShapeError::Row { probabilities: 2, classes: 3 }));
        assert!(tagged.is_empty() && tagged.is_finite());
        tagged.push(&[], &[f32::NAN, 0.0, 0.0]).unwrap();
        assert!(!tagged.is_finite());
    }
}
