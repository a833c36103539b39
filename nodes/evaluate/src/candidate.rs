//! A model being evaluated: its answers on the held-out images, in the terms of the data set.

use crate::classifier::{Classifier, ClassifierError, ImageBatch};
use crate::error::EvaluateError;
use plugin_api::runs::Calibration;
use plugin_api::{Labels, Message, ResizeMode};
use plugin_metric::{
    MultilabelPredictions, Predictions, expected_calibration_error, expected_calibration_error_multilabel,
    fit_temperature, fit_temperature_multilabel,
};

/// What a model said of the held-out images.
#[derive(Clone, Debug, PartialEq)]
pub enum Answers {
    /// One class an image.
    Single(Predictions),
    /// Several.
    Multi(MultilabelPredictions),
}

impl Answers {
    /// Nothing yet, of these classes.
    pub fn new(labels: Labels, classes: Vec<String>) -> Self {
        match labels {
            Labels::Single => Self::Single(Predictions::new(classes)),
            Labels::Multi => Self::Multi(MultilabelPredictions::new(classes)),
        }
    }

    /// Class names, by index.
    pub fn classes(&self) -> &[String] {
        match self {
            Self::Single(predictions) => predictions.classes(),
            Self::Multi(tagged) => tagged.classes(),
        }
    }

    /// How many images.
    pub fn len(&self) -> usize {
        match self {
            Self::Single(predictions) => predictions.len(),
            Self::Multi(tagged) => tagged.len(),
        }
    }

    /// A mistake on image `i`: what is true, what was said, and how sure the model was, 0 to 1; none when it was right.
    pub fn mistake(&self, i: usize) -> Option<(String, String, f32)> {
        match self {
            Self::Single(predictions) if !predictions.is_correct(i) => {
                let [truth, said] =
                    [predictions.truth(i), predictions.prediction(i)].map(|c| predictions.classes()[c].clone());
                Some((truth, said, predictions.confidence(i)))
            }
            Self::Multi(tagged) if !tagged.is_correct(i) => Some((
                tagged.names(i, MultilabelPredictions::has),
                tagged.names(i, MultilabelPredictions::says),
                tagged.error(i),
            )),
            _ => None,
        }
    }

    /// The temperature that fits these answers best; none when there are too few.
    pub fn temperature(&self) -> Option<f64> {
        match self {
            Self::Single(predictions) => fit_temperature(predictions),
            Self::Multi(tagged) => fit_temperature_multilabel(tagged),
        }
    }

    /// Expected calibration errors of these answers, as they are and with a temperature; none without any.
    pub fn calibration_errors(&self, temperature: f64) -> [Option<f64>; 2] {
        match self {
            Self::Single(predictions) => [
                expected_calibration_error(predictions),
                expected_calibration_error(&predictions.tempered(temperature)),
            ],
            Self::Multi(tagged) => [
                expected_calibration_error_multilabel(tagged),
                expected_calibration_error_multilabel(&tagged.tempered(temperature)),
            ],
        }
    }

    /// The classes of image `i`.
    pub fn truth(&self, i: usize) -> Vec<usize> {
        match self {
            Self::Single(predictions) => vec![predictions.truth(i)],
            Self::Multi(tagged) => (0..tagged.classes().len()).filter(|class| tagged.has(i, *class)).collect(),
        }
    }

    /// Whether a class was said of image `i`.
    pub fn says(&self, i: usize, class: usize) -> bool {
        match self {
            Self::Single(predictions) => predictions.prediction(i) == class,
            Self::Multi(tagged) => tagged.says(i, class),
        }
    }

    /// The probabilities of image `i`, one a class.
    pub fn row(&self, i: usize) -> Vec<f32> {
        match self {
            Self::Single(predictions) => predictions.row(i).to_vec(),
            Self::Multi(tagged) => (0..tagged.classes().len()).map(|class| tagged.probability(i, class)).collect(),
        }
    }

    /// Whether every probability is a number.
    pub fn is_finite(&self) -> bool {
        match self {
            Self::Single(predictions) => predictions.is_finite(),
            Self::Multi(tagged) => tagged.is_finite(),
        }
    }

    /// Adds an image of these classes with one probability for each.
    ///
    /// # Errors
    /// In words, when either does not fit the classes.
    pub fn push(&mut self, truth: &[usize], row: &[f32]) -> Result<(), String> {
        match (self, truth) {
            (Self::Single(predictions), [truth]) => predictions.push(*truth, row).map_err(|e| e.to_string()),
            (Self::Single(_), truth) => Err(format!("an image of {} classes", truth.len())),
            (Self::Multi(tagged), truth) => tagged.push(truth, row).map_err(|e| e.to_string()),
        }
    }
}

/// A model and what it has said so far.
pub struct Candidate {
    classifier: Box<dyn Classifier>,
    /// For each class of the model, its column in `answers`.
    columns: Vec<usize>,
    answers: Answers,
    /// Answers to validation images.
    validation: Answers,
}

impl Candidate {
    /// A model that is to be evaluated on images of `classes`.
    ///
    /// Classes meet by name. Those that only the model knows come after the data set's: what it says of them is a
    /// mistake on any image. Of those that only the data set knows the model says nothing, so their images are
    /// mistakes too.
    pub fn new(classifier: Box<dyn Classifier>, labels: Labels, classes: &[String]) -> Self {
        let mut names = classes.to_vec();
        let columns = classifier
            .card()
            .classes
            .iter()
            .map(|name| {
                names.iter().position(|n| n == name).unwrap_or_else(|| {
                    names.push(name.clone());
                    names.len() - 1
                })
            })
            .collect();
        let answers = Answers::new(labels, names);
        Self { classifier, columns, validation: answers.clone(), answers }
    }

    /// Adds images with their class indices, resizing them when the model reads another size.
    ///
    /// # Errors
    /// [`EvaluateError::Prediction`] when the device fails or the model does not answer for every image.
    pub fn evaluate(&mut self, batch: &ImageBatch, truth: &[Vec<usize>]) -> Result<(), EvaluateError> {
        let rows = self.answer(batch, truth.len())?;
        self.push(rows, truth, |of| &mut of.answers)
    }

    /// As [`Self::evaluate`], with validation images: what is said of them decides the temperature alone.
    ///
    /// # Errors
    /// As [`Self::evaluate`].
    pub fn calibrate(&mut self, batch: &ImageBatch, truth: &[Vec<usize>]) -> Result<(), EvaluateError> {
        let rows = self.answer(batch, truth.len())?;
        self.push(rows, truth, |of| &mut of.validation)
    }

    /// How far its probabilities are from the truth, before and after the temperature that fits the validation images;
    /// none when there were too few of these.
    pub fn calibration(&self) -> Option<Calibration> {
        if self.classifier.card().backbone.is_some() {
            // A head's probabilities are calibrated out of fold when it is fitted.
            let [error, _] = self.answers.calibration_errors(1.0);
            return Some(Calibration { temperature: 1.0, fitted_on: 0, error_before: error, error_after: error });
        }
        let temperature = self.validation.temperature()?;
        let [error_before, error_after] = self.answers.calibration_errors(temperature);
        Some(Calibration { temperature, fitted_on: self.validation.len() as u64, error_before, error_after })
    }

    fn failed(&self, problem: String) -> EvaluateError {
        EvaluateError::Prediction { model: self.classifier.card().run.clone(), problem }
    }

    /// One row an image, in the columns of the answers.
    fn answer(&mut self, batch: &ImageBatch, count: usize) -> Result<Vec<Vec<f32>>, EvaluateError> {
        let size_px = self.classifier.card().size_px;
        let said = if size_px == batch.size_px || self.classifier.reads_files() {
            self.classifier.probabilities(batch)
        } else {
            resized(batch, size_px).and_then(|p| self.classifier.probabilities(&p))
        }
        .map_err(|e| self.failed(e.to_string()))?;
        if said.len() != count {
            return Err(self.failed(format!("{} answers to {count} images", said.len())));
        }
        let spread = |answer: &Vec<f32>| {
            let mut row = vec![0.0; self.answers.classes().len()];
            for (&column, &probability) in self.columns.iter().zip(answer) {
                row[column] = probability;
            }
            row
        };
        Ok(said.iter().map(spread).collect())
    }

    fn push(
        &mut self,
        rows: Vec<Vec<f32>>,
        truth: &[Vec<usize>],
        to: fn(&mut Self) -> &mut Answers,
    ) -> Result<(), EvaluateError> {
        for (row, truth) in rows.iter().zip(truth) {
            to(self).push(truth, row).map_err(|problem| self.failed(problem))?;
        }
        Ok(())
    }

    /// Class names of the model.
    pub fn known(&self) -> &[String] {
        &self.classifier.card().classes
    }

    /// Whether all that it has said are numbers.
    pub fn is_finite(&self) -> bool {
        self.answers.is_finite() && self.validation.is_finite()
    }

    /// What it has said so far. Its classes begin with those of the data set.
    pub fn answers(&self) -> &Answers {
        &self.answers
    }

    /// What is uneven about evaluating this model on images of `size_px` that were brought to size by `resize_mode`,
    /// for a person; empty when nothing is.
    pub fn handicap(&self, classes: &[String], size_px: u32, resize_mode: ResizeMode) -> Vec<Message> {
        let card = self.classifier.card();
        let mut notes = Vec::new();
        if card.size_px != size_px && !self.classifier.reads_files() {
            notes.push(Message::champion_other_size(card.size_px, size_px));
        }
        if card.resize_mode != resize_mode && !self.classifier.reads_files() {
            notes.push(Message::champion_other_resize(card.resize_mode.name(), resize_mode.name()));
        }
        let unknown: Vec<Message> = classes.iter().filter(|c| !card.classes.contains(c)).map(Message::class).collect();
        if !unknown.is_empty() {
            notes.push(Message::champion_unaware(unknown));
        }
        notes
    }
}

/// The same images in another size.
fn resized(batch: &ImageBatch, size_px: u32) -> Result<ImageBatch, ClassifierError> {
    let bytes = batch.size_px as usize * batch.size_px as usize * 3;
    let mut pixels = Vec::with_capacity(batch.count * size_px as usize * size_px as usize * 3);
    for image in batch.pixels.chunks_exact(bytes) {
        let small = plugin_resize::resize(batch.size_px, batch.size_px, image, size_px, ResizeMode::Stretch);
        pixels.extend(small.map_err(|e| ClassifierError::Unusable(e.to_string()))?);
    }
    Ok(ImageBatch { size_px, count: batch.count, pixels, sources: batch.sources.clone() })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use plugin_api::runs::ModelCard;
    use plugin_api::{Text, fixture};

    /// Says the class that the first byte of an image stands for: `names[byte]`.
    pub(crate) struct ByFirstByte {
        pub card: ModelCard,
        pub names: Vec<String>,
    }

    pub(crate) fn card(run: &str, size_px: u32, classes: &[&str]) -> ModelCard {
        let card = fixture::card(run, classes);
        ModelCard { architecture: "by-first-byte".to_owned(), size_px, resize_mode: ResizeMode::Crop, ..card }
    }

    impl Classifier for ByFirstByte {
        fn card(&self) -> &ModelCard {
            &self.card
        }

        fn probabilities(&mut self, batch: &ImageBatch) -> Result<Vec<Vec<f32>>, ClassifierError> {
            assert_eq!(batch.size_px, self.card.size_px, "images come in the model's size");
            let bytes = batch.pixels.len() / batch.count.max(1);
            assert_eq!(bytes, (self.card.size_px * self.card.size_px * 3) as usize);
            let answer = |image: &[u8]| {
                let name = &self.names[image[0] as usize];
                self.card.classes.iter().map(|c| if c == name { 0.9 } else { 0.1 }).collect()
            };
            Ok(batch.pixels.chunks_exact(bytes).map(answer).collect())
        }
    }

    fn one(truth: &[usize]) -> Vec<Vec<usize>> {
        truth.iter().map(|&t| vec![t]).collect()
    }

    fn correct(candidate: &Candidate) -> Vec<bool> {
        (0..candidate.answers().len()).map(|i| candidate.answers().mistake(i).is_none()).collect()
    }

    fn names(all: &[&str]) -> Vec<String> {
        all.iter().map(|&n| n.to_owned()).collect()
    }

    fn images(size_px: u32, first_bytes: &[u8]) -> ImageBatch {
        let bytes = (size_px * size_px * 3) as usize;
        let pixels = first_bytes.iter().flat_map(|&b| std::iter::repeat_n(b, bytes)).collect();
        ImageBatch { size_px, count: first_bytes.len(), pixels, sources: Vec::new() }
    }

    #[test]
    fn classes_meet_by_name_not_by_index() {
        let model =
            ByFirstByte { card: card("m", 16, &["わくわく", "bus"]), names: names(&["bus", "わくわく"]) };
        let mut candidate = Candidate::new(Box::new(model), Labels::Single, &names(&["bus", "わくわく"]));
        candidate.evaluate(&images(16, &[0, 1, 1]), &one(&[0, 1, 0])).unwrap();
        assert_eq!(correct(&candidate), [true, true, false]);
    }

    #[test]
    fn unknown_and_vanished_classes_are_mistakes() {
        let model = ByFirstByte { card: card("m", 16, &["bus", "gone"]), names: names(&["bus", "gone"]) };
        let classes = names(&["bus", "cat"]);
        let mut candidate = Candidate::new(Box::new(model), Labels::Single, &classes);
        candidate.evaluate(&images(16, &[0, 1, 0, 1]), &one(&[0, 0, 1, 1])).unwrap();
        assert_eq!(correct(&candidate), [true, false, false, false]);
        assert_eq!(candidate.answers().classes(), names(&["bus", "cat", "gone"]));
        assert_eq!(Text::from(candidate.handicap(&classes, 16, ResizeMode::Crop)), "It does not know cat.");
    }

    #[test]
    fn images_are_resized_for_a_model_of_another_size() {
        let model = ByFirstByte { card: card("m", 16, &["a", "b"]), names: names(&["a", "b"]) };
        let classes = names(&["a", "b"]);
        let mut candidate = Candidate::new(Box::new(model), Labels::Single, &classes);
        candidate.evaluate(&images(32, &[1, 0]), &one(&[1, 1])).unwrap();
        assert_eq!(correct(&candidate), [true, false]);
        let notes = Text::from(candidate.handicap(&classes, 32, ResizeMode::Pad));
        assert!(notes.contains("16 px") && notes.contains("32 px") && notes.contains("by pad"), "{notes}");
        assert!(candidate.handicap(&classes, 16, ResizeMode::Crop).is_empty());
    }

    #[test]
    fn with_several_labels_an_image_is_right_when_all_are_told() {
        let model = ByFirstByte { card: card("m", 16, &["a", "b"]), names: names(&["a", "b"]) };
        let mut candidate = Candidate::new(Box::new(model), Labels::Multi, &names(&["a", "b", "c"]));
        candidate.evaluate(&images(16, &[0, 1, 1]), &[vec![0], vec![0, 1], vec![1]]).unwrap();
        assert_eq!(correct(&candidate), [true, false, true]);
        let (truth, said, sure) = candidate.answers().mistake(1).unwrap();
        assert_eq!((truth.as_str(), said.as_str()), ("a + b", "b"));
        assert!((sure - 0.9).abs() < 1e-6);
    }
}
