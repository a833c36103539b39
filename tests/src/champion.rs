//! A champion whose answers are known beforehand: it goes by the mean colour of an image.

use plugin_api::files::point_atomically;
use plugin_api::runs::{ModelCard, write_json};
use plugin_api::{Workspace, fixture};
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use std::path::Path;

/// Pixels are taken as 0 to 1.
const BLOCKS: &str = "input: {mean: 0, deviation: 255}\nblocks: [global-average-pooling, {affine: classes, name: fc}]";

/// A class for red, green and blue each. Its logits are the mean of each colour, 0 to 1, times `scale`.
#[derive(Clone, Copy, Debug)]
pub struct ByColour<'a> {
    /// Its name: a folder in `models/`.
    pub run: &'a str,
    /// Names of the classes for red, green and blue.
    pub classes: [&'a str; 3],
    /// How sure it is of itself.
    pub scale: f32,
    /// What its logits are divided by.
    pub temperature: Option<f64>,
}

impl ByColour<'_> {
    /// Lays it into `models/` and makes it champion.
    ///
    /// # Errors
    /// Any error of the file system.
    pub fn make_champion(&self, workspace: &Workspace) -> std::io::Result<()> {
        self.lay(workspace)?;
        point_atomically(&workspace.champion(), Path::new(self.run))
    }

    /// Lays it into `models/`.
    ///
    /// # Errors
    /// Any error of the file system.
    pub fn lay(&self, workspace: &Workspace) -> std::io::Result<()> {
        let folder = workspace.models().join(self.run);
        std::fs::create_dir_all(&folder)?;
        let weight: Vec<f32> = (0..9).map(|at| if at / 3 == at % 3 { self.scale } else { 0.0 }).collect();
        let bytes = |values: &[f32]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
        let (weight, bias) = (bytes(&weight), bytes(&[0.0; 3]));
        let view = |shape: Vec<usize>, data| TensorView::new(Dtype::F32, shape, data).map_err(std::io::Error::other);
        let tensors = [("fc.weight", view(vec![3, 3], &weight)?), ("fc.bias", view(vec![3], &bias)?)];
        let file = safetensors::serialize(tensors, None).map_err(std::io::Error::other)?;
        std::fs::write(folder.join("model.safetensors"), &file)?;
        let card = ModelCard {
            architecture: "by-colour".to_owned(),
            definition: Some(BLOCKS.to_owned()),
            size_px: 16,
            digest: blake3::hash(&file).to_hex().to_string(),
            temperature: self.temperature,
            ..fixture::card(self.run, &self.classes)
        };
        write_json(&folder.join("model.json"), &card)
    }
}
