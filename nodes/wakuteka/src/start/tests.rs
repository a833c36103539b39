//! Without dora: what is read of the YAML, and what is told of wrong options. Nodes are shell scripts here.

use super::*;
use std::fs;
use std::os::unix::fs::PermissionsExt;

const YAML: &str = "env:\n  WAKUTEKA_HOME: ${WAKUTEKA_HOME:-x}\n  N: 3\nnodes:\n  - id: watch\n    path: ../target/debug/watch\n    \
                    args: --a 'b c'\n  - id: train # learns\n    path: ../target/debug/train\n    inputs:\n      x: watch/y\n    \
                    args: >-\n      --epochs many\n    env: { M: \"${N:-4}\" }\n  - id: far\n    path: /bin/true\n";

/// A checkout with programs that refuse `many`, print what they were given and know `--check-options`.
fn checkout() -> (tempfile::TempDir, Checkout) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    fs::create_dir_all(root.join("dataflows")).unwrap();
    fs::write(root.join("dataflows/graph.yml"), YAML).unwrap();
    fs::create_dir_all(root.join("target/debug")).unwrap();
    for name in ["watch", "train"] {
        fs::create_dir_all(root.join("nodes").join(name)).unwrap();
        fs::write(root.join("nodes").join(name).join("Cargo.toml"), "").unwrap();
        let program = root.join("target/debug").join(name);
        let script = "#!/bin/sh\n[ \"$1\" = --check-options ] || exit 9\ncase \"$*\" in *many*) echo \"invalid value 'many' for \
                      --epochs in $M\" >&2; exit 2;; esac\n";
        fs::write(&program, script).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let checkout = Checkout::at(&root).unwrap();
    (folder, checkout)
}

#[test]
fn graph_is_read_with_the_lines_of_its_options() {
    let (_folder, checkout) = checkout();
    let graph = Graph::read(&find(&checkout, Path::new("graph")).unwrap()).unwrap();
    let told: Vec<(&str, &str, usize)> = graph.nodes.iter().map(|n| (&n.id[..], &n.args[..], n.line)).collect();
    assert_eq!(told, [("watch", "--a 'b c'", 7), ("train", "--epochs many", 12), ("far", "", 15)]);
    assert_eq!(graph.nodes[0].ours(&checkout), Some("watch"));
    assert_eq!(graph.nodes[2].ours(&checkout), None, "a program of others is not asked");
    assert_eq!(graph.env["N"], "3");
    let error = Graph::of(Path::new("x.yml"), "nodes: 3").unwrap_err().to_string();
    assert!(error.contains("line 1"), "{error}");
    let error = find(&checkout, Path::new("none.yml")).unwrap_err().to_string();
    assert!(error.ends_with("there are graph"), "{error}");
}

#[test]
fn wrong_options_are_told_with_node_and_line() {
    let (_folder, checkout) = checkout();
    let graph = Graph::read(&checkout.dataflows().join("graph.yml")).unwrap();
    let own = [("N".to_owned(), String::new())].into_iter();
    let environment = Environment::with(own, &graph, Path::new("/home"));
    let told = check(&checkout, &graph, &environment).unwrap_err();
    let error = told.to_string();
    let lines: Vec<&str> = error.lines().collect();
    assert!(lines[0].ends_with("dataflows/graph.yml:12: train: invalid value 'many' for --epochs in 4"), "{error}");
    assert_eq!(told.report()["options"][0]["node"], "train");
    assert_eq!(lines[1..], ["nothing was started"], "watch and what is not ours are right");
    assert_eq!(environment.of_node(&graph.nodes[0])["WAKUTEKA_HOME"], "/home");
}

#[test]
fn programs_of_an_earlier_version_are_named() {
    let (_folder, checkout) = checkout();
    let script = "#!/bin/sh\necho \"error: unexpected argument '--check-options' found\" >&2; exit 2\n";
    fs::write(checkout.target().join("debug/watch"), script).unwrap();
    let graph = Graph::read(&checkout.dataflows().join("graph.yml")).unwrap();
    let environment = Environment::with(std::iter::empty(), &graph, Path::new("/home"));
    let error = check(&checkout, &graph, &environment).unwrap_err().to_string();
    assert!(error.contains("graph.yml:7: watch:") && error.contains("cargo build -p node-watch"), "{error}");
}

#[test]
fn workspace_in_use_is_not_started_over() {
    let (folder, checkout) = checkout();
    let root = folder.path().join("home");
    fs::create_dir_all(root.join("status")).unwrap();
    let program = std::env::current_exe().unwrap().file_name().unwrap().to_string_lossy().into_owned();
    plugin_api::status::StatusFile::new(&root.join("status"), "watch").of_program(&program).write();
    let workspace = cli::WorkspaceArgs { root: Some(root) };
    let options = cli::Start { workspace: workspace.clone(), dataflow: "graph.yml".into(), ..cli::Start::default() };
    let error = run(&checkout, &options).unwrap_err().to_string();
    let other = Graph::of(Path::new("x.yml"), "nodes:\n  - id: gather\n    path: gather\n").unwrap();
    assert!(refuse_second(&other, &workspace.folder(&checkout)).is_ok(), "another graph may work beside it");
    assert!(error.contains("already (node watch)") && error.contains("cargo wakuteka stop"), "{error}");
}
