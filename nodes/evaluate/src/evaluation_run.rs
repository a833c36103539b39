//! The evaluation of one run.

use crate::candidate::{Answers, Candidate};
use crate::checkpoint::Checkpoint;
use crate::classifier::{Classifier, ClassifierError, ImageBatch, Loader, Source};
use crate::conclude::{Evidence, Figures, conclude};
use crate::cross_validated::OutOfFoldAnswers;
use crate::error::EvaluateError;
use crate::heldout::pull;
use plugin_api::edges::{BatchHeader, Batches, Demand, list_row};
use plugin_api::runs::{Evaluation, ModelCard, RunFolder, RunManifest, Verdict, read_json};
use plugin_api::{Edge as _, Header, Labels, Message, Split, Text, Workspace};
use plugin_champion::{Lock, card_of, champion, weights};
use plugin_harness::Pull;
use plugin_report::{EvaluatedImage, WrongImages};
use plugin_training::gate::{Gate, Incumbent, Promotion};
use std::time::Instant;

/// Bytes of images in a batch: below dora's limit for a message, with room for the other columns.
const BATCH_BYTES: u32 = 15 << 20;
/// So many validation images are enough for one number.
const CALIBRATION_IMAGES: u32 = 2048;

/// A model from before the first batch, when the classes of the data set are not known yet, until the end.
enum ModelSlot {
    Waiting(Box<dyn Classifier>),
    Loaded(Candidate),
    /// Nobody, or why not.
    Empty(Option<Text>),
}

impl ModelSlot {
    fn load(loader: &dyn Loader, weights: &std::path::Path, card: ModelCard) -> Result<Self, EvaluateError> {
        let model = card.run.clone();
        match loader.load(weights, card) {
            Ok(classifier) => Ok(Self::Waiting(classifier)),
            Err(ClassifierError::Unusable(why)) => Ok(Self::Empty(Some(why.into()))),
            Err(ClassifierError::Device(problem)) => Err(EvaluateError::Prediction { model, problem }),
        }
    }

    /// Binds the model to the classes of the data set, now that they are known.
    fn bind_classes(&mut self, labels: Labels, classes: &[String]) {
        *self = match std::mem::replace(self, Self::Empty(None)) {
            Self::Waiting(classifier) => Self::Loaded(Candidate::new(classifier, labels, classes)),
            other => other,
        };
    }

    fn candidate(&mut self) -> Option<&mut Candidate> {
        if let Self::Loaded(candidate) = self { Some(candidate) } else { None }
    }
}

/// How an evaluation ends.
pub enum Closed {
    /// With a verdict.
    Evaluated(Box<Verdict>),
    /// A person has made another model champion meanwhile: the run was not compared with that one.
    Anew(Checkpoint),
}

/// Images of a batch: pixels, classes, and which they are.
struct EvalBatch {
    images: ImageBatch,
    truth: Vec<Vec<usize>>,
    of: Vec<EvaluatedImage>,
    /// Which have a near-copy among the images trained on.
    near_copies: Vec<bool>,
}

/// Which images a batch holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Validation,
    Test,
    Train,
}

/// The evaluation of one run.
pub struct EvaluationRun {
    checkpoint: Checkpoint,
    manifest: RunManifest,
    /// Validation images, for the temperature; none when there are none.
    validation: Option<Pull>,
    held_out: Pull,
    /// What it said in its cross-validation, by which it is evaluated then.
    out_of_fold: Option<OutOfFoldAnswers>,
    /// The images it was trained on, to show which of them were mistaken in the cross-validation.
    trained_on: Option<Pull>,
    challenger: ModelSlot,
    champion: ModelSlot,
    /// The champion's name.
    incumbent: Option<String>,
    /// Classes of the data set; empty before the first batch.
    classes: Vec<String>,
    /// Side of the held-out images, pixels.
    size_px: u32,
    images: Vec<EvaluatedImage>,
    /// Which of them have a near-copy among the images trained on.
    near_copies: Vec<bool>,
    wrong: WrongImages,
    left_out: u64,
}

impl EvaluationRun {
    /// Loads the challenger and the champion.
    ///
    /// # Errors
    /// [`EvaluateError::Prediction`] when the device fails. Weights that cannot be used are no error: they lose.
    pub fn open(
        workspace: &Workspace,
        loader: &dyn Loader,
        checkpoint: Checkpoint,
        manifest: RunManifest,
        batch_size: u32,
        now: Instant,
    ) -> Result<Self, EvaluateError> {
        let card = card_of(&manifest, &checkpoint.run, &checkpoint.digest);
        let challenger = ModelSlot::load(loader, &workspace.root().join(&checkpoint.uri), card)?;
        let incumbent = champion(workspace);
        let folder = workspace.champion();
        let champion = match incumbent.as_ref().map(|_| read_json::<ModelCard>(&folder.join("model.json"))) {
            None => ModelSlot::Empty(None),
            Some(Ok(card)) => ModelSlot::load(loader, &weights(&folder), card)?,
            Some(Err(error)) => ModelSlot::Empty(Some(error.to_string().into())),
        };
        // A head sees images at another size than they are held out at.
        let held_out = manifest.options.get("held_out_size_px").and_then(serde_json::Value::as_u64);
        let size_px = held_out.map_or(manifest.size_px, |size_px| size_px as u32);
        let fits = BATCH_BYTES / (size_px.max(1).saturating_pow(2).saturating_mul(3));
        let batch_size = batch_size.min(fits).max(1);
        let of = |split: Split, most: Option<u64>| {
            pull(split, most, &checkpoint.run, checkpoint.version, manifest.seed, batch_size, now)
        };
        let batches = u64::from(CALIBRATION_IMAGES.div_ceil(batch_size));
        let out_of_fold = out_of_fold(workspace, &manifest);
        // Heads are trained on validation images, too, and calibrated out of fold.
        let has_validation = manifest.backbone.is_none() && manifest.counts.iter().any(|counts| counts[1] > 0);
        Ok(Self {
            validation: has_validation.then(|| of(Split::Validation, Some(batches))),
            held_out: of(Split::Test, None),
            trained_on: out_of_fold.is_some().then(|| of(Split::Train, None)),
            out_of_fold,
            size_px,
            checkpoint,
            manifest,
            challenger,
            champion,
            incumbent,
            classes: Vec::new(),
            images: Vec::new(),
            near_copies: Vec::new(),
            wrong: WrongImages::default(),
            left_out: 0,
        })
    }

    /// The run.
    pub fn run(&self) -> &str {
        &self.checkpoint.run
    }

    /// The champion's name.
    pub fn incumbent(&self) -> Option<&str> {
        self.incumbent.as_deref()
    }

    /// Images evaluated so far, batches that have come, and how many there are once that is known.
    pub fn progress(&self) -> (u64, u64, Option<u64>) {
        let pulls = || self.validation.iter().chain([&self.held_out]).chain(&self.trained_on);
        let total = pulls().map(Pull::total).sum::<Option<u64>>();
        (self.images.len() as u64, pulls().map(Pull::arrived).sum(), total)
    }

    /// What to ask `dataset` for now.
    pub fn demand(&mut self, now: Instant) -> Option<Demand> {
        if self.over() {
            return None;
        }
        match &mut self.validation {
            Some(validation) if !validation.is_complete() => validation.demand(true, now),
            _ if !self.held_out.is_complete() => self.held_out.demand(true, now),
            _ => self.trained_on.as_mut().and_then(|trained_on| trained_on.demand(true, now)),
        }
    }

    /// `dataset` was started again: what was under way is lost.
    pub fn ask_again(&mut self, now: Instant) {
        let pulls = self.validation.iter_mut().chain([&mut self.held_out]).chain(&mut self.trained_on);
        pulls.for_each(|pull| pull.ask_again(now));
    }

    /// All images have come. Weights that cannot be used need none.
    pub fn over(&self) -> bool {
        let others = self.validation.iter().chain(&self.trained_on);
        matches!(self.challenger, ModelSlot::Empty(_))
            || (others.into_iter().all(Pull::is_complete) && self.held_out.is_complete())
    }

    /// Evaluates both on a batch of held-out images, or the challenger on one of validation images. Batches that are not
    /// due are left out.
    ///
    /// # Errors
    /// [`EvaluateError`] when the batch does not keep to its contract, or the device fails.
    pub fn add_batch(&mut self, header: &Header, batch: &Batches) -> Result<(), EvaluateError> {
        let now = Instant::now();
        let Some((role, BatchHeader { classes, near_copies, .. })) = self.accept(header, now) else {
            tracing::debug!(run = header.session, seq = header.seq, "a batch that is not due");
            return Ok(());
        };
        if batch.rows() == 0 {
            return Ok(());
        }
        let fault = |problem: String| EvaluateError::Batch { run: header.session.clone(), seq: header.seq, problem };
        if self.classes.is_empty() {
            self.bind_classes(&classes);
            self.classes = classes;
        } else if self.classes != classes {
            return Err(fault("its classes are not those of the batches before".to_owned()));
        }
        let EvalBatch { images, truth, of, near_copies } = self.read(&near_copies, batch).map_err(fault)?;
        if images.count == 0 {
            return Ok(());
        }
        self.size_px = images.size_px;
        self.note_out_of_fold_mistakes(&images, &of);
        if role == Role::Validation
            && let Some(challenger) = self.challenger.candidate()
        {
            challenger.calibrate(&images, &truth)?;
        }
        if role != Role::Test {
            // Until now the images after these could not be asked for.
            let all = self.validation.iter_mut().chain([&mut self.held_out]).chain(&mut self.trained_on);
            all.for_each(|of| of.busy_until(Instant::now()));
            return Ok(());
        }
        for candidate in [&mut self.challenger, &mut self.champion].into_iter().filter_map(ModelSlot::candidate) {
            candidate.evaluate(&images, &truth)?;
        }
        self.left_out += (batch.rows() - images.count) as u64;
        self.images.extend(of);
        self.near_copies.extend(near_copies);
        self.note_mistakes(&images);
        [&mut self.held_out].into_iter().chain(&mut self.trained_on).for_each(|of| of.busy_until(Instant::now()));
        Ok(())
    }

    /// Of which split a batch that is due is, and what it says of itself.
    fn accept(&mut self, header: &Header, now: Instant) -> Option<(Role, BatchHeader)> {
        let validation = self.validation.iter_mut().map(|pull| (Role::Validation, pull));
        let held_out = std::iter::once((Role::Test, &mut self.held_out));
        let trained_on = self.trained_on.iter_mut().map(|pull| (Role::Train, pull));
        let mut pulls = validation.chain(held_out).chain(trained_on);
        pulls.find_map(|(role, pull)| Some((role, pull.accept(header, now)?)))
    }

    /// Binds both to the classes of the data set, now that they are known. A champion that was trained with other
    /// labels answers another question: it is not compared, and whoever changed `--labels` wants the new one.
    fn bind_classes(&mut self, classes: &[String]) {
        let labels = self.manifest.labels;
        self.challenger.bind_classes(labels, classes);
        if let ModelSlot::Waiting(champion) = &self.champion
            && champion.card().labels != labels
        {
            let own = champion.card().labels;
            let why = Message::labels_differ(own.to_string(), labels.to_string());
            self.champion = ModelSlot::Empty(Some(why.into()));
        }
        self.champion.bind_classes(labels, classes);
    }

    /// The images of a batch that have as many classes as the run's labels allow.
    fn read(&self, near: &[u32], batch: &Batches) -> Result<EvalBatch, String> {
        let mut images = ImageBatch::default();
        let mut truth = Vec::new();
        let mut of = Vec::new();
        let mut near_copies = Vec::new();
        for row in 0..batch.rows() {
            let truth_here: Vec<usize> = list_row(&batch.targets, row).iter().map(|&class| class as usize).collect();
            if truth_here.is_empty() || (self.manifest.labels == Labels::Single && truth_here.len() > 1) {
                continue;
            }
            let (width, height, pixels) = (batch.width.value(row), batch.height.value(row), batch.pixels.value(row));
            let expected = width as usize * height as usize * 3;
            if width != height || pixels.len() != expected || (images.count > 0 && images.size_px != width) {
                return Err(format!(
                    "image {} has {width} × {height} px and {} bytes; squares of one size are expected",
                    batch.digest.value(row),
                    pixels.len()
                ));
            }
            if let Some(class) = truth_here.iter().find(|&&class| class >= self.classes.len()) {
                return Err(format!("class {class} with {} classes", self.classes.len()));
            }
            images.size_px = width;
            images.count += 1;
            images.pixels.extend_from_slice(pixels);
            truth.push(truth_here);
            let (path, digest) = (batch.path.value(row).to_owned(), batch.digest.value(row).to_owned());
            images.sources.push(Source { path: path.clone(), digest: digest.clone() });
            of.push(EvaluatedImage { path, digest });
            near_copies.push(near.contains(&(row as u32)));
        }
        Ok(EvalBatch { images, truth, of, near_copies })
    }

    /// Keeps the mistakes of the cross-validation among the images of the last batch.
    fn note_out_of_fold_mistakes(&mut self, batch: &ImageBatch, of: &[EvaluatedImage]) {
        let Some(out_of_fold) = &self.out_of_fold else { return };
        let bytes = batch.pixels.len() / batch.count;
        for (image, pixels) in of.iter().zip(batch.pixels.chunks_exact(bytes)) {
            let found = out_of_fold.find(&image.digest).and_then(|i| out_of_fold.answers.mistake(i));
            let Some((truth, said, sure)) = found else { continue };
            let (path, sides) = (image.path.as_str(), [batch.size_px, batch.size_px]);
            if let Err(error) = self.wrong.offer([path, &truth, &said], sure, pixels, sides) {
                tracing::warn!(path, %error, "no thumbnail");
            }
        }
    }

    /// Keeps the challenger's mistakes among the images of the last batch.
    fn note_mistakes(&mut self, batch: &ImageBatch) {
        let (ModelSlot::Loaded(candidate), None) = (&self.challenger, &self.out_of_fold) else { return };
        let answers = candidate.answers();
        let first = answers.len() - batch.count;
        let bytes = batch.pixels.len() / batch.count;
        for (i, pixels) in (first..answers.len()).zip(batch.pixels.chunks_exact(bytes)) {
            let Some((truth, said, sure)) = answers.mistake(i) else { continue };
            let path = self.images[i].path.as_str();
            let sides = [batch.size_px, batch.size_px];
            if let Err(error) = self.wrong.offer([path, &truth, &said], sure, pixels, sides) {
                tracing::warn!(path, %error, "no thumbnail");
            }
        }
    }

    /// Decides and writes everything down.
    ///
    /// # Errors
    /// Any error of the file system, with the path in its text.
    pub fn close(mut self, workspace: &Workspace, gate: &Gate, promotion: Promotion) -> std::io::Result<Closed> {
        let _lock = Lock::take(workspace)?;
        let now = champion(workspace);
        if now != self.incumbent {
            tracing::warn!(run = self.run(), was = self.incumbent, now, "another champion since: evaluated anew");
            return Ok(Closed::Anew(self.checkpoint));
        }
        // Without a held-out batch there were no classes to bind to.
        let classes = if self.classes.is_empty() { self.manifest.classes.clone() } else { self.classes.clone() };
        self.bind_classes(&classes);
        if self.left_out > 0 {
            tracing::warn!(
                run = self.checkpoint.run,
                images = self.left_out,
                "left out: of no class, or of several with --labels single"
            );
        }
        let [no_weights, no_champion] = [Message::weights_missing(), Message::champion_missing()].map(Text::from);
        let nothing = Answers::new(self.manifest.labels, classes.clone());
        let (challenger, unusable) = match &self.challenger {
            ModelSlot::Loaded(candidate) => (candidate.answers(), None),
            ModelSlot::Empty(why) => (&nothing, Some(why.as_ref().unwrap_or(&no_weights))),
            ModelSlot::Waiting(_) => (&nothing, None),
        };
        let calibration = match &self.challenger {
            ModelSlot::Loaded(candidate) => candidate.calibration(),
            _ => None,
        };
        let handicap = match &self.champion {
            ModelSlot::Loaded(candidate) => candidate.handicap(&classes, self.size_px, self.manifest.resize_mode),
            _ => Vec::new(),
        };
        let mut figures = Figures {
            answers: challenger,
            images: &self.images,
            near_copies: &self.near_copies,
            evaluation: Evaluation::HeldOut,
        };
        let mut paired = None;
        if let (Some(of), None) = (&self.out_of_fold, unusable) {
            let evaluation = Evaluation::CrossValidated { folds: of.folds };
            figures = Figures { answers: &of.answers, images: &of.images, near_copies: &of.near_copies, evaluation };
            if let (Some(name), ModelSlot::Loaded(c)) = (&self.incumbent, &self.champion) {
                let own = RunFolder::new(&workspace.runs(), name).cross_validation();
                let pair = of.pair(self.manifest.labels, c.known(), own.as_ref(), (c.answers(), &self.images));
                paired = Some(pair.map_err(std::io::Error::other)?);
            }
        }
        let diverged = matches!(&self.challenger, ModelSlot::Loaded(candidate) if !candidate.is_finite());
        let incumbent = match (&self.incumbent, &self.champion) {
            (None, _) => Incumbent::None,
            (Some(name), ModelSlot::Loaded(c)) => {
                let predictions = paired.as_ref().map_or(c.answers(), |paired| &paired.champion);
                Incumbent::Evaluated { name, predictions, handicap: &handicap }
            }
            (Some(name), ModelSlot::Empty(why)) => {
                Incumbent::Unusable { name, why: why.as_ref().unwrap_or(&no_champion) }
            }
            (Some(name), ModelSlot::Waiting(_)) => {
                Incumbent::Evaluated { name, predictions: &nothing, handicap: &handicap }
            }
        };
        let verdict = conclude(
            workspace,
            &Evidence {
                checkpoint: &self.checkpoint,
                manifest: &self.manifest,
                figures,
                paired: paired.as_ref(),
                unusable,
                diverged,
                calibration,
                incumbent,
                gate,
                promotion,
                wrong: &self.wrong,
            },
        )?;
        Ok(Closed::Evaluated(Box::new(verdict)))
    }
}

/// The cross-validation of a run; none where there is none, or it is of other data.
fn out_of_fold(workspace: &Workspace, manifest: &RunManifest) -> Option<OutOfFoldAnswers> {
    let read = RunFolder::new(&workspace.runs(), &manifest.id).cross_validation()?;
    if read.fingerprint != manifest.fingerprint || read.classes != manifest.classes {
        tracing::warn!(run = manifest.id, "its cross-validation is of other data; it is evaluated without");
        return None;
    }
    OutOfFoldAnswers::new(read, manifest.labels)
        .inspect_err(|problem| tracing::warn!(run = manifest.id, problem, "its cross-validation cannot be read"))
        .ok()
}
