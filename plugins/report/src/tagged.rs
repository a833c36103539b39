//! The page of a run whose pictures may have several classes, and its tables `predictions.csv` and `per_class.csv`.

use super::format::{count, percent, percent_or_dash, short, utc};
use super::headline::{evaluated_on, tempered};
use super::page::document;
use super::{Picture, WrongPictures, configuration, counts, curves, wrong};
use maud::{Markup, html};
use plugin_api::files::write_atomically;
use plugin_api::runs::{ClassResult, Finished, MetricRow, RunManifest, Verdict};
use plugin_metric::{Tagged, average_precision, per_class_tagged};
use plugin_tables::Table;
use std::io;
use std::path::Path;

/// Everything the report of a run with several labels tells.
#[derive(Clone, Copy, Debug)]
pub struct TaggedReport<'a> {
    /// What decided the run.
    pub manifest: &'a RunManifest,
    /// How training ended.
    pub finished: Option<&'a Finished>,
    /// How training went.
    pub metrics: &'a [MetricRow],
    /// What was decided.
    pub verdict: &'a Verdict,
    /// What the challenger said of the held-out pictures.
    pub challenger: &'a Tagged,
    /// Those pictures.
    pub pictures: &'a [Picture],
    /// The challenger's surest mistakes.
    pub wrong: &'a WrongPictures,
}

/// Writes the tables and then the page into `folder`, which is made when missing. Each file is whole or not there.
///
/// # Errors
/// Any error of the file system, with the path in its text.
pub fn write_tagged(folder: &Path, report: &TaggedReport) -> io::Result<()> {
    std::fs::create_dir_all(folder).map_err(|e| plugin_api::files::named(folder, &e))?;
    let table = |name: &str, content: Result<Vec<u8>, csv::Error>| {
        write_atomically(&folder.join(name), &content.map_err(io::Error::other)?)
    };
    table("predictions.csv", predictions(report.challenger, report.pictures))?;
    table("per_class.csv", classes_csv(report.challenger))?;
    write_atomically(&folder.join("index.html"), page(report).as_bytes())
}

fn page(report: &TaggedReport) -> String {
    let title = format!("Run {}: {}", report.verdict.run, report.verdict.decision);
    document(
        &title,
        "",
        &html! {
                (headline(report.verdict))
                (curves::section(report.metrics))
                (classes(report.challenger, &report.verdict.class_results))
                (counts::section(report.manifest))
                (wrong::section(report.wrong))
                (configuration::section(report.manifest, report.finished))
                footer {
                    "Tables: "
                    a href="predictions.csv" { "predictions.csv" } ", "
                    a href="per_class.csv" { "per_class.csv" } "."
                }
        },
    )
}

fn headline(verdict: &Verdict) -> Markup {
    let promoted = verdict.decision == "promoted";
    let share = |share: f64| if verdict.pictures > 0 { percent(share) } else { "–".to_owned() };
    let champion = match (&verdict.previous, verdict.champion_mean_average_precision) {
        (None, _) => "There was none.".to_owned(),
        (Some(name), None) => format!("{name}; not compared."),
        (Some(name), Some(_)) => {
            let p = verdict.p_value.map(|p| format!("; bootstrap p {}", short(p))).unwrap_or_default();
            format!("On the same pictures. {name}{p}")
        }
    };
    html! {
        header {
            p.run { "Run " (verdict.run) " · judged " (utc(verdict.judged_ms)) " · several labels a picture" }
            h1.promoted[promoted] { @if promoted { "Promoted" } @else { "Refused" } }
            p.reason { (verdict.reason) }
            div.figures {
                div {
                    h2 { "Mean average precision" }
                    p.figure { (percent_or_dash(verdict.mean_average_precision)) }
                    p.note {
                        @if verdict.pictures > 0 { (evaluated_on(verdict)) }
                        @else { "There are no held-out pictures." }
                    }
                }
                div {
                    h2 { "All classes right" }
                    p.figure { (share(verdict.accuracy)) }
                    p.note { "Every class of the picture and no other" }
                }
                div {
                    h2 { "Champion before" }
                    p.figure.other { (percent_or_dash(verdict.champion_mean_average_precision)) }
                    p.note { (champion) }
                }
            }
            @if let Some(of) = verdict.calibration {
                p.note {
                    "Calibration error " (of.error_before.map_or_else(|| "–".to_owned(), short)) ", with its temperature "
                    (of.error_after.map_or_else(|| "–".to_owned(), short)) ". " (tempered(&of))
                }
            }
        }
    }
}

fn classes(tagged: &Tagged, results: &[ClassResult]) -> Markup {
    let optimistic = results.iter().any(|result| result.optimistic > 0);
    if tagged.is_empty() {
        return html! {};
    }
    html! {
        section {
            h2 { "Class by class" }
            p.note { "Average precision is of the order of the pictures; the others are of saying a class from 50\u{a0}% on." }
            div.scroll { table.plain {
                thead { tr {
                    th { "Class" } th.n { "Average precision" } th.n { "Recall" } th.n { "Precision" } th.n { "F1" }
                    th.n { "Pictures" } th.n { "Called so" } @if optimistic { th.n { "Optimistic" } }
                } }
                tbody {
                    @for (at, ((class, figures), ap)) in
                        tagged.classes().iter().zip(per_class_tagged(tagged)).zip(average_precision(tagged)).enumerate()
                    {
                        tr {
                            th scope="row" { (class) }
                            td.n { (percent_or_dash(ap)) }
                            td.n { (percent_or_dash(figures.recall)) }
                            td.n { (percent_or_dash(figures.precision)) }
                            td.n { (percent_or_dash(figures.f1)) }
                            td.n { (count(figures.support)) }
                            td.n { (count(figures.predicted)) }
                            @if optimistic { td.n { (count(results.get(at).map_or(0, |result| result.optimistic))) } }
                        }
                    }
                }
            } }
        }
    }
}

fn predictions(tagged: &Tagged, pictures: &[Picture]) -> Result<Vec<u8>, csv::Error> {
    let mut header = ["path", "digest", "truth", "prediction", "correct"].map(str::to_owned).to_vec();
    header.extend(tagged.classes().iter().map(|c| format!("p_{c}")));
    let mut table = Table::new(&header)?;
    for (i, picture) in pictures.iter().enumerate().take(tagged.len()) {
        let (truth, said) = (tagged.names(i, Tagged::has), tagged.names(i, Tagged::says));
        let mut line = vec![picture.path.clone(), picture.digest.clone(), truth, said, tagged.correct(i).to_string()];
        line.extend((0..tagged.classes().len()).map(|class| format!("{:.6}", tagged.probability(i, class))));
        table.row(&line)?;
    }
    table.finish()
}

fn classes_csv(tagged: &Tagged) -> Result<Vec<u8>, csv::Error> {
    let header = ["class", "average_precision", "precision", "recall", "f1", "support", "predicted"];
    let mut table = Table::new(header)?;
    for ((class, figures), ap) in tagged.classes().iter().zip(per_class_tagged(tagged)).zip(average_precision(tagged)) {
        let [ap, precision, recall, f1] = [ap, figures.precision, figures.recall, figures.f1]
            .map(|share| share.map_or_else(String::new, |s| format!("{s:.6}")));
        let (support, predicted) = (figures.support.to_string(), figures.predicted.to_string());
        table.row([class, &ap, &precision, &recall, &f1, &support, &predicted])?;
    }
    table.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::manifest;
    use crate::fixtures::some;
    use plugin_api::Labels;

    #[test]
    fn page_and_tables_tell_classes_average_precision_and_f1() {
        let tagged = some(&[([1, 0, 1], [0.9, 0.2, 0.7]), ([0, 1, 0], [0.1, 0.4, 0.6])]);
        let mut manifest = manifest();
        manifest.labels = Labels::Multi;
        let verdict = Verdict {
            run: "r".to_owned(),
            decision: "promoted".to_owned(),
            reason: "for a test".to_owned(),
            champion: None,
            previous: None,
            classes: tagged.classes().to_vec(),
            labels: Labels::Multi,
            pictures: 2,
            accuracy: 0.5,
            accuracy_interval: [0.1, 0.9],
            balanced_accuracy: 0.5,
            champion_accuracy: None,
            champion_balanced_accuracy: None,
            mean_average_precision: Some(0.875),
            champion_mean_average_precision: None,
            p_value: None,
            lower_bound: None,
            f1: Vec::new(),
            confusion: Vec::new(),
            calibration: None,
            evaluation: plugin_api::runs::Evaluation::default(),
            class_results: Vec::new(),
            report: String::new(),
            judged_ms: 0,
        };
        let pictures: Vec<Picture> =
            (0..2).map(|i| Picture { path: format!("photos/bus/{i}.jpg"), digest: i.to_string() }).collect();
        let folder = tempfile::tempdir().unwrap();
        let report = TaggedReport {
            manifest: &manifest,
            finished: None,
            metrics: &[],
            verdict: &verdict,
            challenger: &tagged,
            pictures: &pictures,
            wrong: &WrongPictures::default(),
        };
        write_tagged(folder.path(), &report).unwrap();
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
        let page = read("index.html");
        for part in ["Mean average precision", "87.5\u{a0}%", "きゅんきゅん", "Average precision", "There was none."]
        {
            assert!(page.contains(part), "{part}");
        }
        assert!(!page.contains("://") && !page.contains("NaN"), "it stands alone");
        assert!(
            read("predictions.csv").contains("photos/bus/0.jpg,0,きゅんきゅん + cat,きゅんきゅん + cat,true,0.900000")
        );
        assert!(read("per_class.csv").contains("cat,1.000000,0.500000,1.000000,0.666667,1,2"));
    }
}
