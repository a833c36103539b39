//! One turn of the loop after the other: messages, a new champion, and what follows from both.

use crate::error::PredictError;
use crate::events::{Events, Of, is_news};
use crate::inbox::InboxState;
use crate::prediction::Prediction;
use crate::selector::ModelSelector;
use crate::store::{File, View};
use arrow::array::StringArray;
use plugin_api::edges::{ImageFiles, Snapshot};
use plugin_api::status::Notice;
use plugin_api::{Edge, Header, Labels, RejectReason, Workspace};
use plugin_catalog::{CatalogError, Reader};
use plugin_decode::{DecodeError, DecodedImage, Limits, Scale, decode_scaled};
use plugin_harness::ingest::{Kept, acknowledge, send_inventory};
use plugin_harness::{CrashLedger, IngestSequencer, Message, Node, Refusal, partition, send_rejects};
use plugin_inference::{Image, Model, Output};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// How often `review/` is looked at.
const REVIEW: Duration = Duration::from_millis(500);
/// How often `photos/` and `sorted/` are looked through …
const PHOTOS: Duration = Duration::from_secs(10);
/// … but for at most one part in so many of the time; folders and tables likewise.
const SHARE: u32 = 10;
/// How often the catalog is read for the sidecars of `photos/`, when it has changed.
const LABELS: Duration = Duration::from_secs(2);
/// While images keep coming, folders and tables follow after so long.
const IMPATIENT: Duration = Duration::from_millis(500);
/// What predicting again should take at a time, so that a new image need not wait.
const CHUNK: Duration = Duration::from_millis(100);
/// Images that are predicted again at a time, at most.
const CHUNK_IMAGES: usize = 64;

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

/// A file that was read.
struct Opened {
    digest: String,
    /// What the model sees of it; empty without a model.
    square: Vec<u8>,
}

/// The inbox, the champion, and when what was done.
pub struct PredictState {
    inbox: InboxState,
    selector: ModelSelector,
    sequencer: IngestSequencer,
    limits: Limits,
    /// Files that ended the process.
    ledger: CrashLedger,
    /// Who is told of classifications.
    events: Events,
    /// Paths of images without a prediction of the champion.
    pending: VecDeque<String>,
    chunk: usize,
    review: Turn,
    photos: Turn,
    arrange: Turn,
    labels: Turn,
    /// The data set has changed since its labels were read, and it is so what several labels mean.
    relabelled: Option<Labels>,
}

impl PredictState {
    pub fn new(
        inbox: InboxState,
        selector: ModelSelector,
        limits: Limits,
        ledger: CrashLedger,
        events: Events,
    ) -> Self {
        let now = Instant::now();
        Self {
            inbox,
            selector,
            sequencer: IngestSequencer::default(),
            limits,
            ledger,
            events,
            pending: VecDeque::new(),
            chunk: 1,
            review: Turn::new(REVIEW, now),
            photos: Turn::new(PHOTOS, now),
            arrange: Turn::new(Duration::ZERO, now),
            labels: Turn::new(LABELS, now),
            relabelled: None,
        }
    }

    /// Nothing to do until something comes, or time passes.
    pub fn is_idle(&self) -> bool {
        self.pending.is_empty() && !self.inbox.is_dirty()
    }

    /// Takes up a new champion.
    pub fn follow(&mut self, now: Instant) {
        if self.selector.follow(now) {
            let pending = self.selector.model().map(|model| self.inbox.not_predicted_by(&model.card().run));
            self.pending = pending.unwrap_or_default().into();
            self.chunk = 1;
        }
    }

    /// Takes the classes with accepted images from a version of the data set.
    pub fn snapshot(&mut self, message: &Message) -> Result<(), PredictError> {
        let rows: Snapshot = message.read()?;
        let is_accepted =
            |row: &usize| [&rows.train, &rows.validation, &rows.test].iter().any(|split| split.value(*row) > 0);
        let classes = (0..rows.rows()).filter(is_accepted).map(|row| rows.label.value(row).to_owned()).collect();
        self.selector.set_classes(classes);
        self.relabelled = Some(Labels::of(&message.header));
        Ok(())
    }

    /// Takes in a message and those that wait behind it. Returns the first that is something else.
    pub fn images(&mut self, first: Message, node: &mut Node) -> Result<Option<Message>, PredictError> {
        let (taken, other) = self.sequencer.images::<ImageFiles>(first, node)?;
        for (header, rows) in taken {
            let (limits, model) = (self.limits.clone(), self.selector.model());
            let workspace = self.inbox.workspace.clone();
            let opened = self.ledger.process_rows(&rows.keys(), |row| open(&rows, row, &workspace, &limits, model));
            let seen = self.see(&opened)?;
            let (kept, seen, rejects) = partition(&rows.path, seen);
            let file = |(row, prediction): (&usize, Option<Prediction>)| File {
                path: rows.path.value(*row).to_owned(),
                digest: opened[*row].as_ref().map(|one| one.digest.clone()).unwrap_or_default(),
                modified_ns: rows.modified_ns.value(*row),
                size_bytes: rows.size_bytes.value(*row),
                prediction,
            };
            let files: Vec<File> = kept.iter().zip(seen).map(file).collect();
            let news: Vec<File> = if self.events.are_wanted() {
                files.iter().filter(|file| self.is_news(file)).cloned().collect()
            } else {
                Vec::new()
            };
            self.inbox.take_in(files)?;
            self.tell(&news);
            if !rejects.is_empty() {
                node.status().add("rejected", rejects.len() as u64);
                send_rejects(node, &header, &rejects)?;
            }
            node.status().add("committed", kept.len() as u64);
            let paths = StringArray::from_iter_values(kept.iter().map(|row| rows.path.value(*row)));
            acknowledge(&header, paths, node)?;
        }
        Ok(other)
    }

    /// The champion's prediction of each file, `None` without a champion; or why it is no image.
    fn see(
        &self,
        opened: &[Result<Opened, Refusal>],
    ) -> Result<Vec<Result<Option<Prediction>, Refusal>>, PredictError> {
        let Some(model) = self.selector.model() else {
            return Ok(opened.iter().map(|one| one.as_ref().map(|_| None).map_err(Clone::clone)).collect());
        };
        let sound = opened.iter().flatten();
        let images: Vec<Image<'_>> = sound.map(|one| Image { digest: &one.digest, square: &one.square }).collect();
        let mut predictions = predict(model, &images)?.into_iter();
        Ok(opened.iter().map(|one| one.as_ref().map(|_| predictions.next()).map_err(Clone::clone)).collect())
    }

    /// Predicts some of the images that wait for it. A head needs their embeddings alone; otherwise their files are read, and one
    /// that is not as it was when it came is passed over: `watch` will say so.
    pub fn predict_pending(&mut self) -> Result<(), PredictError> {
        let Some(model) = self.selector.model() else { return Ok(()) };
        let began = Instant::now();
        let paths: Vec<String> = self.pending.drain(..self.chunk.min(self.pending.len())).collect();
        if paths.is_empty() {
            return Ok(());
        }
        let run = model.card().run.as_str();
        let is_new = |file: &&File| file.prediction.as_ref().is_none_or(|prediction| prediction.model != run);
        let files: Vec<&File> = paths.iter().filter_map(|path| self.inbox.file(path)).filter(is_new).collect();
        let (mut predictions, mut unknown) = (Vec::new(), Vec::new());
        for file in files {
            match model.recall(&file.digest) {
                Some(output) => predictions.push((file.path.clone(), Prediction::new(model.card(), &output))),
                None => unknown.push(file),
            }
        }
        let (root, limits) = (self.inbox.workspace.root(), &self.limits);
        let read = |file: &&File| {
            let image = reopen(root, file, limits, model)?;
            let square = model.square(&image);
            square.inspect_err(|error| tracing::warn!(path = file.path, error, "cannot be predicted again")).ok()
        };
        let squares: Vec<Option<Vec<u8>>> = unknown.par_iter().map(read).collect();
        let readable = unknown.iter().zip(&squares).filter_map(|(file, square)| Some((file, square.as_deref()?)));
        let (paths, images): (Vec<String>, Vec<Image<'_>>) =
            readable.map(|(file, square)| (file.path.clone(), Image { digest: &file.digest, square })).unzip();
        predictions.extend(paths.into_iter().zip(predict(model, &images)?));
        let news = self.changed(&predictions);
        self.inbox.set_predictions(predictions)?;
        self.tell(&news);
        self.chunk = match began.elapsed() {
            took if took < CHUNK / 2 => (self.chunk * 2).min(CHUNK_IMAGES),
            took if took > CHUNK => (self.chunk / 2).max(1),
            _ => self.chunk,
        };
        Ok(())
    }

    /// Whether the answer for an image is another than before, or the first for its content.
    fn is_news(&self, file: &File) -> bool {
        let before = self.inbox.file(&file.path).filter(|before| before.digest == file.digest);
        let before = before.and_then(|before| before.prediction.as_ref());
        file.prediction.as_ref().is_some_and(|now| is_news(before, now, self.inbox.rules.abstain_below))
    }

    /// Images of which the answer is another than before.
    fn changed(&self, predictions: &[(String, Prediction)]) -> Vec<File> {
        if !self.events.are_wanted() {
            return Vec::new();
        }
        let with = |(path, prediction): &(String, Prediction)| {
            Some(File { prediction: Some(prediction.clone()), ..self.inbox.file(path)?.clone() })
        };
        predictions.iter().filter_map(with).filter(|file| self.is_news(file)).collect()
    }

    /// Tells of images once what was found of them lasts.
    fn tell(&self, news: &[File]) {
        let images: Vec<Of<'_>> = news
            .iter()
            .filter_map(|file| Some((file.path.as_str(), file.digest.as_str(), file.prediction.as_ref()?)))
            .collect();
        self.events.classified(&images);
    }

    pub fn removed(&mut self, message: &Message, node: &mut Node) -> Result<(), PredictError> {
        let Some(removed) = self.sequencer.removed(message, node)? else { return Ok(()) };
        self.inbox.take_away(removed.path.iter().flatten())?;
        node.status().add("removed", removed.rows() as u64);
        Ok(acknowledge(&message.header, removed.path, node)?)
    }

    pub fn inventory(&mut self, request: &Header, node: &mut Node) -> Result<(), PredictError> {
        let kept = |file: &File| Kept {
            path: file.path.clone(),
            modified_ns: file.modified_ns,
            changed_ns: 0,
            inode: 0,
            size_bytes: file.size_bytes,
        };
        let files: Vec<Kept> = self.inbox.inventory().map(kept).collect();
        Ok(send_inventory(request, &files, node)?)
    }

    /// Looks at what a person did, and makes folders and tables what they should be.
    pub fn work(&mut self, now: Instant, more_is_waiting: bool) -> Result<(), PredictError> {
        if self.photos.is_due(now) {
            if self.inbox.counts().images > 0 {
                self.inbox.look_through_photos();
                self.inbox.look_over(View::Sorted, now)?;
            }
            self.photos.done(now);
        }
        if self.review.is_due(now) {
            self.inbox.look_over(View::Review, now)?;
            self.review.done(now);
        }
        if let Some(labels) = self.relabelled.filter(|_| self.inbox.wants_labels() && self.labels.is_due(now)) {
            let began = Instant::now();
            match classes_of_photos(&self.inbox.workspace, labels) {
                Ok(of) => {
                    self.inbox.set_labels(&of);
                    self.relabelled = None;
                }
                Err(error) => self.inbox.notice(error.to_string()),
            }
            self.labels.done(began);
        }
        let late = now >= self.arrange.next + IMPATIENT;
        if self.inbox.is_dirty() && self.arrange.is_due(now) && (!more_is_waiting || late) {
            let began = Instant::now();
            self.inbox.arrange()?;
            self.arrange.done(began);
        }
        Ok(())
    }

    pub fn report(&self, node: &mut Node) {
        let counts = self.inbox.counts();
        let status = node.status();
        for (name, count) in [
            ("pictures", counts.images),
            ("waiting", counts.waiting),
            ("abstained", counts.abstained),
            ("novel", counts.novel),
            ("review", counts.review),
            ("labelled", counts.labelled),
        ] {
            status.set(name, count as u64);
        }
        let (champion, problem) = (self.selector.model(), self.selector.problem());
        let mut state = match (champion.map(|model| &model.card().run), problem) {
            (None, Some(why)) => plugin_api::Message::predict_unusable(counts.images, why),
            (None, None) if counts.images == 0 => plugin_api::Message::predict_no_champion(),
            (None, None) => plugin_api::Message::predict_waits(counts.images),
            (Some(run), _) if !self.pending.is_empty() => {
                plugin_api::Message::predict_classifies(self.pending.len(), run)
            }
            (Some(run), Some(why)) => plugin_api::Message::predict_still(run, why),
            (Some(run), None) => match self.selector.unknown() {
                unknown if unknown.is_empty() => plugin_api::Message::predict_by(run),
                unknown => {
                    let unknown: Vec<_> = unknown.into_iter().map(plugin_api::Message::class).collect();
                    plugin_api::Message::predict_until(run, unknown)
                }
            },
        };
        if champion.is_some() && counts.review > 0 {
            state = plugin_api::Message::predict_review(state, counts.review);
        }
        status.state(state);
        let notices: Vec<Notice> = self.inbox.notices().into_iter().chain(self.events.notice()).collect();
        status.notices(&notices);
    }
}

/// Reads a file and makes the model's square of it. A square is small: of large images, as many are held at once as there are
/// processors.
fn open(
    rows: &ImageFiles,
    row: usize,
    workspace: &Workspace,
    limits: &Limits,
    model: Option<&Model>,
) -> Result<Opened, Refusal> {
    let data = rows.content(row, workspace).map_err(|e| (e.reason(), e.to_string()))?;
    let image = decode_at(&data, limits, model).map_err(|e| (e.reason(), e.to_string()))?;
    let square = square(model, &image).map_err(|text| (RejectReason::NotResized, text))?;
    Ok(Opened { digest: blake3::hash(&data).to_hex().to_string(), square })
}

/// Predictions of images; those that were embedded before are not embedded again.
fn predict(model: &Model, images: &[Image<'_>]) -> Result<Vec<Prediction>, PredictError> {
    let mut outputs: Vec<Option<Output>> = images.iter().map(|image| model.recall(image.digest)).collect();
    let unknown = images.iter().zip(&outputs).filter(|(_, output)| output.is_none());
    let unknown: Vec<Image<'_>> = unknown.map(|(image, _)| *image).collect();
    let computed = model.predict(&unknown)?;
    for (output, computed) in outputs.iter_mut().filter(|output| output.is_none()).zip(computed) {
        *output = Some(computed);
    }
    Ok(outputs.into_iter().flatten().map(|output| Prediction::new(model.card(), &output)).collect())
}

/// The classes of each file of `photos/`, by path: that of its folder, or with several labels an image all of the image.
fn classes_of_photos(workspace: &Workspace, labels: Labels) -> Result<BTreeMap<String, Vec<String>>, CatalogError> {
    let (mut of_path, mut of_sample) = (BTreeMap::new(), HashMap::<String, BTreeSet<String>>::new());
    let Some(reader) = Reader::open(workspace)? else { return Ok(BTreeMap::new()) };
    reader.live_files(None, |file| {
        if let Some(label) = file.label {
            of_sample.entry(file.sample.clone()).or_default().insert(label.clone());
            of_path.insert(file.path, (label, file.sample));
        }
    })?;
    let classes = |(label, sample): (String, String)| match labels {
        Labels::Single => vec![label],
        Labels::Multi => of_sample.get(&sample).into_iter().flatten().cloned().collect(),
    };
    Ok(of_path.into_iter().map(|(path, of)| (path, classes(of))).collect())
}

/// An image from its file; `None` when the file is not as it was when it came.
fn reopen(root: &Path, file: &File, limits: &Limits, model: &Model) -> Option<DecodedImage> {
    let at = root.join(&file.path);
    let meta = std::fs::symlink_metadata(&at).ok()?;
    let modified_ns = meta.mtime().saturating_mul(1_000_000_000).saturating_add(meta.mtime_nsec());
    if !meta.is_file() || (meta.len(), modified_ns) != (file.size_bytes, file.modified_ns) {
        return None;
    }
    let read = std::fs::read(&at).map_err(|e| e.to_string());
    let image = read.and_then(|data| decode_at(&data, limits, Some(model)).map_err(|e| e.to_string()));
    image.inspect_err(|error| tracing::warn!(path = file.path, error, "cannot be predicted again")).ok()
}

/// Decodes a file at the scale at which the graph decodes for the model.
fn decode_at(data: &[u8], limits: &Limits, model: Option<&Model>) -> Result<DecodedImage, DecodeError> {
    let scale = model.map_or_else(Scale::default, |model| Scale::for_square(model.card().size_px));
    decode_scaled(data, limits, scale).map(|raster| raster.image)
}

/// The square that the model sees of an image; empty without a model.
fn square(model: Option<&Model>, image: &DecodedImage) -> Result<Vec<u8>, String> {
    model.map_or_else(|| Ok(Vec::new()), |model| model.square(image))
}
