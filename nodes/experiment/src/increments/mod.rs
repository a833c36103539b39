//! Images that come a little at a time, and what it costs to train on.

mod head;

use crate::config::{Increments, Order, Way};
use crate::error::ExperimentError;
use crate::learn::{Known, Lesson, Outcome, Scene};
use crate::lines::{Line, Lines};
use crate::page::{self, Page};
use crate::split::train_and_test;
use crate::table::Table;
use crate::tell;
use plugin_model::Perturb;
use plugin_report::format::percent;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use std::path::PathBuf;

impl Way {
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
struct Course {
    way: Way,
    accuracies: Vec<f64>,
    seconds: Vec<f64>,
}

/// Learns on in every way.
///
/// # Errors
/// [`ExperimentError`].
pub fn run(options: &Increments) -> Result<String, ExperimentError> {
    let common = &options.common;
    let more = if options.head_weights.is_some() { &[options.head_size][..] } else { &[] };
    let scene = Scene::open(common, &[options.size], more)?;
    let photos = &scene.photos;
    let mut courses: Vec<Course> = Vec::new();
    let mut plan = Plan { options, scene: &scene, seed: common.seed, train: Vec::new(), test: Vec::new() };
    for seed in (common.seed..common.seed + options.seeds).rev() {
        plan.deal(seed);
        let is_possible = |way: &Way| *way != Way::Head || options.head_weights.is_some();
        for (place, way) in options.ways.iter().copied().filter(is_possible).enumerate() {
            let course = match (way, &options.head_weights) {
                (Way::Head, Some(weights)) => plan.head(weights)?,
                _ => plan.network(way)?,
            };
            match courses.get_mut(place) {
                Some(sum) => sum.join(&course),
                None => courses.push(course),
            }
        }
    }
    for course in &mut courses {
        course.divide(options.seeds as f64);
    }
    let mut head = vec!["pictures".to_owned()];
    for course in &courses {
        head.extend([course.way.label().to_owned(), "seconds".to_owned()]);
    }
    let mut table = Table(vec![head]);
    for part in 0..options.increments as usize {
        let mut row = vec![plan.so_far(part).len().to_string()];
        for course in &courses {
            row.extend([format!("{:.4}", course.accuracies[part]), format!("{:.1}", course.seconds[part])]);
        }
        table.push(row);
    }
    let line = |course: &Course| Line {
        label: course.way.label(),
        points: course.accuracies.iter().enumerate().map(|(part, y)| (plan.so_far(part).len() as f64, *y)).collect(),
    };
    let lines: Vec<Line> = courses.iter().map(line).collect();
    let drawing = crate::lines::svg(&Lines { x: "pictures learnt", lines: &lines });
    let order = if options.order == Order::Mixed { "all classes at once" } else { "one class after the other" };
    let title =
        format!("{} at {} px: {} increments, {order}", common.recipe.model.name(), options.size, options.increments);
    let note = format!(
        "{} learnt in the end, {} judged each time, seeds: {}; seconds are those of training, summed.",
        plan.train.len(),
        plan.test.len(),
        options.seeds
    );
    let notes = [photos.summary(), note];
    let page = Page { title: &title, notes: &notes, table: &table, chart: Some(drawing) };
    let name = if options.order == Order::Mixed { "increments" } else { "increments-by-class" };
    let written = page::write(&common.pictures.out(), name, &page)?;
    Ok(format!("{table}\n{written}"))
}

struct Plan<'a> {
    options: &'a Increments,
    scene: &'a Scene,
    seed: u64,
    /// In the order they come.
    train: Vec<usize>,
    test: Vec<usize>,
}

impl Plan<'_> {
    /// Splits the pictures, and puts those that are learnt in order.
    fn deal(&mut self, seed: u64) {
        let photos = &self.scene.photos.photos;
        self.seed = seed;
        (self.train, self.test) = train_and_test(photos, self.options.test_percent, seed);
        self.train.shuffle(&mut rand_pcg::Pcg64Mcg::seed_from_u64(seed));
        if self.options.order == Order::ByClass {
            self.train.sort_by_key(|place| photos[*place].class);
        }
    }

    /// The pictures that have come with part `part`, from 0.
    fn so_far(&self, part: usize) -> &[usize] {
        &self.train[..(part + 1) * self.train.len() / self.options.increments as usize]
    }

    /// How many classes, the first ones, are among them; at least two.
    fn classes(&self, train: &[usize]) -> usize {
        if self.options.order == Order::Mixed {
            return self.scene.photos.classes.len();
        }
        let last = train.iter().map(|place| self.scene.photos.photos[*place].class).max().unwrap_or(0);
        (last as usize + 1).max(2)
    }

    fn network(&self, way: Way) -> Result<Course, ExperimentError> {
        let mut course = Course::new(way);
        let mut network = Network::new(self, way)?;
        for part in 0..self.options.increments as usize {
            let train = self.so_far(part);
            let outcome = network.learn(train, &self.test, self.classes(train))?;
            course.add(outcome.accuracy, outcome.seconds, train.len());
        }
        Ok(course)
    }
}

/// A network that learns on.
struct Network<'a> {
    plan: &'a Plan<'a>,
    way: Way,
    /// The weights of one run and of the next, in turn.
    files: [PathBuf; 2],
    _folder: tempfile::TempDir,
    runs: u64,
    /// Runs since the last from scratch.
    warm: u32,
    /// How many classes, the first ones, it knows.
    classes: usize,
}

impl<'a> Network<'a> {
    fn new(plan: &'a Plan<'a>, way: Way) -> Result<Self, ExperimentError> {
        let folder = tempfile::tempdir()?;
        let files = ["a", "b"].map(|name| folder.path().join(name).with_extension("safetensors"));
        Ok(Self { plan, way, files, _folder: folder, runs: 0, warm: 0, classes: 0 })
    }

    /// Learns `train`, of so many classes, as its way is, and is judged by `test`.
    fn learn(&mut self, train: &[usize], test: &[usize], classes: usize) -> Result<Outcome, ExperimentError> {
        let Plan { options, scene, seed, .. } = self.plan;
        let recipe = &options.common.recipe;
        let anew = match self.way {
            Way::WarmStart => self.runs == 0,
            Way::Tiers => self.runs == 0 || classes != self.classes || self.warm + 1 >= options.full_every,
            _ => true,
        };
        self.warm = if anew { 0 } else { self.warm + 1 };
        let perturb = if self.way == Way::Tiers { options.perturb.with_seed(seed + self.runs) } else { Perturb::NOT };
        let [new, old] =
            if self.runs.is_multiple_of(2) { [0, 1] } else { [1, 0] }.map(|place: usize| &self.files[place]);
        let lesson = Lesson {
            classes,
            known: (!anew).then_some(Known { path: old, classes: self.classes, perturb }),
            keep: Some(new),
            ..scene.lesson([train, test], (0, options.size), recipe, *seed)
        };
        let again = options.retrain_epochs.unwrap_or(recipe.epochs.div_ceil(2));
        let outcome = lesson.take(if anew { recipe.epochs } else { again })?;
        (self.classes, self.runs) = (classes, self.runs + 1);
        Ok(outcome)
    }
}

impl Course {
    fn new(way: Way) -> Self {
        Self { way, accuracies: Vec::new(), seconds: Vec::new() }
    }

    /// Adds another of the same length.
    fn join(&mut self, other: &Self) {
        for (sums, more) in [(&mut self.accuracies, &other.accuracies), (&mut self.seconds, &other.seconds)] {
            sums.iter_mut().zip(more).for_each(|(sum, value)| *sum += value);
        }
    }

    /// Divides all figures.
    fn divide(&mut self, by: f64) {
        self.accuracies.iter_mut().chain(&mut self.seconds).for_each(|value| *value /= by);
    }

    fn add(&mut self, accuracy: f64, seconds: f64, pictures: usize) {
        let before = self.seconds.last().copied().unwrap_or_default();
        self.seconds.push(before + seconds);
        self.accuracies.push(accuracy);
        tell(&format!(
            "{}, {pictures} pictures: {} after {:.1} s",
            self.way.label(),
            percent(accuracy),
            before + seconds
        ));
    }
}

fn share(right: &[bool]) -> f64 {
    right.iter().filter(|right| **right).count() as f64 / right.len().max(1) as f64
}
