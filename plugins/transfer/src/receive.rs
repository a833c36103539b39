//! Puts offered files there: each whole or not at all, in the order they are offered.

use crate::offers::{CHAMPION, Role, agree, agreed};
use crate::options::TransferOptions;
use crate::window::Window;
use arrow::array::{Array, StringArray, UInt64Array};
use plugin_api::edges::{FileParts, OfferedFiles, WantedParts};
use plugin_api::files::{digest, point_atomically, sync_folder, with_path};
use plugin_api::{Edge, Header, Workspace};
use plugin_champion::Lock;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Component, Path, PathBuf};
use std::time::Instant;

/// A file that is to be had.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Wanted {
    path: String,
    target: Option<String>,
    size: u64,
    digest: String,
}

/// The file that is on its way.
#[derive(Debug)]
struct Coming {
    wanted: Wanted,
    part: PathBuf,
    file: File,
    /// Ranges that have not been asked for.
    ranges: VecDeque<(u64, u64)>,
    /// Bytes that have not come.
    missing: u64,
}

/// The receiving side.
#[derive(Debug)]
pub struct Receiver {
    workspace: Workspace,
    role: Role,
    options: TransferOptions,
    session: String,
    /// Where the offers come from.
    from: String,
    waiting: VecDeque<Wanted>,
    coming: Option<Coming>,
    window: Window<(u64, u64)>,
    /// What is kept and has not been said, by path.
    to_say: BTreeMap<String, String>,
    /// Files that are here, by digest.
    here: HashMap<String, PathBuf>,
    /// Bytes of files that came.
    pub bytes: u64,
    /// Files that came or were found here.
    pub files: u64,
}

impl Receiver {
    /// Nothing is on its way. `session` names this process in its requests.
    pub fn new(workspace: Workspace, role: Role, options: TransferOptions, session: String, now: Instant) -> Self {
        let window = Window::new(options.window(), options.patience(), now);
        Self {
            workspace,
            role,
            options,
            session,
            from: String::new(),
            waiting: VecDeque::new(),
            coming: None,
            window,
            to_say: BTreeMap::new(),
            here: HashMap::new(),
            bytes: 0,
            files: 0,
        }
    }

    /// Requests that had to be made again.
    pub fn repeated(&self) -> u64 {
        self.window.repeated
    }

    /// The path that is on its way.
    pub fn coming(&self) -> Option<&str> {
        self.coming.as_ref().map(|coming| coming.wanted.path.as_str())
    }

    /// Takes offers: those of the newest message count, whatever was offered before.
    pub fn offered(&mut self, header: &Header, offers: &OfferedFiles) {
        if header.session != self.from {
            self.from.clone_from(&header.session);
            self.drop_coming();
        }
        self.waiting = (0..offers.rows())
            .map(|row| Wanted {
                path: offers.path.value(row).to_owned(),
                target: (!offers.target.is_null(row)).then(|| offers.target.value(row).to_owned()),
                size: offers.size_bytes.value(row),
                digest: offers.digest.value(row).to_owned(),
            })
            .collect();
        if self.coming.as_ref().is_some_and(|coming| !self.waiting.contains(&coming.wanted)) {
            self.drop_coming();
        }
        if let Some(coming) = &self.coming {
            self.waiting.retain(|wanted| wanted != &coming.wanted);
        }
    }

    fn drop_coming(&mut self) {
        if let Some(coming) = self.coming.take() {
            let _ = fs::remove_file(&coming.part);
        }
        drop(self.window.lost());
    }

    /// Takes parts that came.
    ///
    /// # Errors
    /// Any error of the file system, with the path in its text.
    pub fn parts(&mut self, header: &Header, parts: &FileParts, now: Instant) -> io::Result<()> {
        if header.session != self.session {
            return Ok(());
        }
        let (request, lost) = self.window.answered(header.seq, now);
        let Some(coming) = &mut self.coming else { return Ok(()) };
        coming.ranges.extend(lost);
        let Some((first, bytes)) = request else { return Ok(()) };
        for row in 0..parts.rows() {
            let data = parts.data.value(row);
            let wanted = &coming.wanted;
            if (parts.path.value(row), parts.digest.value(row)) != (&wanted.path[..], &wanted.digest[..]) {
                continue;
            }
            if data.len() as u64 != bytes || parts.first.value(row) != first {
                tracing::info!(path = wanted.path, "the file has changed there; it will be offered again");
                self.drop_coming();
                return Ok(());
            }
            coming.file.write_all_at(data, first).map_err(|e| with_path(&coming.part, &e))?;
            coming.missing -= bytes;
            self.bytes += bytes;
        }
        if coming.missing == 0
            && let Some(coming) = self.coming.take()
        {
            self.finish(coming)?;
        }
        Ok(())
    }

    /// A whole file gets its name, if it is what was offered.
    fn finish(&mut self, coming: Coming) -> io::Result<()> {
        let Coming { wanted, part, file, .. } = coming;
        let whole = self.workspace.root().join(&wanted.path);
        file.sync_all().map_err(|e| with_path(&part, &e))?;
        if digest(&part).map_err(|e| with_path(&part, &e))? != wanted.digest {
            tracing::warn!(path = wanted.path, "a file came damaged; it is asked for again");
            fs::remove_file(&part).map_err(|e| with_path(&part, &e))?;
            self.waiting.push_front(wanted);
            return Ok(());
        }
        fs::rename(&part, &whole).map_err(|e| with_path(&whole, &e))?;
        sync_folder(whole.parent().unwrap_or(self.workspace.root()))?;
        self.keep(wanted, whole);
        Ok(())
    }

    fn keep(&mut self, wanted: Wanted, whole: PathBuf) {
        self.files += 1;
        if wanted.target.is_none() {
            self.here.insert(wanted.digest.clone(), whole);
        }
        self.to_say.insert(wanted.path, wanted.digest);
    }

    /// What is to be asked for and said now, with the headers.
    ///
    /// # Errors
    /// Any error of the file system, with the path in its text.
    pub fn requests(&mut self, now: Instant) -> io::Result<Vec<(Header, WantedParts)>> {
        let overdue = self.window.overdue(now);
        if let Some(coming) = &mut self.coming {
            coming.ranges.extend(overdue);
        }
        let mut requests = Vec::new();
        loop {
            while self.coming.is_none()
                && let Some(wanted) = self.waiting.pop_front()
            {
                self.begin(wanted)?;
            }
            let Some(coming) = &mut self.coming else { break };
            if !self.window.has_room() {
                break;
            }
            let Some((first, bytes)) = coming.ranges.pop_front() else { break };
            let number = self.window.ask((first, bytes), now);
            let row = (coming.wanted.path.clone(), coming.wanted.digest.clone(), first, bytes);
            requests.push((Header::new(self.session.clone(), number), message(&[row])));
        }
        let said = std::mem::take(&mut self.to_say);
        if !said.is_empty() {
            let rows: Vec<_> = said.into_iter().map(|(path, digest)| (path, digest, 0, 0)).collect();
            // Not numbered: nothing answers it.
            requests.push((Header::new(self.session.clone(), u64::MAX >> 1), message(&rows)));
        }
        Ok(requests)
    }

    /// Finds out what a file needs: nothing, a copy of one that is here, or its parts.
    fn begin(&mut self, wanted: Wanted) -> io::Result<()> {
        if !is_ours(&wanted.path) {
            tracing::warn!(path = wanted.path, "a file that has no business here is offered; it is left out");
            return Ok(());
        }
        if let Some(target) = wanted.target.clone() {
            if self.swap(&target)? {
                self.keep(wanted, PathBuf::new());
            }
            return Ok(());
        }
        let whole = self.workspace.root().join(&wanted.path);
        if digest(&whole).is_ok_and(|digest| digest == wanted.digest) {
            self.keep(wanted, whole);
            return Ok(());
        }
        let folder = whole.parent().unwrap_or(self.workspace.root());
        fs::create_dir_all(folder).map_err(|e| with_path(folder, &e))?;
        let name = whole.file_name().unwrap_or_default().to_string_lossy();
        let part = whole.with_file_name(format!(".{name}.part"));
        let file = File::options().read(true).write(true).create(true).truncate(true).open(&part);
        let file = file.map_err(|e| with_path(&part, &e))?;
        let mut coming = Coming { part, file, ranges: VecDeque::new(), missing: wanted.size, wanted };
        if let Some(same) = self.here.get(&coming.wanted.digest)
            && fs::copy(same, &coming.part).is_ok()
        {
            // The weights of a run, as those of a model. Should they have changed, the digest tells.
            self.here.remove(&coming.wanted.digest);
            return self.finish(coming);
        }
        if coming.missing == 0 {
            return self.finish(coming);
        }
        let step = self.options.payload_bytes() as u64;
        let size = coming.wanted.size;
        coming.ranges = (0..size).step_by(step as usize).map(|first| (first, step.min(size - first))).collect();
        self.coming = Some(coming);
        Ok(())
    }

    /// Makes a model champion, as the other machine has. Not when a person has chosen another one here meanwhile: what a person
    /// says on the machine with the files holds.
    fn swap(&self, target: &str) -> io::Result<bool> {
        let _lock = Lock::take(&self.workspace)?;
        let now = plugin_champion::champion(&self.workspace);
        if self.role == Role::Files && now.is_some() && now != agreed(&self.workspace) && now.as_deref() != Some(target)
        {
            tracing::info!(offered = target, champion = now, "another champion was chosen here meanwhile; it stays");
            return Ok(false);
        }
        if !self.workspace.models().join(target).join("model.json").is_file() {
            return Ok(false);
        }
        if now.as_deref() != Some(target) {
            point_atomically(&self.workspace.champion(), Path::new(target))?;
            tracing::info!(champion = target, before = now, "the champion is another");
        }
        agree(&self.workspace, target)?;
        Ok(true)
    }
}

fn message(rows: &[(String, String, u64, u64)]) -> WantedParts {
    WantedParts {
        path: StringArray::from_iter_values(rows.iter().map(|row| &row.0)),
        digest: StringArray::from_iter_values(rows.iter().map(|row| &row.1)),
        first: rows.iter().map(|row| row.2).collect::<UInt64Array>(),
        bytes: rows.iter().map(|row| row.3).collect::<UInt64Array>(),
    }
}

/// Whether a path leads into `runs/` or `models/`, and nowhere else.
fn is_ours(path: &str) -> bool {
    let mut parts = Path::new(path).components();
    let first = parts.next();
    let into = ["runs", "models"].iter().any(|name| first == Some(Component::Normal(name.as_ref())));
    into && path.split('/').all(|part| !part.is_empty() && part != "." && part != "..") && path.contains('/')
        || path == CHAMPION
}

#[cfg(test)]
mod tests;
