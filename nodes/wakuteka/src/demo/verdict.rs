//! What a verdict looks like on a terminal.

use crate::columns::wide;
use crate::overview::Figures;
use plugin_api::runs::Verdict;

/// The narrowest and the widest column of the confusion matrix, places of the terminal.
const COLUMN: [usize; 2] = [5, 14];

/// The matrix is at most so wide, or its columns are narrower.
const WIDTH: usize = 110;

/// Beyond so many classes the matrix is left to the report.
const MOST_CLASSES: usize = 16;

/// How good the model is, what that is to be held against, and what was decided.
pub fn figures(verdict: &Verdict) -> Vec<String> {
    let figures = Figures::of(verdict);
    let mut lines = figures.as_ref().map_or_else(|| vec!["evaluated on no image".to_owned()], Figures::lines);
    lines.push(format!("decision: {}: {}", verdict.decision, verdict.reason));
    lines
}

/// One row a true class, one column a predicted one.
pub fn matrix(verdict: &Verdict) -> Vec<String> {
    let classes = &verdict.classes;
    if classes.len() > MOST_CLASSES {
        return vec![format!("the confusion matrix of {} classes is in the report", classes.len())];
    }
    let first = classes.iter().map(|class| wide(class)).max().unwrap_or(0);
    let room = WIDTH.saturating_sub(2 + first) / classes.len().max(1);
    let column = first.min(room.saturating_sub(1)).clamp(COLUMN[0], COLUMN[1]);
    let right = |text: &str| format!(" {}{text}", " ".repeat(column.saturating_sub(wide(text))));
    let row = |name: &str, cells: Vec<String>| {
        let space = " ".repeat(first.saturating_sub(wide(name)));
        format!("  {name}{space}{}", cells.iter().map(|cell| right(cell)).collect::<String>())
    };
    let mut lines = vec![String::new(), "confusion matrix: a row a true class, a column a predicted one".to_owned()];
    lines.push(row("", classes.iter().map(|class| cut(class, column)).collect()));
    for (class, counts) in classes.iter().zip(&verdict.confusion) {
        lines.push(row(class, counts.iter().map(u64::to_string).collect()));
    }
    lines
}

/// As much of a name as fits, with an ellipsis where it was cut.
fn cut(name: &str, places: usize) -> String {
    if wide(name) <= places {
        return name.to_owned();
    }
    let mut short = String::new();
    for letter in name.chars() {
        if wide(&short) + wide(letter.encode_utf8(&mut [0; 4])) >= places {
            break;
        }
        short.push(letter);
    }
    short + "…"
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub fn verdict(run: &str) -> Verdict {
        Verdict {
            run: run.to_owned(),
            decision: plugin_api::Decision::Promoted,
            reason: "the first model".into(),
            champion: Some(run.to_owned()),
            previous: None,
            classes: vec!["animals".into(), "transportation".into()],
            labels: plugin_api::Labels::Single,
            images: 1412,
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
            evaluated_ms: 0,
        }
    }

    #[test]
    fn the_figures_are_there() {
        let text = figures(&verdict("1")).join("\n");
        for part in [
            "always answering 'transportation'",
            "51.2 %",
            "46.0 to 56.0",
            "1,412",
            "45.7 %",
            "promoted: the first model",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn the_matrix_is_aligned() {
        let lines = matrix(&verdict("1"));
        assert_eq!(lines[2], "                        animals transportation");
        assert_eq!(lines[3], "  animals                    12              3");
        assert_eq!(lines[4], "  transportation            140              7");
    }

    #[test]
    fn names_are_cut_only_where_there_is_no_room() {
        assert_eq!(cut("buildings", 9), "buildings");
        assert_eq!(cut("transportation", 8), "transpo…");
        assert_eq!(cut("きゅんきゅん", 5), "きゅ…");
        let class = |n: usize| format!("a long class name {n}");
        let many = Verdict { classes: (0..12).map(class).collect(), confusion: vec![vec![3; 12]; 12], ..verdict("1") };
        assert!(matrix(&many)[2].chars().count() <= WIDTH && matrix(&many)[2].contains('…'));
    }

    #[test]
    fn a_large_matrix_is_left_to_the_report() {
        let many = Verdict { classes: (0..17).map(|n| n.to_string()).collect(), ..verdict("1") };
        assert_eq!(matrix(&many).len(), 1);
    }
}
