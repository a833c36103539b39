//! Embeddings of images by the pretrained backbone of heads, outside of the graph.

use crate::error::ExperimentError;
use crate::photos::Photo;
use plugin_api::runs::ModelCard;
use plugin_api::{Labels, Workspace};
use plugin_decode::DecodedImage;
use plugin_heads::{AnyHead, HeadOptions};
use plugin_inference::{BackboneOptions, Backbones};
use plugin_model::Precision;
use plugin_model::device::Opened;
use plugin_training::head::HeadSamples;

/// An embedding of each image, of unit length.
pub struct Embeddings {
    rows: Vec<Vec<f32>>,
}

impl Embeddings {
    /// Of the first square of each image, whose side is that of the backbone.
    ///
    /// # Errors
    /// When the weights are not there or not of this backbone, or the device fails.
    pub fn of(photos: &[Photo], backbone: &BackboneOptions, device: &Opened) -> Result<Self, ExperimentError> {
        if !backbone.is_there() {
            return Err(ExperimentError::Options(backbone.advice().to_string()));
        }
        // A workspace is what backbones are opened from.
        let scratch = tempfile::tempdir()?;
        let workspace = Workspace::create(scratch.path())?;
        let installed = backbone.install(&workspace)?;
        let card = ModelCard {
            architecture: installed.architecture.clone(),
            definition: None,
            size_px: backbone.size_px(),
            resize_mode: backbone.backbone_mode,
            classes: Vec::new(),
            labels: Labels::Single,
            run: String::new(),
            digest: String::new(),
            temperature: None,
            backbone: Some(installed.clone()),
        };
        let embedder = Backbones::default().open(&workspace, &card, &installed, device, Precision::Fp32)?;
        let side = backbone.size_px();
        let square = |photo: &Photo| DecodedImage { width: side, height: side, pixels: photo.squares[0].clone() };
        let mut rows = Vec::with_capacity(photos.len());
        for photos in photos.chunks(CHUNK) {
            rows.extend(embedder.embed(&photos.iter().map(square).collect::<Vec<_>>())?);
        }
        Ok(Self { rows })
    }

    /// A head on the embeddings of `train`, as the strategy `head` of `train` fits it.
    ///
    /// # Errors
    /// [`plugin_heads::HeadError`].
    pub fn fit(
        &self,
        photos: &[Photo],
        train: &[usize],
        classes: usize,
        options: &HeadOptions,
    ) -> Result<AnyHead, ExperimentError> {
        let mut samples = HeadSamples::default();
        for place in train {
            samples.push(&self.rows[*place], vec![photos[*place].class], photos[*place].group);
        }
        let dimensions = self.rows.first().map_or(0, Vec::len);
        Ok(samples.fit(options, Labels::Single, classes, dimensions)?)
    }

    /// Probabilities of the image at `place`, by class index.
    ///
    /// # Errors
    /// [`plugin_heads::HeadError`].
    pub fn predict(&self, head: &AnyHead, place: usize) -> Result<Vec<f32>, ExperimentError> {
        Ok(head.predict(&self.rows[place])?.0)
    }
}

/// Images whose copies lie in memory at a time.
const CHUNK: usize = 64;
