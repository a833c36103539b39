use crate::config::{ExportModel, Format};
use crate::model::run;
use plugin_api::runs::{Backbone, ModelCard, read_json, write_json};
use plugin_api::{Labels, ResizeMode, Workspace, WorkspaceArgs, fixture};
use plugin_blocks::shipped;
use plugin_heads::{Head, HeadOptions, Samples};
use plugin_onnx::proto::ModelProto;
use prost::Message as _;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use std::path::Path;

const ARCHITECTURE: &str = "lenet";
const DIMENSIONS: usize = 84;

/// The weights of a LeNet of 32 px, but for its classifier.
fn backbone_file() -> Vec<u8> {
    let graph = shipped::find(ARCHITECTURE).unwrap().unwrap().graph(32, 1).unwrap();
    let classifier = graph.classifier().weights();
    let wanted = graph.weights().into_iter().filter(|weight| !classifier.contains(weight));
    let tensors: Vec<(String, Vec<usize>, Vec<u8>)> = wanted
        .map(|weight| {
            let shape: Vec<usize> = weight.shape.iter().map(|side| *side as usize).collect();
            let bytes = vec![0; 4 * shape.iter().product::<usize>()];
            (weight.name, shape, bytes)
        })
        .collect();
    let views = tensors
        .iter()
        .map(|(name, shape, bytes)| (name.clone(), TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap()));
    safetensors::serialize(views, None).unwrap()
}

/// A head of three classes, the last without samples.
fn head(dimensions: usize) -> Head {
    let mut features = vec![0.0; 6 * dimensions];
    (0..6).for_each(|row| features[row * dimensions + row] = 1.0);
    let (labels, groups) = ([0, 0, 0, 1, 1, 1], [0, 1, 2, 3, 4, 5]);
    let samples = Samples { features: &features, dimensions, labels: &labels, classes: 3, groups: &groups };
    Head::fit(&samples, &HeadOptions::default()).unwrap()
}

/// A workspace whose champion is a head on a LeNet.
fn workspace() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let workspace = Workspace::create(folder.path()).unwrap();
    let file = backbone_file();
    let backbone = Backbone { architecture: ARCHITECTURE.to_owned(), digest: blake3::hash(&file).to_hex().to_string() };
    let path = workspace.backbone(&backbone.digest);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, file).unwrap();
    let model = workspace.models().join("one");
    std::fs::create_dir_all(&model).unwrap();
    let card = ModelCard {
        architecture: ARCHITECTURE.to_owned(),
        resize_mode: ResizeMode::Pad,
        digest: head(DIMENSIONS).save(&model.join("model.safetensors")).unwrap(),
        temperature: Some(2.0),
        backbone: Some(backbone),
        ..fixture::card("one", &["わくわく", "bus", "cat"])
    };
    write_json(&model.join("model.json"), &card).unwrap();
    std::os::unix::fs::symlink("one", workspace.champion()).unwrap();
    folder
}

fn options(workspace: &Path, format: Format) -> ExportModel {
    let (out, workspace) = (workspace.join("out"), WorkspaceArgs { root: workspace.to_owned() });
    ExportModel { workspace, run: None, champion: false, format, out }
}

#[test]
fn heads_and_backbones_are_one_onnx_file() {
    let workspace = workspace();
    let options = options(workspace.path(), Format::Onnx);
    let said = run(&options).unwrap();
    assert!(said.contains("head of run one on lenet, 32 px, 3 classes, 6 samples"), "{said}");
    let model = ModelProto::decode(&std::fs::read(&options.out).unwrap()[..]).unwrap();
    let note = |key: &str| model.metadata_props.iter().find(|note| note.key == key).unwrap().value.clone();
    assert_eq!((note("classes"), note("size_px")), ("[\"わくわく\",\"bus\",\"cat\"]".to_owned(), "32".to_owned()));
    assert_eq!((note("temperature"), note("resize_mode")), ("2".to_owned(), "pad".to_owned()));
    assert!(note("resize_filter").contains("antialiased") && note("head").contains("\"k\":20"));
    let graph = model.graph.as_ref().unwrap();
    let outputs: Vec<&str> = graph.output.iter().map(|output| &output.name[..]).collect();
    assert_eq!(outputs, ["logits", "probabilities"]);
    assert!(graph.initializer.iter().any(|tensor| tensor.name == "conv1.weight"));
    assert!(!graph.initializer.iter().any(|tensor| tensor.name.starts_with("fc3")), "the classifier is left out");
}

#[test]
fn a_head_as_nnp_says_what_it_leaves_out() {
    let workspace = workspace();
    let options = options(workspace.path(), Format::Nnp);
    let said = run(&options).unwrap();
    let share = head(DIMENSIONS).parameters().ridge_share;
    assert_eq!(said.contains("without its neighbours"), share < 1.0, "{said}");
    // Nothing in the zip is compressed.
    let bytes = std::fs::read(&options.out).unwrap();
    let text = String::from_utf8_lossy(&bytes);
    for part in
        ["name: \"head/affine/W\" type: \"Parameter\" shape { dim: 84 dim: 3 }", "mul_scalar_param { val: 0.5 }"]
    {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains("fc3"), "the classifier is left out");
}

#[test]
fn safetensors_hold_head_and_backbone() {
    let workspace = workspace();
    let options = options(workspace.path(), Format::Safetensors);
    run(&options).unwrap();
    let bytes = std::fs::read(&options.out).unwrap();
    let written = SafeTensors::deserialize(&bytes).unwrap();
    let of_head = std::fs::read(workspace.path().join("models/one/model.safetensors")).unwrap();
    let of_backbone = backbone_file();
    let mut names = 0;
    for (prefix, file) in [("head.", &of_head), ("backbone.", &of_backbone)] {
        for (name, tensor) in SafeTensors::deserialize(file).unwrap().tensors() {
            let found = written.tensor(&format!("{prefix}{name}")).unwrap();
            assert_eq!((found.dtype(), found.shape()), (tensor.dtype(), tensor.shape()), "{name}");
            assert_eq!(found.data(), tensor.data(), "{name}");
            names += 1;
        }
    }
    assert_eq!(written.len(), names);
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    assert!(header.metadata().as_ref().unwrap()["head.head"].contains("\"bandwidth\""));
}

#[test]
fn what_does_not_fit_together_is_named() {
    let workspace = workspace();
    let options = options(workspace.path(), Format::Onnx);
    let refused = |expected: &str| {
        let error = run(&options).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        assert!(!options.out.exists());
    };
    let path = workspace.path().join("models/one/model.json");
    let card: ModelCard = read_json(&path).unwrap();
    let weights = workspace.path().join("models/one/model.safetensors");
    let digest = head(6).save(&weights).unwrap();
    write_json(&path, &ModelCard { digest, ..card.clone() }).unwrap();
    refused("the backbone has 84 features, the head is for 6");
    head(DIMENSIONS).save(&weights).unwrap();
    write_json(&path, &ModelCard { classes: vec!["bus".to_owned()], ..card.clone() }).unwrap();
    refused("a head of 3 classes, the card has 1");
    write_json(&path, &ModelCard { labels: Labels::Multi, ..card.clone() }).unwrap();
    refused("several classes");
    write_json(&path, &card).unwrap();
    let backbone =
        workspace.path().join("models/backbones").join(format!("{}.safetensors", card.backbone.unwrap().digest));
    std::fs::write(&backbone, b"damaged").unwrap();
    refused("it was changed or is broken");
    std::fs::remove_file(&backbone).unwrap();
    refused("models/backbones");
}
