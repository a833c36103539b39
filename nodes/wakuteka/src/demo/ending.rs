//! What the demo ends with: how good the model is, where everything is, and what to do next.

use super::verdict;
use crate::checkout::Checkout;
use crate::overview::Figures;
use plugin_api::Workspace;
use plugin_api::runs::Verdict;
use serde_json::{Value, json};
use std::path::PathBuf;

/// What is known at the end.
pub struct Ending<'a> {
    /// Checkout that the demo runs from.
    pub checkout: &'a Checkout,
    /// The workspace.
    pub workspace: &'a Workspace,
    /// The verdict that was waited for.
    pub verdict: &'a Verdict,
    /// The address of the page, while it is there.
    pub page: Option<String>,
    /// Whether the dataflow is left running.
    pub is_running: bool,
}

impl Ending<'_> {
    fn weights(&self) -> Option<PathBuf> {
        let file = self.workspace.models().join(self.verdict.champion.as_ref()?).join("model.safetensors");
        file.is_file().then_some(file)
    }

    fn report(&self) -> PathBuf {
        self.workspace.root().join(&self.verdict.report)
    }

    /// For a program.
    pub fn json(&self) -> Value {
        json!({
            "home": self.workspace.root(), "page": self.page, "inbox": self.workspace.inbox(), "weights": self.weights(),
            "report": self.report(), "figures": Figures::of(self.verdict), "verdict": self.verdict,
            "is_running": self.is_running,
        })
    }

    /// Figures, confusion matrix, and where things are.
    pub fn result(&self, is_new: bool) -> Vec<String> {
        let mut lines = vec![String::new()];
        if !is_new {
            lines.push(
                "Nothing has changed since the last run, whose verdict this is (`--fresh` learns anew):".to_owned(),
            );
        }
        lines.extend(verdict::figures(self.verdict));
        lines.extend(verdict::matrix(self.verdict));
        lines.push(String::new());
        let page =
            self.page.clone().unwrap_or_else(|| "while it runs: cargo wakuteka start says its address".to_owned());
        let weights =
            self.weights().map_or_else(|| "none: no model was good enough yet".to_owned(), |w| w.display().to_string());
        for (name, value) in [
            ("page", page),
            ("inbox", format!("{}: what you drop there is classified", self.workspace.inbox().display())),
            ("weights", weights),
            ("report", self.report().display().to_string()),
            ("photos", format!("{}/<class>/", self.workspace.photos().display())),
        ] {
            lines.push(format!("{name:<10}{value}"));
        }
        lines
    }

    /// What a user can do now.
    pub fn how_to_go_on(&self) -> Vec<String> {
        let workspace = if self.workspace.root() == self.checkout.workspace() {
            String::new()
        } else {
            format!(" --home {}", self.workspace.root().display())
        };
        let begin = if self.is_running {
            "the dataflow is running; to stop it: cargo wakuteka stop".to_owned()
        } else {
            format!("start it again, and open the page: cargo wakuteka start{workspace}")
        };
        [
            "",
            "How to go on:",
            &format!("- {begin}"),
            "- drop images into the inbox: they are classified, also on the page",
            "- copy images into the class folders, move or delete some, make a new folder for a new class: it learns from",
            &format!("  what changed; cargo wakuteka status --watch{workspace} shows how far it is"),
            &format!("- take the weights elsewhere: cargo wakuteka export-model --champion --format onnx --out model.onnx{workspace}"),
            &format!("- find more images of a class: fill seeds/ and pool/, cargo wakuteka start curate{workspace}"),
            "- edit dataflows/pipeline.yml: size, augmentation, architecture, epochs, …; dataflows/README.md lists all options",
            "- learn faster with LibTorch: cargo wakuteka libtorch",
        ]
        .map(str::to_owned)
        .into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::tests_verdict;

    #[test]
    fn page_inbox_and_weights_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::create(folder.path()).unwrap();
        let model = workspace.models().join("1");
        std::fs::create_dir(&model).unwrap();
        std::fs::write(model.join("model.safetensors"), "weights").unwrap();
        let (checkout, verdict) = (Checkout::find().unwrap(), tests_verdict("1"));
        let page = Some("http://127.0.0.1:8420/".to_owned());
        let ending = Ending { checkout: &checkout, workspace: &workspace, verdict: &verdict, page, is_running: true };
        let text = [ending.result(true), ending.how_to_go_on()].concat().join("\n");
        for part in [
            "page      http://127.0.0.1:8420/",
            "/inbox: what you drop",
            "models/1/model.safetensors",
            "the largest class",
            "cargo wakuteka stop",
            "start curate --home",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert_eq!(ending.json()["figures"]["largest_class"]["class"], "transportation");
    }
}
