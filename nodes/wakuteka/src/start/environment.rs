//! Variables that nodes are given: those of the YAML, where a person's own win as the YAML lets them.

use super::graph::{Graph, Node};
use std::collections::BTreeMap;
use std::path::Path;

/// Variables of a dataflow.
#[derive(Clone, Debug)]
pub struct Environment {
    /// Of this program, and where the workspace is.
    own: BTreeMap<String, String>,
    /// Of every node.
    all: BTreeMap<String, String>,
}

impl Environment {
    /// Those of a dataflow over the workspace in `workspace`.
    pub fn of(graph: &Graph, workspace: &Path) -> Self {
        Self::with(
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))),
            graph,
            workspace,
        )
    }

    pub(super) fn with(own: impl Iterator<Item = (String, String)>, graph: &Graph, workspace: &Path) -> Self {
        let mut own: BTreeMap<String, String> = own.collect();
        own.insert("WAKUTEKA_HOME".to_owned(), workspace.display().to_string());
        let all = graph.env.iter().map(|(name, value)| (name.clone(), expand(value, &own))).collect();
        Self { own, all }
    }

    /// Those of a node.
    pub fn of_node(&self, node: &Node) -> BTreeMap<String, String> {
        let mut variables = self.all.clone();
        variables.extend(node.env.iter().map(|(name, value)| (name.clone(), expand(value, &self.own))));
        variables
    }

    /// Those that dora's daemon, which may have been started elsewhere, has to be told of.
    pub fn passed_on(&self) -> BTreeMap<String, String> {
        let is_ours = |name: &str| name.starts_with("WAKUTEKA_") || self.all.contains_key(name);
        let ours = self.own.iter().filter(|(name, _)| is_ours(name));
        ours.map(|(name, value)| (name.clone(), value.clone())).collect()
    }
}

/// `${NAME}`, `${NAME:-otherwise}` and `$NAME` replaced, as dora does it. What is not set is empty.
fn expand(text: &str, variables: &BTreeMap<String, String>) -> String {
    let get = |name: &str| variables.get(name).map(String::as_str).unwrap_or_default();
    let mut expanded = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        expanded.push_str(before);
        if let Some((inside, behind)) = after.strip_prefix('{').and_then(|after| after.split_once('}')) {
            let (name, otherwise) = inside.split_once(":-").unwrap_or((inside, ""));
            expanded.push_str(if get(name).is_empty() { otherwise } else { get(name) });
            rest = behind;
        } else {
            let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
            expanded.push_str(if end == 0 { "$" } else { get(&after[..end]) });
            rest = &after[end..];
        }
    }
    expanded + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_expand_as_dora_does_it() {
        let variables = BTreeMap::from([("A".to_owned(), "1".to_owned()), ("EMPTY".to_owned(), String::new())]);
        for (text, expanded) in [
            ("${A}", "1"),
            ("x $A/${A:-2}", "x 1/1"),
            ("${B:-../home}", "../home"),
            ("${EMPTY:-passive}", "passive"),
            ("${B}|$B", "|"),
            ("5 $ and ${open", "5 $ and ${open"),
        ] {
            assert_eq!(expand(text, &variables), expanded, "{text}");
        }
    }
}
