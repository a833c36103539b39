//! The `head` strategy of `train`: a head on the embeddings of a pretrained backbone, fitted anew to all that has come.

use super::{Candidates, Plan, Trained};
use crate::error::ExperimentError;
use plugin_api::{Labels, Workspace};
use plugin_decode::DecodedImage;
use plugin_embed::{EmbedOptions, Embedder, NetworkChoice};
use plugin_heads::HeadOptions;
use plugin_model::{PrecisionChoice, WeightsFile};
use plugin_training::head::HeadSamples;
use std::time::Instant;

/// Embeds each image once, when it comes, and fits heads to what has come.
pub(super) struct HeadTrainer<'a> {
    plan: &'a Plan<'a>,
    embedder: Embedder,
    /// The images that have come, in their order.
    train: HeadSamples,
    /// Embeddings of the test images, one after the other.
    test: Vec<f32>,
}

impl<'a> HeadTrainer<'a> {
    /// Opens the backbone and embeds the test images.
    ///
    /// # Errors
    /// When the weights are not those of the backbone, or the device fails.
    pub(super) fn open(plan: &'a Plan<'a>, weights: &WeightsFile) -> Result<Self, ExperimentError> {
        let common = &plan.options.common;
        // A workspace is needed for champions alone, which this is not about.
        let scratch = tempfile::tempdir()?;
        let options = EmbedOptions {
            network: NetworkChoice::EfficientNetLite0,
            weights: weights.path.clone(),
            device: common.device,
            precision: PrecisionChoice::Fp32,
            mode: common.images.resize_mode,
            size_px: plan.options.head_size,
        };
        let embedder = Embedder::open(&options, &Workspace::create(scratch.path())?)?;
        let mut trainer = Self { plan, embedder, train: HeadSamples::default(), test: Vec::new() };
        trainer.test = trainer.embed(&plan.test)?.concat();
        Ok(trainer)
    }

    fn embed(&self, places: &[usize]) -> Result<Vec<Vec<f32>>, ExperimentError> {
        let side = self.plan.options.head_size;
        let square = |place: &usize| {
            let pixels = self.plan.context.photos.photos[*place].squares[1].clone();
            DecodedImage { width: side, height: side, pixels }
        };
        Ok(self.embedder.embed(&places.iter().map(square).collect::<Vec<_>>())?)
    }
}

impl Candidates for HeadTrainer<'_> {
    /// Of `train`, the images of the calls before are the first.
    fn train(&mut self, train: &[usize], classes: usize) -> Result<Trained, ExperimentError> {
        let begun = Instant::now();
        let new = &train[self.train.len()..];
        let photos = &self.plan.context.photos.photos;
        for (place, embedding) in new.iter().zip(self.embed(new)?) {
            self.train.push(&embedding, vec![photos[*place].class], photos[*place].group);
        }
        let head = self.train.fit(&HeadOptions::default(), Labels::Single, classes, self.embedder.dimensions())?;
        let seconds = begun.elapsed().as_secs_f64();
        let (probabilities, _) = head.predict(&self.test)?;
        Ok(Trained { predictions: probabilities.chunks_exact(classes).map(<[f32]>::to_vec).collect(), seconds })
    }
}
