//! A dataset of a few lines that keeps its side of the contract, to stand for the rest of the graph.
#![allow(dead_code, reason = "a part of each test, which uses a part of it")]

use arrow::array::{Array, ArrayRef, Int64Array, StringArray, UInt64Array};
use clap::Parser;
use node_watch::Config;
use node_watch::delivery::outbox::Stream;
use node_watch::delivery::outgoing::Outgoing;
use node_watch::fs::roots::{Folder, Roots};
use node_watch::fs::scan::walk;
use node_watch::quarantine::returning::changed_in;
use node_watch::state::WatchState;
use plugin_api::edges::{Acknowledgement, Committed, ImageFiles, Inventory, Rejects};
use plugin_api::status::{Notice, StatusFile, read_all};
use plugin_api::{Edge, FileVersion, Header, Workspace};
use std::collections::{BTreeMap, VecDeque};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// What comes back from the graph.
#[derive(Clone, Debug)]
pub enum Answer {
    Committed(Header, Committed),
    Rejects(Header, Rejects),
    Inventory(Header, Inventory),
}

/// Follows one stream as `dataset` does.
#[derive(Default)]
struct Line {
    session: String,
    next: u64,
}

/// Holds path → content, refuses images that begin with `bad`.
#[derive(Default)]
pub struct Model {
    pub catalog: BTreeMap<String, (FileVersion, Vec<u8>, String)>,
    lines: BTreeMap<&'static str, Line>,
    /// Rejects come after the acknowledgement, as they may on an edge of their own.
    pub late_rejects: bool,
    /// Paths that vanish on the way once.
    pub swallow: Vec<String>,
    /// Every image that came, in order.
    pub came: Vec<String>,
    /// Splits that came with images.
    pub splits: BTreeMap<String, String>,
    /// Refuses what cannot be decoded, too.
    pub decodes: bool,
    /// The workspace, where the images lie.
    pub root: PathBuf,
    /// Files that `decode` had read before they went, by path.
    pub decoded_before: BTreeMap<String, Vec<u8>>,
    /// A stage finds these changed, once.
    pub changed: Vec<String>,
    /// Its inventory knows neither change time nor inode of these, as an older catalog.
    pub older: Vec<String>,
}

impl Model {
    /// Beside the workspace `root`.
    pub fn of(root: &Path) -> Self {
        Self { root: root.to_owned(), ..Self::default() }
    }

    /// Works on a message. Answers in the order in which they are sent.
    pub fn take(&mut self, message: &Outgoing) -> Vec<Answer> {
        match message {
            Outgoing::InventoryRequest(header, _) => {
                vec![Answer::Inventory(Header::new(&header.session, 0).fin(true), self.inventory())]
            }
            Outgoing::Removed(header, removed) => {
                let Some(status) = self.place(header) else { return Vec::new() };
                let paths: Vec<&str> = removed.path.iter().flatten().collect();
                if status == Acknowledgement::Committed {
                    for path in &paths {
                        self.catalog.remove(*path);
                    }
                }
                vec![committed(header, status, &paths)]
            }
            Outgoing::Images(header, images) => {
                let Some(status) = self.place(header) else { return Vec::new() };
                if status != Acknowledgement::Committed {
                    return vec![committed(header, status, &[])];
                }
                self.images(header, images)
            }
        }
    }

    fn images(&mut self, header: &Header, images: &ImageFiles) -> Vec<Answer> {
        let (mut kept, mut refused, mut changed) = (Vec::new(), Vec::new(), Vec::new());
        for at in 0..images.rows() {
            let path = images.path.value(at);
            self.came.push(path.to_owned());
            if let Some(at) = self.changed.iter().position(|p| p == path) {
                self.changed.remove(at);
                changed.push(path);
                continue;
            }
            // It has been written to since: `decode` says so.
            let read = images.content(at, &Workspace::create(&self.root).unwrap()).ok();
            let Some(data) = read.or_else(|| self.decoded_before.get(path).cloned()) else {
                changed.push(path);
                continue;
            };
            if let Some(at) = self.swallow.iter().position(|p| p == path) {
                self.swallow.remove(at);
            } else if data.starts_with(b"bad") {
                refused.push((path, "not_an_image", "it begins with bad".to_owned()));
            } else if self.decodes
                && let Err(error) = plugin_decode::decode(&data, &plugin_decode::Limits::default())
            {
                refused.push((path, error.reason().name(), error.to_string()));
            } else {
                let label = images.label.value(at).to_owned();
                self.catalog.insert(path.to_owned(), (images.version(at), data, label));
                self.splits.remove(path);
                if images.split.is_valid(at) {
                    self.splits.insert(path.to_owned(), images.split.value(at).to_owned());
                }
                kept.push(path);
            }
        }
        let mut answers = vec![committed(header, Acknowledgement::Committed, &kept)];
        if !refused.is_empty() {
            answers.insert(usize::from(self.late_rejects), refusals(header, &refused));
        }
        if !changed.is_empty() {
            answers.insert(0, rejects_for(header, &changed, "changed"));
        }
        answers
    }

    /// What to answer with; none for a session that was given up.
    fn place(&mut self, header: &Header) -> Option<Acknowledgement> {
        let line = self.lines.entry(header.get::<Stream>().unwrap().name()).or_default();
        if header.session < line.session {
            return None;
        }
        if header.session > line.session && header.seq == 0 {
            *line = Line { session: header.session.clone(), next: 0 };
        }
        if header.session > line.session || header.seq > line.next {
            return Some(Acknowledgement::Resend { expected: line.next });
        }
        line.next = line.next.max(header.seq + 1);
        Some(Acknowledgement::Committed)
    }

    fn inventory(&self) -> Inventory {
        let version = |(path, (version, ..)): (&String, &(FileVersion, Vec<u8>, String))| {
            let older = FileVersion { changed_ns: 0, inode: 0, ..*version };
            if self.older.contains(path) { older } else { *version }
        };
        let versions: Vec<FileVersion> = self.catalog.iter().map(version).collect();
        Inventory {
            path: StringArray::from_iter_values(self.catalog.keys()),
            modified_ns: Int64Array::from_iter_values(versions.iter().map(|version| version.modified_ns)),
            changed_ns: Int64Array::from_iter_values(versions.iter().map(|version| version.changed_ns)),
            inode: UInt64Array::from_iter_values(versions.iter().map(|version| version.inode)),
            size_bytes: UInt64Array::from_iter_values(versions.iter().map(|version| version.size_bytes)),
        }
    }

    /// Started again: the catalog stays, the places in the streams are forgotten.
    pub fn restart(&mut self) {
        self.lines.clear();
    }

    /// Path → content.
    pub fn contents(&self) -> BTreeMap<String, Vec<u8>> {
        self.catalog.iter().map(|(path, (_, data, _))| (path.clone(), data.clone())).collect()
    }
}

pub fn committed(header: &Header, status: Acknowledgement, paths: &[&str]) -> Answer {
    let path = StringArray::from_iter_values(paths);
    Answer::Committed(header.clone().with(&status), Committed { path })
}

pub fn rejects(header: &Header, paths: &[&str]) -> Answer {
    rejects_for(header, paths, "not_an_image")
}

pub fn rejects_for(header: &Header, paths: &[&str], reason: &str) -> Answer {
    let refused: Vec<_> = paths.iter().map(|path| (*path, reason, "it begins with bad".to_owned())).collect();
    refusals(header, &refused)
}

/// Path, reason and detail of each.
fn refusals(header: &Header, refused: &[(&str, &str, String)]) -> Answer {
    let rejects = Rejects {
        path: StringArray::from_iter_values(refused.iter().map(|(path, ..)| path)),
        stage: StringArray::from_iter_values(refused.iter().map(|_| "hash")),
        reason: StringArray::from_iter_values(refused.iter().map(|(_, reason, _)| reason)),
        detail: StringArray::from_iter_values(refused.iter().map(|(.., detail)| detail)),
    };
    Answer::Rejects(Header::new(&header.session, header.seq), rejects)
}

/// A workspace, the state of a `watch`, a clock that is moved by hand and messages that are delivered by hand.
pub struct Bench {
    pub folder: tempfile::TempDir,
    pub state: WatchState,
    pub model: Model,
    pub now: Instant,
    pub sent: VecDeque<Outgoing>,
    pub back: VecDeque<Answer>,
    config: Config,
    clock_ns: u64,
}

impl Bench {
    pub fn new(flags: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Workspace::create(folder.path()).unwrap();
        let config = Config::try_parse_from(["watch"].iter().chain(flags)).unwrap();
        Self::over(folder, config)
    }

    /// Over a workspace that is there already.
    pub fn over(folder: tempfile::TempDir, config: Config) -> Self {
        let now = Instant::now();
        let state = Self::state(&folder, &config, now);
        let model = Model::of(folder.path());
        let (sent, back) = (VecDeque::new(), VecDeque::new());
        // Long ago, so that no file looks as if it were being written.
        Self { folder, state, model, now, sent, back, config, clock_ns: 1_600_000_000_000_000_000 }
    }

    fn state(folder: &tempfile::TempDir, config: &Config, now: Instant) -> WatchState {
        let workspace = Workspace::create(folder.path()).unwrap();
        let mut state = WatchState::new(config, Self::roots(folder, config), &workspace, now).unwrap();
        state.remember_layouts_in(workspace.dataset());
        state
    }

    /// The watched folders, where they should be.
    fn roots(folder: &tempfile::TempDir, config: &Config) -> Roots {
        Roots::open(&Workspace::create(folder.path()).unwrap(), &config.folders).unwrap()
    }

    /// `watch` is killed and started again.
    pub fn restart_watch(&mut self) {
        self.state = Self::state(&self.folder, &self.config, self.now);
        self.back.clear();
    }

    pub fn at(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// Writes a file, with a time of its own.
    pub fn put(&mut self, path: &str, content: impl AsRef<[u8]>) {
        let at = self.at(path);
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        fs::write(&at, content).unwrap();
        self.clock_ns += 1_000_000_000;
        self.touch(path, self.clock_ns);
    }

    pub fn touch(&self, path: &str, modified_ns: u64) {
        let file = File::options().write(true).open(self.at(path)).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_nanos(modified_ns)).unwrap();
    }

    pub fn rename(&self, from: &str, to: &str) {
        fs::create_dir_all(self.at(to).parent().unwrap()).unwrap();
        fs::rename(self.at(from), self.at(to)).unwrap();
    }

    /// Scans, works, and takes every message that may be sent.
    pub fn send(&mut self) {
        for folder in self.config.folders.clone() {
            let at = self.at(folder.name()).canonicalize();
            if let Ok(at) = at
                && !self.state.is_asking()
            {
                self.state.scanned(walk(&Roots::one(folder, at), folder.name()), self.now);
            }
        }
        self.state.changed_in_quarantine(changed_in(&self.at("quarantine")), self.now);
        self.state.work(self.now);
        while let Some(message) = self.state.next_message(self.now) {
            let (Outgoing::InventoryRequest(..) | Outgoing::Images(..) | Outgoing::Removed(..)) = &message;
            self.sent.push_back(over_the_wire(message));
        }
    }

    /// Lets the dataset work on what was sent, and the answers come back.
    pub fn deliver(&mut self) {
        while let Some(message) = self.sent.pop_front() {
            self.back.extend(self.model.take(&message));
        }
        while let Some(answer) = self.back.pop_front() {
            self.answer(answer);
        }
    }

    pub fn answer(&mut self, answer: Answer) {
        match answer {
            Answer::Committed(header, listed) => self.state.committed(&header, &listed, self.now),
            Answer::Rejects(header, rejects) => self.state.rejects(&header, &rejects, self.now),
            Answer::Inventory(header, rows) => {
                self.state.inventory(&header, &rows, self.now);
            }
        }
    }

    /// Time passes without anything being delivered.
    pub fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.now += Duration::from_millis(100).min(end - self.now);
            self.send();
        }
    }

    /// Time passes and everything is delivered, until there is nothing left to do.
    pub fn settle(&mut self) {
        for _ in 0..20_000 {
            self.send();
            self.deliver();
            self.now += Duration::from_millis(100);
            if self.state.is_idle() {
                self.send();
                if self.state.is_idle() {
                    return;
                }
            }
        }
        panic!("never idle: {:?}", self.state);
    }

    /// Path → content of every image in the watched folders.
    pub fn disk(&self) -> BTreeMap<String, Vec<u8>> {
        let scan = |folder: &Folder| walk(&Roots::one(*folder, self.at(folder.name())), folder.name()).files;
        let files = self.config.folders.iter().flat_map(scan);
        files.map(|(path, _)| (path.clone(), fs::read(self.at(&path)).unwrap())).collect()
    }

    /// The dataset holds what is on disk.
    pub fn assert_same(&self) {
        assert_eq!(self.model.contents(), self.disk());
    }

    /// What the node says of itself.
    pub fn notices(&mut self) -> Vec<Notice> {
        let mut status = StatusFile::new(&self.at("status"), "watch");
        self.state.report(&mut status);
        status.write();
        read_all(&self.at("status")).remove("watch").unwrap().notices
    }

    /// Files in quarantine/ that are not notes.
    pub fn quarantined(&self) -> Vec<String> {
        self.in_quarantine()
            .into_iter()
            .filter(|name| Path::new(name).extension().is_none_or(|extension| extension != "json"))
            .collect()
    }

    /// Every file in quarantine/.
    pub fn in_quarantine(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut folders = vec![self.at("quarantine")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    found.push(path.strip_prefix(self.at("quarantine")).unwrap().to_str().unwrap().to_owned());
                }
            }
        }
        found.sort();
        found
    }
}

/// Rows in a message of images, and its bytes.
pub fn images(message: &Outgoing) -> Option<(usize, usize)> {
    match message {
        Outgoing::Images(_, images) => Some((images.rows(), images.size_bytes.values().iter().sum::<u64>() as usize)),
        _ => None,
    }
}

/// A message as the other side reads it: the schema is checked.
fn over_the_wire(message: Outgoing) -> Outgoing {
    fn again<E: Edge>(message: E) -> E {
        let array: ArrayRef = Arc::new(message.into_array());
        assert!(array.to_data().get_slice_memory_size().unwrap() <= 16 << 20);
        E::from_array(&array).unwrap()
    }
    match message {
        Outgoing::InventoryRequest(header, request) => Outgoing::InventoryRequest(header, again(request)),
        Outgoing::Images(header, images) => Outgoing::Images(header, Box::new(again(*images))),
        Outgoing::Removed(header, removed) => Outgoing::Removed(header, again(removed)),
    }
}
