//! Projects of Neural Network Console become networks with the parameters of their definition.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use plugin_blocks::Description;
use plugin_nnc::{Imported, import_project};
use std::path::PathBuf;

/// Sony's sample projects, where they are at hand.
fn samples() -> Vec<PathBuf> {
    let folder = std::env::var("WAKUTEKA_NNC_PROJECTS").map_or_else(
        |_| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/nnc-projects")),
        PathBuf::from,
    );
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|e| e == "sdcproj")).collect();
    files.sort();
    files
}

fn imported(path: &std::path::Path) -> Imported {
    let name = path.file_stem().unwrap().to_str().unwrap();
    import_project(name, &std::fs::read_to_string(path).unwrap()).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn samples_have_the_parameters_of_their_definition() {
    for path in samples() {
        let found = imported(&path);
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        println!(
            "{name}: {} px, {} classes, {} parameters\n{}\n{:#?}",
            found.size_px,
            found.classes,
            found.parameters,
            found.options.yaml(),
            found.notes
        );
        if std::env::var("SHOW").is_ok_and(|show| name.contains(&show)) {
            println!("{}", found.network);
        }
        let graph = Description::parse(&name, &found.network).unwrap().graph(found.size_px, found.classes).unwrap();
        assert_eq!(graph.parameters(), found.parameters);
    }
}
