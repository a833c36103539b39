//! The pool: judged by what is known of its pictures, on a thread of its own, so that nobody who asks waits for it.

use super::Felt;
use super::curated::{Curated, pool};
use super::judge::{Judge, Told};
use crate::look::{Album, Library};
use plugin_api::Home;
use plugin_embed::Cache;
use plugin_probe::Seen;
use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// After it was looked at, the heap is left alone for so long …
const REST: Duration = Duration::from_secs(5);
/// … and for so many times as long as that took.
const TIMES: u32 = 10;
/// Below everything else.
const NICE: i32 = 10;
/// A picture may be of a class when the class is one of so many likeliest, as in the inbox.
const LIKELIEST: usize = 3;

/// The heap as it was judged.
#[derive(Default)]
pub struct Judged {
    /// By what; none when there is nothing to judge by.
    pub told: Option<Told>,
    /// Classes of the judge, sorted.
    pub classes: Vec<String>,
    /// Pictures with a probability for each class.
    rows: Vec<(String, Vec<f32>)>,
    /// Pictures that wait for an embedding.
    pub unknown: usize,
}

impl Judged {
    /// Pictures that were judged.
    pub fn known(&self) -> usize {
        self.rows.len()
    }

    /// Pictures that may be of a class, in any order.
    pub fn of(&self, class: &str) -> Vec<Felt> {
        let Some(at) = self.classes.iter().position(|known| known == class) else { return Vec::new() };
        let rows = self.rows.iter().filter(|(_, row)| row.iter().filter(|p| **p > row[at]).count() < LIKELIEST);
        rows.map(|(path, row)| Felt { path: path.clone(), probability: row[at] }).collect()
    }
}

/// The heap, looked at again when somebody asks and enough time has passed.
pub struct Heap {
    home: Home,
    library: Arc<Library>,
    latest: Mutex<Latest>,
    busy: AtomicBool,
}

#[derive(Default)]
struct Latest {
    judged: Arc<Judged>,
    judge: Option<(u64, usize, usize, Arc<Judge>)>,
    looked: Option<(Instant, Duration)>,
}

impl Heap {
    /// Nothing looked at yet.
    pub fn new(home: Home, library: Arc<Library>) -> Self {
        Self { home, library, latest: Mutex::default(), busy: AtomicBool::new(false) }
    }

    fn with<T>(&self, work: impl FnOnce(&mut Latest) -> T) -> T {
        work(&mut self.latest.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What is known, and whether it is being looked at again. Never waits.
    pub fn latest(self: &Arc<Self>) -> (Arc<Judged>, bool) {
        let due = self.with(|latest| latest.looked.is_none_or(|(at, took)| at.elapsed() > REST.max(took * TIMES)));
        if due && !self.busy.swap(true, Ordering::AcqRel) {
            let heap = Arc::clone(self);
            let look = move || {
                plugin_harness::yield_to_others(NICE);
                // Whatever becomes of it, it may be looked at again.
                let _done = Done(&heap.busy);
                heap.look();
            };
            if let Err(error) = std::thread::Builder::new().name("heap".to_owned()).spawn(look) {
                tracing::warn!(%error, "no thread to judge the pool");
                self.busy.store(false, Ordering::Release);
            }
        }
        (self.with(|latest| latest.judged.clone()), self.busy.load(Ordering::Acquire))
    }

    fn look(&self) {
        let begun = Instant::now();
        let judged = self.judge().inspect_err(|error| tracing::warn!(error, "the pool is not judged"));
        self.with(|latest| {
            if let Ok(judged) = judged {
                latest.judged = Arc::new(judged);
            }
            latest.looked = Some((Instant::now(), begun.elapsed()));
        });
    }

    /// Looks at the pool once.
    fn judge(&self) -> Result<Judged, String> {
        let (album, generation) = self.library.album().map_err(|e| e.to_string())?;
        let curated = Curated::read(&self.home).map_err(|e| format!("dataset/curation.sqlite: {e}"))?;
        let cache = match &curated.network {
            Some(network) => Cache::existing(&self.home, network),
            None => Cache::newest(&self.home),
        };
        let cache = cache.map_err(|e| e.to_string())?;
        let judge = cache.as_ref().and_then(|cache| self.judge_of(&album, generation, &curated, cache));
        let mut judged = Judged::default();
        // A picture that stands in photos/ is decided; of copies one is enough.
        let mut seen: HashSet<&str> = HashSet::new();
        for lying in pool(&self.home) {
            let known = lying.known(&curated);
            if known.is_some_and(|known| album.find(&known.digest).is_some() || !seen.insert(&known.digest)) {
                continue;
            }
            match known.zip(cache.as_ref()).and_then(|(known, cache)| cache.get(&known.digest)) {
                Some(embedding) => {
                    let row = judge.as_ref().map(|judge| judge.probabilities(embedding)).unwrap_or_default();
                    judged.rows.push((lying.path, row));
                }
                None => judged.unknown += 1,
            }
        }
        if let Some(judge) = judge {
            (judged.told, judged.classes) = (Some(judge.told.clone()), judge.classes.clone());
        }
        Ok(judged)
    }

    /// The judge of the pictures whose class is said; the one before when they are the same.
    fn judge_of(&self, album: &Album, generation: u64, curated: &Curated, cache: &Cache) -> Option<Arc<Judge>> {
        let (kept, seeds) = (cache.len(), curated.seeds.len());
        let before = self.with(|latest| latest.judge.clone());
        if let Some((.., judge)) = before.filter(|(g, k, s, _)| (*g, *k, *s) == (generation, kept, seeds)) {
            return Some(judge);
        }
        let said = said(album, curated);
        let seen = said.iter().filter_map(|(digest, said)| {
            Some(Seen { class: said.class?, group: &said.group, features: cache.get(digest)? })
        });
        let judge = Arc::new(Judge::of(&seen.collect::<Vec<_>>())?);
        self.with(|latest| latest.judge = Some((generation, kept, seeds, judge.clone())));
        Some(judge)
    }
}

/// What a person has said of a picture: no class when it is several.
struct Said<'a> {
    class: Option<&'a str>,
    group: String,
}

/// Accepted pictures and seeds by digest; what stands in several classes says nothing.
fn said<'a>(album: &'a Album, curated: &'a Curated) -> BTreeMap<&'a str, Said<'a>> {
    let mut said: BTreeMap<&str, Said<'_>> = BTreeMap::new();
    let accepted =
        album.items.iter().filter_map(|item| Some((&item.digest[..], album.class(item)?, item.group.to_string())));
    let seeds = curated.seeds.iter().map(|(class, digest)| (&digest[..], &class[..], digest.clone()));
    for (digest, class, group) in accepted.chain(seeds) {
        let one = said.entry(digest).or_insert(Said { class: Some(class), group });
        if one.class != Some(class) {
            one.class = None;
        }
    }
    said
}

/// Says that it is over, also after a panic.
struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}
