//! A head as a run: every labelled image is embedded once by a frozen, pretrained backbone, and a classifier on the embeddings is
//! fitted in closed form. What it makes is a checkpoint like any other: `evaluate` decides whether it becomes champion.
//!
//! Embeddings are kept in the workspace by the digest of the image's file, so a run after the first embeds only what is new.
//! Nothing of a run is written before all images are embedded; killed before that, the next start goes on with those that are
//! missing. Where few images are held out, the run is cross-validated by heads on folds of whole groups, as networks are.

use crate::config::Config;
use crate::error::TrainError;
use crate::io::incoming::Incoming;
use crate::run::data::Data;
use crate::run::recover;
use crate::run::run_dir::{RunDir, now_ms, run_id};
use crate::run::start::why;
use crate::trigger::candidate::Candidate;
use plugin_api::runs::{
    Backbone, CrossValidation, Finished, ModelCard, OutOfFold, RunFolder, RunManifest, RunRequest, write_json,
};
use plugin_api::status::Notice;
use plugin_api::{DatasetState, Labels, Message, Split, Workspace};
use plugin_catalog::{Reader, Sample};
use plugin_decode::DecodedImage;
use plugin_embed::{Cache, Embedder, known};
use plugin_harness::Node;
use plugin_heads::numbered;
use plugin_inference::Backbones;
use plugin_model::Precision;
use plugin_model::device::Opened;
use plugin_training::head::HeadSamples;
use rayon::prelude::*;
use serde_json::json;
use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Images that are embedded between two looks at whether something has changed.
const CHUNK: usize = 8;
/// The seed of the folds, as `dataset` draws them for networks.
const FOLDS_SEED: u64 = 0;
/// The file of a head in `checkpoints/`.
const FILE: &str = "head.safetensors";

/// How a run of a head ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// It waits for its verdict.
    Finished,
    /// The dataflow ends.
    Stopped,
    /// Nothing can be trained on this data set, for a person.
    Failed(String),
}

/// Trains heads.
pub struct HeadTrainer {
    backbones: Backbones,
}

/// A backbone with the embeddings that it has made.
struct EmbeddingSource {
    embedder: Arc<Embedder>,
    cache: Cache,
    /// Images whose features are not finite, by path.
    without_features: BTreeSet<String>,
}

/// An image and its classes: one, or where images have several labels, any number from one up.
struct Labelled {
    sample: Sample,
    classes: Vec<u32>,
}

impl HeadTrainer {
    /// Nothing is open yet.
    pub fn new() -> Self {
        Self { backbones: Backbones::default() }
    }

    /// Trains a head on the newest state of the data set, which may change while its images are embedded.
    ///
    /// # Errors
    /// [`TrainError`]: the harness, the backbone's weights or its device, the file system.
    pub fn work(
        &self,
        config: &Config,
        device: &Opened,
        node: &mut Node,
        incoming: &mut Incoming,
        request: Option<&RunRequest>,
    ) -> Result<End, TrainError> {
        let begun = Instant::now();
        let workspace = node.workspace().clone();
        let backbone = self.backbones.install(&config.backbone, &workspace)?;
        let Some(mut state) = incoming.trigger.latest().cloned() else { return Ok(End::Stopped) };
        let card = card(config, &backbone, &state);
        let embedder = self.backbones.open(&workspace, &card, &backbone, device, Precision::Fp32)?;
        let cache = Cache::open(&workspace, embedder.fingerprint(), embedder.dimensions())?;
        let mut source = EmbeddingSource { embedder, cache, without_features: BTreeSet::new() };
        let end = loop {
            let images = labelled(&workspace, &state)?;
            match source.embed_missing(config, node, incoming, &state, &images)? {
                Embedding::Complete => {
                    break finish(
                        config,
                        device,
                        node,
                        incoming,
                        request,
                        &state,
                        &backbone,
                        &source.cache,
                        &images,
                        begun,
                    )?;
                }
                Embedding::Overtaken(newer) => state = newer,
                Embedding::Stopped => return Ok(End::Stopped),
            }
        };
        node.status().notices(&notices(&source.without_features, &end));
        Ok(end)
    }
}

impl Default for HeadTrainer {
    fn default() -> Self {
        Self::new()
    }
}

/// How a look at the missing embeddings ended.
enum Embedding {
    Complete,
    /// The data set is another now: this one.
    Overtaken(DatasetState),
    /// The dataflow ends.
    Stopped,
}

impl EmbeddingSource {
    /// Embeds the images that are not in the cache. Files that have changed or gone since are left out: the next version of the
    /// data set says so.
    fn embed_missing(
        &mut self,
        config: &Config,
        node: &mut Node,
        incoming: &mut Incoming,
        state: &DatasetState,
        images: &[Labelled],
    ) -> Result<Embedding, TrainError> {
        self.cache.refresh()?;
        let mut queue = in_turn(images.iter().filter(|image| self.cache.get(&image.sample.digest).is_none()));
        let total = queue.len();
        let root = node.workspace().root().to_owned();
        while !queue.is_empty() {
            let done = total - queue.len();
            node.status().state(Message::head_embeds(done, total));
            node.status().gauge("images_to_embed", queue.len() as f64);
            // `inspect` and `predict` embed for themselves, too.
            self.cache.refresh()?;
            let mut chunk: Vec<&Sample> = queue.drain(..CHUNK.min(queue.len())).collect();
            chunk.retain(|sample| self.cache.get(&sample.digest).is_none());
            if chunk.is_empty() {
                continue;
            }
            let open = |sample: &&Sample| -> Option<DecodedImage> {
                let decoded = known(&root.join(&sample.path), &sample.digest, &config.limits)?;
                self.embedder.prepare(decoded).ok()
            };
            let opened: Vec<Option<DecodedImage>> = chunk.par_iter().map(open).collect();
            let (samples, decoded): (Vec<&Sample>, Vec<DecodedImage>) =
                chunk.into_iter().zip(opened).filter_map(|(sample, decoded)| Some((sample, decoded?))).unzip();
            for (sample, embedding) in samples.into_iter().zip(self.embedder.embed_each(&decoded)?) {
                if let Some(embedding) = embedding {
                    self.cache.put(&sample.digest, &embedding)?;
                } else {
                    tracing::warn!(path = sample.path, "its features are not finite: the head goes without it");
                    self.without_features.insert(sample.path.clone());
                }
            }
            incoming.pump(node, Duration::ZERO)?;
            if incoming.stop {
                return Ok(Embedding::Stopped);
            }
            if let Some(newer) = incoming.trigger.overtaken(&state.fingerprint) {
                return Ok(Embedding::Overtaken(newer.clone()));
            }
        }
        node.status().gauge("images_to_embed", 0.0);
        self.cache.sync()?;
        Ok(Embedding::Complete)
    }
}

/// Paths that a notice names at most.
const EXAMPLES: usize = 5;

/// What a person should know of a run.
fn notices(without_features: &BTreeSet<String>, end: &End) -> Vec<Notice> {
    let mut notices = Vec::new();
    if let End::Failed(why) = end {
        notices.push(Notice {
            kind: format!("head_failed:{why}"),
            count: 1,
            reason: Message::notice_head_failed(why).into(),
            advice: Message::advice_head_failed().into(),
            examples: Vec::new(),
        });
    }
    if !without_features.is_empty() {
        notices.push(Notice {
            kind: "no_features".to_owned(),
            count: without_features.len() as u64,
            reason: Message::notice_no_features().into(),
            advice: Message::advice_no_features().into(),
            examples: without_features.iter().take(EXAMPLES).cloned().collect(),
        });
    }
    notices
}

/// The images of a version, ordered by sample; where images have one label, without those of several classes.
fn labelled(workspace: &Workspace, state: &DatasetState) -> Result<Vec<Labelled>, TrainError> {
    let catalog = Reader::open(workspace).map_err(std::io::Error::other)?;
    let Some(catalog) = catalog else { return Ok(Vec::new()) };
    let rows = catalog.samples(state.version, None).map_err(std::io::Error::other)?;
    let number: HashMap<&str, u32> = state.classes.iter().map(String::as_str).zip(0..).collect();
    let labelled = |rows: &[Sample]| {
        let classes: Vec<u32> = rows.iter().filter_map(|row| number.get(row.label.as_str()).copied()).collect();
        let fits = classes.len() == 1 || (state.labels == Labels::Multi && !classes.is_empty());
        (fits && classes.len() == rows.len()).then(|| Labelled { sample: rows[0].clone(), classes })
    };
    Ok(rows.chunk_by(|a, b| a.sample == b.sample).filter_map(labelled).collect())
}

/// The first image of each class, then the second of each, and so on, so that small classes are done early.
fn in_turn<'a>(images: impl Iterator<Item = &'a Labelled>) -> VecDeque<&'a Sample> {
    let mut seen: HashMap<u32, usize> = HashMap::new();
    let mut turns: Vec<(usize, &Sample)> = images
        .map(|image| {
            let turn = seen.entry(image.classes.first().copied().unwrap_or_default()).or_default();
            *turn += 1;
            (*turn, &image.sample)
        })
        .collect();
    turns.sort_by_key(|(turn, _)| *turn);
    turns.into_iter().map(|(_, sample)| sample).collect()
}

/// The card of a head that is to be trained; its run and digest are not known yet.
fn card(config: &Config, backbone: &Backbone, state: &DatasetState) -> ModelCard {
    ModelCard {
        architecture: backbone.architecture.clone(),
        definition: None,
        size_px: config.backbone.size_px(),
        resize_mode: config.backbone.backbone_mode,
        classes: state.classes.clone(),
        labels: state.labels,
        run: String::new(),
        digest: String::new(),
        temperature: None,
        backbone: Some(backbone.clone()),
    }
}

/// The images that a head is fitted to: train, and validation, as it chooses no epoch and finds its temperature out of fold; of
/// groups that reach into test, train alone.
fn trained_on(images: &[Labelled]) -> impl Iterator<Item = &Labelled> {
    let in_test: HashSet<&str> =
        images.iter().filter(|image| image.sample.split == Split::Test).map(|image| &image.sample.group[..]).collect();
    images.iter().filter(move |image| match image.sample.split {
        Split::Train => true,
        Split::Validation => !in_test.contains(&image.sample.group[..]),
        Split::Test => false,
    })
}

/// What a head is fitted to: those of `images` that have an embedding.
fn samples<'a>(images: impl Iterator<Item = &'a Labelled>, cache: &Cache) -> HeadSamples {
    let mut samples = HeadSamples::default();
    let mut groups = Vec::new();
    for image in images {
        let Some(embedding) = cache.get(&image.sample.digest) else { continue };
        samples.push(embedding, image.classes.clone(), 0);
        groups.push(&image.sample.group[..]);
    }
    samples.groups = numbered(groups.into_iter());
    samples
}

/// Fits, cross-validates where few images are held out, and writes the run.
#[expect(clippy::too_many_arguments, reason = "the one call that brings together what a run is made of")]
fn finish(
    config: &Config,
    device: &Opened,
    node: &mut Node,
    incoming: &mut Incoming,
    request: Option<&RunRequest>,
    state: &DatasetState,
    backbone: &Backbone,
    cache: &Cache,
    images: &[Labelled],
    begun: Instant,
) -> Result<End, TrainError> {
    let workspace = node.workspace().clone();
    node.status().state(Message::head_fits());
    let (classes, dimensions) = (state.classes.len(), cache.dimensions());
    let fitted_to = samples(trained_on(images), cache);
    let missing = images.iter().filter(|image| cache.get(&image.sample.digest).is_none()).count();
    if missing > 0 {
        tracing::warn!(missing, "images have changed or gone since; the head goes without them");
    }
    let head = match fitted_to.fit(&config.head, state.labels, classes, dimensions) {
        Ok(head) => head,
        Err(why) => return Ok(End::Failed(why.to_string())),
    };
    let start = Instant::now();
    let out_of_fold = config.cross_validate.folds_of_head(&state.counts).and_then(|folds| {
        let samples = cross_validate(config, state, cache, images, folds);
        let samples = samples.inspect_err(|why| tracing::warn!(why, "the head is not cross-validated")).ok()?;
        let (classes, fingerprint) = (state.classes.clone(), state.fingerprint.clone());
        Some(CrossValidation { folds, classes, fingerprint, samples, seconds: start.elapsed().as_secs_f64() })
    });
    recover::abandon_unfinished(&workspace.runs(), "it stopped before its end, and a head is trained instead")?;
    let data = Data::at(&workspace, state.version);
    let reason = why(&workspace, state, Candidate::Head, data.as_ref(), &config.head_digest(), request.is_some());
    let manifest = manifest(config, device, &workspace, reason, state, backbone);
    let run_dir = RunDir::create(RunFolder::new(&workspace.runs(), &manifest.id), &manifest)?;
    if let Some(data) = data {
        data.write(&run_dir.folder.0)?;
    }
    let digest = head.save(&run_dir.checkpoints().join(FILE)).map_err(std::io::Error::other)?;
    if let Some(answers) = &out_of_fold {
        write_json(&run_dir.folder.0.join(CrossValidation::FILE), answers)?;
    }
    let seconds = begun.elapsed().as_secs_f64();
    let finished = Finished {
        uri: format!("runs/{}/checkpoints/{FILE}", manifest.id),
        digest,
        epochs: 1,
        steps: 1,
        samples: fitted_to.len() as u64,
        seconds,
    };
    write_json(&run_dir.folder.0.join("finished.json"), &finished)?;
    tracing::info!(run = manifest.id, reason = %manifest.reason, images = fitted_to.len(), seconds, "head trained");
    node.status().add("runs_finished", 1);
    incoming.announcer.add(run_dir.folder, Instant::now());
    Ok(End::Finished)
}

/// What heads say of each image of a version, each by one that was trained on no image of its fold.
fn cross_validate(
    config: &Config,
    state: &DatasetState,
    cache: &Cache,
    images: &[Labelled],
    folds: u32,
) -> Result<Vec<OutOfFold>, String> {
    let with_embedding: Vec<&Labelled> =
        images.iter().filter(|image| cache.get(&image.sample.digest).is_some()).collect();
    let drawn: Vec<plugin_splits::Image> = with_embedding
        .iter()
        .map(|image| plugin_splits::Image {
            key: &image.sample.sample,
            classes: &image.classes,
            group: &image.sample.group,
            captured_ms: image.sample.captured_ms,
            path: &image.sample.path,
            given: None,
            settled: None,
        })
        .collect();
    let fold_of = plugin_splits::folds(&drawn, folds, FOLDS_SEED).of;
    let mut answers = Vec::with_capacity(with_embedding.len());
    for fold in 0..folds {
        let members = |inside: bool| {
            let pairs = std::iter::zip(&with_embedding, &fold_of);
            pairs.filter(move |(_, of)| (**of == fold) == inside).map(|(image, _)| *image)
        };
        let trained_on: HashSet<&str> = members(false).map(|image| &image.sample.group[..]).collect();
        let rest = samples(members(false), cache);
        let head = rest.fit(&config.head, state.labels, state.classes.len(), cache.dimensions());
        let head = head.map_err(|error| error.to_string())?;
        for image in members(true) {
            let Some(embedding) = cache.get(&image.sample.digest) else { continue };
            let (probabilities, _) = head.predict(embedding).map_err(|error| error.to_string())?;
            answers.push(OutOfFold {
                digest: image.sample.digest.clone(),
                path: image.sample.path.clone(),
                fold,
                targets: image.classes.clone(),
                probabilities,
                near_copy: trained_on.contains(&image.sample.group[..]),
            });
        }
    }
    Ok(answers)
}

fn manifest(
    config: &Config,
    device: &Opened,
    workspace: &Workspace,
    reason: Message,
    state: &DatasetState,
    backbone: &Backbone,
) -> RunManifest {
    let card = card(config, backbone, state);
    let started_ms = recover::after_all(&workspace.runs(), now_ms());
    RunManifest {
        id: run_id(started_ms, &state.fingerprint),
        started_ms,
        reason: Message::run_reason(reason, Message::head_on(&backbone.architecture)).into(),
        parent: None,
        architecture: card.architecture,
        definition: None,
        backbone: card.backbone,
        size_px: card.size_px,
        resize_mode: card.resize_mode,
        classes: card.classes,
        labels: card.labels,
        version: state.version,
        fingerprint: state.fingerprint.clone(),
        counts: state.counts.clone(),
        epochs: 1,
        batch_size: config.batch_size,
        seed: config.seed,
        device: device.name.clone(),
        options: json!({
            "strategy": "head",
            "head": config.head,
            "cross_validate": config.cross_validate.to_string(),
            "config": config.head_digest(),
            "held_out_size_px": config.size,
        }),
        code: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(sample: &str, class: u32) -> Labelled {
        Labelled { sample: plugin_catalog::fixture::sample(sample, &class.to_string()), classes: vec![class] }
    }

    #[test]
    fn classes_are_embedded_in_turn() {
        let images = [image("1", 0), image("2", 0), image("3", 0), image("4", 1), image("5", 1)];
        let order: Vec<&str> = in_turn(images.iter()).into_iter().map(|sample| &sample.sample[..]).collect();
        assert_eq!(order, ["1", "4", "2", "5", "3"]);
    }

    #[test]
    fn failures_are_told_with_a_way_out() {
        let paths = (0..7).map(|i| format!("photos/a/{i}.jpg")).collect();
        let told = notices(&paths, &End::Failed("why".to_owned()));
        assert_eq!(told.iter().map(|notice| notice.count).collect::<Vec<_>>(), [1, 7]);
        assert!(told[0].reason.ends_with(": why") && told[0].advice.contains("--strategy scratch"));
        assert_eq!(told[1].examples.len(), EXAMPLES);
        assert_eq!(notices(&BTreeSet::new(), &End::Finished), []);
    }

    #[test]
    fn heads_are_fitted_to_train_and_validation() {
        let of = |name: &str, group: &str, split| {
            let mut image = image(name, 0);
            (image.sample.group, image.sample.split) = (group.to_owned(), split);
            image
        };
        let images = [
            of("1", "a", Split::Train),
            of("2", "b", Split::Validation),
            of("3", "c", Split::Validation),
            of("4", "c", Split::Test),
            of("5", "d", Split::Train),
            of("6", "d", Split::Test),
        ];
        let found: Vec<&str> = trained_on(&images).map(|image| &image.sample.sample[..]).collect();
        assert_eq!(found, ["1", "2", "5"], "3 is a near-copy of one in test");
    }

    #[test]
    fn images_of_several_classes_train_multi_label_heads() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::create(folder.path()).unwrap();
        let files =
            [("photos/a/1.jpg", "1"), ("photos/a/2.jpg", "2"), ("photos/b/2.jpg", "2"), ("photos/b/3.jpg", "3")];
        let version = plugin_catalog::fixture::add_plain(&workspace, &files).unwrap();
        let state =
            DatasetState { version, classes: ["a", "b"].map(str::to_owned).to_vec(), ..DatasetState::default() };
        let found = labelled(&workspace, &state).unwrap();
        let found: Vec<(&str, &[u32])> =
            found.iter().map(|image| (&image.sample.digest[..], &image.classes[..])).collect();
        assert_eq!(found, [("1", &[0][..]), ("3", &[1])]);
        let found = labelled(&workspace, &DatasetState { labels: Labels::Multi, ..state }).unwrap();
        let classes: Vec<&[u32]> = found.iter().map(|image| &image.classes[..]).collect();
        assert_eq!(classes, [&[0][..], &[0, 1], &[1]]);
    }
}
