//! The dora command line, asked to do what a user would type.

use crate::error::Error;
use crate::process;
use plugin_api::files;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// A dora command line.
#[derive(Clone, Debug)]
pub struct Dora {
    program: PathBuf,
    folder: PathBuf,
}

/// A line of `dora list`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Dataflow {
    /// Unique.
    pub uuid: String,
    /// As given to `dora start --name`.
    pub name: String,
    /// `Running`, `Finished` or `Failed`.
    pub status: String,
}

/// A line of `dora node list`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Node {
    /// Name in the dataflow.
    pub node: String,
    /// `Running`, `Failed`, …
    pub status: String,
}

impl Dora {
    /// The command line `program`. It writes its own logs to `folder`/out.
    ///
    /// # Errors
    /// [`Error::File`] when the folder cannot be made.
    pub fn new(program: PathBuf, folder: PathBuf) -> Result<Self, Error> {
        fs::create_dir_all(&folder).map_err(|e| files::with_path(&folder, &e))?;
        Ok(Self { program, folder })
    }

    /// A command of its own process group: Ctrl-C is for us to act on, not for dora to be cut off by.
    fn command<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments).current_dir(&self.folder).process_group(0);
        command
    }

    fn ask<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Result<String, Error> {
        process::capture(self.command(arguments).env("RUST_BACKTRACE", "0"))
    }

    /// Is there a coordinator?
    pub fn is_up(&self) -> bool {
        process::succeeds(&mut self.command(&["list", "--quiet"]))
    }

    /// `dora up`.
    ///
    /// # Errors
    /// [`Error::Failed`] with what dora said.
    pub fn up(&self) -> Result<(), Error> {
        process::capture(&mut self.command(&["up"])).map(|_| ())
    }

    /// `dora validate`: whether every input is some node's output, and every key of the YAML is known.
    ///
    /// # Errors
    /// [`Error::Refused`] with what is wrong.
    pub fn validate(&self, dataflow: &Path) -> Result<(), Error> {
        self.ask(&[OsStr::new("validate"), dataflow.as_os_str()]).map(|_| ()).map_err(|error| match error {
            Error::Failed { output, .. } => {
                Error::Refused(format!("{}: {}; nothing was started", dataflow.display(), causes(&output)))
            }
            other => other,
        })
    }

    /// `dora list`: what runs and what ran.
    ///
    /// # Errors
    /// [`Error::Failed`] with what dora said.
    pub fn list(&self) -> Result<Vec<Dataflow>, Error> {
        self.ask(&["list", "--format", "json"]).map(|text| json_lines(&text))
    }

    /// `dora node list` of one dataflow.
    ///
    /// # Errors
    /// [`Error::Failed`] with what dora said.
    pub fn nodes(&self, uuid: &str) -> Result<Vec<Node>, Error> {
        self.ask(&["node", "list", "--dataflow", uuid, "--format", "json"]).map(|text| json_lines(&text))
    }

    /// `dora start --detach`, with these variables for every node: nodes have the environment of the daemon, not of whoever
    /// starts them. Gives the dataflow's uuid.
    ///
    /// # Errors
    /// [`Error::Failed`] with what dora said, [`Error::Demo`] when it named no dataflow.
    pub fn start(&self, dataflow: &Path, name: &str, env: &BTreeMap<String, String>) -> Result<String, Error> {
        let mut words = ["start", "--detach", "--name", name].map(OsString::from).to_vec();
        for (name, value) in env {
            words.extend(["--env".into(), format!("{name}={value}").into()]);
        }
        words.push(dataflow.into());
        let said = self.ask(&words)?;
        started(&said).ok_or_else(|| Error::Demo(format!("dora named no dataflow when it started one:\n{said}")))
    }

    /// `dora stop`: returns when the nodes are gone.
    ///
    /// # Errors
    /// [`Error::Failed`] with what dora said; that a node had failed before is one of the things it says.
    pub fn stop(&self, uuid: &str) -> Result<(), Error> {
        self.ask(&["stop", uuid]).map(|_| ())
    }

    /// `dora down`. dora refuses while there are other dataflows.
    ///
    /// # Errors
    /// [`Error::Failed`] with what dora said.
    pub fn down(&self) -> Result<(), Error> {
        let done = self.ask(&["down"]).map(|_| ());
        // The coordinator may be gone before it has answered, which dora reports as a failure.
        for _ in 0..20 {
            if !self.is_up() {
                return Ok(());
            }
            if done.is_err() {
                break;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        done
    }
}

/// The uuid in `dataflow start triggered: 01a2…`
fn started(said: &str) -> Option<String> {
    let uuid = said.lines().find_map(|line| line.strip_prefix("dataflow start triggered: "))?.trim();
    (!uuid.is_empty()).then(|| uuid.to_owned())
}

/// What dora names as the cause of an error, without its hints and where in its own sources it came from.
fn causes(said: &str) -> String {
    let lines = said.lines().map(str::trim).filter(|line| !line.is_empty());
    let error = lines.skip_while(|line| *line != "[ERROR]").skip(1);
    let wanted = error.take_while(|line| *line != "Location:" && !line.starts_with("Validating "));
    let wanted: Vec<&str> = wanted.filter(|line| *line != "Caused by:" && !line.starts_with("hint:")).collect();
    if wanted.is_empty() { said.trim().to_owned() } else { wanted.join(": ") }
}

/// One object a line; anything else between them is for people.
fn json_lines<T: serde::de::DeserializeOwned>(text: &str) -> Vec<T> {
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seen on dora 1.1.0.
    const LIST: &str = r#"
{"uuid":"01a20aa7-18c9-7c41-a74a-3afbfd1f0480","name":"x","status":"Running","nodes":2,"cpu":0.0,"memory":0.003448}
{"uuid":"01a20aa6-9703-7058-aaa4-083f498668c5","name":"demo","status":"Failed","nodes":0,"cpu":0.0,"memory":0.0}
"#;
    const NODES: &str = r#"{"node":"one","status":"Failed","pid":"0","cpu":"0.0%","memory":"0 MB","restarts":"0"}"#;
    const START: &str = "dataflow start triggered: 01a20aa7-18c9-7c41-a74a-3afbfd1f0480\n\n23:04:12 INFO   [dora]: …";

    const WRONG: &str = "[ERROR]\nwiring check failed\n\nCaused by:\n    output `hash/hashd` mapped to input `resize/hashed` does not \
                         exist\n\nLocation:\n    libraries/core/src/descriptor/validate.rs:567:25\n\nValidating x.yml...";

    #[test]
    fn what_dora_prints_is_understood() {
        let list: Vec<Dataflow> = json_lines(LIST);
        assert_eq!(list.iter().map(|d| &*d.status).collect::<Vec<_>>(), ["Running", "Failed"]);
        assert_eq!(json_lines::<Node>(NODES), [Node { node: "one".into(), status: "Failed".into() }]);
        assert_eq!(started(START).unwrap(), "01a20aa7-18c9-7c41-a74a-3afbfd1f0480");
        assert_eq!(started("nothing of the kind"), None);
        assert_eq!(
            causes(WRONG),
            "wiring check failed: output `hash/hashd` mapped to input `resize/hashed` does not exist"
        );
    }
}
