//! What a verdict looks like on a terminal, and what to do next.

use super::wait::Found;
use crate::checkout::Checkout;
use crate::say;
use plugin_api::Home;
use plugin_api::runs::Verdict;
use std::path::Path;

/// The widest column of the confusion matrix, characters.
const COLUMN: usize = 7;

/// Beyond so many classes the matrix is left to the report.
const MOST_CLASSES: usize = 16;

/// Figures, confusion matrix, and where things are.
pub fn show(home: &Home, found: &Found) {
    let verdict = &found.verdict;
    say::line("");
    if !found.anew {
        say::line("Nothing has changed since the last run, whose verdict this is (`--fresh` learns anew):");
    }
    for line in figures(verdict).into_iter().chain(matrix(verdict)) {
        say::line(&line);
    }
    let report = home.root().join(&verdict.report);
    say::line("");
    say::line(&format!("report          {}", report.display()));
    match &verdict.champion {
        Some(model) => say::line(&format!("model           {}", home.models().join(model).display())),
        None => say::line("model           none was good enough yet"),
    }
    say::line(&format!("watched folder  {}/<class>/", home.photos().display()));
}

/// What a user can do now; `stop` is what dora must be told to stop what still runs.
pub fn how_to_go_on(checkout: &Checkout, home: &Home, dora: &Path, stop: Option<&str>) {
    let dora = dora.strip_prefix(checkout.root()).unwrap_or(dora).display();
    let set = if home.root() == checkout.home() {
        String::new()
    } else {
        format!(" --env WAKUTEKA_HOME={}", home.root().display())
    };
    let (begin, command) = match stop {
        Some(stop) => ("the dataflow is running; stop it with", format!("{dora} {stop} && {dora} down")),
        None => ("start the dataflow again with", format!("{dora} up && {dora} start dataflows/pipeline.yml{set}")),
    };
    for line in [
        "",
        "How to go on:",
        &format!("- {begin}"),
        &format!("    {command}"),
        "- drop pictures into the class folders, move or delete some, make a new folder for a new class: it learns",
        "  from what changed. `cargo wakuteka status --watch` shows how far it is.",
        "- edit dataflows/pipeline.yml: size, augmentation, architecture, epochs, …; `target/debug/train --help`",
        "  and the like list what there is.",
        "- learn faster with LibTorch: `cargo wakuteka libtorch`.",
    ] {
        say::line(line);
    }
}

fn figures(verdict: &Verdict) -> Vec<String> {
    let [low, high] = verdict.accuracy_interval;
    let pictures = say::count(verdict.pictures);
    let largest = verdict.confusion.iter().map(|row| row.iter().sum::<u64>()).enumerate().max_by_key(|(_, sum)| *sum);
    let chance = largest.and_then(|(class, sum)| {
        let share = sum as f64 / verdict.pictures.max(1) as f64;
        Some(format!(
            "largest class       {share:.3}  (always saying '{}' would be right so often)",
            verdict.classes.get(class)?
        ))
    });
    let mut lines = vec![
        format!(
            "test accuracy       {:.3}  (95 % interval {low:.3}–{high:.3}, {pictures} held-out pictures)",
            verdict.accuracy
        ),
        format!("balanced accuracy   {:.3}", verdict.balanced_accuracy),
        format!("decision            {}: {}", verdict.decision, verdict.reason),
    ];
    lines.splice(2..2, chance);
    lines
}

/// One row a true class, one column a predicted one.
fn matrix(verdict: &Verdict) -> Vec<String> {
    let classes = &verdict.classes;
    if classes.len() > MOST_CLASSES {
        return vec![format!("the confusion matrix of {} classes is in the report", classes.len())];
    }
    let first = classes.iter().map(|c| c.chars().count()).max().unwrap_or(0);
    let row = |name: &str, cells: Vec<String>| {
        cells.iter().fold(format!("  {name:<first$}"), |line, cell| format!("{line} {cell:>COLUMN$}"))
    };
    let short = |class: &String| class.chars().take(COLUMN).collect::<String>();
    let mut lines = vec![String::new(), "confusion matrix: a row a true class, a column a predicted one".to_owned()];
    lines.push(row("", classes.iter().map(short).collect()));
    for (class, counts) in classes.iter().zip(&verdict.confusion) {
        lines.push(row(class, counts.iter().map(u64::to_string).collect()));
    }
    lines
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub fn verdict(run: &str) -> Verdict {
        Verdict {
            run: run.to_owned(),
            decision: "promoted".into(),
            reason: "the first model".into(),
            champion: Some(run.to_owned()),
            previous: None,
            classes: vec!["animals".into(), "transportation".into()],
            labels: plugin_api::Labels::Single,
            pictures: 1412,
            accuracy: 0.512,
            accuracy_interval: [0.46, 0.56],
            balanced_accuracy: 0.4567,
            champion_accuracy: None,
            champion_balanced_accuracy: None,
            p_value: None,
            mean_average_precision: None,
            champion_mean_average_precision: None,
            lower_bound: None,
            f1: vec![Some(0.5), None],
            confusion: vec![vec![12, 3], vec![140, 7]],
            calibration: None,
            evaluation: plugin_api::runs::Evaluation::default(),
            class_results: Vec::new(),
            report: format!("runs/{run}/report/index.html"),
            judged_ms: 0,
        }
    }

    #[test]
    fn the_figures_are_there() {
        let text = figures(&verdict("1")).join("\n");
        for part in
            ["always saying 'transportation'", "0.512", "0.460–0.560", "1,412", "0.457", "promoted: the first model"]
        {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn the_matrix_is_aligned() {
        let lines = matrix(&verdict("1"));
        assert_eq!(lines[2], "                 animals transpo");
        assert_eq!(lines[3], "  animals             12       3");
        assert_eq!(lines[4], "  transportation     140       7");
    }

    #[test]
    fn a_large_matrix_is_left_to_the_report() {
        let many = Verdict { classes: (0..17).map(|n| n.to_string()).collect(), ..verdict("1") };
        assert_eq!(matrix(&many).len(), 1);
    }
}
