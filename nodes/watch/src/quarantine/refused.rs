//! What lies in `quarantine/`, counted from the notes there, off the event loop. A person may empty it at any time, and the
//! counts follow.

use crate::fs::disk::Stamp;
use crate::fs::roots::Roots;
use crate::fs::scan::{EXAMPLES, Left};
use crate::quarantine::record::Record;
use plugin_api::RejectReason;
use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// What refused files are told apart by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RefusedKind {
    /// Why they were refused.
    pub reason: RefusedReason,
    /// The folder of the workspace that they lie in: `quarantine`, or, when they could not be moved, the one they came from.
    pub folder: String,
}

/// Why files were refused, as people are told. Ordered by its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefusedReason {
    /// A format that is not decoded, or a kind of it: `HEIC`. Empty where nobody says which.
    Unsupported(String),
    /// The file breaks the rules of its format, or the decoder.
    Damaged,
    /// Any other reason that a stage has.
    Stage(RejectReason),
    /// A reason of somebody else's stage.
    Other(String),
}

impl RefusedReason {
    /// As the note beside a file has it.
    fn of(record: &Record) -> Self {
        match RejectReason::parse(&record.reason) {
            Some(RejectReason::Unsupported) => {
                let format = record.detail.split_once(" is not decoded").map(|(format, _)| format.to_owned());
                Self::Unsupported(format.unwrap_or_default())
            }
            Some(RejectReason::Corrupt | RejectReason::Panicked) => Self::Damaged,
            Some(reason) => Self::Stage(reason),
            None => Self::Other(record.reason.clone()),
        }
    }
}

impl fmt::Display for RefusedReason {
    /// `truncated`, `unsupported:HEIC`, …
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsupported(format) if format.is_empty() => RejectReason::Unsupported.fmt(f),
            Self::Unsupported(format) => write!(f, "{}:{format}", RejectReason::Unsupported),
            Self::Damaged => f.write_str("damaged"),
            Self::Stage(reason) => reason.fmt(f),
            Self::Other(word) => f.write_str(word),
        }
    }
}

impl Ord for RefusedReason {
    fn cmp(&self, other: &Self) -> Ordering {
        self.to_string().cmp(&other.to_string())
    }
}

impl PartialOrd for RefusedReason {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Refused files by reason and folder.
pub type Refused = BTreeMap<RefusedKind, Left>;

/// The folder of refused files that could be moved.
pub const QUARANTINE: &str = "quarantine";

/// Notes that were read, so that each is read once.
#[derive(Debug, Default)]
pub struct Notes(HashMap<PathBuf, (Stamp, Option<Record>)>);

impl Notes {
    /// Counts what the notes below `quarantine` are about: files that lie beside their note, and files that stayed in one of
    /// `roots` and are still there. Files that came from other folders than `roots` are of another node.
    pub fn count(&mut self, quarantine: &Path, roots: &Roots) -> Refused {
        let (mut refused, mut found) = (Refused::new(), HashMap::new());
        let mut folders = vec![quarantine.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let (path, kind) = (entry.path(), entry.file_type());
                if kind.as_ref().is_ok_and(fs::FileType::is_dir) {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "json")
                    && let Ok(meta) = entry.metadata()
                {
                    let stamp = Stamp::from(&meta);
                    let known = self.0.remove(&path).filter(|(before, _)| *before == stamp);
                    let (_, record) = known.unwrap_or_else(|| (stamp, read(&path)));
                    if let Some(record) = &record
                        && let Some(example) = place(&path, record, quarantine, roots)
                    {
                        let folder = example.split('/').next().unwrap_or_default().to_owned();
                        let left =
                            refused.entry(RefusedKind { reason: RefusedReason::of(record), folder }).or_default();
                        left.count += 1;
                        left.examples.push(example);
                    }
                    found.insert(path, (stamp, record));
                }
            }
        }
        self.0 = found;
        for left in refused.values_mut() {
            left.examples.sort();
            left.examples.truncate(EXAMPLES);
        }
        refused
    }
}

fn read(note: &Path) -> Option<Record> {
    serde_json::from_slice(&fs::read(note).ok()?).ok()
}

/// Where the file of a note lies, relative to the workspace; none when it is nowhere, or not of `roots`.
fn place(note: &Path, record: &Record, quarantine: &Path, roots: &Roots) -> Option<String> {
    let original = roots.real(&record.path)?;
    let file = note.with_extension("");
    if file.symlink_metadata().is_ok() {
        return Some(format!("{QUARANTINE}/{}", file.strip_prefix(quarantine).ok()?.display()));
    }
    original.symlink_metadata().is_ok().then(|| record.path.clone())
}

/// What is in quarantine is counted again after a change, and this long after the last count in any case.
const RECOUNT: Duration = Duration::from_secs(30);

/// A thread that counts on request.
#[derive(Debug)]
pub struct Counter {
    requests: Sender<()>,
    results: Receiver<Refused>,
    is_asked: bool,
}

impl Counter {
    /// Starts the thread. It ends when the counter is dropped.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub fn start(quarantine: PathBuf, roots: Roots) -> io::Result<Self> {
        let (requests, todo) = channel();
        let (done, results) = channel();
        thread::Builder::new().name("quarantine".to_owned()).spawn(move || {
            let mut notes = Notes::default();
            while todo.recv().is_ok() {
                if done.send(notes.count(&quarantine, &roots)).is_err() {
                    break;
                }
            }
        })?;
        Ok(Self { requests, results, is_asked: false })
    }

    /// Asks for a count, unless one is under way. False then.
    pub fn ask(&mut self) -> bool {
        let may_ask = !self.is_asked;
        self.is_asked |= may_ask && self.requests.send(()).is_ok();
        may_ask
    }

    /// A count that is done.
    pub fn take(&mut self) -> Option<Refused> {
        let refused = self.results.try_recv().ok()?;
        self.is_asked = false;
        Some(refused)
    }

    /// A count that is done, if there is one. Asks for the next when that is due, which it is after a while in any case.
    pub fn recount(&mut self, due: &mut Option<Instant>, now: Instant) -> Option<Refused> {
        let refused = self.take();
        if refused.is_some() {
            due.get_or_insert(now + RECOUNT);
        }
        if due.is_some_and(|due| due <= now) && self.ask() {
            *due = None;
        }
        refused
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::roots::Folder;
    use crate::quarantine::Quarantine;
    use plugin_api::FileVersion;

    #[test]
    fn notes_are_counted_by_format_and_reason() {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        fs::create_dir_all(at("photos/cat")).unwrap();
        let (quarantine, roots) = (Quarantine::new(at("quarantine")), Roots::one(Folder::Photos, at("photos")));
        let mut notes = Notes::default();
        let refuse = |path: &str, reason: &str, detail: &str| {
            fs::write(at(path), "content").unwrap();
            let version = Stamp::from(&fs::metadata(at(path)).unwrap()).version;
            quarantine.take(&at(path), &Record::new(path, version, "hash", reason, detail)).unwrap();
        };
        assert!(notes.count(&at("quarantine"), &roots).is_empty(), "there is no such folder yet");
        for n in 0..5 {
            refuse(&format!("photos/cat/{n}.heic"), "unsupported", "HEIC is not decoded; save it as JPEG or PNG");
        }
        refuse("photos/cat/x.jpg", "corrupt", "the JPEG file is damaged");
        // One that stays in its place, one of another node, and a note of a person.
        fs::write(at("photos/cat/y.jpg"), "y").unwrap();
        quarantine
            .note(&Record::new("photos/cat/y.jpg", FileVersion::default(), "watch", "unreadable", "denied"))
            .unwrap();
        quarantine.note(&Record::new("inbox/z.jpg", FileVersion::default(), "watch", "unreadable", "denied")).unwrap();
        fs::write(at("quarantine/mine.json"), "{}").unwrap();

        let counts = |notes: &mut Notes| -> Vec<(RefusedKind, u64)> {
            notes.count(&at("quarantine"), &roots).into_iter().map(|(kind, left)| (kind, left.count)).collect()
        };
        let kind = |reason: RefusedReason, folder: &str| RefusedKind { reason, folder: folder.to_owned() };
        let heic = kind(RefusedReason::Unsupported("HEIC".to_owned()), QUARANTINE);
        let unreadable = kind(RefusedReason::Stage(RejectReason::Unreadable), "photos");
        let all = [(kind(RefusedReason::Damaged, QUARANTINE), 1), (unreadable, 1), (heic.clone(), 5)];
        assert_eq!(counts(&mut notes), all);
        let heic_files = notes.count(&at("quarantine"), &roots).remove(&heic).unwrap();
        assert_eq!(heic_files.examples, ["quarantine/cat/0.heic", "quarantine/cat/1.heic", "quarantine/cat/2.heic"]);

        // A person deletes some, with or without their notes.
        fs::remove_file(at("quarantine/cat/0.heic")).unwrap();
        fs::remove_file(at("quarantine/cat/x.jpg")).unwrap();
        fs::remove_file(at("quarantine/cat/x.jpg.json")).unwrap();
        fs::remove_file(at("photos/cat/y.jpg")).unwrap();
        assert_eq!(counts(&mut notes), [(heic.clone(), 4)]);
        assert_eq!(counts(&mut Notes::default()), [(heic, 4)], "after a restart");
    }

    #[test]
    fn reasons_are_read_from_notes() {
        let of = |reason: &str, detail: &str| {
            RefusedReason::of(&Record::new("photos/a", FileVersion::default(), "decode", reason, detail)).to_string()
        };
        let said =
            [("unsupported", "RAW (CR3) is not decoded"), ("unsupported", "no"), ("panicked", ""), ("corrupt", "")];
        let read = said.map(|(reason, detail)| of(reason, detail));
        assert_eq!(read, ["unsupported:RAW (CR3)", "unsupported", "damaged", "damaged"]);
        assert_eq!([of("empty", "x is not decoded"), of("blurred", "")], ["empty", "blurred"]);
    }

    #[test]
    fn the_thread_counts_when_asked() {
        let folder = tempfile::tempdir().unwrap();
        let mut counter =
            Counter::start(folder.path().join("quarantine"), Roots::one(Folder::Photos, folder.path())).unwrap();
        assert!(counter.ask() && !counter.ask());
        while counter.take().is_none() {
            thread::yield_now();
        }
        assert!(counter.ask());
    }
}
