//! `cargo wakuteka network show`: a network as a table and as a drawing.

use crate::cli::NetworkShow;
use crate::error::Error;
use crate::say;
use plugin_api::files;
use plugin_blocks::{BlocksError, Description, Graph, Node, drawing, shipped, table};
use serde_json::{Value, json};
use std::path::Path;

/// Prints the table, and writes the drawing when a file is named.
///
/// # Errors
/// [`Error::Blocks`] when there is no such network or it is broken, or any of the file system.
pub fn show(options: &NetworkShow) -> Result<(), Error> {
    let (description, graph) = graph(options)?;
    if let Some(path) = &options.svg {
        let title = format!("{}, {1} × {1} px, {2} classes", name(&options.network), options.size, options.classes);
        files::write_atomically(path, drawing::svg(&graph, &title).as_bytes())?;
    }
    let mut lines = vec![description.about().to_owned(), table::table(&graph).trim_end().to_owned()];
    lines.extend(options.svg.as_ref().map(|path| format!("drawn: {}", path.display())));
    let block = |node: &Node| {
        json!({
            "name": node.name, "block": node.summary(), "output": node.output.to_string(),
            "parameters": node.parameters(), "multiply_adds": node.multiply_adds(),
        })
    };
    let all = json!({
        "about": description.about(), "parameters": graph.parameters(), "multiply_adds": graph.multiply_adds(),
        "blocks": graph.nodes.iter().map(block).collect::<Vec<Value>>(), "svg": options.svg,
    });
    say::either(&all, &lines);
    Ok(())
}

fn name(network: &str) -> String {
    Path::new(network).file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn graph(options: &NetworkShow) -> Result<(Description, Graph), Error> {
    let description = find(&options.network)?;
    let graph = description.graph(options.size, options.classes)?;
    Ok((description, graph))
}

fn find(network: &str) -> Result<Description, BlocksError> {
    let path = Path::new(network);
    if path.extension().is_some_and(|e| e == "yml" || e == "yaml") {
        return Description::read(path);
    }
    shipped::find(network)?.ok_or_else(|| BlocksError::Form {
        file: network.to_owned(),
        problem: format!("no such network; there are {}, and files that end in .yml", shipped::names().join(", ")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(network: &str, size: u32) -> NetworkShow {
        NetworkShow { network: network.to_owned(), size, classes: 3, svg: None }
    }

    #[test]
    fn names_and_files_are_found_and_anything_else_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mine.yml");
        std::fs::write(&path, "blocks: [relu, {affine: classes}]").unwrap();
        assert_eq!(graph(&options(&path.display().to_string(), 32)).unwrap().1.nodes.len(), 3);
        assert_eq!(graph(&options("lenet", 64)).unwrap().1.classifier().name, "fc3");
        let error = graph(&options("resnet19", 64)).unwrap_err().to_string();
        assert!(error.contains("resnet19") && error.contains("resnet18") && error.contains(".yml"), "{error}");
        let error = graph(&options("lenet", 8)).unwrap_err().to_string();
        assert!(error.contains("16 to 256"), "{error}");
    }

    #[test]
    fn the_drawing_is_written_where_it_was_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let svg = folder.path().join("net.svg");
        show(&NetworkShow { svg: Some(svg.clone()), ..options("cnn-tanh", 64) }).unwrap();
        assert!(std::fs::read_to_string(svg).unwrap().contains("cnn-tanh, 64 × 64 px, 3 classes"));
    }
}
