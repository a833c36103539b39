//! Ways to train, each with several seeds over the same split.

use crate::config::{Recipe, Recipes};
use crate::error::ExperimentError;
use crate::learn::ExperimentContext;
use crate::page::{self, Page};
use crate::split::train_and_test;
use crate::table::{Table, mean_and_deviation};
use crate::tell;
use clap::{Args, Command, FromArgMatches};
use plugin_report::format::percent;

/// The recipes that are compared when none is given: what each adds to the options of the command, or takes away.
pub const RECIPES: &[(&str, &str)] = &[
    ("as it is", ""),
    (
        "without augmentation",
        "--flip-probability 0 --crop-padding-percent 0 --brightness 0 --contrast 0 --saturation 0",
    ),
    ("without label smoothing", "--label-smoothing 0"),
    ("sgd", "--optimizer sgd"),
    ("adam", "--optimizer adam"),
    ("cosine, 1 epoch of warm-up", "--schedule cosine --warm-up-epochs 1"),
    ("step", "--schedule step --step-epochs 5"),
    ("random erasing", "--erase-probability 0.25"),
    ("mixup", "--mixup 0.2"),
    ("cutmix", "--cutmix 1"),
    ("running mean of weights", "--ema 0.998"),
    ("gradients clipped", "--clip-norm 1"),
    ("more weight decay", "--weight-decay 0.05"),
];

/// Trains every recipe with every seed.
///
/// # Errors
/// [`ExperimentError`].
pub fn run(options: &Recipes) -> Result<String, ExperimentError> {
    let Recipes { common, size, recipe_line, seeds, test_percent } = options;
    let recipes = if recipe_line.is_empty() {
        RECIPES.iter().map(|(name, line)| parse(&common.recipe, name, line)).collect::<Result<Vec<_>, _>>()?
    } else {
        let parts = |line: &String| {
            let (name, line) = line.split_once(':').unwrap_or((line, ""));
            parse(&common.recipe, name.trim(), line)
        };
        recipe_line.iter().map(parts).collect::<Result<Vec<_>, _>>()?
    };
    let context = ExperimentContext::open(common, &[*size], &[])?;
    let photos = &context.photos;
    for (_, recipe) in &recipes {
        recipe.check(*size, photos.classes.len())?;
    }
    let (train, test) = train_and_test(&photos.photos, *test_percent, common.seed);
    let mut table = Table::new(&["recipe", "accuracy", "deviation", "balanced", "deviation", "seconds"]);
    for (name, recipe) in &recipes {
        let (mut accuracies, mut balanced, mut seconds) = (Vec::new(), Vec::new(), Vec::new());
        for seed in common.seed..common.seed + seeds {
            let job = context.job([&train, &test], (0, *size), recipe, seed);
            let outcome = job.take(recipe.epochs)?;
            tell(&format!("{name}, seed {seed}: {}", percent(outcome.accuracy)));
            accuracies.push(outcome.accuracy);
            balanced.push(outcome.balanced_accuracy);
            seconds.push(outcome.seconds);
        }
        let mut row = vec![name.clone()];
        for values in [&accuracies, &balanced] {
            let (mean, deviation) = mean_and_deviation(values);
            row.extend([format!("{mean:.4}"), format!("{deviation:.4}")]);
        }
        row.push(format!("{:.1}", mean_and_deviation(&seconds).0));
        table.push(row);
    }
    let title = format!("{} at {size} px: recipes", common.recipe.model.name());
    let note = format!("{} training images, {} test images; seeds for each recipe: {seeds}.", train.len(), test.len());
    let notes = [photos.summary(), note];
    let page = Page { title: &title, notes: &notes, table: &table, chart: None };
    let written = page::write(&common.images.out(), "recipes", &page)?;
    Ok(format!("{table}\n{written}"))
}

/// A recipe: the options of the command, changed by those of its line.
///
/// # Errors
/// [`ExperimentError::Options`], naming the recipe.
pub fn parse(base: &Recipe, name: &str, line: &str) -> Result<(String, Recipe), ExperimentError> {
    let refused = |error: clap::Error| ExperimentError::Options(format!("recipe {name:?}: {error}"));
    let words = std::iter::once("recipe").chain(line.split_whitespace());
    let matches =
        Recipe::augment_args_for_update(Command::new("recipe")).try_get_matches_from(words).map_err(refused)?;
    let mut recipe = base.clone();
    recipe.update_from_arg_matches(&explicit(matches)).map_err(refused)?;
    Ok((name.to_owned(), recipe))
}

/// What was said on the line, and not what would be by default.
fn explicit(mut matches: clap::ArgMatches) -> clap::ArgMatches {
    use clap::parser::ValueSource;
    let ids: Vec<String> = matches.ids().map(|id| id.as_str().to_owned()).collect();
    for id in ids {
        if matches.value_source(&id) == Some(ValueSource::DefaultValue) {
            let _ = matches.try_clear_id(&id);
        }
    }
    matches
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        recipe: Recipe,
    }

    #[test]
    fn a_line_changes_what_it_says_and_nothing_else() {
        let base = Line::parse_from(["x", "--epochs", "3", "--mixup", "0.4", "--flip-probability", "0"]).recipe;
        let (_, changed) = parse(&base, "x", "--ema 0.9 --mixup 0").unwrap();
        assert_eq!((changed.epochs, changed.trainer.ema, changed.trainer.mix.mixup), (3, 0.9, 0.0));
        assert_eq!(changed.augment, base.augment);
        let error = parse(&base, "bad", "--ema 2").unwrap_err().to_string();
        assert!(error.contains("bad") && error.contains("--ema"), "{error}");
    }

    #[test]
    fn the_recipes_that_come_with_the_program_can_be_read() {
        let base = Line::parse_from(["x"]).recipe;
        for (name, line) in RECIPES {
            let (_, recipe) = parse(&base, name, line).unwrap();
            let same = recipe.trainer == base.trainer && recipe.augment == base.augment;
            assert_eq!(same, line.is_empty(), "{name}");
        }
    }
}
