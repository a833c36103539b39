//! `cargo demo` itself: the real program, dora's real coordinator and daemon, `dora start`, all the demo's images.

use plugin_api::runs::RunFolder;
use plugin_api::{Workspace, status};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tests::graph::{Failure, binaries, dora, lock_all};

/// `cargo demo` over the workspace `workspace`, with the nodes as this test's build has made them.
fn demo(workspace: &Path) -> Command {
    let mut demo = Command::new(binaries().join("wakuteka"));
    demo.args(["demo", "--no-build", "--home"]).arg(workspace).stdin(Stdio::null());
    // Found in the checkout it was built from, and not where the runner says that this test's package is.
    demo.env_remove("CARGO_MANIFEST_DIR");
    demo
}

/// Processes of nodes of this workspace that still run.
fn running(workspace: &Workspace) -> Vec<String> {
    let all = status::read_all(&workspace.status());
    let alive = |pid: u32| pid != 0 && Path::new(&format!("/proc/{pid}")).exists();
    all.into_iter().filter(|(_, status)| alive(status.pid)).map(|(node, _)| node).collect()
}

fn is_up() -> bool {
    let ask = Command::new(dora()).args(["list", "--quiet"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    ask.is_ok_and(|status| status.success())
}

#[test]
fn demo_ends_with_a_verdict_and_is_quick_when_rerun() -> Result<(), Failure> {
    let _alone = lock_all()?;
    let root = tempfile::tempdir()?;
    let was_up = is_up();
    let output = demo(root.path()).output()?;
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}");
    let workspace = Workspace::create(root.path())?;
    let verdict = RunFolder::all(&workspace.runs()).pop().and_then(|run| run.verdict()).ok_or("no verdict")?;
    assert_eq!(verdict.decision.name(), "promoted", "{}", verdict.reason);
    // With pretrained weights, which `cargo verify` has fetched.
    assert!(verdict.accuracy > 0.6, "not much better than the largest class: {}", verdict.accuracy);
    for told in [
        "images correct (95 % interval",
        "balanced accuracy",
        "the largest class",
        "confusion matrix",
        "report/index.html",
        "photos",
        "/inbox: what you drop",
        "model.safetensors",
        "page ",
        "libtorch",
        "cargo wakuteka start",
    ] {
        assert!(said.contains(told), "it does not speak of {told}:\n{said}");
    }
    assert_eq!(running(&workspace), Vec::<String>::new());
    assert_eq!(is_up(), was_up, "dora is not as it was");

    let output = demo(root.path()).output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    assert_eq!(
        RunFolder::all(&workspace.runs()).len(),
        1,
        "the second demo trained on what was trained on already:\n{said}"
    );
    Ok(())
}

#[test]
fn ctrl_c_in_the_middle_leaves_nothing_running() -> Result<(), Failure> {
    let _alone = lock_all()?;
    let root = tempfile::tempdir()?;
    let workspace = Workspace::create(root.path())?;
    let was_up = is_up();
    let mut demo = demo(root.path()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let start = Instant::now();
    while status::read_all(&workspace.status()).get("watch").is_none_or(|watch| watch.counters.is_empty()) {
        if demo.try_wait()?.is_some() || start.elapsed() > Duration::from_mins(3) {
            let _ = demo.kill();
            return Err("the graph did not begin".into());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(!running(&workspace).is_empty());
    Command::new("kill").arg("-INT").arg(demo.id().to_string()).status()?;
    let ended = demo.wait()?;
    assert!(!ended.success(), "an interrupted demo is no success: {ended}");
    assert_eq!(running(&workspace), Vec::<String>::new());
    assert_eq!(is_up(), was_up, "dora is not as it was");
    Ok(())
}
