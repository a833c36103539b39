//! The `head` strategy of `train`: a head on the embeddings of a pretrained backbone, fitted anew to all that has come.

use super::{Course, Plan, share};
use crate::config::Way;
use crate::error::ExperimentError;
use plugin_api::Home;
use plugin_decode::Picture;
use plugin_embed::{EmbedOptions, Embedder, NetworkChoice};
use plugin_heads::{Head, HeadOptions, Samples};
use plugin_model::{PrecisionChoice, WeightsFile};
use std::time::Instant;

/// Embeds each image once, when it comes, and fits heads to what has come.
struct Trainer<'a> {
    plan: &'a Plan<'a>,
    embedder: Embedder,
    /// Embeddings of the images that have come, in their order, one after the other.
    train: Vec<f32>,
    /// Embeddings of the test images, one each.
    test: Vec<Vec<f32>>,
}

impl<'a> Trainer<'a> {
    fn open(plan: &'a Plan<'a>, weights: &WeightsFile) -> Result<Self, ExperimentError> {
        let common = &plan.options.common;
        // A workspace is needed for champions alone, which this is not about.
        let scratch = tempfile::tempdir()?;
        let options = EmbedOptions {
            network: NetworkChoice::EfficientNetLite0,
            weights: weights.path.clone(),
            device: common.device,
            precision: PrecisionChoice::Fp32,
            mode: common.pictures.mode(),
            size_px: plan.options.head_size,
        };
        let embedder = Embedder::open(&options, &Home::create(scratch.path())?)?;
        let mut trainer = Self { plan, embedder, train: Vec::new(), test: Vec::new() };
        trainer.test = trainer.embed(&plan.test)?;
        Ok(trainer)
    }

    fn embed(&self, places: &[usize]) -> Result<Vec<Vec<f32>>, ExperimentError> {
        let side = self.plan.options.head_size;
        let square = |place: &usize| {
            let pixels = self.plan.scene.photos.photos[*place].squares[1].clone();
            Picture { width: side, height: side, pixels }
        };
        Ok(self.embedder.embed(&places.iter().map(square).collect::<Vec<_>>())?)
    }

    /// Fits a head to the images `train`, of which those of the calls before are the first. Returns whether it predicts each test
    /// image correctly, and the seconds of embedding what is new and fitting.
    fn fit(&mut self, train: &[usize]) -> Result<(Vec<bool>, f64), ExperimentError> {
        let (plan, begun) = (self.plan, Instant::now());
        let dimensions = self.embedder.dimensions();
        let new = self.embed(&train[self.train.len() / dimensions..])?;
        self.train.extend(new.into_iter().flatten());
        let photos = &plan.scene.photos.photos;
        let labels: Vec<u32> = train.iter().map(|place| photos[*place].class).collect();
        let groups: Vec<u32> = train.iter().map(|place| photos[*place].group).collect();
        let classes = plan.classes(train);
        let head = if labels.iter().any(|label| *label != labels[0]) {
            let samples = Samples { features: &self.train, dimensions, labels: &labels, classes, groups: &groups };
            Some(Head::fit(&samples, &HeadOptions::default())?)
        } else {
            None
        };
        let seconds = begun.elapsed().as_secs_f64();
        let correct = |(row, place): (&Vec<f32>, &usize)| -> Result<bool, ExperimentError> {
            // Of a single class there is no head: every image is of it.
            let predicted = match &head {
                Some(head) => plugin_metric::most_probable(&head.log_probabilities(row)?) as u32,
                None => labels[0],
            };
            Ok(predicted == photos[*place].class)
        };
        let correct: Vec<bool> = self.test.iter().zip(&plan.test).map(correct).collect::<Result<_, _>>()?;
        Ok((correct, seconds))
    }
}

impl Plan<'_> {
    /// The head strategy: a candidate after each part.
    ///
    /// # Errors
    /// When the weights are not those of the backbone, the device fails, or a head cannot be fitted.
    pub fn head(&self, weights: &WeightsFile) -> Result<Course, ExperimentError> {
        let mut course = Course::new(Way::Head);
        let mut trainer = Trainer::open(self, weights)?;
        for part in 0..self.options.increments as usize {
            let train = self.so_far(part);
            let (correct, seconds) = trainer.fit(train)?;
            course.add(share(&correct), seconds, train.len());
        }
        Ok(course)
    }
}
