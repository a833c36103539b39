//! Images that come a little at a time, and what it costs to train on.

mod head;
mod selection;

use crate::config::{Increments, Order, Strategy};
use crate::error::ExperimentError;
use crate::learn::{ExperimentContext, Known, TrainingJob};
use crate::lines::{Line, Lines};
use crate::page::{self, Page};
use crate::split::train_and_test;
use crate::table::Table;
use crate::tell;
use head::HeadTrainer;
use plugin_model::Perturb;
use plugin_report::format::percent;
use plugin_training::retrain::{StartFrom, retrain_epochs};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use selection::Selection;
use std::path::PathBuf;
use std::time::Instant;

impl Strategy {
    fn label(self) -> &'static str {
        match self {
            Self::Tiers => "tiers",
            Self::WarmStart => "warm start",
            Self::FromScratch => "from scratch",
            Self::Head => "head",
        }
    }
}

/// What came of a way: accuracy after each part, and seconds so far.
struct LearningCurve {
    way: Strategy,
    accuracies: Vec<f64>,
    seconds: Vec<f64>,
    /// Candidates that the gate refused.
    refused: usize,
}

/// What makes candidates.
trait Candidates {
    /// Trains one on the images `train`, of the first `classes` classes.
    ///
    /// # Errors
    /// When the device fails, or nothing can be trained on these images.
    fn train(&mut self, train: &[usize], classes: usize) -> Result<Trained, ExperimentError>;

    /// The last candidate has become champion.
    fn promoted(&mut self) {}
}

/// A candidate: its predictions for every test image, one probability for each class that it knows, and what it took.
struct Trained {
    predictions: Vec<Vec<f32>>,
    seconds: f64,
}

/// Learns on in every way.
///
/// # Errors
/// [`ExperimentError`].
pub fn run(options: &Increments) -> Result<String, ExperimentError> {
    let common = &options.common;
    let more = if options.head_weights.is_some() { &[options.head_size][..] } else { &[] };
    let context = ExperimentContext::open(common, &[options.size], more)?;
    let photos = &context.photos;
    let mut courses: Vec<LearningCurve> = Vec::new();
    let mut plan = Plan { options, context: &context, seed: common.seed, train: Vec::new(), test: Vec::new() };
    for seed in (common.seed..common.seed + options.seeds).rev() {
        plan.deal(seed);
        let is_possible = |way: &Strategy| *way != Strategy::Head || options.head_weights.is_some();
        for (place, way) in options.ways.iter().copied().filter(is_possible).enumerate() {
            let curve = if let (Strategy::Head, Some(weights)) = (way, &options.head_weights) {
                plan.curve(way, &mut HeadTrainer::open(&plan, weights)?)?
            } else {
                plan.curve(way, &mut Network::new(&plan, way)?)?
            };
            match courses.get_mut(place) {
                Some(sum) => sum.join(&curve),
                None => courses.push(curve),
            }
        }
    }
    for curve in &mut courses {
        curve.divide(options.seeds as f64);
    }
    let mut head = vec!["images".to_owned()];
    for curve in &courses {
        head.extend([curve.way.label().to_owned(), "seconds".to_owned()]);
    }
    let mut table = Table(vec![head]);
    for part in 0..options.increments as usize {
        let mut row = vec![plan.so_far(part).len().to_string()];
        for curve in &courses {
            row.extend([format!("{:.4}", curve.accuracies[part]), format!("{:.1}", curve.seconds[part])]);
        }
        table.push(row);
    }
    let line = |curve: &LearningCurve| Line {
        label: curve.way.label(),
        points: curve.accuracies.iter().enumerate().map(|(part, y)| (plan.so_far(part).len() as f64, *y)).collect(),
    };
    let lines: Vec<Line> = courses.iter().map(line).collect();
    let drawing = crate::lines::svg(&Lines { x: "training images", lines: &lines });
    let order = if options.order == Order::Mixed { "all classes at once" } else { "one class after the other" };
    let title =
        format!("{} at {} px: {} increments, {order}", common.recipe.model.name(), options.size, options.increments);
    let note = format!(
        "{} training images in the end, {} test images each time, seeds: {}; seconds are those of training, summed.",
        plan.train.len(),
        plan.test.len(),
        options.seeds
    );
    let refused = |curve: &LearningCurve| format!("{} {}", curve.way.label(), curve.refused);
    let refused: Vec<String> = courses.iter().map(refused).collect();
    let gate = format!(
        "Runs start and candidates are promoted as in the graph, by the test images of classes that have come; accuracy is the champion's. \
         Candidates refused, of {} parts: {}.",
        u64::from(options.increments) * options.seeds,
        refused.join(", ")
    );
    let notes = [photos.summary(), note, gate];
    let page = Page { title: &title, notes: &notes, table: &table, chart: Some(drawing) };
    let name = if options.order == Order::Mixed { "increments" } else { "increments-by-class" };
    let written = page::write(&common.images.out(), name, &page)?;
    Ok(format!("{table}\n{written}"))
}

struct Plan<'a> {
    options: &'a Increments,
    context: &'a ExperimentContext,
    seed: u64,
    /// In the order they come.
    train: Vec<usize>,
    test: Vec<usize>,
}

impl Plan<'_> {
    /// Splits the images, and puts the training images in order.
    fn deal(&mut self, seed: u64) {
        let photos = &self.context.photos.photos;
        self.seed = seed;
        (self.train, self.test) = train_and_test(photos, self.options.test_percent, seed);
        self.train.shuffle(&mut rand_pcg::Pcg64Mcg::seed_from_u64(seed));
        if self.options.order == Order::ByClass {
            self.train.sort_by_key(|place| photos[*place].class);
        }
    }

    /// The images that have come with part `part`, from 0.
    fn so_far(&self, part: usize) -> &[usize] {
        &self.train[..(part + 1) * self.train.len() / self.options.increments as usize]
    }

    /// How many classes, the first ones, are among them; at least two.
    fn classes(&self, train: &[usize]) -> usize {
        if self.options.order == Order::Mixed {
            return self.context.photos.classes.len();
        }
        let last = train.iter().map(|place| self.context.photos.photos[*place].class).max().unwrap_or(0);
        (last as usize + 1).max(2)
    }

    /// Feeds the images in part by part: a run when the trigger of the graph says so, its candidate through the gate.
    ///
    /// # Errors
    /// Those of the candidates.
    fn curve(&self, way: Strategy, candidates: &mut dyn Candidates) -> Result<LearningCurve, ExperimentError> {
        let mut curve = LearningCurve::new(way);
        let mut selection = Selection::new(self, way);
        for part in 0..self.options.increments as usize {
            let so_far = self.so_far(part);
            let classes = self.classes(so_far);
            let mut seconds = 0.0;
            if selection.is_due(so_far, classes) {
                let trained = candidates.train(so_far, classes)?;
                let begun = Instant::now();
                if selection.evaluate(trained.predictions, so_far, classes)? {
                    candidates.promoted();
                }
                seconds = trained.seconds + begun.elapsed().as_secs_f64();
            }
            curve.add(selection.accuracy(), seconds, so_far.len());
        }
        curve.refused = selection.refused;
        Ok(curve)
    }
}

/// A network that learns on.
struct Network<'a> {
    plan: &'a Plan<'a>,
    way: Strategy,
    /// The weights of the champion and of the candidate.
    files: [PathBuf; 2],
    _folder: tempfile::TempDir,
    /// Which file is the champion's, and how many classes, the first ones, it knows.
    champion: Option<(usize, usize)>,
    /// The same of the last candidate.
    candidate: (usize, usize),
    /// Runs since the last that began anew.
    warm: u64,
}

impl<'a> Network<'a> {
    fn new(plan: &'a Plan<'a>, way: Strategy) -> Result<Self, ExperimentError> {
        let folder = tempfile::tempdir()?;
        let files = ["a", "b"].map(|name| folder.path().join(name).with_extension("safetensors"));
        Ok(Self { plan, way, files, _folder: folder, champion: None, candidate: (0, 0), warm: 0 })
    }
}

impl Candidates for Network<'_> {
    fn promoted(&mut self) {
        self.champion = Some(self.candidate);
    }

    fn train(&mut self, train: &[usize], classes: usize) -> Result<Trained, ExperimentError> {
        let Plan { options, context, seed, .. } = self.plan;
        let recipe = &options.common.recipe;
        let names = &context.photos.classes;
        let from = match (self.way, self.champion) {
            (Strategy::WarmStart, Some(_)) => StartFrom::Champion,
            (Strategy::Tiers, Some((_, known))) => {
                options.retrain.choose(&names[..classes], &names[..known], self.warm).0
            }
            _ => StartFrom::Anew,
        };
        let champion = self.champion.filter(|_| from == StartFrom::Champion);
        self.warm = if from == StartFrom::Anew { 0 } else { self.warm + 1 };
        let fingerprint = train.len().to_string();
        let perturb =
            if self.way == Strategy::Tiers { options.retrain.perturb(*seed, &fingerprint) } else { Perturb::NOT };
        let new = self.champion.map_or(0, |(file, _)| 1 - file);
        let known = |(file, classes): (usize, usize)| Known { path: &self.files[file], classes, perturb };
        let job = TrainingJob {
            classes,
            known: champion.map(known),
            keep: Some(&self.files[new]),
            ..context.job([train, &self.plan.test], (0, options.size), recipe, *seed)
        };
        let again = retrain_epochs(options.retrain_epochs, recipe.epochs);
        let outcome = job.take(if from == StartFrom::Anew { recipe.epochs } else { again })?;
        self.candidate = (new, classes);
        Ok(Trained { predictions: outcome.predictions, seconds: outcome.seconds })
    }
}

impl LearningCurve {
    fn new(way: Strategy) -> Self {
        Self { way, accuracies: Vec::new(), seconds: Vec::new(), refused: 0 }
    }

    /// Adds another of the same length.
    fn join(&mut self, other: &Self) {
        for (sums, more) in [(&mut self.accuracies, &other.accuracies), (&mut self.seconds, &other.seconds)] {
            sums.iter_mut().zip(more).for_each(|(sum, value)| *sum += value);
        }
        self.refused += other.refused;
    }

    /// Divides all figures.
    fn divide(&mut self, by: f64) {
        self.accuracies.iter_mut().chain(&mut self.seconds).for_each(|value| *value /= by);
    }

    fn add(&mut self, accuracy: f64, seconds: f64, images: usize) {
        let before = self.seconds.last().copied().unwrap_or_default();
        self.seconds.push(before + seconds);
        self.accuracies.push(accuracy);
        tell(&format!("{}, {images} images: {} after {:.1} s", self.way.label(), percent(accuracy), before + seconds));
    }
}
