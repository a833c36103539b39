//! `cargo wakuteka start`, `status` and `stop`: the real program, dora's real coordinator and daemon, the main graph.

use plugin_api::{Workspace, status};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};
use tests::graph::{Failure, SMALL, binaries, dataflow, dora, lock_all};

/// The command line over the workspace in `root`.
fn wakuteka(root: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(binaries().join("wakuteka"));
    command.args(words).stdin(Stdio::null());
    command.env("WAKUTEKA_HOME", root.join("home")).env("WAKUTEKA_LISTEN", "127.0.0.1:0");
    // Found in the checkout it was built from, and not where the runner says that this test's package is.
    command.env_remove("CARGO_MANIFEST_DIR");
    command
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The main graph with these options, in a file of its own, with the programs that belong to the checkout.
fn yaml(root: &Path, name: &str, options: &[(&str, &str, &str)]) -> Result<PathBuf, Failure> {
    let mut graph = dataflow("pipeline.yml", &[SMALL, options].concat())?;
    for node in graph.get_mut("nodes").and_then(serde_yaml::Value::as_sequence_mut).ok_or("no nodes")? {
        let program = node.get("path").and_then(serde_yaml::Value::as_str).map(Path::new).and_then(Path::file_name);
        let path = tests::checkout().join("target/debug").join(program.ok_or("no program")?);
        node.as_mapping_mut().ok_or("no mapping")?.insert("path".into(), path.to_string_lossy().into_owned().into());
    }
    let path = root.join(name);
    std::fs::write(&path, serde_yaml::to_string(&graph)?)?;
    Ok(path)
}

fn is_up() -> bool {
    let ask = Command::new(dora()).args(["list", "--quiet"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    ask.is_ok_and(|status| status.success())
}

/// Nodes of the workspace that run.
fn running(workspace: &Path) -> Vec<String> {
    let all = status::read_all(&workspace.join("status"));
    all.into_iter().filter(|(_, status)| status.is_alive()).map(|(node, _)| node).collect()
}

#[test]
fn wrong_options_start_nothing() -> Result<(), Failure> {
    let _alone = lock_all()?;
    let root = tempfile::tempdir()?;
    let was_up = is_up();
    let wrong: &[(&str, &str, &str)] =
        &[("train", "--epochs", "many"), ("resize", "--mode", "squeeze"), ("predict", "--revew", "5")];
    let path = yaml(root.path(), "wrong.yml", wrong)?;
    let lines: Vec<String> = std::fs::read_to_string(&path)?.lines().map(str::to_owned).collect();
    let place = |words: &str| lines.iter().position(|line| line.contains(words)).map(|at| at + 1).unwrap();
    let output = wakuteka(root.path(), &["start", &path.to_string_lossy()]).output()?;
    let said = text(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    for (line, node, parts) in [
        (place("--epochs many"), "train", ["--epochs", "'many'"]),
        (place("--mode squeeze"), "resize", ["stretch, crop, pad", "'squeeze'"]),
        (place("--revew 5"), "predict", ["'--revew'", "did you mean --review?"]),
    ] {
        let told = said.lines().find(|text| text.contains(&format!("wrong.yml:{line}: {node}: ")));
        let told = told.unwrap_or_else(|| panic!("{node}: {said}"));
        assert!(parts.iter().all(|part| told.contains(part)), "{told}");
    }
    assert!(said.contains("nothing was started") && !root.path().join("home").exists(), "{said}");
    assert_eq!(is_up(), was_up, "dora is not as it was");

    let output = wakuteka(root.path(), &["start", "--json", &path.to_string_lossy()]).output()?;
    let told: Value = serde_json::from_slice(&output.stdout)?;
    let nodes: Vec<&str> = told["options"].as_array().unwrap().iter().filter_map(|one| one["node"].as_str()).collect();
    assert!(nodes.contains(&"train") && nodes.contains(&"resize") && nodes.contains(&"predict"), "{told}");

    // What is wrong between nodes is told as well.
    let path = yaml(root.path(), "sizes.yml", &[("train", "--size", "48")])?;
    let said = text(&wakuteka(root.path(), &["start", &path.to_string_lossy()]).output()?);
    assert!(said.contains("train: --size 48, but resize has WAKUTEKA_IMAGE_SIZE 32"), "{said}");
    let graph = std::fs::read_to_string(yaml(root.path(), "wired.yml", &[])?)?;
    std::fs::write(root.path().join("wired.yml"), graph.replace("hash/hashed", "hash/hashd"))?;
    let said = text(&wakuteka(root.path(), &["start", &root.path().join("wired.yml").to_string_lossy()]).output()?);
    assert!(said.contains("`hash/hashd`") && said.contains("nothing was started"), "{said}");
    assert_eq!(is_up(), was_up, "dora is not as it was");
    Ok(())
}

#[test]
fn graph_is_started_told_of_and_stopped() -> Result<(), Failure> {
    let _alone = lock_all()?;
    let root = tempfile::tempdir()?;
    let workspace = root.path().join("home");
    let was_up = is_up();
    let before = text(&wakuteka(root.path(), &["status"]).output()?);
    assert!(before.contains("cargo wakuteka start"), "it says how to begin: {before}");

    let path = yaml(root.path(), "small.yml", &[])?;
    let start = Instant::now();
    let output = wakuteka(root.path(), &["start", "--json", &path.to_string_lossy()]).output()?;
    assert!(output.status.success(), "{}", text(&output));
    let started: Value = serde_json::from_slice(&output.stdout)?;
    let page = started["page"].as_str().ok_or("no page")?.to_owned();
    let took = start.elapsed();
    assert!(page.starts_with("http://127.0.0.1:") && page.ends_with('/'), "{started}");
    let answer = get(&page)?;
    assert!(answer.contains("200 OK") && answer.contains("app.js"), "{answer}");

    let status: Value = serde_json::from_slice(&wakuteka(root.path(), &["status", "--json"]).output()?.stdout)?;
    assert_eq!((&status["is_running"], &status["page"]), (&true.into(), &page.clone().into()), "{status}");
    assert!(status["champion"].is_null() && status["nodes"].as_array().unwrap().len() > 5, "{status}");
    let told = text(&wakuteka(root.path(), &["status"]).output()?);
    for part in [&page[..], "champion   none yet", "next run", "needs you"] {
        assert!(told.contains(part), "{part} in {told}");
    }
    let again = wakuteka(root.path(), &["start", &path.to_string_lossy()]).output()?;
    assert!(!again.status.success() && text(&again).contains("at work"), "{}", text(&again));

    let output = wakuteka(root.path(), &["stop", "--json"]).output()?;
    assert!(output.status.success(), "{}", text(&output));
    assert_eq!(serde_json::from_slice::<Value>(&output.stdout)?["stopped"][0], "small");
    assert_eq!(running(&workspace), Vec::<String>::new());
    assert_eq!(is_up(), was_up, "dora is not as it was");
    let status: Value = serde_json::from_slice(&wakuteka(root.path(), &["status", "--json"]).output()?.stdout)?;
    assert_eq!((&status["is_running"], &status["page"]), (&false.into(), &Value::Null));
    assert!(Workspace::existing(&workspace).is_ok() && took < Duration::from_mins(2), "{took:?}");
    Ok(())
}

/// An answer as it comes, head and body.
fn get(page: &str) -> Result<String, Failure> {
    use std::io::{Read, Write};
    let address = page.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = std::net::TcpStream::connect(address)?;
    write!(stream, "GET / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(text)
}
