//! One process for each role in a workspace.
//!
//! Two graphs over one workspace would write the same catalog, runs and status files. So every node locks its id
//! (`status/<id>.lock`), and what it alone may work on besides ([`HasWorkspace::exclusive`](crate::HasWorkspace::exclusive)). The lock
//! is the kernel's (`flock`): it goes with the process, however that ends, so none is ever stale. The text in the file only
//! says who holds it.

use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How long a node that was started again waits for the process before it, which may still be ending.
pub const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(50);

/// Who holds a lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The node's id in the YAML.
    pub node: String,
    /// Its process.
    pub pid: u32,
    /// The machine it runs on.
    pub host: String,
    /// Since when, milliseconds since 1970.
    pub since_ms: u64,
}

impl Holder {
    /// This process, as `node`.
    pub fn new(node: &str) -> Self {
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let since_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64;
        Self { node: node.to_owned(), pid: std::process::id(), host, since_ms }
    }

    fn describe(&self) -> String {
        let now_ms = Self::new("").since_ms;
        let seconds = now_ms.saturating_sub(self.since_ms) / 1000;
        let time = match seconds {
            0..120 => format!("{seconds} s"),
            120..7_200 => format!("{} min", seconds / 60),
            _ => format!("{} h", seconds / 3600),
        };
        format!("node {} of another graph, process {} on {}, for {time}", self.node, self.pid, self.host)
    }
}

/// A lock of this process; given back when dropped.
#[derive(Debug)]
pub struct RoleLock {
    _file: File,
}

/// Why a lock was not had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has it: who, for a person.
    #[error("{0}")]
    Held(String),
    /// The file system has no locks, or the file cannot be opened.
    #[error(transparent)]
    File(#[from] io::Error),
}

impl RoleLock {
    /// Locks `role` in `folder` (the workspace's `status/`), waiting at most `patience` for a process that has it.
    ///
    /// # Errors
    /// [`LockError::Held`] when another process keeps it; [`LockError::File`] when it cannot be locked at all.
    pub fn take(folder: &Path, role: &str, holder: &Holder, patience: Duration) -> Result<Self, LockError> {
        let path = folder.join(format!("{role}.lock"));
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        let begun = Instant::now();
        while let Err(error) = file.try_lock() {
            match error {
                TryLockError::Error(error) => return Err(LockError::File(error)),
                TryLockError::WouldBlock if begun.elapsed() < patience => sleep(PAUSE),
                TryLockError::WouldBlock => return Err(LockError::Held(describe(&mut file))),
            }
        }
        let text = serde_json::to_vec_pretty(holder).map_err(io::Error::from)?;
        file.set_len(0)?;
        file.rewind()?;
        file.write_all(&text)?;
        Ok(Self { _file: file })
    }
}

fn describe(file: &mut File) -> String {
    let mut text = String::new();
    let holder: Option<Holder> = file.read_to_string(&mut text).ok().and_then(|_| serde_json::from_str(&text).ok());
    holder.map_or_else(|| "another process".to_owned(), |holder| holder.describe())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    #[test]
    fn a_second_holder_is_told_of_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let first = RoleLock::take(folder.path(), "watch", &Holder::new("watch"), Duration::ZERO).unwrap();
        let error = RoleLock::take(folder.path(), "watch", &Holder::new("other"), Duration::ZERO).unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, LockError::Held(_)), "{text}");
        assert!(text.contains("node watch") && text.contains(&format!("process {}", std::process::id())), "{text}");
        RoleLock::take(folder.path(), "dataset", &Holder::new("dataset"), Duration::ZERO).unwrap();
        drop(first);
        RoleLock::take(folder.path(), "watch", &Holder::new("other"), Duration::ZERO).unwrap();
    }

    #[test]
    fn a_process_that_is_ending_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let first = RoleLock::take(folder.path(), "watch", &Holder::new("watch"), Duration::ZERO).unwrap();
        let ends = std::thread::spawn(move || {
            sleep(Duration::from_millis(300));
            drop(first);
        });
        RoleLock::take(folder.path(), "watch", &Holder::new("watch"), PATIENCE).unwrap();
        ends.join().unwrap();
    }

    /// The lock of a process that was killed is free at once, though its text is still there.
    #[test]
    fn the_lock_of_a_killed_process_is_free() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("watch.lock");
        let earlier = Holder { pid: 1, ..Holder::new("watch") };
        std::fs::write(&path, serde_json::to_vec(&earlier).unwrap()).unwrap();
        // The program that `flock` becomes keeps the lock; a shell in between could leave a child behind that has it too.
        let sleeping = ["--no-fork", &path.to_string_lossy(), "sleep", "60"];
        let Ok(mut killed) = Command::new("flock").args(sleeping).stdout(Stdio::null()).spawn() else {
            eprintln!("SKIPPED: there is no flock(1) here");
            return;
        };
        let take = || RoleLock::take(folder.path(), "watch", &Holder::new("watch"), Duration::ZERO);
        let end = Instant::now() + Duration::from_secs(30);
        while take().is_ok() {
            assert!(Instant::now() < end, "flock(1) has locked nothing");
            sleep(PAUSE);
        }
        assert!(matches!(take(), Err(LockError::Held(_))));
        killed.kill().unwrap();
        killed.wait().unwrap();
        let end = Instant::now() + Duration::from_secs(5);
        while let Err(error) = take() {
            assert!(Instant::now() < end, "{error}");
            sleep(PAUSE);
        }
    }
}
