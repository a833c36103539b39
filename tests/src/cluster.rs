//! Two machines: network namespaces with a link between them, and dora's own coordinator and daemons in them.
//!
//! The link has a rate and, where the kernel has `netem`, a delay and losses; where it has none, `e2e/link.py` carries the frames.

use crate::graph::{Failure, dataflow, dora};
use plugin_api::Workspace;
use plugin_api::status::{self, Status};
use std::fmt::Write as _;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Address of the machine with the files.
const FILES: &str = "10.87.19.1";
/// Address of the machine that trains.
const TRAINING: &str = "10.87.19.2";

/// What a link can do.
#[derive(Clone, Copy, Debug)]
pub struct Link {
    /// Mbit/s.
    pub rate_mbit: u32,
    /// Milliseconds each way.
    pub delay_ms: u32,
    /// Packets of a hundred that are lost.
    pub loss_percent: u32,
}

impl Link {
    /// 1 Gbit/s.
    pub const GIGABIT: Self = Self { rate_mbit: 1000, delay_ms: 0, loss_percent: 0 };

    fn is_plain(self) -> bool {
        self.delay_ms == 0 && self.loss_percent == 0
    }
}

/// Two namespaces with a link between them. They go when dropped.
pub struct Machines {
    names: [String; 2],
    interfaces: [String; 2],
    relay: Option<Child>,
}

fn run(command: &mut Command) -> Result<String, Failure> {
    let done = command.stdin(Stdio::null()).output().map_err(|e| format!("{command:?}: {e}"))?;
    if done.status.success() {
        return Ok(String::from_utf8_lossy(&done.stdout).into_owned());
    }
    Err(format!("{command:?}: {}", String::from_utf8_lossy(&done.stderr).trim()).into())
}

fn ip(line: &str) -> Result<String, Failure> {
    run(Command::new("ip").args(line.split_whitespace()))
}

impl Machines {
    /// Makes the namespaces and the link.
    ///
    /// # Errors
    /// What may not be done here: it needs root, or `CAP_SYS_ADMIN` and `CAP_NET_ADMIN`, and `ip` and `tc`.
    pub fn new(link: Link) -> Result<Self, Failure> {
        let pid = std::process::id() % 100_000;
        let names = ["f", "g"].map(|side| format!("wk{pid}{side}"));
        let interfaces = ["f", "g"].map(|side| format!("wk{pid}{side}0"));
        let mut machines = Self { names, interfaces, relay: None };
        for name in &machines.names {
            ip(&format!("netns add {name}"))?;
        }
        let is_netem = link.is_plain() || machines.veth().is_ok() && machines.netem(link).is_ok();
        if link.is_plain() {
            machines.veth()?;
            machines.tbf(link)?;
        } else if !is_netem {
            let _ = ip(&format!("-n {} link del {}", machines.names[0], machines.interfaces[0]));
            machines.relay(link)?;
        }
        for (at, address) in [FILES, TRAINING].iter().enumerate() {
            let (name, interface) = (&machines.names[at], &machines.interfaces[at]);
            ip(&format!("-n {name} addr add {address}/24 dev {interface}"))?;
            ip(&format!("-n {name} link set lo up"))?;
            ip(&format!("-n {name} link set {interface} up"))?;
        }
        Ok(machines)
    }

    fn veth(&self) -> Result<(), Failure> {
        let [[files, training], [one, other]] = [&self.names, &self.interfaces];
        ip(&format!("link add {one} netns {files} type veth peer name {other} netns {training}")).map(drop)
    }

    fn qdisc(&self, what: &str) -> Result<(), Failure> {
        for (name, interface) in self.names.iter().zip(&self.interfaces) {
            let line = format!("-n {name} qdisc add dev {interface} root {what}");
            run(Command::new("tc").args(line.split_whitespace()))?;
        }
        Ok(())
    }

    fn tbf(&self, link: Link) -> Result<(), Failure> {
        self.qdisc(&format!("tbf rate {}mbit burst 256kb latency 100ms", link.rate_mbit))
    }

    fn netem(&self, link: Link) -> Result<(), Failure> {
        let Link { rate_mbit, delay_ms, loss_percent } = link;
        self.qdisc(&format!("netem rate {rate_mbit}mbit delay {delay_ms}ms loss {loss_percent}% limit 10000"))
    }

    /// A process between two taps.
    fn relay(&mut self, link: Link) -> Result<(), Failure> {
        let script = crate::checkout().join("tests/e2e/link.py");
        let Link { rate_mbit, delay_ms, loss_percent } = link;
        let numbers = [rate_mbit, delay_ms, loss_percent].map(|number| number.to_string());
        let pairs = self.names.iter().zip(&self.interfaces).flat_map(|(name, interface)| [name, interface]);
        self.relay = Some(Command::new("python3").arg(script).args(pairs).args(numbers).spawn()?);
        let begun = Instant::now();
        while self.names.iter().zip(&self.interfaces).any(|(n, i)| ip(&format!("-n {n} link show {i}")).is_err()) {
            if begun.elapsed() > Duration::from_secs(10) {
                return Err("link.py makes no taps".into());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Pulls the cable, or puts it back.
    ///
    /// # Errors
    /// When `ip` refuses.
    pub fn plug(&self, is_in: bool) -> Result<(), Failure> {
        let word = if is_in { "up" } else { "down" };
        ip(&format!("-n {} link set {} {word}", self.names[0], self.interfaces[0])).map(drop)
    }

    /// Bytes that have crossed, towards the machine that trains and back.
    ///
    /// # Errors
    /// When `ip` refuses.
    pub fn crossed_bytes(&self) -> Result<[u64; 2], Failure> {
        let json = ip(&format!("-n {} -s -j link show {}", self.names[0], self.interfaces[0]))?;
        let json: serde_json::Value = serde_json::from_str(&json)?;
        let of = |way: &str| json[0]["stats64"][way]["bytes"].as_u64().unwrap_or_default();
        Ok([of("tx"), of("rx")])
    }

    /// A program on a machine, with shared memory of its own: nodes of one host that see each other's `/dev/shm` hand messages over in
    /// it, past the link.
    fn inside(&self, machine: usize, program: &Path) -> Command {
        let own_memory = "mount -t tmpfs tmpfs /dev/shm && exec \"$@\"";
        let mut command = Command::new("ip");
        command.args([
            "netns",
            "exec",
            &self.names[machine],
            "unshare",
            "--mount",
            "--ipc",
            "sh",
            "-c",
            own_memory,
            "sh",
        ]);
        command.arg(program).stdin(Stdio::null());
        command
    }
}

impl Drop for Machines {
    fn drop(&mut self) {
        if let Some(mut relay) = self.relay.take() {
            let _ = relay.kill();
            let _ = relay.wait();
        }
        for name in &self.names {
            let pids = ip(&format!("netns pids {name}")).unwrap_or_default();
            for pid in pids.split_whitespace() {
                let _ = Command::new("kill").args(["-KILL", pid]).stderr(Stdio::null()).status();
            }
            let _ = ip(&format!("netns del {name}"));
        }
    }
}

/// A process of dora's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The coordinator, on the machine with the files.
    Coordinator,
    /// The daemon of that machine.
    Files,
    /// The daemon of the machine that trains.
    Training,
}

/// `cluster.yml` on two machines. It ends when dropped.
pub struct Cluster {
    /// The workspace of the machine with the files.
    pub files: Workspace,
    /// The workspace of the machine that trains.
    pub training: Workspace,
    /// The link.
    pub machines: Machines,
    root: PathBuf,
    parts: Vec<(Part, Child)>,
    /// Held as long as the graph runs.
    _alone: crate::graph::Slots,
}

const NAME: &str = "cluster";

impl Cluster {
    /// Starts coordinator, daemons and `cluster.yml` with other options for some nodes.
    ///
    /// # Errors
    /// When one of them cannot be started.
    pub fn start(machines: Machines, root: &Path, options: &[(&str, &str, &str)]) -> Result<Self, Failure> {
        let alone = crate::graph::lock_all()?;
        let [files, training] = ["files", "training"].map(|name| Workspace::create(&root.join(name)));
        let (files, training) = (files?, training?);
        let mut cluster = Self { files, training, machines, root: root.to_owned(), parts: Vec::new(), _alone: alone };
        for part in [Part::Coordinator, Part::Files, Part::Training] {
            cluster.begin(part)?;
        }
        let yaml = root.join("cluster.yml");
        std::fs::write(&yaml, serde_yaml::to_string(&dataflow("cluster.yml", options)?)?)?;
        let begun = Instant::now();
        loop {
            let mut start = cluster.command(&["start"]);
            let done = run(start.arg(&yaml).args(["--detach", "--name", NAME]));
            match done {
                Ok(_) => return Ok(cluster),
                // The daemons have to register first.
                Err(error) if begun.elapsed() > Duration::from_secs(20) => return Err(error),
                Err(_) => std::thread::sleep(Duration::from_millis(500)),
            }
        }
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = self.machines.inside(0, &dora());
        let workspace = self.root.join("dora");
        command.args(words).env("DORA_COORDINATOR_ADDR", FILES).env("HOME", workspace).current_dir(&self.root);
        // Any port: other graphs may run on this machine.
        command.env("WAKUTEKA_LISTEN", "127.0.0.1:0");
        command
    }

    /// Starts a part, again if it has been killed.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn begin(&mut self, part: Part) -> Result<(), Failure> {
        let overlay = crate::checkout().join("dataflows/zenoh-across-machines.json5");
        let (machine, folder, line, workspace) = match part {
            Part::Coordinator => {
                let store = self.root.join("store.redb");
                let line = format!("coordinator --interface 0.0.0.0 --store redb:{}", store.display());
                (0, "coordinator", line, self.files.root())
            }
            Part::Files => {
                let line = format!("daemon --machine-id files --labels files=true --zenoh-listen {FILES}:5456");
                (0, "daemon-files", line, self.files.root())
            }
            Part::Training => {
                let line = format!("daemon --machine-id gpu --labels gpu=true --zenoh-listen {TRAINING}:5456");
                (1, "daemon-gpu", line, self.training.root())
            }
        };
        let folder = self.root.join(folder);
        std::fs::create_dir_all(&folder)?;
        let log = File::options().create(true).append(true).open(folder.join("log"))?;
        let mut command = self.machines.inside(machine, &dora());
        command.args(line.split_whitespace());
        if part != Part::Coordinator {
            command.args(["--coordinator-addr", FILES]).arg("--zenoh-config-overlay").arg(overlay);
            command.env("WAKUTEKA_HOME", workspace);
        }
        command.env("HOME", self.root.join("dora")).current_dir(folder).stdout(log.try_clone()?).stderr(log);
        // Each of these programs becomes the next, so the child is dora itself.
        self.parts.push((part, command.spawn()?));
        Ok(())
    }

    /// Kills a part.
    ///
    /// # Errors
    /// When it is not there.
    pub fn kill(&mut self, part: Part) -> Result<(), Failure> {
        let at = self.parts.iter().position(|(one, _)| *one == part).ok_or("it is not there")?;
        let (_, mut child) = self.parts.remove(at);
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    /// `dora restart`: what brings the nodes of a daemon back that was killed.
    ///
    /// # Errors
    /// When dora refuses.
    pub fn restart(&self) -> Result<(), Failure> {
        run(self.command(&["restart"]).args(["--name", NAME])).map(drop)
    }

    /// What a node says of itself, on the machine with the files.
    pub fn shown(&self, node: &str) -> Status {
        status::read_all(&self.files.status()).remove(node).unwrap_or_default()
    }

    /// What a node says of itself, on the machine that trains.
    pub fn there(&self, node: &str) -> Status {
        status::read_all(&self.training.status()).remove(node).unwrap_or_default()
    }

    /// Waits until `met`.
    ///
    /// # Errors
    /// `what` and the ends of the logs after `limit`.
    pub fn wait(&self, what: &str, limit: Duration, mut met: impl FnMut(&Self) -> bool) -> Result<Duration, Failure> {
        let begun = Instant::now();
        while !met(self) {
            if begun.elapsed() > limit {
                return Err(format!("waiting for {what}: nothing after {limit:?}\n{}", self.log()).into());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(begun.elapsed())
    }

    /// What the nodes say, and the ends of the daemons' logs.
    pub fn log(&self) -> String {
        let mut text = String::new();
        for workspace in [&self.files, &self.training] {
            for (node, status) in status::read_all(&workspace.status()) {
                let _ = writeln!(text, "{node}: {} {:?}", status.state, status.counters);
            }
        }
        for folder in ["coordinator", "daemon-files", "daemon-gpu"] {
            let log = std::fs::read_to_string(self.root.join(folder).join("log")).unwrap_or_default();
            let lines: Vec<String> = log.lines().map(|line| line.chars().take(300).collect()).collect();
            let _ = writeln!(text, "--- {folder}\n{}", lines[lines.len().saturating_sub(15)..].join("\n"));
        }
        text
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let _ = run(self.command(&["stop"]).args(["--name", NAME, "--grace-duration", "8s"]));
        for (_, child) in &mut self.parts {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
