//! Cross-validation: each image is predicted once by a model that was trained on neither it nor a near-copy of it.

use crate::backbone::Embeddings;
use crate::config::{FoldStrategy, Folds};
use crate::error::ExperimentError;
use crate::learn::ExperimentContext;
use crate::page::{self, Page};
use crate::photos::Photos;
use crate::split::parts;
use crate::table::{Table, mean_and_deviation};
use crate::tell;
use plugin_metric::{Predictions, balanced_accuracy, expected_calibration_error, wilson};
use plugin_report::format::percent;
use std::time::Instant;

/// What trains a model on some images and predicts others.
enum Model {
    /// A whole network.
    Network(ExperimentContext),
    /// A head on embeddings, and the seconds that they took.
    Head { photos: Photos, embeddings: Embeddings, seconds: f64 },
}

impl Model {
    fn open(options: &Folds) -> Result<Self, ExperimentError> {
        let Folds { common, size, strategy, backbone, .. } = options;
        if *strategy == FoldStrategy::Network {
            return Ok(Self::Network(ExperimentContext::open(common, &[*size], &[])?));
        }
        let device = common.device.open()?;
        tell(&format!("device: {}", device.name));
        let images = &common.images;
        let photos = Photos::read(&images.folder(), &[backbone.size_px()], backbone.backbone_mode, &images.limits)?;
        tell(&photos.summary());
        let start = Instant::now();
        let embeddings = Embeddings::of(&photos.photos, backbone, &device)?;
        let seconds = start.elapsed().as_secs_f64();
        tell(&format!("{} images embedded in {seconds:.1} s", photos.photos.len()));
        Ok(Self::Head { photos, embeddings, seconds })
    }

    fn photos(&self) -> &Photos {
        match self {
            Self::Network(context) => &context.photos,
            Self::Head { photos, .. } => photos,
        }
    }

    /// What a model trained on `train` predicts of `test`, and the seconds of training.
    fn predict(
        &self,
        options: &Folds,
        train: &[usize],
        test: &[usize],
        seed: u64,
    ) -> Result<(Predictions, f64), ExperimentError> {
        let recipe = &options.common.recipe;
        match self {
            Self::Network(context) => {
                let job = context.job([train, test], (0, options.size), recipe, seed);
                let outcome = job.take(recipe.epochs)?;
                Ok((outcome.evaluated, outcome.seconds))
            }
            Self::Head { photos, embeddings, .. } => {
                let start = Instant::now();
                let head = embeddings.fit(&photos.photos, train, photos.classes.len(), &options.head)?;
                let seconds = start.elapsed().as_secs_f64();
                let mut evaluated = Predictions::new(photos.classes.clone());
                for place in test {
                    let truth = photos.photos[*place].class as usize;
                    add(&mut evaluated, truth, &embeddings.predict(&head, *place)?)?;
                }
                Ok((evaluated, seconds))
            }
        }
    }
}

/// Trains a model for each fold.
///
/// # Errors
/// [`ExperimentError`].
pub fn run(options: &Folds) -> Result<String, ExperimentError> {
    let Folds { common, size, folds, seeds, strategy, backbone, head } = options;
    let model = Model::open(options)?;
    let photos = model.photos();
    let images = photos.photos.len();
    let mut table = Table::new(&["seed", "fold", "learnt", "judged", "accuracy", "balanced accuracy", "seconds"]);
    let (mut all, mut correct, mut of_seeds) = (Vec::new(), 0, Vec::new());
    for seed in common.seed..common.seed + seeds {
        let of = parts(&photos.photos, *folds, seed);
        let mut pooled = Predictions::new(photos.classes.clone());
        for fold in 0..*folds {
            let (test, train): (Vec<usize>, Vec<usize>) = (0..images).partition(|place| of[*place] == fold);
            let (evaluated, seconds) = model.predict(options, &train, &test, seed)?;
            let accuracy =
                evaluated.correct().iter().filter(|is_correct| **is_correct).count() as f64 / test.len().max(1) as f64;
            tell(&format!("seed {seed}, fold {}: {}", fold + 1, percent(accuracy)));
            table.push(vec![
                seed.to_string(),
                (fold + 1).to_string(),
                train.len().to_string(),
                test.len().to_string(),
                format!("{accuracy:.4}"),
                format!("{:.4}", balanced_accuracy(&evaluated).unwrap_or_default()),
                format!("{seconds:.1}"),
            ]);
            all.push(accuracy);
            for i in 0..evaluated.len() {
                add(&mut pooled, evaluated.truth(i), evaluated.row(i))?;
            }
        }
        correct += pooled.correct().iter().filter(|is_correct| **is_correct).count();
        let calibration_error = expected_calibration_error(&pooled).unwrap_or_default();
        of_seeds.push((balanced_accuracy(&pooled).unwrap_or_default(), calibration_error));
    }
    let (mean, deviation) = mean_and_deviation(&all);
    let mean_of = |figures: Vec<f64>| mean_and_deviation(&figures).0;
    let balanced = mean_of(of_seeds.iter().map(|(balanced, _)| *balanced).collect());
    let calibration_error = mean_of(of_seeds.iter().map(|(_, error)| *error).collect());
    // Other folds of the same images are no more images.
    let [low, high] = wilson((correct as f64 / *seeds as f64).round() as u64, images as u64);
    let predicted = images as u64 * seeds;
    let verdict = format!(
        "{correct} of {predicted} correct: {:.4} (95 % {low:.4} to {high:.4}); mean of the folds {mean:.4}, deviation {deviation:.4}; \
         balanced {balanced:.4}; calibration error {calibration_error:.4}",
        correct as f64 / predicted.max(1) as f64
    );
    let (name, side) = match strategy {
        FoldStrategy::Network => (common.recipe.model.name().to_owned(), *size),
        FoldStrategy::Head => {
            (format!("{:?} head on {}", head.kind, backbone.backbone_architecture.name()), backbone.size_px())
        }
    };
    let title = format!("{name} at {side} px, {folds} folds, {seeds} seeds");
    let mut notes = vec![photos.summary(), verdict.clone()];
    if let Model::Head { seconds, .. } = &model {
        notes.push(format!("{images} images embedded in {seconds:.1} s"));
    }
    let page = Page { title: &title, notes: &notes, table: &table, chart: None };
    let written = page::write(&common.images.out(), "folds", &page)?;
    Ok(format!("{table}\n\n{title}\n{verdict}\n{written}"))
}

fn add(evaluated: &mut Predictions, truth: usize, probabilities: &[f32]) -> Result<(), ExperimentError> {
    evaluated.push(truth, probabilities).map_err(|error| ExperimentError::Options(error.to_string()))
}
