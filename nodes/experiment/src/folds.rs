//! Cross-validation: each picture is judged once, by a network that has seen neither it nor a near-copy of it.

use crate::config::Folds;
use crate::error::ExperimentError;
use crate::learn::Scene;
use crate::page::{self, Page};
use crate::split::parts;
use crate::table::{Table, mean_and_deviation};
use crate::tell;
use plugin_metric::wilson;
use plugin_report::format::percent;

/// Trains a network for each fold.
///
/// # Errors
/// [`ExperimentError`].
pub fn run(options: &Folds) -> Result<String, ExperimentError> {
    let Folds { common, size, folds } = options;
    let scene = Scene::open(common, &[*size], &[])?;
    let photos = &scene.photos;
    let of = parts(&photos.photos, *folds, common.seed);
    let mut table = Table::new(&["fold", "learnt", "judged", "accuracy", "balanced accuracy", "seconds"]);
    let (mut all, mut balanced, mut right, mut judged) = (Vec::new(), Vec::new(), 0, 0);
    for fold in 0..*folds {
        let (test, train): (Vec<usize>, Vec<usize>) = (0..photos.photos.len()).partition(|place| of[*place] == fold);
        let lesson = scene.lesson([&train, &test], (0, *size), &common.recipe, common.seed);
        let outcome = lesson.take(common.recipe.epochs)?;
        right += outcome.judged.hits().iter().filter(|hit| **hit).count();
        judged += test.len();
        tell(&format!("fold {}: {}", fold + 1, percent(outcome.accuracy)));
        table.push(vec![
            (fold + 1).to_string(),
            train.len().to_string(),
            test.len().to_string(),
            format!("{:.4}", outcome.accuracy),
            format!("{:.4}", outcome.balanced_accuracy),
            format!("{:.1}", outcome.seconds),
        ]);
        all.push(outcome.accuracy);
        balanced.push(outcome.balanced_accuracy);
    }
    let (mean, deviation) = mean_and_deviation(&all);
    let (mean_balanced, _) = mean_and_deviation(&balanced);
    let [low, high] = wilson(right as u64, judged as u64);
    let verdict = format!(
        "{right} of {judged} right: {:.4} (95 % {low:.4} to {high:.4}); mean of the folds {mean:.4}, deviation {deviation:.4}; \
         balanced {mean_balanced:.4}",
        right as f64 / judged.max(1) as f64
    );
    let title = format!("{} at {size} px, {folds} folds", common.recipe.model.name());
    let page = Page { title: &title, notes: &[photos.summary(), verdict.clone()], table: &table, chart: None };
    let written = page::write(&common.pictures.out(), "folds", &page)?;
    Ok(format!("{table}\n\n{verdict}\n{written}"))
}
