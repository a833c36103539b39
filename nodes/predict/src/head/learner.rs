//! The thread that keeps the head up with the accepted pictures.

use super::accepted::{self, All, in_turn};
use super::{Head, Kind, card};
use plugin_api::Home;
use plugin_decode::{Limits, Picture};
use plugin_embed::{Cache, EmbedError, EmbedOptions, Embedder, NetworkChoice};
use plugin_probe::{ClassMeans, Rows, Seen, Worth, worth_of_means};
use plugin_standing::{Answer, Answers};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Below the nodes that training waits for, but not so far that a new class has to wait for training.
const NICE: i32 = 5;
/// Pictures embedded between two looks at whether something has changed.
const AT_A_TIME: usize = 6;
/// A class is told from this many pictures on, or from all it has.
const ENOUGH: usize = 5;
/// While classes stay the same, a new head is shown so often: the whole inbox is then gone through again.
const SHOWN_EVERY: Duration = Duration::from_secs(5);
/// A linear head is fitted again when so large a share of the pictures is others.
const FITTED_EVERY: f64 = 0.02;
/// What such heads are worth, which takes longer, is asked again when so large a share is others.
const JUDGED_EVERY: f64 = 0.1;
/// Pictures by which class means are judged at most.
const JUDGED: usize = 5_000;

/// A version of the data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Job {
    /// The version.
    pub version: u64,
    /// Whether pictures have one class each: no head otherwise.
    pub single: bool,
}

/// What there is at the moment.
#[derive(Clone, Default)]
pub struct Latest {
    /// The head; none with fewer than two classes, or without eyes.
    pub head: Option<Arc<Head>>,
    /// What embeds pictures for it.
    pub eyes: Option<Arc<Embedder>>,
    /// Why there is no head, or what it is busy with.
    pub state: String,
    /// A version was taken up as far as can be: what there is now is more than what has been made so far since the start.
    pub settled: bool,
}

/// The thread.
pub struct Learner {
    jobs: Sender<Job>,
    latest: Arc<Mutex<Latest>>,
}

impl Learner {
    /// Starts the thread.
    ///
    /// # Errors
    /// When there is none to be had.
    pub fn start(options: EmbedOptions, limits: Limits, home: Home) -> std::io::Result<Self> {
        let (jobs, todo) = channel();
        let latest = Arc::new(Mutex::new(Latest::default()));
        let shared = Arc::clone(&latest);
        std::thread::Builder::new().name("head".to_owned()).spawn(move || {
            plugin_harness::yield_to_others(NICE);
            Bench::new(options, limits, home, shared).run(&todo);
        })?;
        Ok(Self { jobs, latest })
    }

    /// Tells it of a version; an earlier one that it has not begun is passed over.
    pub fn give(&self, job: Job) {
        let _ = self.jobs.send(job);
    }

    /// What there is at the moment.
    pub fn latest(&self) -> Latest {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What linear heads are worth.
#[derive(Default)]
struct Judgement {
    /// The pictures that were asked about, and their classes.
    pictures: BTreeMap<String, String>,
    /// None where it could not be told.
    worth: Option<Worth>,
    /// What was said of each.
    told: Answers,
}

/// What the thread works with.
struct Bench {
    options: EmbedOptions,
    limits: Limits,
    home: Home,
    latest: Arc<Mutex<Latest>>,
    eyes: Option<(Arc<Embedder>, Cache)>,
    version: u64,
    all: All,
    /// Class of each picture that is in the means.
    taught: BTreeMap<String, String>,
    means: ClassMeans,
    /// What they are worth, once it has been asked; none again when they change.
    worth: Option<Worth>,
    /// The pictures a linear head was last fitted to, and their classes.
    fitted: BTreeMap<String, String>,
    /// What linear heads were last found to be worth.
    judged: Judgement,
    /// Classes of the head that was shown last, and when.
    shown: (BTreeSet<String>, Option<Instant>),
    /// Something has changed that was not shown.
    stale: bool,
}

impl Bench {
    fn new(options: EmbedOptions, limits: Limits, home: Home, latest: Arc<Mutex<Latest>>) -> Self {
        Self {
            options,
            limits,
            home,
            latest,
            eyes: None,
            version: 0,
            all: All::new(),
            taught: BTreeMap::new(),
            means: ClassMeans::default(),
            worth: None,
            fitted: BTreeMap::new(),
            judged: Judgement::default(),
            shown: (BTreeSet::new(), None),
            stale: false,
        }
    }

    fn run(&mut self, jobs: &Receiver<Job>) {
        loop {
            let job = if self.stale {
                match jobs.recv_timeout(SHOWN_EVERY) {
                    Err(RecvTimeoutError::Timeout) => None,
                    Err(RecvTimeoutError::Disconnected) => return,
                    Ok(job) => Some(job),
                }
            } else {
                let Ok(job) = jobs.recv() else { return };
                Some(job)
            };
            let mut next = job.map(|job| jobs.try_iter().last().unwrap_or(job));
            if next.is_none() {
                let done = self.show(true).map(|()| self.fit());
                self.report(done);
            }
            while let Some(job) = next.take() {
                match self.take_up(job, jobs) {
                    Ok(newer) => next = newer,
                    Err(why) => self.report(Err(why)),
                }
            }
            self.with(|latest| latest.settled = true);
        }
    }

    fn with<T>(&self, change: impl FnOnce(&mut Latest) -> T) -> T {
        change(&mut self.latest.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn tell(&self, state: &str) {
        self.with(|latest| state.clone_into(&mut latest.state));
    }

    /// Says why there is no head, in the log once.
    fn report(&self, done: Result<(), String>) {
        let Err(why) = done else { return };
        if self.with(|latest| latest.state != why) {
            tracing::warn!(why, "no head");
        }
        self.tell(&why);
    }

    /// Brings the means to a version, shows them, and fits a linear head. Returns a newer version that came meanwhile, for
    /// which the rest of this one was left.
    fn take_up(&mut self, job: Job, jobs: &Receiver<Job>) -> Result<Option<Job>, String> {
        if !job.single || self.options.network == NetworkChoice::None {
            self.with(|latest| *latest = Latest::default());
            self.shown.0.clear();
            return Ok(None);
        }
        self.open().map_err(|error| error.to_string())?;
        self.all = accepted::read(&self.home, job.version).map_err(|e| format!("the catalog: {e}"))?;
        self.version = job.version;
        self.forget();
        let new = self.all.iter().filter(|(digest, _)| !self.taught.contains_key(*digest));
        let mut queue = in_turn(new);
        while !queue.is_empty() {
            let chunk: Vec<String> = queue.drain(..AT_A_TIME.min(queue.len())).collect();
            self.teach(&chunk).map_err(|error| error.to_string())?;
            self.tell(&format!("{} pictures to embed", queue.len()));
            if self.is_ready() {
                self.show(false)?;
            }
            if let Some(newer) = jobs.try_iter().last() {
                return Ok(Some(newer));
            }
        }
        self.sync();
        self.show(false)?;
        self.fit();
        Ok(None)
    }

    fn open(&mut self) -> Result<(), EmbedError> {
        if self.eyes.is_none() {
            let embedder = Embedder::open(&self.options, &self.home)?;
            let cache = Cache::open(&self.home, embedder.fingerprint(), embedder.dimensions())?;
            let eyes = Arc::new(embedder);
            self.with(|latest| latest.eyes = Some(Arc::clone(&eyes)));
            self.eyes = Some((eyes, cache));
        }
        Ok(())
    }

    /// Takes out of the means what is gone or called otherwise.
    fn forget(&mut self) {
        let Some((_, cache)) = &self.eyes else { return };
        let gone = |(digest, class): &(&String, &String)| self.all.get(*digest).is_none_or(|a| a.class != **class);
        let gone: Vec<(String, String)> =
            self.taught.iter().filter(gone).map(|(digest, class)| (digest.clone(), class.clone())).collect();
        for (digest, class) in gone {
            if let Some(embedding) = cache.get(&digest) {
                self.means.remove(&class, embedding);
            }
            self.taught.remove(&digest);
            (self.stale, self.worth) = (true, None);
        }
    }

    /// Takes pictures into the means. Files that have changed or gone are passed over: a newer version says so.
    fn teach(&mut self, digests: &[String]) -> Result<(), EmbedError> {
        let Some((eyes, cache)) = &mut self.eyes else { return Ok(()) };
        let unknown: Vec<&String> = digests.iter().filter(|digest| cache.get(digest).is_none()).collect();
        let (root, limits, all) = (self.home.root(), &self.limits, &self.all);
        let open = |digest: &&String| -> Option<(String, Picture)> {
            let picture = plugin_embed::known(&root.join(&all.get(*digest)?.path), digest, limits)?;
            Some(((*digest).clone(), eyes.prepare(picture).ok()?))
        };
        let (names, pictures): (Vec<String>, Vec<Picture>) =
            unknown.par_iter().filter_map(open).collect::<Vec<_>>().into_iter().unzip();
        for (digest, embedding) in names.iter().zip(eyes.embed(&pictures)?) {
            cache.put(digest, &embedding)?;
        }
        for digest in digests {
            if let (Some(embedding), Some(accepted)) = (cache.get(digest), self.all.get(digest)) {
                self.means.add(&accepted.class, embedding);
                self.taught.insert(digest.clone(), accepted.class.clone());
                (self.stale, self.worth) = (true, None);
            }
        }
        Ok(())
    }

    /// Enough pictures of each class are in the means to tell it.
    fn is_ready(&self) -> bool {
        let mut totals: BTreeMap<&str, usize> = BTreeMap::new();
        self.all.values().for_each(|accepted| *totals.entry(&accepted.class).or_default() += 1);
        totals.iter().all(|(class, total)| self.means.count(class) >= ENOUGH.min(*total))
    }

    fn sync(&mut self) {
        if let Some((_, cache)) = &mut self.eyes
            && let Err(error) = cache.sync()
        {
            tracing::warn!(%error, "embeddings are not kept for good");
        }
    }

    fn classes(&self) -> BTreeSet<String> {
        self.means.classes().map(str::to_owned).collect()
    }

    /// Every taught picture that is still there, by its digest.
    fn seen(&self) -> Vec<(&str, Seen<'_>)> {
        let Some((_, cache)) = &self.eyes else { return Vec::new() };
        let taught = self.taught.iter().filter_map(|(digest, class)| {
            let (group, features) = (&self.all.get(digest)?.group, cache.get(digest)?);
            Some((&digest[..], Seen { class, group, features }))
        });
        taught.collect()
    }

    /// Shows the means when that is due: other classes at once, the same ones now and then. A linear head of the same classes
    /// stays in use until there is another.
    fn show(&mut self, due: bool) -> Result<(), String> {
        let classes = self.classes();
        let others = classes != self.shown.0;
        let due = due || self.shown.1.is_none_or(|at| at.elapsed() >= SHOWN_EVERY);
        if !self.stale || !(others || due) {
            return Ok(());
        }
        self.stale = false;
        let linear = self.with(|latest| latest.head.as_ref().is_some_and(|h| matches!(h.kind, Kind::Linear(_))));
        if linear && !others {
            return Ok(());
        }
        if classes.len() < 2 {
            self.with(|latest| latest.head = None);
            self.shown = (classes, Some(Instant::now()));
            return Err("fewer than two classes have accepted pictures".to_owned());
        }
        let worth = self.worth_of_means();
        self.put_up(Kind::Means(self.means.clone()), classes, &worth, Answers::new());
        Ok(())
    }

    fn worth_of_means(&mut self) -> Worth {
        let worth = self.worth.unwrap_or_else(|| {
            let seen = self.seen().into_iter().take(JUDGED);
            worth_of_means(&self.means, seen.map(|(_, one)| (one.class, one.features)))
        });
        self.worth = Some(worth);
        worth
    }

    /// Fits a linear head when enough has changed, and shows it when such heads are better than the means.
    fn fit(&mut self) {
        if self.classes().len() < 2 || !is_other(&self.taught, &self.fitted, FITTED_EVERY) {
            return;
        }
        let (digests, seen): (Vec<&str>, Vec<Seen<'_>>) = self.seen().into_iter().unzip();
        let rows = Rows::of(&seen);
        let judged =
            rows.as_ref().filter(|_| is_other(&self.taught, &self.judged.pictures, JUDGED_EVERY)).map(|rows| {
                let (worth, hits) = rows.judge().unzip();
                let answer = |((digest, one), right): ((&&str, &Seen<'_>), bool)| {
                    ((*digest).to_owned(), Answer { truth: one.class.to_owned(), right })
                };
                let told = digests.iter().zip(&seen).zip(hits.into_iter().flatten()).map(answer).collect();
                Judgement { pictures: self.taught.clone(), worth, told }
            });
        let fitted = rows.and_then(|rows| rows.fit());
        if let Some(judged) = judged {
            self.judged = judged;
        }
        let means = self.worth_of_means();
        self.fitted = self.taught.clone();
        match fitted.zip(self.judged.worth).filter(|(_, worth)| worth.loss < means.loss) {
            Some(((head, classes), worth)) => {
                self.put_up(Kind::Linear(head), classes.into_iter().collect(), &worth, self.judged.told.clone());
            }
            None => self.put_up(Kind::Means(self.means.clone()), self.classes(), &means, Answers::new()),
        }
        self.stale = false;
    }

    fn put_up(&mut self, kind: Kind, classes: BTreeSet<String>, worth: &Worth, told: Answers) {
        let Some((eyes, _)) = &self.eyes else { return };
        let mut card = card(self.version, kind.name(), classes.iter().cloned().collect(), eyes, worth.temperature);
        // A version may be shown twice: half taught, and whole.
        card.run = format!("{}-{}", card.run, self.taught.len());
        let head = Head { card, kind, accuracy: worth.accuracy, told };
        self.shown = (classes, Some(Instant::now()));
        self.with(|latest| {
            if latest.head.as_deref() != Some(&head) {
                tracing::info!(head = head.card.run, accuracy = head.accuracy, pictures = self.taught.len(), "head");
                latest.head = Some(Arc::new(head));
            }
            latest.state.clear();
        });
    }
}

/// Whether so large a share of the pictures is others than before, or of another class; any at all, when the classes are others.
fn is_other(now: &BTreeMap<String, String>, before: &BTreeMap<String, String>, share: f64) -> bool {
    let changed = now.iter().filter(|(digest, class)| before.get(*digest) != Some(class)).count()
        + before.keys().filter(|digest| !now.contains_key(*digest)).count();
    changed > 0 && (changed as f64 >= share * now.len() as f64 || classes_of(now) != classes_of(before))
}

fn classes_of(pictures: &BTreeMap<String, String>) -> BTreeSet<String> {
    pictures.values().cloned().collect()
}

#[cfg(test)]
mod tests;
