//! The YAML files against the code: edge types column by column, every option with its node's own parser.
#![cfg(test)]
#![allow(clippy::used_underscore_binding, reason = "a test fails by panicking")]

use arrow::datatypes::{DataType, Field};
use clap::{CommandFactory, Parser};
use serde_yaml::Value;
use std::collections::BTreeSet;
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

type Parse = fn(&[String]) -> Result<(), clap::Error>;

fn parse<C: Parser>(args: &[String]) -> Result<(), clap::Error> {
    C::try_parse_from(args).map(|_| ())
}

/// A node's program, its parser, and the command that the parser has.
type NodeOptions = (&'static str, Parse, fn() -> clap::Command);

/// Every node of the graphs: its parser and its options.
const NODES: &[NodeOptions] = &[
    ("watch", parse::<node_watch::Config>, node_watch::Config::command),
    ("decode", parse::<node_decode::Config>, node_decode::Config::command),
    ("hash", parse::<node_hash::Config>, node_hash::Config::command),
    ("resize", parse::<node_resize::Config>, node_resize::Config::command),
    ("dataset", parse::<node_dataset::Config>, node_dataset::Config::command),
    ("augment", parse::<node_augment::Config>, node_augment::Config::command),
    ("cache", parse::<node_cache::Config>, node_cache::Config::command),
    ("train", parse::<node_train::Config>, node_train::Config::command),
    ("search", parse::<node_search::Config>, node_search::Config::command),
    ("evaluate", parse::<node_evaluate::Config>, node_evaluate::Config::command),
    ("mirror", parse::<node_mirror::Config>, node_mirror::Config::command),
    ("predict", parse::<node_predict::Config>, node_predict::Config::command),
    ("inspect", parse::<node_inspect::Config>, node_inspect::Config::command),
    ("dashboard", parse::<node_dashboard::Config>, node_dashboard::Config::command),
    ("embed", parse::<node_embed::Config>, node_embed::Config::command),
    ("gather", parse::<node_gather::Config>, node_gather::Config::command),
];

#[test]
fn option_tables_are_those_of_the_nodes() {
    let path = dataflows().join("README.md");
    let sections: Vec<_> = NODES.iter().map(|(name, _, options)| plugin_harness::markdown(name, &options())).collect();
    let text = std::fs::read_to_string(&path).unwrap();
    for section in &sections {
        let name = section.lines().next().unwrap_or_default();
        assert!(
            text.contains(section),
            "{}: {name}: the table is not that of the node; build the nodes, then: cargo wakuteka options --write",
            path.display()
        );
    }
    assert!(text.contains(&sections.join("\n")), "{}: cargo wakuteka options --write", path.display());
}

/// What `import-nnc` makes of a project's settings.
#[test]
fn options_of_nnc_projects_are_the_nodes_own() {
    let projects = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins/nnc/tests/projects");
    let text = std::fs::read_to_string(projects.join("everything.sdcproj")).unwrap();
    let project = plugin_nnc::import_project("everything", &text).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let network = folder.path().join("everything.yml");
    std::fs::write(&network, &project.network).unwrap();
    for line in project.options.yaml().lines() {
        let (node, options) = line.split_once(": ").unwrap();
        let (_, parse, _) =
            NODES.iter().find(|(name, ..)| *name == node).unwrap_or_else(|| panic!("{node}: no parser"));
        let options = options.replace("everything.yml", network.to_str().unwrap());
        let args: Vec<String> = std::iter::once(node).chain(options.split_whitespace()).map(str::to_owned).collect();
        parse(&args).unwrap_or_else(|e| panic!("{line}: {e}"));
    }
}

#[test]
fn every_option_in_the_graph_is_one_its_node_knows() {
    let is_yaml = |file: &std::fs::DirEntry| file.path().extension().is_some_and(|ending| ending == "yml");
    for file in std::fs::read_dir(dataflows()).unwrap().flatten().filter(is_yaml) {
        let nodes = yaml(file.path());
        for node in nodes["nodes"].as_sequence().unwrap() {
            // By the program: the same one may stand in a graph under several ids.
            let program = Path::new(node["path"].as_str().unwrap()).file_name().unwrap().to_str().unwrap();
            let id = node["id"].as_str().unwrap();
            let parser = NODES.iter().find(|(name, ..)| *name == program);
            let (_, parse, _) = parser.unwrap_or_else(|| panic!("{program}: no parser"));
            let args = node["args"].as_str().unwrap_or_default().split_whitespace().map(str::to_owned);
            let args: Vec<String> = std::iter::once(id.to_owned()).chain(args).collect();
            parse(&args).unwrap_or_else(|e| panic!("{}: {id}: {e}", file.path().display()));
            let wrong = [args.clone(), vec!["--no-such-option".to_owned()]].concat();
            assert!(parse(&wrong).is_err(), "{id} takes an option it does not know");
        }
    }
}

/// SQLite is behind one crate a database: the catalog behind `plugin-catalog`, what `gather` and `predict` write down for
/// themselves behind each of them; the page and an end-to-end test read `gather`'s.
#[test]
fn the_catalog_has_one_owner() {
    let allowed = ["plugins/catalog", "plugins/links", "nodes/gather", "nodes/predict", "nodes/dashboard", "tests"];
    let checkout = tests::checkout();
    let mut crates = vec!["tests".to_owned()];
    for folder in ["nodes", "plugins"] {
        let entries = std::fs::read_dir(checkout.join(folder)).unwrap().flatten();
        crates.extend(entries.map(|entry| format!("{folder}/{}", entry.file_name().to_string_lossy())));
    }
    let mut seen = 0;
    for name in &crates {
        let Ok(manifest) = std::fs::read_to_string(checkout.join(name).join("Cargo.toml")) else { continue };
        seen += 1;
        let is_used = manifest.lines().any(|line| line.starts_with("rusqlite"));
        assert!(
            !is_used || allowed.contains(&name.as_str()),
            "{name} depends on rusqlite: read through plugin-catalog"
        );
        let mut folders = vec![checkout.join(name).join(if name == "tests" { "src" } else { "" })];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|ending| ending == "rs") && name != "plugins/catalog" {
                    let source = std::fs::read_to_string(&path).unwrap();
                    let code = source.lines().filter(|line| !line.trim_start().starts_with("//"));
                    let is_its_path = |line: &&str| {
                        line.contains("(\"catalog.sqlite\")") || line.contains("(\"dataset/catalog.sqlite\")")
                    };
                    let opens = code.filter(is_its_path).count();
                    // Tests and benchmarks put one into a folder of their own.
                    let text = path.display();
                    assert!(
                        opens == 0 || is_aside(&path),
                        "{text} names the file of the catalog: open it by plugin-catalog"
                    );
                }
            }
        }
    }
    assert!(seen > 20, "{seen} crates are looked at");
}

/// Tests and benchmarks.
fn is_aside(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.contains("tests")
        || path.components().any(|part| ["tests", "examples", "bin"].iter().any(|of| part.as_os_str() == *of))
}

/// Every crate of the checkout: `nodes/train`, `plugins/api`.
fn crates(checkout: &Path) -> Vec<PathBuf> {
    let entries = ["nodes", "plugins"].iter().flat_map(|folder| std::fs::read_dir(checkout.join(folder)).unwrap());
    entries.map(|entry| entry.unwrap().path()).filter(|path| path.join("src").is_dir()).collect()
}

/// Every Rust file below a folder.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
    found
}

/// Names that `pub use` statements of a `lib.rs` bring in, and those of its private ones.
fn names_used(lib: &str) -> BTreeSet<String> {
    let starts_use = |line: &&str| ["use ", "pub use ", "pub(crate) use "].iter().any(|start| line.starts_with(start));
    let mut names = BTreeSet::new();
    for (at, _) in lib.match_indices("use ") {
        let line = &lib[lib[..at].rfind('\n').map_or(0, |end| end + 1)..];
        let Some(statement) = Some(line).filter(starts_use).and_then(|line| line.split(';').next()) else { continue };
        let last = |part: &str| part.trim().rsplit("::").next().unwrap_or_default().trim().to_owned();
        names.extend(statement.split([',', '{', '}']).map(last).filter(|name| !name.is_empty()));
    }
    names
}

/// Names that `use crate::…` statements take from the root of the crate.
fn names_from_root(source: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, start) in source.match_indices("use crate::") {
        let Some(statement) = source[at + start.len()..].split(';').next() else { continue };
        if !statement.starts_with('{') {
            names.push(statement.to_owned());
            continue;
        }
        let mut depth = 0;
        let mut name = String::new();
        for letter in statement.chars().chain([',']) {
            match letter {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth <= 1 => names.push(std::mem::take(&mut name)),
                letter if depth <= 1 => name.push(letter),
                _ => {}
            }
        }
    }
    let plain = names.iter().filter(|name| !name.contains("::"));
    plain.map(|name| name.split(" as ").next().unwrap_or_default().trim().to_owned()).collect()
}

#[test]
fn names_from_the_root_are_found() {
    let source = "use crate::{A, b::{C, D}, e as F};\nuse crate::g::{H, J};\nuse crate::I;";
    assert_eq!(names_from_root(source), ["A", "e", "I"]);
    let lib = "mod a;\npub use a::{A, b::C};\nuse std::fmt;\npub use d::D;";
    assert_eq!(names_used(lib).into_iter().collect::<Vec<_>>(), ["A", "C", "D", "fmt"]);
}

/// A module imports what another module defines from there, not through `lib.rs`: otherwise each would depend on all that the crate
/// shows, and nobody could tell which modules need which.
#[test]
fn modules_import_from_where_things_are_defined() {
    let mut through_lib = Vec::new();
    for folder in crates(&tests::checkout()) {
        let src = folder.join("src");
        let Ok(lib) = std::fs::read_to_string(src.join("lib.rs")) else { continue };
        let shown = names_used(&lib);
        for file in rust_files(&src).into_iter().filter(|file| *file != src.join("lib.rs")) {
            let source = std::fs::read_to_string(&file).unwrap();
            let names = names_from_root(&source).into_iter().filter(|name| shown.contains(name));
            through_lib.extend(names.map(|name| format!("{}: crate::{name}", file.display())));
        }
    }
    assert!(through_lib.is_empty(), "{through_lib:#?}");
}
