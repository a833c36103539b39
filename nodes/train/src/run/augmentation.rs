//! What a run knows of the augmentation of its images: the options of `augment`, and which of them are left out because they
//! work against the task. Kept in the run's options, so that a run that is resumed decides nothing anew and runs can be compared.

use plugin_api::edges::{AugmentationHeader, Batches, list_row};
use plugin_api::runs::RunManifest;
use plugin_api::{Edge as _, Header, Message};
use plugin_augment::{AugmentOptions, COLOUR, FLIP, ROTATE, ShapeError, Withheld};
use plugin_invariance::{Decision, Finding, Sample};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The key in the options of a run.
const KEY: &str = "augmentation";

/// The augmentation of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Augmentation {
    /// The options of `augment`, as it says them; null where no node said them.
    pub options: Value,
    /// What was found of them.
    pub decision: Decision,
}

impl Augmentation {
    /// That of a run; `None` when it is still to be decided.
    pub fn of(manifest: &RunManifest) -> Option<Self> {
        serde_json::from_value(manifest.options.get(KEY)?.clone()).ok()
    }

    /// Notes it in the options of a run, and in its reason what works against the task.
    ///
    /// # Errors
    /// None that can be met: the options are a JSON object.
    pub fn note(&self, manifest: &mut RunManifest) -> serde_json::Result<()> {
        for found in &self.decision.findings {
            manifest.reason = Message::run_reason(manifest.reason.clone(), message(found)).into();
        }
        manifest.options[KEY] = serde_json::to_value(self)?;
        Ok(())
    }

    /// What is asked to be left out.
    pub fn withheld(&self) -> Withheld {
        self.decision.withheld()
    }
}

/// What is told of an augmentation that is left out.
fn message(found: &Finding) -> Message {
    let Finding { augmentation, class, taken_for, images, of } = found;
    match augmentation.as_str() {
        FLIP => Message::mirroring_off(class, taken_for, *images, *of),
        ROTATE => Message::rotation_off(class, taken_for, *images, *of),
        COLOUR => Message::colour_off(class, taken_for, *images, *of),
        other => Message::augmentation_off(other, class, taken_for, *images, *of),
    }
}

/// Looks at training images as they are stored, until it can be decided.
pub struct Examination {
    options: Option<AugmentOptions>,
    sample: Sample,
    /// Training images of each class.
    available: Vec<u64>,
    batches: u64,
}

impl Examination {
    /// Of training images of these classes, with `counts` as a manifest has them.
    pub fn new(classes: &[String], counts: &[[u64; 4]]) -> Self {
        let available = counts.iter().map(|counts| counts[0]).collect();
        Self { options: None, sample: Sample::new(classes.to_vec()), available, batches: 0 }
    }

    /// Takes a batch from which all augmentations were withheld.
    ///
    /// # Errors
    /// [`ShapeError`] when an image is not square or has not as many bytes as its size says.
    pub fn add(&mut self, header: &Header, batch: &Batches) -> Result<(), ShapeError> {
        self.batches += 1;
        self.options = header.get::<AugmentationHeader>().ok().and_then(|of| serde_json::from_value(of.options).ok());
        for row in 0..batch.rows() {
            let (width, height, pixels) = (batch.width.value(row), batch.height.value(row), batch.pixels.value(row));
            if width != height {
                return Err(ShapeError { width, height, bytes: pixels.len() });
            }
            let (targets, group) = (list_row(&batch.targets, row), batch.group.value(row));
            self.sample.add(pixels, width, &targets, group, batch.digest.value(row))?;
        }
        Ok(())
    }

    /// No more batches are of use: there are enough images, or nothing is left to decide.
    pub fn is_complete(&self) -> bool {
        let undecided = self.options.as_ref().is_some_and(|options| !options.undecided().is_empty());
        self.batches > 0 && (!undecided || self.sample.is_complete(&self.available))
    }

    /// What was found.
    ///
    /// # Errors
    /// None that can be met: the options came as JSON.
    pub fn end(self) -> serde_json::Result<Augmentation> {
        let decision = self.options.as_ref().map(|options| self.sample.decide(options)).unwrap_or_default();
        Ok(Augmentation { options: serde_json::to_value(self.options)?, decision })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::run_dir::tests::manifest;
    use arrow::array::{Float32Array, LargeBinaryArray, StringArray, UInt32Array};
    use plugin_api::DatasetState;
    use plugin_api::edges::{empty_lists_of_f32, lists_of_u32};

    const OPTIONS: &str = r#"{"flip":"auto","jitter":"off","rotation":"auto","flip_probability":0.5,"crop_padding_percent":10,
        "crop_padding_fill":"reflect","rotation_degrees":0.0,"brightness":0.2,"contrast":0.2,"saturation":0.2,
        "erase_probability":0.0}"#;

    fn examination(images: u64) -> Examination {
        let run = run(images);
        Examination::new(&run.classes, &run.counts)
    }

    fn run(images: u64) -> RunManifest {
        let classes = vec!["dark left".to_owned(), "dark right".to_owned()];
        manifest("r", &DatasetState { classes, counts: vec![[images, 0, 0, 0]; 2], ..DatasetState::default() })
    }

    /// The header of a batch that comes with the options of `augment`.
    fn told(options: &str) -> Header {
        Header::new("r", 0).with(&AugmentationHeader { options: serde_json::from_str(options).unwrap() })
    }

    /// Images of 16 px whose left or right half is dark, each a little different.
    fn batch(images: usize) -> Batches {
        let pixels = |at: usize| -> Vec<u8> {
            let shade = |x: usize| if (x < 8) == at.is_multiple_of(2) { 40 + at } else { 200 - at };
            (0..256).flat_map(|i| [shade(i % 16) as u8; 3]).collect()
        };
        let digests = || StringArray::from_iter_values((0..images).map(|at| at.to_string()));
        let targets: Vec<[u32; 1]> = (0..images).map(|at| [at as u32 % 2]).collect();
        Batches {
            digest: digests(),
            path: digests(),
            group: digests(),
            targets: lists_of_u32(targets.iter().map(|target| &target[..])),
            weight: Float32Array::from_value(1.0, images),
            width: UInt32Array::from_value(16, images),
            height: UInt32Array::from_value(16, images),
            pixels: LargeBinaryArray::from_iter_values((0..images).map(pixels)),
            decisions: empty_lists_of_f32(images),
        }
    }

    #[test]
    fn mirroring_is_withheld_and_the_reason_says_so() {
        let mut run = run(20);
        assert_eq!(Augmentation::of(&run), None);
        let mut examination = Examination::new(&run.classes, &run.counts);
        assert!(!examination.is_complete());
        examination.add(&told(OPTIONS), &batch(40)).unwrap();
        assert!(examination.is_complete(), "all there are");
        let found = examination.end().unwrap();
        found.note(&mut run).unwrap();
        assert_eq!(found.withheld().to_string(), "flip");
        assert!(run.reason.starts_with("first run; mirroring off: mirrored images of 'dark "), "{}", run.reason);
        assert!(run.reason.ends_with("in 20 of 20"), "{}", run.reason);
        assert_eq!(Augmentation::of(&run), Some(found));
    }

    #[test]
    fn examination_ends_when_nothing_is_left_to_decide() {
        for header in [Header::new("r", 0), told(&OPTIONS.replace("auto", "on"))] {
            let mut examination = examination(1_000);
            examination.add(&header, &batch(4)).unwrap();
            assert!(examination.is_complete());
            assert_eq!(examination.end().unwrap().decision, Decision::default());
        }
        let mut examination = examination(1_000);
        examination.add(&told(OPTIONS), &batch(4)).unwrap();
        assert!(!examination.is_complete(), "too few of many");
        let mut wrong = batch(4);
        wrong.width = UInt32Array::from_value(15, 4);
        assert!(examination.add(&Header::new("r", 1), &wrong).is_err());
    }
}
