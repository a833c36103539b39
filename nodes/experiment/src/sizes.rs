//! Sizes of the pictures, each trained for the same time: accuracy against cost.

use crate::chart::{Chart, Point, svg};
use crate::config::Sizes;
use crate::error::ExperimentError;
use crate::learn::Scene;
use crate::page::{self, Page};
use crate::split::train_and_test;
use crate::table::{Table, mean_and_deviation};
use crate::tell;
use plugin_metric::report::format::percent;

/// Trains a network for each size.
///
/// # Errors
/// [`ExperimentError`].
pub fn run(options: &Sizes) -> Result<String, ExperimentError> {
    let Sizes { common, sizes, budget_seconds, seeds, test_percent } = options;
    let scene = Scene::open(common, sizes, &[])?;
    let photos = &scene.photos;
    let (train, test) = train_and_test(&photos.photos, *test_percent, common.seed);
    let head = [
        "size, px",
        "multiply-adds a picture",
        "epochs",
        "seconds",
        "pictures/s",
        "accuracy",
        "deviation",
        "balanced",
        "best for its cost",
    ];
    let mut table = Table::new(&head);
    let mut rows = Vec::new();
    for (square, size) in sizes.iter().enumerate() {
        let lesson = |seed| scene.lesson([&train, &test], (square, *size), &common.recipe, seed);
        let rate = lesson(common.seed).pictures_per_second()?;
        let epochs = ((*budget_seconds as f64 * rate / train.len() as f64) as u64).max(1);
        tell(&format!("{size} px: {rate:.0} pictures a second, so {epochs} epochs"));
        let (mut accuracies, mut balanced, mut seconds) = (Vec::new(), Vec::new(), Vec::new());
        for seed in common.seed..common.seed + seeds {
            let outcome = lesson(seed).take(epochs)?;
            tell(&format!("{size} px, seed {seed}: {}", percent(outcome.accuracy)));
            accuracies.push(outcome.accuracy);
            balanced.push(outcome.balanced_accuracy);
            seconds.push(outcome.seconds);
        }
        let graph = common.recipe.model.description().graph(*size, photos.classes.len());
        let cost = graph.map_err(|e| ExperimentError::Options(e.to_string()))?.multiply_adds();
        rows.push((*size, cost, epochs, rate, accuracies, balanced, seconds));
    }
    let mut points = Vec::new();
    for (size, cost, epochs, rate, accuracies, balanced, seconds) in &rows {
        let (accuracy, deviation) = mean_and_deviation(accuracies);
        let better = rows.iter().any(|other| other.1 <= *cost && mean_and_deviation(&other.4).0 > accuracy);
        table.push(vec![
            size.to_string(),
            format!("{:.1} M", *cost as f64 / 1e6),
            epochs.to_string(),
            format!("{:.1}", mean_and_deviation(seconds).0),
            format!("{rate:.0}"),
            format!("{accuracy:.4}"),
            if *seeds > 1 { format!("{deviation:.4}") } else { "–".to_owned() },
            format!("{:.4}", mean_and_deviation(balanced).0),
            if better { String::new() } else { "yes".to_owned() },
        ]);
        points.push(Point {
            label: format!("{size} px"),
            x: *cost as f64 / 1e6,
            y: accuracy,
            deviation: if *seeds > 1 { deviation } else { 0.0 },
            marked: !better,
        });
    }
    let title = format!("{}: sizes under a budget of {budget_seconds} s", common.recipe.model.name());
    let chart = Chart { x: "multiply-adds a picture, millions", y: "accuracy", points: &points };
    let note = format!("{} learnt, {} judged; seeds for each size: {seeds}.", train.len(), test.len());
    let notes = [photos.summary(), note];
    let page = Page { title: &title, notes: &notes, table: &table, chart: Some(svg(&chart)) };
    let written = page::write(&common.pictures.out(), "sizes", &page)?;
    Ok(format!("{table}\n{written}"))
}
