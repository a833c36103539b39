//! A real graph: one of `dataflows/*.yml` with some options changed, under `dora run`.

use plugin_api::Workspace;
use plugin_api::runs::{RunFolder, Verdict};
use plugin_api::status::{self, Status};
use serde_yaml::Value;
use std::fs::{File, TryLockError};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Something in a test's surroundings failed.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Options with which a run takes a moment.
pub const SMALL: &[(&str, &str, &str)] = &[
    ("env", "WAKUTEKA_IMAGE_SIZE", "32"),
    ("train", "--epochs", "2"),
    ("train", "--cross-validate", "off"),
    ("train", "--debounce-seconds", "1"),
    ("train", "--device", "flex"),
    ("evaluate", "--device", "flex"),
    ("predict", "--device", "flex"),
    ("inspect", "--label-errors", "off"),
    ("watch", "--ack-timeout-seconds", "5"),
];

/// A running graph. It ends when dropped.
pub struct Graph {
    /// Its workspace.
    pub workspace: Workspace,
    /// Where its YAML and dora's logs lie.
    pub folder: PathBuf,
    /// Path of the dataflow's YAML.
    yaml: &'static str,
    dora: Child,
    /// Held as long as the graph runs.
    slots: Slots,
}

/// The dora CLI: the one `cargo verify` has set up, or the one on the PATH.
pub fn dora() -> PathBuf {
    let ours = crate::checkout().join(".wakuteka/tools/dora/bin/dora");
    let found = || if ours.exists() { ours } else { "dora".into() };
    std::env::var_os("WAKUTEKA_DORA").map_or_else(found, PathBuf::from)
}

/// The folder with the nodes' binaries: where `cargo verify` has built them, or beside this test.
pub fn binaries() -> PathBuf {
    if let Some(target) = std::env::var_os("WAKUTEKA_TARGET") {
        return PathBuf::from(target).join("debug");
    }
    // A test's own binary lies in <target>/debug/deps, a benchmark's beside the nodes.
    let own = std::env::current_exe().unwrap_or_default();
    let folder = own.parent().unwrap_or(&own);
    if folder.ends_with("deps") { folder.parent().unwrap_or(folder) } else { folder }.to_path_buf()
}

/// Graphs that run at the same time on a machine, whoever starts them: they wait for most of their time.
const SLOTS: usize = 2;

/// The right to run graphs, until the last clone is dropped.
#[derive(Clone, Debug)]
pub struct Slots(#[expect(dead_code, reason = "locked as long as the files are open")] Arc<[File]>);

fn slot(number: usize) -> std::io::Result<File> {
    File::create(std::env::temp_dir().join(format!("wakuteka-tests-{number}.lock")))
}

/// Waits for one of the two slots for graphs.
///
/// # Errors
/// Any error of the file system.
pub fn lock() -> std::io::Result<Slots> {
    loop {
        for number in 0..SLOTS {
            let file = slot(number)?;
            match file.try_lock() {
                Ok(()) => return Ok(Slots(Arc::new([file]))),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Waits until no other graph runs: for dora's own coordinator, of which a machine has one, and for benchmarks.
///
/// # Errors
/// Any error of the file system.
pub fn lock_all() -> std::io::Result<Slots> {
    let mut files = Vec::with_capacity(SLOTS);
    for number in 0..SLOTS {
        let file = slot(number)?;
        file.lock()?;
        files.push(file);
    }
    Ok(Slots(files.into()))
}

impl Graph {
    /// Starts the main graph over the workspace `root`, with other options for some nodes: `(node, flag, value)`.
    ///
    /// # Errors
    /// When the graph cannot be started at all.
    pub fn start(root: &Path, options: &[(&str, &str, &str)]) -> Result<Self, Failure> {
        Self::start_of("pipeline.yml", root, options)
    }

    /// As [`Graph::start`], while no other graph runs.
    ///
    /// # Errors
    /// When the graph cannot be started at all.
    pub fn start_alone(root: &Path, options: &[(&str, &str, &str)]) -> Result<Self, Failure> {
        Self::start_locked("pipeline.yml", root, options, &[], lock_all()?)
    }

    /// As [`Graph::start`], another graph.
    ///
    /// # Errors
    /// When the graph cannot be started at all.
    pub fn start_of(yaml: &'static str, root: &Path, options: &[(&str, &str, &str)]) -> Result<Self, Failure> {
        Self::start_locked(yaml, root, options, &[], lock()?)
    }

    /// As [`Graph::start`], with variables in the environment of dora and all nodes.
    ///
    /// # Errors
    /// When the graph cannot be started at all.
    pub fn start_in(root: &Path, options: &[(&str, &str, &str)], env: &[(&str, &str)]) -> Result<Self, Failure> {
        Self::start_locked("pipeline.yml", root, options, env, lock()?)
    }

    fn start_locked(
        name: &'static str,
        root: &Path,
        options: &[(&str, &str, &str)],
        env: &[(&str, &str)],
        slots: Slots,
    ) -> Result<Self, Failure> {
        let workspace = Workspace::create(&root.join("home"))?;
        let folder = root.join("graph");
        std::fs::create_dir_all(&folder)?;
        let yaml = folder.join(name);
        let mut graph = dataflow(name, options)?;
        if !env.is_empty() {
            wrap(&mut graph, env, &root.join("bin"))?;
        }
        std::fs::write(&yaml, serde_yaml::to_string(&graph)?)?;
        let log = File::options().create(true).append(true).open(root.join("dora.log"))?;
        let dora = Command::new(dora())
            .arg("run")
            .arg(&yaml)
            .env("WAKUTEKA_HOME", workspace.root())
            .envs(env.iter().copied())
            // Any port: other graphs may run on this machine.
            .env("WAKUTEKA_LISTEN", "127.0.0.1:0")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        Ok(Self { workspace, folder, yaml: name, dora, slots })
    }

    /// What the nodes say of themselves.
    pub fn status(&self, node: &str) -> Status {
        status::read_all(&self.workspace.status()).remove(node).unwrap_or_default()
    }

    /// Waits until `met`, or fails with `what` and the end of the log after `limit`.
    ///
    /// # Errors
    /// When the limit has passed or the graph has ended.
    pub fn wait(&mut self, what: &str, limit: Duration, mut met: impl FnMut(&Self) -> bool) -> Result<(), Failure> {
        let start = Instant::now();
        while !met(self) {
            if let Some(ended) = self.dora.try_wait()? {
                return Err(format!("waiting for {what}: the graph ended with {ended}\n{}", self.log()).into());
            }
            if start.elapsed() > limit {
                return Err(format!("waiting for {what}: nothing after {limit:?}\n{}", self.log()).into());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    /// The last lines of the log.
    pub fn log(&self) -> String {
        let text = self.whole_log();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(60)..].join("\n")
    }

    /// Everything the nodes have said.
    pub fn whole_log(&self) -> String {
        let log = self.folder.parent().map(|root| root.join("dora.log")).unwrap_or_default();
        std::fs::read_to_string(log).unwrap_or_default()
    }

    /// Verdicts so far, oldest first.
    pub fn verdicts(&self) -> Vec<Verdict> {
        RunFolder::all(&self.workspace.runs()).iter().filter_map(RunFolder::verdict).collect()
    }

    /// Process of a node.
    pub fn pid(&self, node: &str) -> Option<u32> {
        Some(self.status(node).pid).filter(|pid| *pid != 0 && Path::new(&format!("/proc/{pid}")).exists())
    }

    /// Sends a signal to a node, `KILL` or `STOP`.
    ///
    /// # Errors
    /// When the node is not there.
    pub fn signal(&self, node: &str, signal: &str) -> Result<(), Failure> {
        let pid = self.pid(node).ok_or_else(|| format!("{node} has no process"))?;
        let done = Command::new("kill").arg(format!("-{signal}")).arg(pid.to_string()).status()?;
        if done.success() { Ok(()) } else { Err(format!("kill -{signal} {node}: {done}").into()) }
    }

    /// Ends the graph as Ctrl-C does, and starts it again over the same workspace.
    ///
    /// # Errors
    /// When it does not end, or cannot be started.
    pub fn restart(mut self, options: &[(&str, &str, &str)]) -> Result<Self, Failure> {
        self.end()?;
        let root = self.folder.parent().map(Path::to_path_buf).unwrap_or_default();
        for entry in std::fs::read_dir(self.workspace.status())?.flatten() {
            std::fs::remove_file(entry.path())?;
        }
        let slots = self.slots.clone();
        Self::start_locked(self.yaml, &root, options, &[], slots)
    }

    /// Ends the graph as Ctrl-C does.
    ///
    /// # Errors
    /// When it has not ended after 30 s.
    pub fn end(&mut self) -> Result<(), Failure> {
        Command::new("kill").arg("-INT").arg(self.dora.id().to_string()).status()?;
        let start = Instant::now();
        while self.dora.try_wait()?.is_none() {
            if start.elapsed() > Duration::from_secs(30) {
                return Err(format!("the graph does not end\n{}", self.log()).into());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }
}

impl Drop for Graph {
    fn drop(&mut self) {
        if self.end().is_err() {
            let _ = self.dora.kill();
            let _ = self.dora.wait();
        }
    }
}

/// One of the graphs with other options, each of a node (its id, flag, value) or for all (`env`, variable, value), and absolute
/// paths so that it can lie anywhere.
///
/// # Errors
/// When the YAML cannot be read or names no such node.
pub fn dataflow(name: &str, options: &[(&str, &str, &str)]) -> Result<Value, Failure> {
    let path = crate::checkout().join("dataflows").join(name);
    let mut yaml: Value = serde_yaml::from_str(&std::fs::read_to_string(path)?)?;
    let shared = yaml.get_mut("env").and_then(Value::as_mapping_mut).ok_or("no env")?;
    for (_, name, value) in options.iter().filter(|(of, ..)| *of == "env") {
        shared.insert((*name).into(), (*value).into());
    }
    let nodes = yaml.get_mut("nodes").and_then(Value::as_sequence_mut).ok_or("no nodes")?;
    for node in nodes {
        let id = node.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        let node = node.as_mapping_mut().ok_or("a node is not a mapping")?;
        node.remove("build");
        if let Some(deploy) = node.get_mut("deploy").and_then(Value::as_mapping_mut) {
            deploy.remove("working_dir");
        }
        let program = node.get("path").and_then(Value::as_str).map(Path::new).and_then(Path::file_name);
        let program = binaries().join(program.ok_or("a node has no path")?);
        node.insert("path".into(), program.to_string_lossy().into_owned().into());
        let mut args: Vec<String> = node
            .get("args")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .split_whitespace()
            .map(str::to_owned)
            .collect();
        for (_, flag, value) in options.iter().filter(|(of, ..)| *of == id) {
            if let Some(at) = args.iter().position(|a| a == flag) {
                args.drain(at..(at + 2).min(args.len()));
            }
            args.push((*flag).to_owned());
            args.push((*value).to_owned());
        }
        node.insert("args".into(), args.join(" ").into());
    }
    Ok(yaml)
}

/// Starts each node by a script in `folder` that sets the environment first: dora hands not all of its own on.
fn wrap(graph: &mut Value, env: &[(&str, &str)], folder: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(folder)?;
    let variables: Vec<String> = env.iter().map(|(name, value)| format!("{name}='{value}'")).collect();
    let variables = variables.join(" ");
    for node in graph.get_mut("nodes").and_then(Value::as_sequence_mut).ok_or("no nodes")? {
        let path = node.get("path").and_then(Value::as_str).ok_or("a node has no path")?.to_owned();
        let script = folder.join(Path::new(&path).file_name().unwrap_or_default());
        std::fs::write(&script, format!("#!/bin/sh\nexec env {variables} '{path}' \"$@\"\n"))?;
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755))?;
        node.as_mapping_mut()
            .ok_or("a node is not a mapping")?
            .insert("path".into(), script.to_string_lossy().into_owned().into());
    }
    Ok(())
}
