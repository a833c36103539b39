//! A dataflow's YAML, as far as starting it goes.

use crate::checkout::Checkout;
use crate::error::Error;
use plugin_api::files::with_path;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A dataflow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Graph {
    /// The file.
    pub yaml: PathBuf,
    /// Variables for every node, as written.
    pub env: BTreeMap<String, String>,
    /// Nodes of the dataflow, in the order of the YAML.
    pub nodes: Vec<Node>,
}

/// A node of a dataflow: id, program and arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its name in the dataflow.
    pub id: String,
    /// Its program, absolute.
    pub path: PathBuf,
    /// Its options, as written.
    pub args: String,
    /// Its own variables, as written.
    pub env: BTreeMap<String, String>,
    /// Options of its inputs that dora does not know, and passes over in silence: input and option.
    pub unknown: Vec<(String, String)>,
    /// The line of the file, from 1, with its options, or with its name when it has none.
    pub line: usize,
}

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    env: BTreeMap<String, serde_yaml::Value>,
    nodes: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    id: String,
    #[serde(default)]
    path: String,
    #[serde(default)]
    args: Option<String>,
    #[serde(default)]
    inputs: Option<BTreeMap<String, serde_yaml::Value>>,
    #[serde(default)]
    env: BTreeMap<String, serde_yaml::Value>,
}

impl Graph {
    /// Reads a file.
    ///
    /// # Errors
    /// [`Error::File`], or [`Error::Refused`] with line and column for what is no dataflow.
    pub fn read(yaml: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(yaml).map_err(|error| with_path(yaml, &error))?;
        Self::of(yaml, &text).map_err(|error| Error::Refused(format!("{}: {error}", yaml.display())))
    }

    pub(super) fn of(yaml: &Path, text: &str) -> Result<Self, serde_yaml::Error> {
        let document: Document = serde_yaml::from_str(text)?;
        let folder = yaml.parent().unwrap_or(Path::new("."));
        let node = |entry: Entry| Node {
            line: line_of(text, &entry.id),
            path: clean(&folder.join(&entry.path)),
            args: entry.args.unwrap_or_default(),
            env: texts(entry.env),
            unknown: unknown(entry.inputs.unwrap_or_default()),
            id: entry.id,
        };
        let nodes = document.nodes.into_iter().map(node).collect();
        Ok(Self { yaml: yaml.to_owned(), env: texts(document.env), nodes })
    }

    /// Whether a node is told to work with LibTorch.
    pub fn asks_for_libtorch(&self) -> bool {
        self.nodes.iter().any(|node| node.args.contains("--device libtorch"))
    }
}

impl Node {
    /// The name of its program.
    pub fn program(&self) -> &str {
        self.path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
    }

    /// The name of its program when it is one of ours, built into the checkout's target folder.
    pub fn ours(&self, checkout: &Checkout) -> Option<&str> {
        let program = self.program();
        let is_built_here = self.path.parent() == Some(&checkout.target().join("debug"));
        let is_known = checkout.root().join("nodes").join(program).join("Cargo.toml").is_file();
        (is_built_here && is_known).then_some(program)
    }

    /// File and line of its options.
    pub fn place(&self, graph: &Graph) -> String {
        format!("{}:{}", super::shown(&graph.yaml), self.line)
    }
}

/// What dora 1.1 knows of an input.
pub const INPUT_OPTIONS: [&str; 4] = ["source", "queue_size", "queue_policy", "input_timeout"];

fn unknown(inputs: BTreeMap<String, serde_yaml::Value>) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (input, value) in inputs {
        let keys =
            value.as_mapping().into_iter().flat_map(serde_yaml::Mapping::keys).filter_map(serde_yaml::Value::as_str);
        found.extend(keys.filter(|key| !INPUT_OPTIONS.contains(key)).map(|key| (input.clone(), key.to_owned())));
    }
    found
}

/// Text, numbers and switches as dora hands them on.
fn texts(env: BTreeMap<String, serde_yaml::Value>) -> BTreeMap<String, String> {
    let text = |value: serde_yaml::Value| match value {
        serde_yaml::Value::String(text) => Some(text),
        serde_yaml::Value::Number(number) => Some(number.to_string()),
        serde_yaml::Value::Bool(switch) => Some(switch.to_string()),
        _ => None,
    };
    env.into_iter().filter_map(|(name, value)| Some((name, text(value)?))).collect()
}

/// The line of `args:` of a node, or that of its `id:`.
fn line_of(text: &str, id: &str) -> usize {
    let value = |line: &str, key: &str| {
        let rest = line.trim_start().trim_start_matches("- ").strip_prefix(key)?.strip_prefix(':')?;
        Some(rest.split(" #").next().unwrap_or_default().trim().trim_matches(['"', '\'']).to_owned())
    };
    let mut lines = text.lines().zip(1..);
    let Some((_, at)) = lines.find(|(line, _)| value(line, "id").as_deref() == Some(id)) else { return 1 };
    let mut own = lines.take_while(|(line, _)| value(line, "id").is_none());
    own.find(|(line, _)| value(line, "args").is_some()).map_or(at, |(_, line)| line)
}

/// Without `.` and `..`, whether or not it is there.
fn clean(path: &Path) -> PathBuf {
    use std::path::Component;
    let mut cleaned = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                cleaned.pop();
            }
            other => cleaned.push(other),
        }
    }
    cleaned
}
