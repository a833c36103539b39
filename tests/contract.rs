//! The YAML files against the code: edge types column by column, every option with its node's own parser.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::used_underscore_binding,
    reason = "a test fails by panicking"
)]

use arrow::datatypes::{DataType, Field};
use clap::Parser;
use serde_yaml::Value;
use std::path::{Path, PathBuf};

fn dataflows() -> PathBuf {
    tests::checkout().join("dataflows")
}

fn yaml(path: PathBuf) -> Value {
    serde_yaml::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn column(field: &Field) -> (String, String, bool) {
    let kind = match field.data_type() {
        DataType::LargeList(item) => format!("List<{}>", item.data_type()),
        other => other.to_string(),
    };
    (field.name().clone(), kind, field.is_nullable())
}

#[test]
fn the_types_dora_checks_are_the_types_we_send() {
    let declared = yaml(dataflows().join("types/imagery/v1.yml"));
    let declared = declared["types"].as_mapping().unwrap();
    assert_eq!(declared.len(), plugin_api::edges::REGISTRY.len());
    for (name, fields) in plugin_api::edges::REGISTRY {
        let ours: Vec<_> = fields().iter().map(|f| column(f)).collect();
        let theirs: Vec<_> = declared[*name]["fields"]
            .as_sequence()
            .unwrap()
            .iter()
            .map(|f| {
                let text = |key: &str| f[key].as_str().unwrap().to_owned();
                (text("name"), text("type"), f["nullable"].as_bool().unwrap())
            })
            .collect();
        assert_eq!(ours, theirs, "{name}");
    }
}

#[test]
fn nobody_waits_for_the_page() {
    let graph = yaml(dataflows().join("pipeline.yml"));
    let nodes = graph["nodes"].as_sequence().unwrap();
    let page = nodes.iter().find(|node| node["id"] == "dashboard").unwrap();
    assert!(page["outputs"].is_null(), "it reads, and says nothing");
    let text = serde_yaml::to_string(&nodes).unwrap();
    assert!(!text.contains("dashboard/"), "a node reads from it");
}

#[test]
fn every_option_in_the_graph_is_one_its_node_knows() {
    type Parse = fn(&[String]) -> Result<(), clap::Error>;
    fn parse<C: Parser>(args: &[String]) -> Result<(), clap::Error> {
        C::try_parse_from(args).map(|_| ())
    }
    let parsers: &[(&str, Parse)] = &[
        ("watch", parse::<node_watch::Config>),
        ("hash", parse::<node_hash::Config>),
        ("resize", parse::<node_resize::Config>),
        ("dataset", parse::<node_dataset::Config>),
        ("augment", parse::<node_augment::Config>),
        ("train", parse::<node_train::Config>),
        ("evaluate", parse::<node_evaluate::Config>),
        ("predict", parse::<node_predict::Config>),
        ("inspect", parse::<node_inspect::Config>),
        ("dashboard", parse::<node_dashboard::Config>),
        ("embed", parse::<node_embed::Config>),
        ("gather", parse::<node_gather::Config>),
    ];
    for file in std::fs::read_dir(dataflows()).unwrap().flatten().filter(|f| f.path().extension().is_some()) {
        let nodes = yaml(file.path());
        for node in nodes["nodes"].as_sequence().unwrap() {
            // By the program: the same one may stand in a graph under several ids.
            let program = Path::new(node["path"].as_str().unwrap()).file_name().unwrap().to_str().unwrap();
            let id = node["id"].as_str().unwrap();
            let parser = parsers.iter().find(|(name, _)| *name == program);
            let (_, parse) = parser.unwrap_or_else(|| panic!("{program}: no parser"));
            let args = node["args"].as_str().unwrap_or_default().split_whitespace().map(str::to_owned);
            let args: Vec<String> = std::iter::once(id.to_owned()).chain(args).collect();
            parse(&args).unwrap_or_else(|e| panic!("{}: {id}: {e}", file.path().display()));
            let wrong = [args.clone(), vec!["--no-such-option".to_owned()]].concat();
            assert!(parse(&wrong).is_err(), "{id} takes an option it does not know");
        }
    }
}
