//! What a person has decided about images that look alike: `dataset/decisions.jsonl`, one JSON object a line, only ever appended to.
//!
//! The page (or a person with an editor) writes it, `dataset` obeys it, and it outlives the catalog: images are named by the
//! digest of their pixels, so a decision also holds after a file was renamed, moved or given other metadata.

use crate::files::{sync_folder, with_path};
use crate::workspace::Workspace;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

/// What was decided about a set of images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// Their labels are right as they are: they are not listed for review again. They stay one group of near-copies.
    Keep,
    /// They are not copies of each other: they are never put into one group because they look alike.
    Different,
    /// An earlier decision about the same images no longer holds.
    Withdrawn,
}

/// One line of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// When, milliseconds since 1970.
    pub at_ms: u64,
    /// What the person decided.
    pub decision: Decision,
    /// Pixel digests of the images it is about, at least two for [`Decision::Different`].
    pub digests: Vec<String>,
}

/// The file as it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decisions {
    /// In the order they were made.
    pub made: Vec<Decided>,
    /// Numbers, from 1, of lines that are no decision: cut off by a crash, or edited by hand.
    pub unreadable: Vec<usize>,
}

/// Where the decisions of a workspace lie.
pub fn path(workspace: &Workspace) -> PathBuf {
    workspace.dataset().join("decisions.jsonl")
}

/// Appends a decision; it lasts when this returns. A line that was cut off by a crash is ended first.
///
/// # Errors
/// Any error of the file system, with the path in its text.
pub fn append(workspace: &Workspace, decided: &Decided) -> io::Result<()> {
    append_all(workspace, std::slice::from_ref(decided))
}

/// Appends decisions, synced once; they last when this returns.
///
/// # Errors
/// As [`append`].
pub fn append_all(workspace: &Workspace, decided: &[Decided]) -> io::Result<()> {
    let path = path(workspace);
    let write = || {
        fs::create_dir_all(workspace.dataset())?;
        let is_new = !path.try_exists()?;
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(&path)?;
        let mut lines = if ends_in_the_middle(&mut file)? { b"\n".to_vec() } else { Vec::new() };
        for one in decided {
            serde_json::to_writer(&mut lines, one).map_err(io::Error::other)?;
            lines.push(b'\n');
        }
        file.write_all(&lines)?;
        file.sync_all()?;
        if is_new { sync_folder(&workspace.dataset()) } else { Ok(()) }
    };
    write().map_err(|error| with_path(&path, &error))
}

/// Every decision; none when there is no file.
///
/// # Errors
/// Any error of the file system but a missing file, with the path in its text.
pub fn read(workspace: &Workspace) -> io::Result<Decisions> {
    let path = path(workspace);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Decisions::default()),
        Err(error) => return Err(with_path(&path, &error)),
    };
    let mut decisions = Decisions::default();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        match serde_json::from_str(line) {
            Ok(decided) => decisions.made.push(decided),
            Err(_) => decisions.unreadable.push(number + 1),
        }
    }
    Ok(decisions)
}

fn ends_in_the_middle(file: &mut File) -> io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(false);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace() -> (tempfile::TempDir, Workspace) {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::create(folder.path()).unwrap();
        (folder, workspace)
    }

    fn decided(at_ms: u64, decision: Decision) -> Decided {
        Decided { at_ms, decision, digests: vec!["aa".to_owned(), "bb".to_owned()] }
    }

    #[test]
    fn decisions_are_read_back_in_order() {
        let (_folder, workspace) = workspace();
        assert_eq!(read(&workspace).unwrap(), Decisions::default());
        let all = [decided(1, Decision::Keep), decided(2, Decision::Different), decided(3, Decision::Withdrawn)];
        for one in &all {
            append(&workspace, one).unwrap();
        }
        assert_eq!(read(&workspace).unwrap().made, all);
    }

    #[test]
    fn line_cut_off_by_a_crash_costs_itself_alone() {
        let (_folder, workspace) = workspace();
        append(&workspace, &decided(1, Decision::Keep)).unwrap();
        let mut file = OpenOptions::new().append(true).open(path(&workspace)).unwrap();
        file.write_all(b"{\"at_ms\":2,\"deci").unwrap();
        append(&workspace, &decided(3, Decision::Keep)).unwrap();
        let read = read(&workspace).unwrap();
        assert_eq!(read.made, [decided(1, Decision::Keep), decided(3, Decision::Keep)]);
        assert_eq!(read.unreadable, [2]);
    }
}
