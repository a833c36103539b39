//! The journal of a search on disk: `search/<id>/journal.jsonl` in the workspace, one event a line, each synced before anything
//! rests on it. Killed at any moment, the search is what the whole lines say; a half-written last line is cut off.

use crate::search::{Entry, Event, Search, Settings};
use plugin_api::DatasetState;
use plugin_api::files::{sync_folder, with_path};
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// The file's name.
pub const FILE: &str = "journal.jsonl";

/// A search and its journal.
pub struct Journal {
    folder: PathBuf,
    file: File,
    search: Search,
    /// When this program took it up, and how long it had worked by then.
    clock: (Instant, f64),
}

impl Journal {
    /// Begins a search in a new folder of `searches`.
    ///
    /// # Errors
    /// Any error of the file system, with the path in its text.
    pub fn create(
        searches: &Path,
        id: &str,
        settings: Settings,
        data: DatasetState,
        started_ms: u64,
    ) -> io::Result<Self> {
        let folder = searches.join(id);
        std::fs::create_dir_all(&folder).map_err(|e| with_path(&folder, &e))?;
        let path = folder.join(FILE);
        let file = OpenOptions::new().append(true).create_new(true).open(&path).map_err(|e| with_path(&path, &e))?;
        let search = Search::new(id, settings.clone(), data.clone(), started_ms);
        let mut journal = Self { folder, file, search, clock: (Instant::now(), 0.0) };
        journal.record(Event::Began { settings, data, started_ms })?;
        sync_folder(&journal.folder)?;
        sync_folder(searches)?;
        Ok(journal)
    }

    /// Takes up the search in a folder; `None` when its first line was never written.
    ///
    /// # Errors
    /// Any error of the file system, with the path in its text; a line in the middle that is none.
    pub fn open(folder: &Path) -> io::Result<Option<Self>> {
        let path = folder.join(FILE);
        let text = std::fs::read(&path).map_err(|e| with_path(&path, &e))?;
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let Some(search) = read(folder, &text[..whole]).map_err(|e| with_path(&path, &e))? else { return Ok(None) };
        let file = OpenOptions::new().append(true).open(&path).map_err(|e| with_path(&path, &e))?;
        if whole < text.len() {
            file.set_len(whole as u64).map_err(|e| with_path(&path, &e))?;
        }
        let clock = (Instant::now(), search.seconds);
        Ok(Some(Self { folder: folder.to_owned(), file, search, clock }))
    }

    /// The search as it stands.
    pub fn search(&self) -> &Search {
        &self.search
    }

    /// Folder of the search below `searches/`.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Seconds the search has worked.
    pub fn seconds(&self) -> f64 {
        self.clock.1 + self.clock.0.elapsed().as_secs_f64()
    }

    /// Writes down what happened, and makes it last.
    ///
    /// # Errors
    /// Any error of the file system, with the path in its text.
    pub fn record(&mut self, event: Event) -> io::Result<()> {
        let entry = Entry { at: (self.seconds() * 1000.0).round() / 1000.0, event };
        let mut line = serde_json::to_vec(&entry)?;
        line.push(b'\n');
        let written = self.file.write_all(&line).and_then(|()| self.file.sync_data());
        written.map_err(|e| with_path(&self.folder.join(FILE), &e))?;
        self.search.apply(&entry);
        Ok(())
    }
}

/// The search that a journal tells of, without taking it up; `None` when there is none in the folder.
///
/// # Errors
/// As [`Journal::open`].
pub fn read_search(folder: &Path) -> io::Result<Option<Search>> {
    let path = folder.join(FILE);
    let text = match std::fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(with_path(&path, &error)),
    };
    let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    read(folder, &text[..whole]).map_err(|e| with_path(&path, &e))
}

fn read(folder: &Path, text: &[u8]) -> io::Result<Option<Search>> {
    let mut entries = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).enumerate().map(|(i, line)| {
        serde_json::from_slice::<Entry>(line)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, format!("line {}: {error}", i + 1)))
    });
    let Some(first) = entries.next().transpose()? else { return Ok(None) };
    let Event::Began { settings, data, started_ms } = first.event else {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "line 1 is not the beginning of a search"));
    };
    let id = folder.file_name().unwrap_or_default().to_string_lossy();
    let mut search = Search::new(&id, settings, data, started_ms);
    for entry in entries {
        search.apply(&entry?);
    }
    Ok(Some(search))
}

/// Where searches are in the workspace.
pub const FOLDER: &str = "search";

/// The folders of searches, oldest first.
pub fn searches(root: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> =
        entries.map(|entry| entry.path()).filter(|path| path.join(FILE).is_file()).collect();
    folders.sort();
    folders
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::search::{Method, Objective, Outcome, Proposed};

    pub fn settings() -> Settings {
        Settings {
            network: "cnn-relu".to_owned(),
            definition: include_str!("../../../dataflows/networks/cnn-relu.yml").to_owned(),
            method: Method::GaussianProcess,
            objective: Objective::Error,
            size_px: 64,
            epochs: 6,
            halving: 3,
            inherit: false,
            max_multiply_adds: 1 << 40,
            max_parameters: 1 << 30,
            seed: 1,
        }
    }

    pub fn data() -> DatasetState {
        let classes: Vec<String> = (0..4).map(|i| format!("class {i}")).collect();
        let counts = vec![[10, 3, 3, 0]; 4];
        DatasetState { version: 3, fingerprint: "f".to_owned(), classes, counts, labels: plugin_api::Labels::Single }
    }

    pub fn proposed(attempt: u64, multiply_adds: u64) -> Proposed {
        Proposed {
            attempt,
            run: format!("run-{attempt}"),
            parent: attempt.checked_sub(1),
            change: "relu removed".to_owned(),
            definition: settings().definition,
            multiply_adds,
            parameters: 10,
            expected: None,
            inherits: None,
            worker: 0,
        }
    }

    pub fn search_of(events: impl IntoIterator<Item = Event>) -> Search {
        let mut search = Search::new("s", settings(), data(), 0);
        for (i, event) in events.into_iter().enumerate() {
            search.apply(&Entry { at: i as f64, event });
        }
        search
    }

    pub fn epochs(attempt: u64, errors: &[f64]) -> Vec<Event> {
        let each = errors.iter().enumerate();
        each.map(|(epoch, error)| Event::Epoch { attempt, epoch: epoch as u64, error: *error, seconds: 2.0 }).collect()
    }

    fn story() -> Vec<Event> {
        let mut events = vec![Event::Proposed(proposed(0, 100))];
        events.extend(epochs(0, &[0.7, 0.5, 0.6]));
        events.push(Event::Ended { attempt: 0, outcome: Outcome::Trained, reason: None });
        events.push(Event::Evaluated { attempt: 0, accuracy: 0.5, balanced_accuracy: 0.5, reason: "so".to_owned() });
        events.push(Event::Proposed(proposed(1, 50)));
        events.extend(epochs(1, &[0.8]));
        events.push(Event::Interrupted { attempt: 1 });
        events.extend(epochs(1, &[0.75, 0.7]));
        events.push(Event::Stopping { attempt: 1, reason: "hopeless".to_owned() });
        events.push(Event::Ended { attempt: 1, outcome: Outcome::Stopped, reason: Some("hopeless".to_owned()) });
        events.push(Event::Finished { reason: "enough".to_owned() });
        events
    }

    #[test]
    fn a_journal_cut_anywhere_is_its_whole_lines() {
        let root = tempfile::tempdir().unwrap();
        let mut journal = Journal::create(root.path(), "one", settings(), data(), 5).unwrap();
        let mut states = vec![journal.search().clone()];
        for event in story() {
            journal.record(event).unwrap();
            states.push(journal.search().clone());
        }
        let folder = journal.folder().to_owned();
        drop(journal);
        let bytes = std::fs::read(folder.join(FILE)).unwrap();
        for cut in 0..=bytes.len() {
            std::fs::write(folder.join(FILE), &bytes[..cut]).unwrap();
            let lines = bytes[..cut].split(|byte| *byte == b'\n').count() - 1;
            let seen = read_search(&folder).unwrap();
            assert_eq!(seen.as_ref(), lines.checked_sub(1).map(|i| &states[i]), "cut at {cut}");
            // All the files are opened now and then; that takes the time.
            if cut % 97 == 0 || cut == bytes.len() {
                let Some(mut journal) = Journal::open(&folder).unwrap() else { continue };
                assert_eq!(journal.search(), &states[lines - 1]);
                journal.record(Event::Finished { reason: "again".to_owned() }).unwrap();
                drop(journal);
                let back = read_search(&folder).unwrap().unwrap();
                assert_eq!(back.finished.as_deref(), Some("again"), "what was half written is gone");
            }
        }
    }

    #[test]
    fn a_line_that_is_none_is_named() {
        let root = tempfile::tempdir().unwrap();
        drop(Journal::create(root.path(), "one", settings(), data(), 5).unwrap());
        let path = root.path().join("one").join(FILE);
        let mut text = std::fs::read_to_string(&path).unwrap();
        text.push_str("{\"at\": 1, \"event\": \"danced\"}\n");
        std::fs::write(&path, text).unwrap();
        let error = Journal::open(&root.path().join("one")).err().unwrap().to_string();
        assert!(error.contains("journal.jsonl") && error.contains("line 2"), "{error}");
        assert!(Journal::create(root.path(), "one", settings(), data(), 5).is_err(), "never twice");
        assert_eq!(searches(root.path()).len(), 1);
    }

    #[test]
    fn time_goes_on_where_it_was() {
        let root = tempfile::tempdir().unwrap();
        let journal = Journal::create(root.path(), "one", settings(), data(), 5).unwrap();
        let path = journal.folder().join(FILE);
        drop(journal);
        let mut text = std::fs::read_to_string(&path).unwrap();
        text.push_str("{\"at\": 500.0, \"event\": \"resumed\"}\n");
        std::fs::write(&path, text).unwrap();
        let journal = Journal::open(&root.path().join("one")).unwrap().unwrap();
        assert!((500.0..510.0).contains(&journal.seconds()));
    }

    #[test]
    fn attempts_are_as_the_events_say() {
        let search = search_of(story());
        let [first, second] = &search.attempts[..] else { panic!("{search:?}") };
        assert_eq!((first.error(), first.error_after(1), first.outcome), (Some(0.5), Some(0.7), Outcome::Trained));
        assert_eq!((second.curve.as_slice(), second.interruptions), (&[0.75, 0.7][..], 0));
        assert_eq!(second.seconds, 6.0);
        // After two epochs the first had come to its end already.
        assert_eq!(search.estimate(second), Some(0.7));
        assert_eq!(search.estimate(first), Some(0.5));
        assert_eq!((search.front(), search.best().map(|a| a.proposed.attempt)), (vec![0, 1], Some(0)));
        assert_eq!(search.finished.as_deref(), Some("enough"));
    }
}
