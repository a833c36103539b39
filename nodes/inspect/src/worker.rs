//! The work on one version: look through it, write tables and page, search for wrong labels, write again.
//!
//! On a thread of the lowest priority: the event loop always drains, and training has the processor when it wants it.

use crate::config::Config;
use crate::error::ReportError;
use crate::find::labels::{self, Search};
use crate::find::{classes, conflicts, duplicates, issues};
use crate::forecast::forecasts;
use crate::page::{Report, TABLES, page_name};
use crate::record::Record;
use crate::search::{Chosen, EmbeddingSource, Rows};
use crate::thumbnails::Thumbnails;
use plugin_api::files::{with_path, write_atomically};
use plugin_api::{Labels, Language, Message, Workspace, decisions};
use plugin_forecast::Forecasts;
use plugin_report::Words;
use plugin_review::Settled;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The lowest priority there is.
const NICE: i32 = 19;
/// A version that is never.
const NONE: u64 = u64::MAX;
/// Longest wait for the thread at the end; every file is whole at any time.
const FAREWELL: Duration = Duration::from_secs(5);

/// A version to look through.
pub struct Job {
    /// Version of the data set that is inspected.
    pub version: u64,
    /// What several classes mean.
    pub labels: Labels,
    /// Every file, ordered by path.
    pub records: Vec<Record>,
}

/// What the thread tells the event loop.
#[derive(Debug)]
pub enum WorkerEvent {
    /// What it is busy with.
    Busy(Message),
    /// A page was written: version, findings, and whether this was the last word on the version.
    Written(u64, u64, bool),
}

/// The thread.
pub struct Worker {
    jobs: Option<Sender<Job>>,
    /// What it has to tell.
    pub news: Receiver<WorkerEvent>,
    wanted: Arc<AtomicU64>,
    thread: JoinHandle<()>,
}

impl Worker {
    /// Starts the thread.
    ///
    /// # Errors
    /// When there is none to be had.
    pub fn start(config: Config, workspace: Workspace) -> std::io::Result<Self> {
        let (jobs, todo) = channel::<Job>();
        let (tell, news) = channel();
        let wanted = Arc::new(AtomicU64::new(NONE));
        let shared = Arc::clone(&wanted);
        let thread = std::thread::Builder::new().name("inspect".to_owned()).spawn(move || {
            plugin_harness::yield_to_others(NICE);
            let thumbnails = Thumbnails::new(workspace.root(), config.limits.clone());
            let mut bench = WorkerState { config, workspace, thumbnails, wanted: shared, tell, evaluated: None };
            for job in todo {
                match bench.work(&job) {
                    Ok(()) | Err(ReportError::Cancelled) => {}
                    Err(error) => {
                        tracing::error!(version = job.version, %error, "no report");
                        let _ = bench
                            .tell
                            .send(WorkerEvent::Busy(Message::version_no_report(job.version, error.to_string())));
                    }
                }
            }
        })?;
        Ok(Self { jobs: Some(jobs), news, wanted, thread })
    }

    /// Gives it a version to look through; an earlier one is dropped.
    pub fn give(&self, job: Job) {
        self.wanted.store(job.version, Ordering::Relaxed);
        if let Some(jobs) = &self.jobs {
            let _ = jobs.send(job);
        }
    }

    /// It has ended before its time.
    pub fn is_gone(&self) -> bool {
        self.thread.is_finished()
    }

    /// A later version is there: what is being looked through is of no use any more.
    pub fn overtaken(&self, version: u64) {
        let wanted = self.wanted.load(Ordering::Relaxed);
        if wanted != NONE && wanted != version {
            self.wanted.store(NONE, Ordering::Relaxed);
        }
    }

    /// Drops the jobs and waits a moment for the thread to end.
    pub fn end(mut self) {
        self.wanted.store(NONE, Ordering::Relaxed);
        self.jobs = None;
        let start = Instant::now();
        while !self.thread.is_finished() && start.elapsed() < FAREWELL {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// What the thread works with.
struct WorkerState {
    config: Config,
    workspace: Workspace,
    thumbnails: Thumbnails,
    wanted: Arc<AtomicU64>,
    tell: Sender<WorkerEvent>,
    evaluated: Option<Evaluated>,
}

/// What heads say of some images.
struct Evaluated {
    /// Of which images.
    key: blake3::Hash,
    /// Log-probabilities, `[images, classes]`.
    predicted: Vec<f32>,
    /// Whether forecasts were worked out.
    is_complete: bool,
    /// `None` until then, and where there are too few images for it.
    forecasts: Option<Forecasts>,
}

impl WorkerState {
    fn work(&mut self, job: &Job) -> Result<(), ReportError> {
        let begun = Instant::now();
        self.busy(job, Message::version_examined(job.version))?;
        let mut source = match EmbeddingSource::open(&self.config, &self.workspace) {
            Ok(source) => source,
            Err(search) => return self.write(job, &search, None, true),
        };
        let chosen = Chosen::of(&job.records, self.config.label_images as usize);
        let missing = source.missing(&job.records, &chosen);
        if !missing.is_empty() {
            let what = Message::search_images_new(missing.len());
            self.write(job, &Search::Going(what.into()), Forecasts::read(&self.workspace).as_ref(), false)?;
        }
        let went = |done: usize| self.busy(job, Message::version_embeds(job.version, done, missing.len())).is_ok();
        if let Err(search) = source.embed_missing(&job.records, &missing, &self.config, &self.workspace, went) {
            return self.write(job, &search, None, true);
        }
        self.busy(job, Message::version_labels(job.version))?;
        self.evaluate(job, &source.rows(&job.records, &chosen))?;
        let seconds = begun.elapsed().as_secs_f64();
        tracing::info!(version = job.version, embedded = missing.len(), seconds, "looked through");
        Ok(())
    }

    /// Writes what follows from the predictions of heads, the wrong labels first: forecasts take longer. Of the same images as
    /// before (a person has decided something meanwhile) all is known.
    fn evaluate(&mut self, job: &Job, rows: &Rows) -> Result<(), ReportError> {
        let key = rows.key(&job.records);
        let mut evaluated = match self.evaluated.take().filter(|before| before.key == key) {
            Some(before) => before,
            None => match rows.predict() {
                Ok(predicted) => Evaluated { key, predicted, is_complete: false, forecasts: None },
                Err(why) => return self.write(job, &Search::NotDone(why.into()), None, true),
            },
        };
        let search = rows.label_errors(&evaluated.predicted).unwrap_or_else(|why| Search::NotDone(why.into()));
        if !evaluated.is_complete {
            self.write(job, &search, Forecasts::read(&self.workspace).as_ref(), false)?;
            self.busy(job, Message::version_forecast(job.version))?;
            evaluated.forecasts = forecasts(rows, &evaluated.predicted, job.version);
            evaluated.is_complete = true;
        }
        let forecasts = evaluated.forecasts.clone();
        self.evaluated = Some(evaluated);
        let forecasts = forecasts.map(|of| Forecasts { version: job.version, ..of });
        self.write(job, &search, forecasts.as_ref(), true)
    }

    /// Goes on only when the version is still wanted, and tells what with.
    fn busy(&self, job: &Job, what: Message) -> Result<(), ReportError> {
        if self.wanted.load(Ordering::Relaxed) != job.version {
            return Err(ReportError::Cancelled);
        }
        let _ = self.tell.send(WorkerEvent::Busy(what));
        Ok(())
    }

    /// Writes the tables and then the page. Each file is whole or not there. Forecasts of an earlier version are shown until
    /// those of this one are there.
    fn write(
        &mut self,
        job: &Job,
        search: &Search,
        forecasts: Option<&Forecasts>,
        last: bool,
    ) -> Result<(), ReportError> {
        self.busy(job, Message::version_writes(job.version))?;
        let (records, labels) = (&job.records[..], job.labels);
        let decisions = decisions::read(&self.workspace)?;
        if !decisions.unreadable.is_empty() {
            tracing::warn!(lines = ?decisions.unreadable, "dataset/decisions.jsonl: these lines are no decisions");
        }
        let settled = Settled::of(&decisions);
        let search = &search.clone().open(records, &settled);
        let report = Report {
            version: job.version,
            made_ms: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64,
            records,
            classes: classes::find(records, labels),
            duplicates: duplicates::find(records),
            conflicts: conflicts::find(records, labels, &settled),
            issues: issues::find(records),
            search,
            forecasts,
        };
        let shown = self.config.shown as usize;
        let wanted = || self.wanted.load(Ordering::Relaxed) == job.version;
        if !self.thumbnails.make(&report.thumbnailed(shown), wanted) {
            return Err(ReportError::Cancelled);
        }
        let tables = [
            classes::csv(&report.classes, search)?,
            duplicates::csv(&report.duplicates)?,
            conflicts::csv(&report.conflicts)?,
            issues::csv(&report.issues)?,
            labels::csv(search, records)?,
        ];
        self.busy(job, Message::version_writes(job.version))?;
        let folder = self.workspace.dataset().join("report");
        std::fs::create_dir_all(&folder).map_err(|e| with_path(&folder, &e))?;
        for (name, table) in TABLES.iter().zip(tables) {
            write_atomically(&folder.join(name), &table)?;
        }
        match forecasts {
            Some(forecasts) => forecasts.write(&self.workspace)?,
            None => remove(&Forecasts::path(&self.workspace))?,
        }
        for language in Language::ALL.into_iter().rev() {
            let page = report.html(shown, &self.thumbnails, Words(language));
            write_atomically(&self.workspace.dataset().join(page_name(language)), page.as_bytes())?;
        }
        let findings = report.duplicates.len() + report.conflicts.len() + report.issues.len() + search.suspects().len();
        let _ = self.tell.send(WorkerEvent::Written(job.version, findings as u64, last));
        Ok(())
    }
}

/// Removes a file that may not be there.
fn remove(path: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(with_path(path, &error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
