//! One run before its judge.

use crate::checkpoint::Checkpoint;
use crate::classifier::{Classifier, ClassifierError, Loader, Pictures};
use crate::conclude::{Evidence, conclude};
use crate::contender::{Answers, Contender};
use crate::error::EvaluateError;
use crate::heldout::{HeldOut, Split};
use crate::rule::{Gate, Reigning};
use plugin_api::edges::{Batches, Demand, list_row};
use plugin_api::runs::{ModelCard, RunManifest, Verdict, read_json};
use plugin_api::{Edge as _, Home, Labels, Tag};
use plugin_champion::{Lock, card_of, champion, weights};
use plugin_metric::report::{Picture, WrongPictures};
use std::time::Instant;

/// Bytes of pictures in a batch: below dora's limit for a message, with room for the other columns.
const BATCH_BYTES: u32 = 15 << 20;
/// So many validation pictures are enough for one number.
const PRACTICE_PICTURES: u32 = 2048;

/// A model from before the first batch, when the classes of the data set are not known yet, until the end.
enum Seat {
    Waiting(Box<dyn Classifier>),
    Judged(Contender),
    /// Nobody, or why not.
    Empty(Option<String>),
}

impl Seat {
    fn load(loader: &dyn Loader, weights: &std::path::Path, card: ModelCard) -> Result<Self, EvaluateError> {
        let model = card.run.clone();
        match loader.load(weights, card) {
            Ok(classifier) => Ok(Self::Waiting(classifier)),
            Err(ClassifierError::Unusable(why)) => Ok(Self::Empty(Some(why))),
            Err(ClassifierError::Device(problem)) => Err(EvaluateError::Prediction { model, problem }),
        }
    }

    /// Sits down, now that the classes are known.
    fn sit(&mut self, labels: Labels, classes: &[String]) {
        *self = match std::mem::replace(self, Self::Empty(None)) {
            Self::Waiting(classifier) => Self::Judged(Contender::new(classifier, labels, classes)),
            other => other,
        };
    }

    fn contender(&mut self) -> Option<&mut Contender> {
        if let Self::Judged(contender) = self { Some(contender) } else { None }
    }
}

/// How a trial ends.
pub enum Closed {
    /// With a verdict.
    Judged(Box<Verdict>),
    /// A person has made another model champion meanwhile: the run was not compared with that one.
    Anew(Checkpoint),
}

/// Pictures of a batch: pixels, classes, and which they are.
struct Heard {
    pictures: Pictures,
    truth: Vec<Vec<usize>>,
    of: Vec<Picture>,
}

/// One run before its judge.
pub struct Trial {
    checkpoint: Checkpoint,
    manifest: RunManifest,
    /// Validation pictures, for the temperature; none when there are none.
    practice: Option<HeldOut>,
    held_out: HeldOut,
    challenger: Seat,
    champion: Seat,
    /// The champion's name.
    reigning: Option<String>,
    /// Classes of the data set; empty before the first batch.
    classes: Vec<String>,
    /// Side of the held-out pictures, pixels.
    size_px: u32,
    pictures: Vec<Picture>,
    wrong: WrongPictures,
    left_out: u64,
}

impl Trial {
    /// Loads the challenger and the champion.
    ///
    /// # Errors
    /// [`EvaluateError::Prediction`] when the device fails. Weights that cannot be used are no error: they lose.
    pub fn open(
        home: &Home,
        loader: &dyn Loader,
        checkpoint: Checkpoint,
        manifest: RunManifest,
        batch_size: u32,
        now: Instant,
    ) -> Result<Self, EvaluateError> {
        let card = card_of(&manifest, &checkpoint.run, &checkpoint.digest);
        let challenger = Seat::load(loader, &home.root().join(&checkpoint.uri), card)?;
        let reigning = champion(home);
        let folder = home.champion();
        let champion = match reigning.as_ref().map(|_| read_json::<ModelCard>(&folder.join("model.json"))) {
            None => Seat::Empty(None),
            Some(Ok(card)) => Seat::load(loader, &weights(&folder), card)?,
            Some(Err(error)) => Seat::Empty(Some(error.to_string())),
        };
        let fits = BATCH_BYTES / (manifest.size_px.max(1).saturating_pow(2).saturating_mul(3));
        let batch_size = batch_size.min(fits).max(1);
        let of = |split| HeldOut::new(&checkpoint.run, checkpoint.version, manifest.seed, split, batch_size, now);
        let batches = u64::from(PRACTICE_PICTURES.div_ceil(batch_size));
        let has_validation = manifest.counts.iter().any(|counts| counts[1] > 0);
        Ok(Self {
            practice: has_validation.then(|| of(Split::Validation { batches })),
            held_out: of(Split::Test),
            size_px: manifest.size_px,
            checkpoint,
            manifest,
            challenger,
            champion,
            reigning,
            classes: Vec::new(),
            pictures: Vec::new(),
            wrong: WrongPictures::default(),
            left_out: 0,
        })
    }

    /// The run.
    pub fn run(&self) -> &str {
        &self.checkpoint.run
    }

    /// The champion's name.
    pub fn reigning(&self) -> Option<&str> {
        self.reigning.as_deref()
    }

    /// Pictures judged so far, batches that have come, and how many there are once that is known.
    pub fn progress(&self) -> (u64, u64, Option<u64>) {
        let (done, total) = self.held_out.progress();
        let practice = self.practice.as_ref().map_or((0, Some(0)), HeldOut::progress);
        let total = total.zip(practice.1).map(|(a, b)| a + b);
        (self.pictures.len() as u64, done + practice.0, total)
    }

    /// What to ask `dataset` for now.
    pub fn demand(&mut self, now: Instant) -> Option<Demand> {
        if self.over() {
            return None;
        }
        match &mut self.practice {
            Some(practice) if !practice.done() => practice.demand(now),
            _ => self.held_out.demand(now),
        }
    }

    /// `dataset` was started again: what was under way is lost.
    pub fn ask_again(&mut self) {
        self.held_out.ask_again();
        self.practice.iter_mut().for_each(HeldOut::ask_again);
    }

    /// Everything has been heard. Of weights that cannot be used there is nothing to hear.
    pub fn over(&self) -> bool {
        let practised = self.practice.as_ref().is_none_or(HeldOut::done);
        matches!(self.challenger, Seat::Empty(_)) || (practised && self.held_out.done())
    }

    /// Judges both on a batch of held-out pictures, or the challenger on one of validation pictures. Batches that are not
    /// due are left out.
    ///
    /// # Errors
    /// [`EvaluateError`] when the batch does not keep to its contract, or the device fails.
    pub fn hear(&mut self, tag: &Tag, batch: &Batches) -> Result<(), EvaluateError> {
        let now = Instant::now();
        let is_practice = self.practice.as_mut().is_some_and(|practice| practice.accept(tag, now));
        if !is_practice && !self.held_out.accept(tag, now) {
            tracing::debug!(run = tag.session, seq = tag.seq, "a batch that is not due");
            return Ok(());
        }
        if batch.rows() == 0 {
            return Ok(());
        }
        let fault = |problem: String| EvaluateError::Batch { run: tag.session.clone(), seq: tag.seq, problem };
        let classes: Vec<String> =
            serde_json::from_str(tag.text("classes")).map_err(|e| fault(format!("its classes: {e}")))?;
        if self.classes.is_empty() {
            self.sit(&classes);
            self.classes = classes;
        } else if self.classes != classes {
            return Err(fault("its classes are not those of the batches before".to_owned()));
        }
        let Heard { pictures, truth, of } = self.read(batch).map_err(fault)?;
        if pictures.count == 0 {
            return Ok(());
        }
        if is_practice {
            if let Some(challenger) = self.challenger.contender() {
                challenger.practise(&pictures, &truth)?;
            }
            // Until now the test pictures could not be asked for.
            self.practice.iter_mut().chain([&mut self.held_out]).for_each(|of| of.busy_until(Instant::now()));
            return Ok(());
        }
        for contender in [&mut self.challenger, &mut self.champion].into_iter().filter_map(Seat::contender) {
            contender.judge(&pictures, &truth)?;
        }
        self.size_px = pictures.size_px;
        self.left_out += (batch.rows() - pictures.count) as u64;
        self.pictures.extend(of);
        self.note_mistakes(&pictures);
        self.held_out.busy_until(Instant::now());
        Ok(())
    }

    /// Both sit down, now that the classes are known. A champion that was trained with other
    /// labels answers another question: it is not compared, and whoever changed `--labels` wants the new one.
    fn sit(&mut self, classes: &[String]) {
        let labels = self.manifest.labels;
        self.challenger.sit(labels, classes);
        if let Seat::Waiting(champion) = &self.champion
            && champion.card().labels != labels
        {
            let own = champion.card().labels;
            let why =
                format!("it was trained with --labels {own} and this run with {labels}, so the two cannot be compared");
            self.champion = Seat::Empty(Some(why));
        }
        self.champion.sit(labels, classes);
    }

    /// The pictures of a batch that have as many classes as the run's labels allow.
    fn read(&self, batch: &Batches) -> Result<Heard, String> {
        let (mut pictures, mut truth, mut of) = (Pictures::default(), Vec::new(), Vec::new());
        for row in 0..batch.rows() {
            let truth_here: Vec<usize> = list_row(&batch.targets, row).iter().map(|&class| class as usize).collect();
            if truth_here.is_empty() || (self.manifest.labels == Labels::Single && truth_here.len() > 1) {
                continue;
            }
            let (width, height, pixels) = (batch.width.value(row), batch.height.value(row), batch.pixels.value(row));
            let expected = width as usize * height as usize * 3;
            if width != height || pixels.len() != expected || (pictures.count > 0 && pictures.size_px != width) {
                return Err(format!(
                    "picture {} has {width} × {height} px and {} bytes; squares of one size are expected",
                    batch.digest.value(row),
                    pixels.len()
                ));
            }
            if let Some(class) = truth_here.iter().find(|&&class| class >= self.classes.len()) {
                return Err(format!("class {class} with {} classes", self.classes.len()));
            }
            pictures.size_px = width;
            pictures.count += 1;
            pictures.pixels.extend_from_slice(pixels);
            truth.push(truth_here);
            let (path, digest) = (batch.path.value(row).to_owned(), batch.digest.value(row).to_owned());
            of.push(Picture { path, digest });
        }
        Ok(Heard { pictures, truth, of })
    }

    /// Keeps the challenger's mistakes among the pictures heard last.
    fn note_mistakes(&mut self, heard: &Pictures) {
        let Seat::Judged(contender) = &self.challenger else { return };
        let answers = contender.answers();
        let first = answers.len() - heard.count;
        let bytes = heard.pixels.len() / heard.count;
        for (i, pixels) in (first..answers.len()).zip(heard.pixels.chunks_exact(bytes)) {
            let Some((truth, said, sure)) = answers.mistake(i) else { continue };
            let path = self.pictures[i].path.as_str();
            let sides = [heard.size_px, heard.size_px];
            if let Err(error) = self.wrong.offer([path, &truth, &said], sure, pixels, sides) {
                tracing::warn!(path, %error, "no thumbnail");
            }
        }
    }

    /// Decides and writes everything down.
    ///
    /// # Errors
    /// Any error of the file system, with the path in its text.
    pub fn close(mut self, home: &Home, gate: &Gate) -> std::io::Result<Closed> {
        let _lock = Lock::take(home)?;
        let now = champion(home);
        if now != self.reigning {
            tracing::warn!(run = self.run(), was = self.reigning, now, "another champion since: judged anew");
            return Ok(Closed::Anew(self.checkpoint));
        }
        // Without a held-out batch there were no classes to sit down for.
        let classes = if self.classes.is_empty() { self.manifest.classes.clone() } else { self.classes.clone() };
        self.sit(&classes);
        if self.left_out > 0 {
            tracing::warn!(
                run = self.checkpoint.run,
                pictures = self.left_out,
                "left out: of no class, or of several with --labels single"
            );
        }
        let nothing = Answers::new(self.manifest.labels, classes.clone());
        let (challenger, unusable) = match &self.challenger {
            Seat::Judged(contender) => (contender.answers(), None),
            Seat::Empty(why) => (&nothing, Some(why.as_deref().unwrap_or("they are not there"))),
            Seat::Waiting(_) => (&nothing, None),
        };
        let calibration = match &self.challenger {
            Seat::Judged(contender) => contender.calibration(),
            _ => None,
        };
        let handicap = match &self.champion {
            Seat::Judged(contender) => contender.handicap(&classes, self.size_px, &self.manifest.resize_mode),
            _ => Vec::new(),
        };
        let reigning = match (&self.reigning, &self.champion) {
            (None, _) => Reigning::Nobody,
            (Some(name), Seat::Judged(c)) => Reigning::Judged { name, judged: c.answers(), handicap: &handicap },
            (Some(name), Seat::Empty(why)) => {
                Reigning::Unusable { name, why: why.as_deref().unwrap_or("it is not there") }
            }
            (Some(name), Seat::Waiting(_)) => Reigning::Judged { name, judged: &nothing, handicap: &handicap },
        };
        let verdict = conclude(
            home,
            &Evidence {
                checkpoint: &self.checkpoint,
                manifest: &self.manifest,
                challenger,
                unusable,
                calibration,
                reigning,
                gate,
                pictures: &self.pictures,
                wrong: &self.wrong,
            },
        )?;
        Ok(Closed::Judged(Box::new(verdict)))
    }
}
