//! `cargo wakuteka options`: the options of every node as Markdown, as `dataflows/README.md` holds them. Each node prints its own.

use crate::checkout::Checkout;
use crate::error::Error;
use crate::{cli, process, say};
use plugin_api::files;
use std::fs;
use std::process::Command;

/// The nodes of the graphs, in the order of the tables.
const NODES: [&str; 16] = [
    "watch",
    "decode",
    "hash",
    "resize",
    "dataset",
    "augment",
    "cache",
    "train",
    "search",
    "evaluate",
    "mirror",
    "predict",
    "inspect",
    "dashboard",
    "embed",
    "gather",
];
/// Lines of `dataflows/README.md` between which the tables are.
const MARKERS: [&str; 2] = ["<!-- options: cargo wakuteka options --write -->\n", "<!-- end of options -->"];

/// Prints the tables, or writes them into `dataflows/README.md`.
///
/// # Errors
/// [`Error::Refused`] when a node has not been built, or its file lacks the markers; [`Error::Failed`] when a node is of an earlier version.
pub fn run(checkout: &Checkout, options: &cli::Options) -> Result<(), Error> {
    let sections = NODES.iter().map(|node| section(checkout, node)).collect::<Result<Vec<_>, _>>()?;
    let tables = sections.join("\n");
    if !options.write {
        say::either(&serde_json::json!({ "markdown": tables }), &[tables.trim_end().to_owned()]);
        return Ok(());
    }
    let path = checkout.dataflows().join("README.md");
    let old = fs::read_to_string(&path).map_err(|e| files::with_path(&path, &e))?;
    let Some(text) = between_markers(&old, &tables) else {
        let markers = MARKERS.map(str::trim).join(" and ");
        return Err(Error::Refused(format!("{}: there are no lines {markers}", path.display())));
    };
    files::write_atomically(&path, text.as_bytes())?;
    let path = path.display().to_string();
    say::either(&serde_json::json!({ "written": path }), &[format!("written: {path}")]);
    Ok(())
}

fn section(checkout: &Checkout, node: &str) -> Result<String, Error> {
    let program = checkout.target().join("debug").join(node);
    if !program.is_file() {
        return Err(Error::Refused(format!("there is no {}: build the nodes first, cargo build", program.display())));
    }
    process::capture(Command::new(program).arg("--markdown-options"))
}

fn between_markers(text: &str, tables: &str) -> Option<String> {
    let (before, rest) = text.split_once(MARKERS[0])?;
    let (_, after) = rest.split_once(MARKERS[1])?;
    let [begin, end] = MARKERS;
    Some(format!("{before}{begin}\n{tables}\n{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_take_the_place_of_the_old_ones() {
        let [begin, end] = MARKERS;
        let text = format!("a\n{begin}old\n{end}\nb\n");
        let new = between_markers(&text, "### x\n").unwrap();
        assert_eq!(new, format!("a\n{begin}\n### x\n\n{end}\nb\n"));
        assert_eq!(between_markers(&new, "### x\n"), Some(new.clone()), "twice is once");
        assert_eq!(between_markers("none", ""), None);
    }
}
