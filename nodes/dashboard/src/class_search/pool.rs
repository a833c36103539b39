//! The pool and what the champion says of its images, on a thread of its own, so that nobody who asks waits for it.

use super::ScoredImage;
use super::curated::{self, Known, PoolFile, pool};
use crate::image_renderer::ImageRenderer;
use crate::look::Library;
use crate::model_cache::ModelCache;
use plugin_api::Workspace;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// After it was looked at, the pool is left alone for so long …
const REST: Duration = Duration::from_secs(5);
/// … and for so many times as long as that took.
const TIMES: u32 = 4;
/// Images that nobody has embedded are predicted for so long at a time.
const SPELL: Duration = Duration::from_secs(2);
/// Below everything else.
const NICE: i32 = 10;
/// An image may be of a class when the class is one of so many likeliest, as in the inbox.
const LIKELIEST: usize = 3;

/// The pool as it was predicted.
#[derive(Default)]
pub struct PoolScores {
    /// The champion; `None` when there is none.
    pub model: Option<String>,
    /// Its classes.
    pub classes: Vec<String>,
    /// Images with a probability for each class.
    rows: Vec<(String, Arc<Vec<f32>>)>,
    /// Images that wait for a prediction.
    pub unknown: usize,
}

impl PoolScores {
    /// Images that were predicted.
    pub fn known(&self) -> usize {
        self.rows.len()
    }

    /// Images that may be of a class, in any order.
    pub fn of(&self, class: &str) -> Vec<ScoredImage> {
        let Some(at) = self.classes.iter().position(|known| known == class) else { return Vec::new() };
        let rows = self.rows.iter().filter(|(_, row)| row.iter().filter(|p| **p > row[at]).count() < LIKELIEST);
        rows.map(|(path, row)| ScoredImage { path: path.clone(), probability: row[at] }).collect()
    }
}

/// The pool, looked at again when somebody asks and enough time has passed.
pub struct Pool {
    workspace: Workspace,
    library: Arc<Library>,
    models: Arc<ModelCache>,
    renderer: Arc<ImageRenderer>,
    latest: Mutex<Latest>,
    busy: AtomicBool,
}

#[derive(Default)]
struct Latest {
    scores: Arc<PoolScores>,
    cache: PredictionCache,
    looked: Option<(Instant, Duration)>,
}

/// What is known of files and images, so that nothing is read twice.
#[derive(Default)]
struct PredictionCache {
    /// By path.
    digests: HashMap<String, Known>,
    /// The champion's, by digest.
    answers: HashMap<String, Answer>,
    /// Whose they are.
    model: String,
}

/// What the champion says of an image.
#[derive(Clone)]
enum Answer {
    /// Calibrated probabilities, one a class.
    Row(Arc<Vec<f32>>),
    /// It cannot be decoded.
    Undecodable,
    /// Nothing yet: it was not looked at, or there is no champion.
    Later,
}

impl Pool {
    /// Nothing looked at yet.
    pub fn new(
        workspace: Workspace,
        library: Arc<Library>,
        models: Arc<ModelCache>,
        renderer: Arc<ImageRenderer>,
    ) -> Self {
        Self { workspace, library, models, renderer, latest: Mutex::default(), busy: AtomicBool::new(false) }
    }

    fn with<T>(&self, work: impl FnOnce(&mut Latest) -> T) -> T {
        work(&mut self.latest.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What is known, and whether it is being looked at again. Never waits.
    pub fn latest(self: &Arc<Self>) -> (Arc<PoolScores>, bool) {
        let due = self.with(|latest| latest.looked.is_none_or(|(at, took)| at.elapsed() > REST.max(took * TIMES)));
        if due && !self.busy.swap(true, Ordering::AcqRel) {
            let pool = Arc::clone(self);
            let refresh = move || {
                plugin_harness::yield_to_others(NICE);
                // Whatever becomes of it, it may be looked at again.
                let _done = Done(&pool.busy);
                pool.refresh();
            };
            if let Err(error) = std::thread::Builder::new().name("pool".to_owned()).spawn(refresh) {
                tracing::warn!(%error, "no thread to look at the pool");
                self.busy.store(false, Ordering::Release);
            }
        }
        (self.with(|latest| latest.scores.clone()), self.busy.load(Ordering::Acquire))
    }

    fn refresh(&self) {
        let begun = Instant::now();
        let mut cache = self.with(|latest| std::mem::take(&mut latest.cache));
        let scores = self.scores(&mut cache).inspect_err(|error| tracing::warn!(error, "the pool is not looked at"));
        self.with(|latest| {
            latest.cache = cache;
            if let Ok(scores) = scores {
                latest.scores = Arc::new(scores);
            }
            latest.looked = Some((Instant::now(), begun.elapsed()));
        });
    }

    /// Looks at the pool once.
    fn scores(&self, cache: &mut PredictionCache) -> Result<PoolScores, String> {
        let (view, _) = self.library.view().map_err(|e| e.to_string())?;
        let curated = curated::read(&self.workspace).map_err(|e| format!("dataset/curation.sqlite: {e}"))?;
        let champion = self.models.classes()?;
        let mut scores = PoolScores::default();
        if let Some((model, classes)) = champion {
            if cache.model != model {
                cache.answers.clear();
                cache.model.clone_from(&model);
            }
            (scores.model, scores.classes) = (Some(model), classes);
        }
        let begun = Instant::now();
        // An image that lies in photos/ is labelled; of copies one is enough.
        let mut seen: HashSet<String> = HashSet::new();
        for file in pool(&self.workspace) {
            let is_late = begun.elapsed() > SPELL;
            let Some(digest) = self.digest(&file, &curated, cache, is_late) else {
                scores.unknown += 1;
                continue;
            };
            if view.find(&digest).is_some() || !seen.insert(digest.clone()) {
                continue;
            }
            match self.answer(&file, &digest, cache, is_late) {
                Answer::Row(row) => scores.rows.push((file.path, row)),
                Answer::Undecodable => {}
                Answer::Later => scores.unknown += 1,
            }
        }
        Ok(scores)
    }

    /// BLAKE3 of a file: as `embed` has written it down, as it was before, else read now unless it is late.
    fn digest(
        &self,
        file: &PoolFile,
        curated: &HashMap<String, Known>,
        cache: &mut PredictionCache,
        is_late: bool,
    ) -> Option<String> {
        let known = file.digest(curated).or_else(|| file.digest(&cache.digests));
        if known.is_some() || is_late {
            return known.map(str::to_owned);
        }
        let bytes = self.renderer.file(&file.path).ok()?;
        let digest = blake3::hash(&bytes).to_hex().to_string();
        cache.digests.insert(file.path.clone(), Known { digest: digest.clone(), version: file.version });
        Some(digest)
    }

    /// The champion's prediction: by the embedding that is kept, else by looking at the image unless it is late.
    fn answer(&self, file: &PoolFile, digest: &str, cache: &mut PredictionCache, is_late: bool) -> Answer {
        if cache.model.is_empty() {
            return Answer::Later;
        }
        if let Some(answer) = cache.answers.get(digest) {
            return answer.clone();
        }
        let row = self.models.recall(&cache.model, digest);
        let answer = match row {
            Some(row) => Answer::Row(Arc::new(row)),
            None if is_late => Answer::Later,
            None => self.predict_image(file, digest, &cache.model),
        };
        if !matches!(answer, Answer::Later) {
            cache.answers.insert(digest.to_owned(), answer.clone());
        }
        answer
    }

    fn predict_image(&self, file: &PoolFile, digest: &str, model: &str) -> Answer {
        let image = self.renderer.file(&file.path).and_then(|bytes| self.renderer.image(&bytes, self.models.scale()));
        match image {
            Ok(image) => self.models.row(model, digest, &image).map_or(Answer::Later, |row| Answer::Row(Arc::new(row))),
            Err(_) => Answer::Undecodable,
        }
    }
}

/// Says that it is over, also after a panic.
struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}
