//! One training, and where its time went.

use crate::config::Once;
use crate::error::ExperimentError;
use crate::learn::ExperimentContext;
use crate::page::{self, Page};
use crate::split::train_and_test;
use crate::table::Table;
use crate::tell;
use plugin_metric::accuracy;
use plugin_report::format::percent;

/// Trains once.
///
/// # Errors
/// [`ExperimentError`].
pub fn run(options: &Once) -> Result<String, ExperimentError> {
    let Once { common, size, training_images, evaluate_every, test_percent } = options;
    let context = ExperimentContext::open(common, &[*size], &[])?;
    let photos = &context.photos;
    let (mut train, test) = train_and_test(&photos.photos, *test_percent, common.seed);
    if let Some(wanted) = training_images {
        train = train.iter().copied().cycle().take(*wanted as usize).collect();
    }
    let job = context.job([&train, &test], (0, *size), &common.recipe, common.seed);
    let outcome = job.take_and_tell(common.recipe.epochs, |epoch, evaluate| {
        if *evaluate_every > 0 && (epoch + 1) % evaluate_every == 0 {
            let accuracy = accuracy(&evaluate()?).unwrap_or_default();
            tell(&format!("epoch {}: {} of the images it did not learn", epoch + 1, percent(accuracy)));
        }
        Ok(())
    })?;
    let mut table = Table::new(&["what", "figure"]);
    for (what, figure) in [
        ("device", context.device.name.clone()),
        ("network", format!("{} at {size} px", common.recipe.model.name())),
        ("training images, judged", format!("{}, {}", train.len(), test.len())),
        ("epochs", outcome.epochs.to_string()),
        ("seconds", format!("{:.1}", outcome.seconds)),
        ("images a second", format!("{:.1}", outcome.images_per_second)),
        ("share of the time without a batch", percent(outcome.waited_seconds / outcome.seconds)),
        ("pieces a batch", outcome.micro_batches.to_string()),
        ("memory at most, MiB", peak_mib().map_or_else(|| "–".to_owned(), |mib| mib.to_string())),
        ("accuracy", format!("{:.4}", outcome.accuracy)),
        ("balanced accuracy", format!("{:.4}", outcome.balanced_accuracy)),
    ] {
        table.push(vec![what.to_owned(), figure]);
    }
    let title = format!("{} at {size} px", common.recipe.model.name());
    let page = Page { title: &title, notes: &[photos.summary()], table: &table, chart: None };
    let written = page::write(&common.images.out(), "once", &page)?;
    Ok(format!("{table}\n{written}"))
}

/// The most memory this process had at a time; none where there is no `/proc`.
fn peak_mib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? / 1024)
}
