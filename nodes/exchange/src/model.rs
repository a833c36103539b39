//! A model for other programs.

use crate::config::{ExportModel, Format};
use crate::error::ExchangeError;
use plugin_api::Workspace;
use plugin_api::files::{with_path, write_atomically};
use plugin_api::runs::{ModelCard, RunFolder, read_json};
use plugin_blocks::{BlocksError, Description, Graph, shipped};
use prost::Message as _;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Writes the model and says so.
///
/// # Errors
/// [`ExchangeError`]: no such model, broken weights, any error of the file system. Nothing is left half written.
pub fn run(options: &ExportModel) -> Result<String, ExchangeError> {
    let workspace = &options.workspace.root;
    let (card, path) = find(workspace, options.run.as_deref())?;
    let (content, about) = match &card.backbone {
        Some(backbone) => head::content(&Workspace::existing(workspace)?, &card, backbone, &path, options.format)?,
        None => network(&card, &path, options.format)?,
    };
    write_atomically(&options.out, &content)?;
    Ok(format!("{about}: {}", options.out.display()))
}

/// The content of the file of a whole network, and what it is, for a person.
fn network(card: &ModelCard, path: &Path, format: Format) -> Result<(Vec<u8>, String), ExchangeError> {
    let broken = |problem: String| ExchangeError::Model { path: path.to_owned(), problem };
    let weights = read(path, &card.digest)?;
    let ModelCard { architecture, definition, size_px, classes, run, .. } = card;
    let found = Definition::find(architecture, definition.as_deref(), *size_px, classes.len());
    let Definition { description, graph } = found.map_err(|e| broken(e.to_string()))?;
    // Looked at in either case: what is written is whole.
    let read = plugin_onnx::Weights::read(&graph, &weights).map_err(|e| broken(e.to_string()))?;
    let content = match format {
        Format::Safetensors => weights,
        Format::Onnx => {
            let model = plugin_onnx::model(&graph, architecture, &read, &notes(card, &description));
            model.map_err(|e| broken(e.to_string()))?.encode_to_vec()
        }
        Format::Nnp => nnp(card, &description, &graph, &read).map_err(broken)?,
    };
    let (parameters, count) = (plugin_blocks::table::grouped(graph.parameters()), classes.len());
    Ok((content, format!("{architecture} of run {run}, {size_px} px, {count} classes, {parameters} parameters")))
}

/// The network as nnabla's.
fn nnp(
    card: &ModelCard,
    description: &Description,
    graph: &Graph,
    weights: &plugin_onnx::Weights,
) -> Result<Vec<u8>, String> {
    let weights = tensors(graph.weights(), weights);
    let export = plugin_nnc::nnp::Export {
        name: &card.architecture,
        graph,
        input: description.input(),
        weights: &weights?,
        classes: &card.classes,
        temperature: card.temperature.unwrap_or(1.0),
        several: card.labels == plugin_api::Labels::Multi,
        head: None,
    };
    plugin_nnc::nnp::write(&export).map_err(|e| e.to_string())
}

/// Weights as numbers.
fn tensors(
    wanted: Vec<plugin_blocks::Weight>,
    weights: &plugin_onnx::Weights,
) -> Result<BTreeMap<String, plugin_nnc::nnp::Tensor>, String> {
    let tensor = |weight: plugin_blocks::Weight| {
        let bytes = weights.bytes(&weight.name).map_err(|e| e.to_string())?;
        let number = |four: &[u8]| f32::from_le_bytes([four[0], four[1], four[2], four[3]]);
        let values = bytes.chunks_exact(4).map(number).collect();
        Ok((weight.name, plugin_nnc::nnp::Tensor { shape: weight.shape, values }))
    };
    wanted.into_iter().map(tensor).collect()
}

/// A file whose digest is that of its card.
fn read(path: &Path, digest: &str) -> Result<Vec<u8>, ExchangeError> {
    let bytes = std::fs::read(path).map_err(|e| with_path(path, &e))?;
    let found = blake3::hash(&bytes).to_hex();
    if found.as_str() != digest {
        let problem = format!("the file's digest is {found}, not {digest}: it was changed or is broken");
        return Err(ExchangeError::Model { path: path.to_owned(), problem });
    }
    Ok(bytes)
}

/// The card and the weights of a run, or of the champion.
fn find(workspace: &Path, run: Option<&str>) -> Result<(ModelCard, PathBuf), ExchangeError> {
    let Some(id) = run else {
        // The link may be swapped at any time; what it points to now stays whole.
        let link = workspace.join("models/champion");
        let none = || format!("{} is not there: no model has been promoted yet; name a run with --run", link.display());
        let folder = link.canonicalize().map_err(|_| ExchangeError::NoModel(none()))?;
        return Ok((read_json(&folder.join("model.json"))?, folder.join("model.safetensors")));
    };
    let runs = workspace.join("runs");
    let folder = RunFolder::new(&runs, id);
    let (Some(manifest), Some(finished)) = (folder.manifest(), folder.finished()) else {
        let all = RunFolder::all(&runs).into_iter().filter(|r| r.finished().is_some());
        let ended: Vec<String> = all.map(|r| r.id()).collect();
        let ended = if ended.is_empty() { "none".to_owned() } else { ended.join(", ") };
        return Err(ExchangeError::NoModel(format!("--run {id}: no run of this name has ended; ended have: {ended}")));
    };
    let card = ModelCard {
        architecture: manifest.architecture,
        definition: manifest.definition,
        size_px: manifest.size_px,
        resize_mode: manifest.resize_mode,
        classes: manifest.classes,
        labels: manifest.labels,
        run: manifest.id,
        digest: finished.digest,
        temperature: None,
        backbone: manifest.backbone,
    };
    Ok((card, workspace.join(finished.uri)))
}

/// Blocks, as they are described and for images of one size.
struct Definition {
    description: Description,
    graph: Graph,
}

impl Definition {
    /// The blocks of `text`, or else the shipped ones of the name.
    fn find(name: &str, text: Option<&str>, size_px: u32, classes: usize) -> Result<Self, BlocksError> {
        let unknown = || BlocksError::Form {
            file: name.to_owned(),
            problem: format!("no such network; there are {}", shipped::names().join(", ")),
        };
        let description = match text {
            Some(text) => Description::parse(name, text)?,
            None => shipped::find(name)?.ok_or_else(unknown)?,
        };
        let graph = description.graph(size_px, classes)?;
        Ok(Self { description, graph })
    }
}

/// What another program must know to use the model.
fn notes(card: &ModelCard, description: &Description) -> Vec<(&'static str, String)> {
    let input = description.input();
    vec![
        ("classes", json!(card.classes).to_string()),
        ("labels", json!(card.labels).as_str().unwrap_or_default().to_owned()),
        ("colours", "RGB, 0 to 255, less the mean, over the deviation".to_owned()),
        ("mean", json!(input.mean).to_string()),
        ("deviation", json!(input.deviation).to_string()),
        ("size_px", card.size_px.to_string()),
        ("resize_mode", card.resize_mode.to_string()),
        ("resize_filter", "triangle, antialiased, 8 bits a colour: BILINEAR of Pillow".to_owned()),
        ("orientation", "turned upright as Exif says".to_owned()),
        ("background", "#ffffff, under transparency and around what pad leaves free".to_owned()),
        ("temperature", card.temperature.unwrap_or(1.0).to_string()),
        ("architecture", card.architecture.clone()),
        ("definition", description.text().to_owned()),
        ("run", card.run.clone()),
        ("weights_blake3", card.digest.clone()),
    ]
}

mod head;

#[cfg(test)]
mod tests {
    use super::*;
    use plugin_api::runs::write_json;
    use plugin_api::{WorkspaceArgs, fixture};
    use plugin_onnx::proto::ModelProto;

    const BLOCKS: &str = "input: {mean: 127, deviation: 128}\nblocks: [{affine: classes, name: fc}]";

    /// A workspace whose champion is one affine block on images of 2 px.
    fn workspace() -> tempfile::TempDir {
        let workspace = tempfile::tempdir().unwrap();
        let folder = workspace.path().join("models/one");
        std::fs::create_dir_all(&folder).unwrap();
        let bytes = |count: usize| (0..count).flat_map(|i| (i as f32).to_le_bytes()).collect::<Vec<u8>>();
        let (weight, bias) = (bytes(24), bytes(2));
        let view = |shape: &[usize], data| {
            safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape.to_vec(), data).unwrap()
        };
        let tensors = [("fc.weight", view(&[2, 12], &weight)), ("fc.bias", view(&[2], &bias))];
        let file = safetensors::serialize(tensors, None).unwrap();
        std::fs::write(folder.join("model.safetensors"), &file).unwrap();
        let card = ModelCard {
            architecture: "mine".to_owned(),
            definition: Some(BLOCKS.to_owned()),
            size_px: 2,
            resize_mode: plugin_api::ResizeMode::Crop,
            labels: plugin_api::Labels::Multi,
            digest: blake3::hash(&file).to_hex().to_string(),
            ..fixture::card("one", &["わくわく", "bus"])
        };
        write_json(&folder.join("model.json"), &card).unwrap();
        std::os::unix::fs::symlink("one", workspace.path().join("models/champion")).unwrap();
        workspace
    }

    fn options(workspace: &Path, format: Format) -> ExportModel {
        let (out, workspace) = (workspace.join("out"), WorkspaceArgs { root: workspace.to_owned() });
        ExportModel { workspace, run: None, champion: false, format, out }
    }

    #[test]
    fn the_champion_as_onnx_says_itself_how_to_use_it() {
        let workspace = workspace();
        let options = options(workspace.path(), Format::Onnx);
        let said = run(&options).unwrap();
        assert!(said.contains("mine of run one, 2 px, 2 classes, 26 parameters"), "{said}");
        let model = ModelProto::decode(&std::fs::read(&options.out).unwrap()[..]).unwrap();
        let note = |key: &str| model.metadata_props.iter().find(|n| n.key == key).unwrap().value.clone();
        assert_eq!((note("classes"), note("labels")), ("[\"わくわく\",\"bus\"]".to_owned(), "multi".to_owned()));
        assert_eq!((note("mean"), note("size_px")), ("[127.0,127.0,127.0]".to_owned(), "2".to_owned()));
        assert_eq!((note("definition"), note("temperature")), (BLOCKS.to_owned(), "1".to_owned()));
        assert!(note("resize_filter").contains("antialiased") && note("background").starts_with("#ffffff"));
        assert!(note("orientation").contains("Exif"));
        assert_eq!(model.graph.unwrap().node.last().unwrap().op_type, "Gemm");
    }

    #[test]
    fn the_champion_as_nnp_comes_back_with_its_classes() {
        let workspace = workspace();
        let options = options(workspace.path(), Format::Nnp);
        run(&options).unwrap();
        let model = plugin_nnc::nnp::read("mine", &std::fs::read(&options.out).unwrap()).unwrap();
        assert_eq!(model.classes.as_deref(), Some(&["わくわく", "bus"].map(str::to_owned)[..]));
        let values = |name: &str| model.weights.iter().find(|(known, _)| known == name).unwrap().1.values.clone();
        assert_eq!(values("fc.weight"), (0..24_u8).map(f32::from).collect::<Vec<_>>());
    }

    #[test]
    fn safetensors_are_the_weights_as_they_are() {
        let workspace = workspace();
        let options = options(workspace.path(), Format::Safetensors);
        run(&options).unwrap();
        let weights = std::fs::read(workspace.path().join("models/one/model.safetensors")).unwrap();
        assert_eq!(std::fs::read(&options.out).unwrap(), weights);
    }

    #[test]
    fn what_is_not_there_or_broken_is_named() {
        let workspace = workspace();
        let error = |options: &ExportModel| run(options).unwrap_err().to_string();
        let mut options = options(workspace.path(), Format::Onnx);
        options.run = Some("two".to_owned());
        assert!(error(&options).contains("--run two") && error(&options).contains("ended have: none"));
        options.run = None;
        let path = workspace.path().join("models/one/model.safetensors");
        let mut weights = std::fs::read(&path).unwrap();
        *weights.last_mut().unwrap() ^= 1;
        std::fs::write(&path, weights).unwrap();
        assert!(error(&options).contains("digest") && error(&options).contains("model.safetensors"));
        std::fs::remove_file(workspace.path().join("models/champion")).unwrap();
        assert!(error(&options).contains("no model has been promoted yet"));
        assert!(!options.out.exists());
    }
}
