//! A network's file as a tree that can be changed, and back to text.
//!
//! Blocks are changed as they are written, not as they are understood, so that whatever a description may hold (definitions, sums,
//! blocks of later versions) stays as it is where nothing is changed. `plugin_blocks` then says whether the result is a network.

use plugin_blocks::block::SEARCH_MARK;
use plugin_blocks::{BlocksError, Description, Graph};
use serde_yaml::{Mapping, Value};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Where a list of blocks is: the steps from the top of the file.
pub type Place = Vec<Step>;

/// A step into a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A key of a mapping.
    Key(String),
    /// An item of a list.
    Item(usize),
}

/// A network's file as a tree.
#[derive(Clone, Debug, PartialEq)]
pub struct Document(Value);

/// Blocks with weights: their names decide which weights a changed network can take over.
const WEIGHTED: [(&str, &str); 3] = [("convolution", "conv"), ("affine", "fc"), ("batch-normalization", "bn")];

/// Kinds that are changed, or have blocks in them.
const KINDS: [&str; 11] = [
    "residual",
    "concatenation",
    "sequence",
    "repeat",
    "convolution",
    "affine",
    "batch-normalization",
    "max-pooling",
    "average-pooling",
    "dropout",
    "leaky-relu",
];

/// What a block is, as it is written; the empty string for what is no block that is known here.
pub fn kind(block: &Value) -> &str {
    match block {
        Value::String(kind) => kind,
        Value::Mapping(fields) => {
            if fields.contains_key("use") {
                return "use";
            }
            // `{name: …, sequence: …}` is written too.
            KINDS.into_iter().find(|kind| fields.contains_key(*kind)).unwrap_or_else(|| {
                let names = fields.keys().filter_map(Value::as_str);
                names.into_iter().find(|name| *name != "name" && *name != SEARCH_MARK).unwrap_or_default()
            })
        }
        _ => "",
    }
}

/// Whether structure search may change a block: it is not marked `search: false`.
pub fn is_free(block: &Value) -> bool {
    block.get(SEARCH_MARK).and_then(Value::as_bool) != Some(false)
}

/// A block of a kind, with fields.
pub fn block(kind: &str, value: impl Into<Value>, fields: &[(&str, Value)]) -> Value {
    let mut mapping = Mapping::new();
    mapping.insert(kind.into(), value.into());
    for (name, value) in fields {
        mapping.insert((*name).into(), value.clone());
    }
    Value::Mapping(mapping)
}

impl Document {
    /// The tree of a description, in which every block with weights has a name, so that names stay when others come and go.
    ///
    /// # Errors
    /// None that can be met: the text was read as YAML before.
    pub fn new(description: &Description) -> Result<Self, serde_yaml::Error> {
        let mut document = Self(serde_yaml::from_str(description.text())?);
        document.name_blocks();
        Ok(document)
    }

    /// The tree of a text.
    ///
    /// # Errors
    /// What is wrong with the YAML.
    pub fn parse(text: &str) -> Result<Self, serde_yaml::Error> {
        serde_yaml::from_str(text).map(Self)
    }

    /// As a description.
    ///
    /// # Errors
    /// [`BlocksError::Form`].
    pub fn description(&self, name: &str) -> Result<Description, BlocksError> {
        Description::parse(name, &self.to_text())
    }

    /// With all its numbers.
    ///
    /// # Errors
    /// As [`Description::graph`].
    pub fn graph(&self, size_px: u32, classes: usize) -> Result<Graph, BlocksError> {
        self.description("proposal")?.graph(size_px, classes)
    }

    /// What the file says the network is, for a person.
    pub fn set_about(&mut self, about: &str) {
        self.0["about"] = about.into();
    }

    /// All lists of blocks that may be changed, outer ones first.
    pub fn lists(&self) -> Vec<Place> {
        let mut found = Vec::new();
        if let Some(definitions) = self.0.get("definitions").and_then(Value::as_mapping) {
            for name in definitions.keys().filter_map(Value::as_str) {
                let place = ["definitions", name, "blocks"].map(|key| Step::Key(key.to_owned())).to_vec();
                self.lists_in(place, &mut found);
            }
        }
        self.lists_in(vec![Step::Key("blocks".to_owned())], &mut found);
        found
    }

    fn lists_in(&self, place: Place, found: &mut Vec<Place>) {
        let inner: Vec<Place> = self
            .list(&place)
            .iter()
            .enumerate()
            .filter(|(_, block)| is_free(block))
            .flat_map(|(i, block)| {
                let at = |steps: Vec<Step>| [place.clone(), vec![Step::Item(i)], steps].concat();
                let key = |key: &str| at(vec![Step::Key(key.to_owned())]);
                match kind(block) {
                    "residual" => vec![key("residual")],
                    "sequence" => vec![key("sequence")],
                    "repeat" => vec![key("blocks")],
                    "concatenation" => (0..block["concatenation"].as_sequence().map_or(0, Vec::len))
                        .map(|branch| at(vec![Step::Key("concatenation".to_owned()), Step::Item(branch)]))
                        .collect(),
                    _ => Vec::new(),
                }
            })
            .collect();
        found.push(place);
        for place in inner {
            self.lists_in(place, found);
        }
    }

    /// The blocks of a list.
    pub fn list(&self, place: &[Step]) -> &[Value] {
        let mut at = &self.0;
        for step in place {
            at = match step {
                Step::Key(key) => &at[key.as_str()],
                Step::Item(item) => &at[*item],
            };
        }
        at.as_sequence().map_or(&[], |list| list)
    }

    /// The blocks of a list, to be changed; `None` where there is no list.
    pub fn list_mut(&mut self, place: &[Step]) -> Option<&mut Vec<Value>> {
        let mut at = &mut self.0;
        for step in place {
            at = match step {
                Step::Key(key) => at.get_mut(key.as_str())?,
                Step::Item(item) => at.get_mut(*item)?,
            };
        }
        match at {
            Value::Sequence(list) => Some(list),
            _ => None,
        }
    }

    /// A name that no block has yet: `conv7`.
    pub fn fresh_name(&self, short: &str) -> String {
        let mut names = BTreeSet::new();
        names_in(&self.0, &mut names);
        let mut number = 1;
        while names.contains(&format!("{short}{number}")) {
            number += 1;
        }
        format!("{short}{number}")
    }

    /// Gives a block, and the blocks in it, names that no other has.
    pub fn rename(&mut self, block: &mut Value, taken: &mut BTreeSet<String>) {
        names_in(&self.0, taken);
        rename_in(block, taken);
    }

    /// Names blocks with weights outside of definitions, which are used several times. What that would break stays as it is.
    fn name_blocks(&mut self) {
        let unnamed = self.clone();
        let top = Step::Key("blocks".to_owned());
        for place in self.lists().into_iter().filter(|place| place[0] == top) {
            for i in 0..self.list(&place).len() {
                let of = self.list(&place)[i].clone();
                let short = WEIGHTED.iter().find(|(kind_of, _)| *kind_of == kind(&of)).map(|(_, short)| *short);
                let Some(short) = short.filter(|_| of.get("name").is_none()) else { continue };
                let name = self.fresh_name(short);
                if let Some(list) = self.list_mut(&place) {
                    let mut named = match of {
                        Value::String(kind) => block(&kind, Value::Null, &[]),
                        other => other,
                    };
                    named["name"] = name.into();
                    list[i] = named;
                }
            }
        }
        let builds = |document: &Self| {
            document.description("named").is_ok_and(|d| {
                let (min, max) = d.sizes_px();
                [min, 64.clamp(min, max), max].iter().any(|size| d.graph(*size, 2).is_ok())
            })
        };
        if builds(&unnamed) && !builds(self) {
            *self = unnamed;
        }
    }

    /// As text: a line a block.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        let Some(fields) = self.0.as_mapping() else { return text };
        for (name, value) in fields {
            let Some(name) = name.as_str() else { continue };
            match (name, value) {
                ("blocks", Value::Sequence(blocks)) => {
                    text.push_str("blocks:\n");
                    lines(&mut text, blocks, 2);
                }
                ("definitions", Value::Mapping(definitions)) => {
                    text.push_str("definitions:\n");
                    for (name, definition) in definitions {
                        let _ = writeln!(text, "  {}:", flow(name));
                        for (key, value) in definition.as_mapping().into_iter().flatten() {
                            match value {
                                Value::Sequence(blocks) => {
                                    let _ = writeln!(text, "    {}:", flow(key));
                                    lines(&mut text, blocks, 6);
                                }
                                other => {
                                    let _ = writeln!(text, "    {}: {}", flow(key), flow(other));
                                }
                            }
                        }
                    }
                }
                (name, value) => {
                    let _ = writeln!(text, "{name}: {}", flow(value));
                }
            }
        }
        text
    }
}

fn lines(text: &mut String, blocks: &[Value], indent: usize) {
    for block in blocks {
        let _ = writeln!(text, "{:indent$}- {}", "", flow(block));
    }
}

/// A value on one line.
fn flow(value: &Value) -> String {
    match value {
        Value::Sequence(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::Mapping(fields) => {
            let field = |(name, value): (&Value, &Value)| match value {
                Value::Null => flow(name),
                value => format!("{}: {}", flow(name), flow(value)),
            };
            format!("{{{}}}", fields.iter().map(field).collect::<Vec<_>>().join(", "))
        }
        Value::String(text) => {
            let is_plain = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-.+*/() ".contains(c))
                && !text.ends_with(' ')
                && serde_yaml::from_str::<Value>(text).is_ok_and(|read| read.is_string());
            if is_plain { text.clone() } else { serde_json::to_string(text).unwrap_or_default() }
        }
        other => serde_yaml::to_string(other).unwrap_or_default().trim_end().to_owned(),
    }
}

fn names_in(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Mapping(fields) => {
            names.extend(fields.get("name").and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|value| names_in(value, names));
        }
        Value::Sequence(items) => items.iter().for_each(|item| names_in(item, names)),
        _ => {}
    }
}

fn rename_in(value: &mut Value, taken: &mut BTreeSet<String>) {
    match value {
        Value::Mapping(fields) => {
            if let Some(name) = fields.get("name").and_then(Value::as_str) {
                let stem = name.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned();
                let mut number = 1;
                while taken.contains(&format!("{stem}{number}")) {
                    number += 1;
                }
                let name = format!("{stem}{number}");
                taken.insert(name.clone());
                fields.insert("name".into(), name.into());
            }
            fields.values_mut().for_each(|value| rename_in(value, taken));
        }
        Value::Sequence(items) => items.iter_mut().for_each(|item| rename_in(item, taken)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plugin_blocks::shipped::{find, names};

    #[test]
    fn shipped_networks_come_back_as_they_were() {
        for name in names() {
            let description = find(name).unwrap().unwrap();
            let document = Document::new(&description).unwrap();
            let size = 64;
            let (back, own) = (document.graph(size, 5).unwrap(), description.graph(size, 5).unwrap());
            assert_eq!(back.nodes.len(), own.nodes.len(), "{name}");
            assert_eq!(back.weights(), own.weights(), "{name}: weights keep their names");
            assert_eq!(Document::parse(&document.to_text()).unwrap(), document, "{name}");
        }
    }

    #[test]
    fn blocks_without_a_name_get_one() {
        let text = "blocks: [{convolution: 4, kernel: 3}, batch-normalization, relu, {affine: classes}]";
        let document = Document::new(&Description::parse("a", text).unwrap()).unwrap();
        let text = document.to_text();
        for line in ["- {convolution: 4, kernel: 3, name: conv1}", "- {batch-normalization, name: bn1}", "- relu"] {
            assert!(text.contains(line), "{text}");
        }
        assert_eq!(document.fresh_name("conv"), "conv2");
    }

    #[test]
    fn lists_of_marked_blocks_are_left_out() {
        let text = "blocks: [{sequence: [relu, {residual: [relu]}]}, {residual: [relu, {sequence: [relu]}], search: false}, \
                    {affine: classes, name: fc}]";
        let document = Document::new(&Description::parse("a", text).unwrap()).unwrap();
        assert_eq!(document.lists().len(), 3, "{:?}", document.lists());
        assert!(document.to_text().contains("search: false"));
    }
}
