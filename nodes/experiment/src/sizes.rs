//! Sizes of the images, each trained for the same time: accuracy against cost.

use crate::chart::{Chart, Point, svg};
use crate::config::Sizes;
use crate::error::ExperimentError;
use crate::learn::ExperimentContext;
use crate::page::{self, Page};
use crate::split::train_and_test;
use crate::table::{Table, mean_and_deviation};
use crate::tell;
use plugin_api::experiments::{SizePoint, Sizes as Results};
use plugin_api::runs::write_json;
use plugin_report::format::percent;
use std::path::Path;

/// Trains a network for each size.
///
/// # Errors
/// [`ExperimentError`].
pub fn run(options: &Sizes) -> Result<String, ExperimentError> {
    let Sizes { common, sizes, budget_seconds, seeds, test_percent } = options;
    let context = ExperimentContext::open(common, sizes, &[])?;
    let photos = &context.photos;
    let (train, test) = train_and_test(&photos.photos, *test_percent, common.seed);
    let mut points = Vec::new();
    for (square, size) in sizes.iter().enumerate() {
        let job = |seed| context.job([&train, &test], (square, *size), &common.recipe, seed);
        let rate = job(common.seed).images_per_second()?;
        let epochs = ((*budget_seconds as f64 * rate / train.len() as f64) as u64).max(1);
        tell(&format!("{size} px: {rate:.0} images a second, so {epochs} epochs"));
        let (mut accuracies, mut balanced, mut seconds) = (Vec::new(), Vec::new(), Vec::new());
        for seed in common.seed..common.seed + seeds {
            let outcome = job(seed).take(epochs)?;
            tell(&format!("{size} px, seed {seed}: {}", percent(outcome.accuracy)));
            accuracies.push(outcome.accuracy);
            balanced.push(outcome.balanced_accuracy);
            seconds.push(outcome.seconds);
        }
        let graph = common.recipe.model.description().graph(*size, photos.classes.len());
        let (accuracy, deviation) = mean_and_deviation(&accuracies);
        points.push(SizePoint {
            size_px: *size,
            multiply_adds: graph.map_err(|e| ExperimentError::Options(e.to_string()))?.multiply_adds(),
            epochs,
            seconds: mean_and_deviation(&seconds).0,
            images_per_second: rate,
            accuracy,
            deviation: (*seeds > 1).then_some(deviation),
            balanced_accuracy: mean_and_deviation(&balanced).0,
        });
    }
    let network = common.recipe.model.name().to_owned();
    let (training_images, test_images) = (train.len() as u64, test.len() as u64);
    let sizes =
        Results { network, budget_seconds: *budget_seconds, training_images, test_images, seeds: *seeds, points };
    show(&sizes, &photos.summary(), &common.images.out())
}

/// Writes page, table and results.
fn show(sizes: &Results, summary: &str, folder: &Path) -> Result<String, ExperimentError> {
    let Results { network, budget_seconds, training_images, test_images, seeds, points } = sizes;
    let head = [
        "size, px",
        "multiply-adds an image",
        "epochs",
        "seconds",
        "images/s",
        "accuracy",
        "deviation",
        "balanced",
        "best for its cost",
    ];
    let mut table = Table::new(&head);
    let better = |one: &SizePoint| {
        points.iter().any(|other| other.multiply_adds <= one.multiply_adds && other.accuracy > one.accuracy)
    };
    let mut drawn = Vec::new();
    for point in points {
        let (millions, marked) = (point.multiply_adds as f64 / 1e6, !better(point));
        table.push(vec![
            point.size_px.to_string(),
            format!("{millions:.1} M"),
            point.epochs.to_string(),
            format!("{:.1}", point.seconds),
            format!("{:.0}", point.images_per_second),
            format!("{:.4}", point.accuracy),
            point.deviation.map_or("–".to_owned(), |deviation| format!("{deviation:.4}")),
            format!("{:.4}", point.balanced_accuracy),
            if marked { "yes".to_owned() } else { String::new() },
        ]);
        drawn.push(Point {
            label: format!("{} px", point.size_px),
            x: millions,
            y: point.accuracy,
            deviation: point.deviation.unwrap_or(0.0),
            marked,
        });
    }
    let title = format!("{network}: sizes under a budget of {budget_seconds} s");
    let chart = Chart { x: "multiply-adds an image, millions", y: "accuracy", points: &drawn };
    let note = format!("{training_images} training images, {test_images} test images; seeds for each size: {seeds}.");
    let notes = [summary.to_owned(), note];
    let page = Page { title: &title, notes: &notes, table: &table, chart: Some(svg(&chart)) };
    let written = page::write(folder, "sizes", &page)?;
    write_json(&Results::file(folder), sizes)?;
    Ok(format!("{table}\n{written}"))
}
