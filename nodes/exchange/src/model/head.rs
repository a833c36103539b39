//! A head and the frozen backbone under it, in one file.

use super::{Definition, notes, read, tensors};
use crate::config::Format;
use crate::error::ExchangeError;
use plugin_api::runs::{Backbone, ModelCard};
use plugin_api::{Labels, Workspace};
use plugin_blocks::{Description, Graph};
use plugin_heads::Head;
use plugin_onnx::head_model;
use prost::Message as _;
use safetensors::SafeTensors;
use safetensors::tensor::TensorView;
use serde_json::json;
use std::collections::HashMap;
use std::path::Path;

/// What the names of the head's tensors, and of its entries in the metadata, begin with in a safetensors file.
const HEAD: &str = "head.";
/// The score of a class without samples.
const NEVER: f32 = -1e30;
/// What those of the backbone begin with.
const BACKBONE: &str = "backbone.";

/// The content of the file, and what it is, for a person.
pub fn content(
    workspace: &Workspace,
    card: &ModelCard,
    backbone: &Backbone,
    path: &Path,
    format: Format,
) -> Result<(Vec<u8>, String), ExchangeError> {
    let of_backbone = workspace.backbone(&backbone.digest);
    let (head_file, backbone_file) = (read(path, &card.digest)?, read(&of_backbone, &backbone.digest)?);
    let broken = |problem: String| ExchangeError::Model { path: path.to_owned(), problem };
    let broken_backbone = |problem: String| ExchangeError::Model { path: of_backbone.clone(), problem };
    let head = Head::load(path).map_err(|e| broken(e.to_string()))?;
    if head.classes() != card.classes.len() {
        let (found, expected) = (head.classes(), card.classes.len());
        return Err(broken(format!("it is a head of {found} classes, the card has {expected}")));
    }
    if card.labels == Labels::Multi {
        return Err(broken("the card says that an image may have several classes, and heads tell one".to_owned()));
    }
    // The classifier is left out, so it may be small.
    let Definition { description, graph } =
        Definition::find(&backbone.architecture, None, card.size_px, 1).map_err(|e| broken_backbone(e.to_string()))?;
    let weights =
        plugin_onnx::Weights::read_features(&graph, &backbone_file).map_err(|e| broken_backbone(e.to_string()))?;
    let mut notes = notes(card, &description);
    notes.push(("backbone_blake3", backbone.digest.clone()));
    notes.push(("head", json!(head.options()).to_string()));
    // Made in either case: what is written fits together.
    let model = head_model(&graph, &card.architecture, &weights, &head, card.temperature, &notes);
    let model = model.map_err(|e| broken(e.to_string()))?;
    let content = match format {
        Format::Onnx => model.encode_to_vec(),
        Format::Nnp => nnp(card, &description, &graph, &weights, &head).map_err(broken)?,
        Format::Safetensors => merged(&head_file, &backbone_file).map_err(|e| broken(e.to_string()))?,
    };
    let (classes, samples) = (head.classes(), head.counts().iter().sum::<usize>());
    let ModelCard { run, size_px, .. } = card;
    let mut about =
        format!("head of run {run} on {}, {size_px} px, {classes} classes, {samples} samples", backbone.architecture);
    let neighbours = 1.0 - head.parameters().ridge_share;
    if format == Format::Nnp && neighbours > 0.0 {
        let percent = format!("{:.0} %", 100.0 * neighbours);
        about.extend([
            "; without its neighbours, ",
            &percent,
            " of the blend, which .nnp has no layer for: answers differ from the champion's, ONNX has both",
        ]);
    }
    Ok((content, about))
}

/// The head's linear part on its backbone, as nnabla's.
fn nnp(
    card: &ModelCard,
    description: &Description,
    graph: &Graph,
    weights: &plugin_onnx::Weights,
    head: &Head,
) -> Result<Vec<u8>, String> {
    let parameters = head.parameters();
    if parameters.ridge_share <= 0.0 {
        return Err(
            "it votes by neighbours alone, which nnabla has no layer for; onnx and safetensors have them".to_owned()
        );
    }
    let blend = if parameters.ridge_share < 1.0 { 1.0 } else { parameters.blend_temperature };
    let scale = 1.0 / (parameters.ridge_temperature * blend);
    let scaled = |values: &[f32]| values.iter().map(|value| (f64::from(*value) * scale) as f32).collect::<Vec<f32>>();
    let mut biases = scaled(&parameters.ridge_intercepts);
    for (bias, count) in biases.iter_mut().zip(head.counts()) {
        if *count == 0 {
            *bias = NEVER;
        }
    }
    let classifier = graph.classifier().weights();
    let wanted = graph.weights().into_iter().filter(|weight| !classifier.contains(weight)).collect();
    let export = plugin_nnc::nnp::Export {
        name: &card.architecture,
        graph,
        input: description.input(),
        weights: &tensors(wanted, weights)?,
        classes: &card.classes,
        temperature: card.temperature.unwrap_or(1.0),
        several: false,
        head: Some(plugin_nnc::nnp::LinearHead {
            weights: &scaled(&parameters.ridge_weights),
            biases: &biases,
            power: head.options().power,
        }),
    };
    plugin_nnc::nnp::write(&export).map_err(|e| e.to_string())
}

/// The tensors and the metadata of both files, told apart by what their names begin with.
fn merged(head: &[u8], backbone: &[u8]) -> Result<Vec<u8>, safetensors::SafeTensorError> {
    let mut tensors: Vec<(String, TensorView<'_>)> = Vec::new();
    let mut metadata = HashMap::new();
    for (prefix, file) in [(HEAD, head), (BACKBONE, backbone)] {
        let named = |name: &str| format!("{prefix}{name}");
        let views = SafeTensors::deserialize(file)?.tensors();
        tensors.extend(views.into_iter().map(|(name, view)| (named(&name), view)));
        let (_, header) = SafeTensors::read_metadata(file)?;
        let entries = header.metadata().iter().flatten();
        metadata.extend(entries.map(|(key, value)| (named(key), value.clone())));
    }
    safetensors::serialize(tensors, Some(metadata))
}

#[cfg(test)]
mod tests;
