//! Building nodes, with one line that says how far it is.
//!
//! Cargo is told of programs, never of packages: so the libraries get the features that the whole workspace turns on, every time and in
//! `cargo verify` too. With others they would be built anew, which takes minutes.

use crate::checkout::Checkout;
use crate::error::Error;
use crate::screen::Screen;
use crate::{process, say};
use std::collections::BTreeSet;
use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// How often a log gets a line. On a terminal the line changes in place.
const LOG_PAUSE: Duration = Duration::from_secs(30);
/// How often the clock in the line goes on.
const TICK: Duration = Duration::from_secs(1);
/// Lines of what cargo said that are shown when it fails.
const LAST_LINES: usize = 80;

/// Builds these programs, each of the package `node-<program>`, into the folder where dataflows look for them. Says nothing when they
/// are built already.
///
/// # Errors
/// [`Error::Failed`] with what the compiler said; any error of the file system.
pub fn nodes(checkout: &Checkout, wanted: &BTreeSet<&str>, libtorch: bool) -> Result<(), Error> {
    let mut cargo = command(checkout, wanted, libtorch);
    if libtorch && std::env::var_os("LIBTORCH").is_none() {
        cargo.env("LIBTORCH", crate::tools::libtorch::ready(checkout)?);
    }
    run(&mut cargo)
}

fn command(checkout: &Checkout, wanted: &BTreeSet<&str>, libtorch: bool) -> Command {
    let mut cargo = process::cargo(checkout);
    cargo.arg("build").arg("--target-dir").arg(checkout.target());
    for program in wanted {
        cargo.arg("--bin").arg(program);
    }
    if libtorch {
        cargo.args(["--features", "libtorch"]);
    }
    cargo
}

/// Runs cargo and shows how far it is; what it says is shown when it fails.
fn run(cargo: &mut Command) -> Result<(), Error> {
    crate::interrupt::check()?;
    // The bar, which says how much there is to do, is made for terminals.
    cargo.env("CARGO_TERM_PROGRESS_WHEN", "always").env("CARGO_TERM_PROGRESS_WIDTH", "160");
    cargo.env("CARGO_TERM_COLOR", "never").env_remove("CARGO_TERM_QUIET");
    let begun = Instant::now();
    cargo.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = cargo.spawn().map_err(|e| process::not_started(cargo, e))?;
    let pieces = child.stderr.take().map(pieces);
    let mut seen = Progress::default();
    let mut screen = Screen::every(LOG_PAUSE);
    loop {
        match pieces.as_ref().map(|pieces| pieces.recv_timeout(TICK)) {
            Some(Ok(piece)) => seen.take(&piece),
            Some(Err(RecvTimeoutError::Timeout)) => {}
            Some(Err(RecvTimeoutError::Disconnected)) | None => break,
        }
        if let Some(text) = seen.line() {
            let text = format!("building: {text} ({})", say::clock(begun.elapsed()));
            screen.show(&[format!("       {text}")], &text);
        }
    }
    screen.clear();
    let status = child.wait().map_err(|e| process::not_started(cargo, e))?;
    process::check_status(cargo, status, &seen.last_lines())?;
    if seen.compiled > 0 {
        say::line(&format!("       built in {}", say::clock(begun.elapsed())));
    }
    Ok(())
}

/// What is read, cut at line feeds and carriage returns.
fn pieces(mut from: impl Read + Send + 'static) -> Receiver<String> {
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        let mut rest = Vec::new();
        let mut buffer = [0; 4096];
        while let Ok(n @ 1..) = from.read(&mut buffer) {
            rest.extend_from_slice(&buffer[..n]);
            while let Some(at) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
                let piece: Vec<u8> = rest.drain(..=at).collect();
                let _ = send.send(String::from_utf8_lossy(&piece[..at]).into_owned());
            }
        }
        let _ = send.send(String::from_utf8_lossy(&rest).into_owned());
    });
    receive
}

/// How far cargo is, from what it says.
#[derive(Debug, Default)]
struct Progress {
    /// Packages that were compiled.
    compiled: usize,
    /// Steps done, and how many there are.
    done: Option<(u64, u64)>,
    /// What it is busy with.
    busy: String,
    /// What it said besides, the oldest first.
    said: Vec<String>,
}

impl Progress {
    fn take(&mut self, piece: &str) {
        // The bar is erased before anything else is written.
        let piece = piece.trim_start_matches("\u{1b}[K").trim_end();
        let text = piece.trim_start();
        if let Some(bar) = text.strip_prefix("Building [") {
            // `Building [====>   ] 12/57: burn-flex, image`
            let Some((_, counts)) = bar.split_once("] ") else { return };
            let (counts, busy) = counts.split_once(": ").unwrap_or((counts, ""));
            let number = |text: &str| text.trim().parse::<u64>().ok();
            if let Some((done, all)) = counts.split_once('/') {
                self.done = number(done).zip(number(all)).or(self.done);
            }
            busy.clone_into(&mut self.busy);
        } else if ["Compiling ", "Blocking ", "Downloading ", "Updating "].iter().any(|of| text.starts_with(of)) {
            self.compiled += usize::from(text.starts_with("Compiling "));
            if self.done.is_none() {
                text.clone_into(&mut self.busy);
            }
        } else if !text.is_empty() && !["Downloaded ", "Finished ", "Locking "].iter().any(|of| text.starts_with(of)) {
            self.said.push(piece.to_owned());
        }
    }

    /// `12 of 57: burn-flex, image`; `None` as long as there is nothing to wait for.
    fn line(&self) -> Option<String> {
        match self.done {
            Some((done, all)) if self.compiled > 0 => Some(format!("{done} of {all}: {}", self.busy)),
            _ => (!self.busy.is_empty()).then(|| self.busy.clone()),
        }
    }

    fn last_lines(&self) -> String {
        self.said[self.said.len().saturating_sub(LAST_LINES)..].join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seen on cargo 1.95 with `CARGO_TERM_PROGRESS_WHEN=always`.
    const SAID: &str = "    Blocking waiting for file lock on build directory\n   Compiling one v0.1.0 (/x/one)\n    \
                        Building [=======>        ] 1/3: one, two(build)\r\u{1b}[K   Compiling two v0.1.0\n    \
                        Building [==============> ] 2/3: two\r\u{1b}[Kerror: it is wrong\n  --> two.rs:1:1\n";

    fn taken(text: &str) -> Progress {
        let mut progress = Progress::default();
        for piece in pieces(std::io::Cursor::new(text.as_bytes().to_vec())) {
            progress.take(&piece);
        }
        progress
    }

    #[test]
    fn cargos_bar_is_read() {
        let mut lines = Vec::new();
        let mut progress = Progress::default();
        for piece in pieces(std::io::Cursor::new(SAID.as_bytes().to_vec())) {
            progress.take(&piece);
            lines.extend(progress.line());
        }
        lines.dedup();
        assert_eq!(lines[0], "Blocking waiting for file lock on build directory");
        assert_eq!(lines[2..], ["1 of 3: one, two(build)", "2 of 3: two"]);
        assert_eq!(progress.last_lines(), "error: it is wrong\n  --> two.rs:1:1");
        assert!(taken("    Finished `dev` profile target(s) in 0.09s\n").line().is_none(), "nothing to build");
    }

    #[test]
    fn a_failed_build_shows_what_the_compiler_said() {
        let mut cargo = Command::new("/bin/sh");
        cargo.args(["-c", "echo '   Compiling one v0.1.0' >&2; echo 'error: it is wrong' >&2; exit 101"]);
        let error = run(&mut cargo).unwrap_err();
        assert!(error.exit_code() == 101 && error.to_string().ends_with("error: it is wrong"), "{error}");
    }

    /// Every crate with its features, as cargo resolves them for the whole workspace.
    fn features(checkout: &Checkout, kinds: &str) -> BTreeSet<String> {
        let mut cargo = process::cargo(checkout);
        cargo.args(["tree", "--workspace", "--features", "libtorch", "--offline", "--prefix", "none"]);
        let tree = process::capture(cargo.args(["--edges", kinds, "--format", "{p} {f}"])).unwrap();
        tree.lines().map(|line| line.trim_end_matches(" (*)").to_owned()).filter(|line| !line.is_empty()).collect()
    }

    /// Else programs and their tests would need two builds of every library above the crate named here.
    #[test]
    fn what_only_tests_need_turns_no_feature_on() {
        let checkout = Checkout::find().unwrap();
        let (program, tests) = (features(&checkout, "normal,build"), features(&checkout, "normal,build,dev"));
        assert!(program.len() > 500, "{program:?}");
        assert_eq!(program.difference(&tests).collect::<Vec<_>>(), Vec::<&String>::new());
        let wanted = process::shown(&command(&checkout, &["exchange", "train"].into(), true));
        assert!(
            !wanted.contains("package") && wanted.ends_with("--bin exchange --bin train --features libtorch"),
            "{wanted}"
        );
    }
}
