//! One turn of the loop after the other: what comes, a new champion, and what follows from both.

use crate::error::PredictError;
use crate::head::learner::Job;
use crate::model::Model;
use crate::oracle::Oracle;
use crate::said::Said;
use crate::store::{File, View};
use crate::tray::Tray;
use arrow::array::StringArray;
use plugin_api::edges::{EncodedImages, Snapshot};
use plugin_api::{Edge, Labels, Tag};
use plugin_decode::{Limits, Picture, decode};
use plugin_harness::keeper::{Kept, acknowledge, send_inventory};
use plugin_harness::{Keeper, Message, Node, Refusal, part, send_rejects};
use plugin_standing::Comparison;
use rayon::prelude::*;
use std::borrow::Cow;
use std::collections::VecDeque;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// How often `review/` is looked at.
const REVIEW: Duration = Duration::from_millis(500);
/// How often `photos/` and `sorted/` are looked through …
const PHOTOS: Duration = Duration::from_secs(10);
/// … but for at most one part in so many of the time; folders and tables likewise.
const SHARE: u32 = 10;
/// While pictures keep coming, folders and tables follow after so long.
const IMPATIENT: Duration = Duration::from_millis(500);
/// What classifying again should take at a time, so that a new picture need not wait.
const CHUNK: Duration = Duration::from_millis(100);
/// Pictures that are classified again at a time, at most.
const CHUNK_PICTURES: usize = 64;

/// Something that is done now and then, for a small part of the time.
#[derive(Clone, Copy)]
struct Turn {
    every: Duration,
    next: Instant,
}

impl Turn {
    fn new(every: Duration, now: Instant) -> Self {
        Self { every, next: now }
    }

    fn is_due(&self, now: Instant) -> bool {
        now >= self.next
    }

    fn done(&mut self, began: Instant) {
        self.next = Instant::now() + self.every.max(began.elapsed() * SHARE);
    }
}

/// The tray, the champion, and when what was done.
pub struct Desk {
    tray: Tray,
    oracle: Oracle,
    keeper: Keeper,
    limits: Limits,
    /// Version of the data set that the head was last told of.
    version: Option<u64>,
    /// Pictures that the champion has not seen.
    unsaid: VecDeque<String>,
    chunk: usize,
    review: Turn,
    photos: Turn,
    arrange: Turn,
}

impl Desk {
    pub fn new(tray: Tray, oracle: Oracle, limits: Limits) -> Self {
        let now = Instant::now();
        Self {
            tray,
            oracle,
            keeper: Keeper::default(),
            limits,
            version: None,
            unsaid: VecDeque::new(),
            chunk: 1,
            review: Turn::new(REVIEW, now),
            photos: Turn::new(PHOTOS, now),
            arrange: Turn::new(Duration::ZERO, now),
        }
    }

    /// Nothing to do until something comes, or time passes.
    pub fn is_idle(&self) -> bool {
        self.unsaid.is_empty() && !self.tray.is_dirty()
    }

    /// Takes up a new champion.
    pub fn follow(&mut self, now: Instant) {
        if self.oracle.follow(now) {
            let unsaid = self.oracle.model().map(|model| self.tray.unsaid_by(&model.card().run));
            self.unsaid = unsaid.unwrap_or_default().into();
            self.chunk = 1;
        }
    }

    /// Takes note of a version of the data set: the head learns from it.
    pub fn snapshot(&mut self, message: &Message) -> Result<(), PredictError> {
        let rows: Snapshot = message.read()?;
        let accepted =
            |row: &usize| [&rows.train, &rows.validation, &rows.test].iter().any(|split| split.value(*row) > 0);
        let classes = (0..rows.rows()).filter(accepted).map(|row| rows.label.value(row).to_owned()).collect();
        self.oracle.set_classes(classes);
        if let Some(version) = rows.version.iter().flatten().next()
            && self.version != Some(version)
        {
            self.version = Some(version);
            self.oracle.learner().give(Job { version, single: Labels::of(&message.tag) == Labels::Single });
        }
        Ok(())
    }

    /// Takes in a message and those that wait behind it. Returns the first that is something else.
    pub fn images(&mut self, first: Message, node: &mut Node) -> Result<Option<Message>, PredictError> {
        let (taken, other) = self.keeper.images::<EncodedImages>(first, node)?;
        for (tag, rows) in taken {
            let open = |row: usize| rows.content(row, &self.tray.home).map_err(|e| (e.reason(), e.to_string()));
            let files: Vec<Result<Cow<'_, [u8]>, Refusal>> = (0..rows.rows()).map(open).collect();
            let digest = |data: &Cow<'_, [u8]>| blake3::hash(data).to_hex().to_string();
            let digests: Vec<String> =
                files.par_iter().map(|data| data.as_ref().map_or_else(|_| String::new(), digest)).collect();
            let seen = self.see(&files, &digests)?;
            drop(files);
            let (kept, seen, rejects) = part(&rows.path, seen);
            let file = |(row, said): (&usize, Option<Said>)| File {
                path: rows.path.value(*row).to_owned(),
                digest: digests[*row].clone(),
                modified_ns: rows.modified_ns.value(*row),
                size_bytes: rows.size_bytes.value(*row),
                said,
            };
            self.tray.take_in(kept.iter().zip(seen).map(file).collect())?;
            if !rejects.is_empty() {
                node.status().add("rejected", rejects.len() as u64);
                send_rejects(node, &tag, &rejects)?;
            }
            node.status().add("committed", kept.len() as u64);
            let paths = StringArray::from_iter_values(kept.iter().map(|row| rows.path.value(*row)));
            acknowledge(&tag, paths, node)?;
        }
        Ok(other)
    }

    /// What the champion says of each file, none without a champion; or why it is no picture.
    fn see(
        &self,
        files: &[Result<Cow<'_, [u8]>, Refusal>],
        digests: &[String],
    ) -> Result<Vec<Result<Option<Said>, Refusal>>, PredictError> {
        let (model, limits) = (self.oracle.model(), &self.limits);
        let open = |data: &Result<Cow<'_, [u8]>, Refusal>| -> Result<Vec<u8>, Refusal> {
            let picture =
                decode(data.as_ref().map_err(Clone::clone)?, limits).map_err(|e| (e.reason(), e.to_string()))?;
            square(model, picture).map_err(|text| ("not_resized", text))
        };
        // A square is small: of large pictures, as many are held at once as there are processors.
        let opened: Vec<Result<Vec<u8>, Refusal>> = files.par_iter().map(open).collect();
        let squares: Vec<Vec<u8>> = opened.iter().flatten().cloned().collect();
        let digests: Vec<&str> =
            opened.iter().zip(digests).filter(|(one, _)| one.is_ok()).map(|(_, d)| &d[..]).collect();
        let mut said = match model {
            Some(model) => model.say(&digests, &squares)?.into_iter().map(Some).collect(),
            None => vec![None; squares.len()],
        }
        .into_iter();
        Ok(opened.into_iter().map(|one| one.map(|_| said.next().flatten())).collect())
    }

    /// Classifies some of the pictures that the champion has not seen, from their files. One that is not as it was when it
    /// came is passed over: `watch` will say so.
    pub fn again(&mut self) -> Result<(), PredictError> {
        let Some(model) = self.oracle.model() else { return Ok(()) };
        let began = Instant::now();
        let paths: Vec<String> = self.unsaid.drain(..self.chunk.min(self.unsaid.len())).collect();
        if paths.is_empty() {
            return Ok(());
        }
        let run = model.card().run.as_str();
        let is_new = |file: &&File| file.said.as_ref().is_none_or(|said| said.model != run);
        let files: Vec<&File> = paths.iter().filter_map(|path| self.tray.file(path)).filter(is_new).collect();
        let (root, limits) = (self.tray.home.root(), &self.limits);
        let (mut answers, mut looked) = (Vec::new(), Vec::new());
        for file in files {
            match model.recall(&file.digest) {
                Some(said) => answers.push((file.path.clone(), said)),
                None => looked.push(file),
            }
        }
        let read: Vec<Option<Picture>> = looked.par_iter().map(|file| reopen(root, file, limits)).collect();
        let (mut kept, mut squares) = (Vec::new(), Vec::new());
        for (file, picture) in looked.into_iter().zip(read) {
            let Some(picture) = picture else { continue };
            match model.square(picture) {
                Ok(square) => {
                    kept.push(file);
                    squares.push(square);
                }
                Err(error) => tracing::warn!(path = file.path, error, "cannot be classified again"),
            }
        }
        let digests: Vec<&str> = kept.iter().map(|file| &file.digest[..]).collect();
        let said = model.say(&digests, &squares)?;
        answers.extend(kept.iter().map(|file| file.path.clone()).zip(said));
        self.tray.answered(answers)?;
        self.chunk = match began.elapsed() {
            took if took < CHUNK / 2 => (self.chunk * 2).min(CHUNK_PICTURES),
            took if took > CHUNK => (self.chunk / 2).max(1),
            _ => self.chunk,
        };
        Ok(())
    }

    pub fn removed(&mut self, message: &Message, node: &mut Node) -> Result<(), PredictError> {
        let Some(removed) = self.keeper.removed(message, node)? else { return Ok(()) };
        self.tray.take_away(removed.path.iter().flatten())?;
        node.status().add("removed", removed.rows() as u64);
        Ok(acknowledge(&message.tag, removed.path, node)?)
    }

    pub fn inventory(&mut self, hello: &Tag, node: &mut Node) -> Result<(), PredictError> {
        let kept = |file: &File| Kept {
            path: file.path.clone(),
            modified_ns: file.modified_ns,
            changed_ns: 0,
            inode: 0,
            size_bytes: file.size_bytes,
        };
        let files: Vec<Kept> = self.tray.inventory().map(kept).collect();
        Ok(send_inventory(hello, &files, node)?)
    }

    /// Looks at what a person did, and makes folders and tables what they should be.
    pub fn work(&mut self, now: Instant, more_is_waiting: bool) -> Result<(), PredictError> {
        if self.photos.is_due(now) {
            if self.tray.counts().pictures > 0 {
                self.tray.look_through_photos();
                self.tray.look_over(View::Sorted, now)?;
            }
            self.photos.done(now);
        }
        if self.review.is_due(now) {
            self.tray.look_over(View::Review, now)?;
            self.review.done(now);
        }
        let late = now >= self.arrange.next + IMPATIENT;
        if self.tray.is_dirty() && self.arrange.is_due(now) && (!more_is_waiting || late) {
            let began = Instant::now();
            self.tray.arrange()?;
            self.arrange.done(began);
        }
        Ok(())
    }

    pub fn report(&self, node: &mut Node) {
        let counts = self.tray.counts();
        let status = node.status();
        for (name, count) in [
            ("pictures", counts.pictures),
            ("waiting", counts.waiting),
            ("abstained", counts.abstained),
            ("review", counts.review),
            ("labelled", counts.labelled),
        ] {
            status.set(name, count as u64);
        }
        let unsure = if counts.review > 0 { format!(", {} in review", counts.review) } else { String::new() };
        let head = self.oracle.learner().latest();
        status.gauge("head_accuracy", head.head.as_ref().and_then(|head| head.accuracy).unwrap_or_default());
        let (unknown, busy) = (
            self.oracle.unknown(),
            if head.state.is_empty() { String::new() } else { format!(" (head: {})", head.state) },
        );
        let state = match (self.oracle.model(), self.oracle.problem()) {
            (Some(model @ Model::Head { .. }), _) if self.unsaid.is_empty() => match self.oracle.comparison() {
                Some(Comparison { pictures, head, champion, .. }) => format!(
                    "by {}, which is better than the champion on {pictures} held-out pictures: balanced accuracy {head:.3} to \
                     {champion:.3}{unsure}",
                    model.card().run
                ),
                None => format!("by {}, until a run has learnt {}{unsure}", model.card().run, unknown.join(", ")),
            },
            (None, Some(why)) => format!("the champion cannot be used, {} wait: {why}", pictures(counts.pictures)),
            (None, None) if counts.pictures == 0 => format!("no champion yet{busy}"),
            (None, None) => format!("no champion yet: {} wait{busy}", pictures(counts.pictures)),
            (Some(model), _) if !self.unsaid.is_empty() => {
                format!("{} to classify by {}{unsure}", pictures(self.unsaid.len()), model.card().run)
            }
            (Some(model), None) => format!("by {}{unsure}", model.card().run),
            (Some(model), Some(why)) => format!("by {} still{unsure}; the new champion: {why}", model.card().run),
        };
        status.state(state);
        status.notices(&self.tray.notices());
    }
}

/// A picture from its file; none when the file is not as it was when it came.
fn reopen(root: &Path, file: &File, limits: &Limits) -> Option<Picture> {
    let at = root.join(&file.path);
    let meta = std::fs::symlink_metadata(&at).ok()?;
    let modified_ns = meta.mtime().saturating_mul(1_000_000_000).saturating_add(meta.mtime_nsec());
    if !meta.is_file() || (meta.len(), modified_ns) != (file.size_bytes, file.modified_ns) {
        return None;
    }
    let read = std::fs::read(&at).map_err(|e| e.to_string());
    let picture = read.and_then(|data| decode(&data, limits).map_err(|e| e.to_string()));
    picture.inspect_err(|error| tracing::warn!(path = file.path, error, "cannot be classified again")).ok()
}

/// As the model looks at it; nothing without a model.
fn square(model: Option<&Model>, picture: Picture) -> Result<Vec<u8>, String> {
    model.map_or_else(|| Ok(Vec::new()), |model| model.square(picture))
}

fn pictures(n: usize) -> String {
    format!("{n} picture{}", if n == 1 { "" } else { "s" })
}
