//! The page of a run whose images may have several classes, and its tables `predictions.csv` and `per_class.csv`.

use super::format::{count, short, utc};
use super::headline::{evaluated_on, tempered};
use super::page::{document, other_page};
use super::{EvaluatedImage, Words, WrongImages, configuration, counts, curves, write_pages, wrong};
use maud::{Markup, html};
use plugin_api::Language;
use plugin_api::files::write_atomically;
use plugin_api::runs::{ClassResult, Finished, MetricRow, RunManifest, Verdict};
use plugin_metric::{MultilabelPredictions, average_precision, per_class_multilabel};
use plugin_tables::Table;
use std::io;
use std::path::Path;

/// Everything the report of a run with several labels tells.
#[derive(Clone, Copy, Debug)]
pub struct MultilabelReport<'a> {
    /// What decided the run.
    pub manifest: &'a RunManifest,
    /// How training ended.
    pub finished: Option<&'a Finished>,
    /// How training went.
    pub metrics: &'a [MetricRow],
    /// What was decided.
    pub verdict: &'a Verdict,
    /// What the challenger said of the held-out images.
    pub challenger: &'a MultilabelPredictions,
    /// Those images.
    pub images: &'a [EvaluatedImage],
    /// The challenger's surest mistakes.
    pub wrong: &'a WrongImages,
}

/// Writes the tables and then the page into `folder`, which is made when missing. Each file is whole or not there.
///
/// # Errors
/// Any error of the file system, with the path in its text.
pub fn write_multilabel(folder: &Path, report: &MultilabelReport) -> io::Result<()> {
    std::fs::create_dir_all(folder).map_err(|e| plugin_api::files::with_path(folder, &e))?;
    let table = |name: &str, content: Result<Vec<u8>, csv::Error>| {
        write_atomically(&folder.join(name), &content.map_err(io::Error::other)?)
    };
    table("predictions.csv", predictions(report.challenger, report.images))?;
    table("per_class.csv", classes_csv(report.challenger))?;
    write_pages(folder, |language| page(report, language))
}

fn page(report: &MultilabelReport, language: Language) -> String {
    let w = Words(language);
    let title = w.title(&report.verdict.run, report.verdict.decision);
    document(
        &title,
        "",
        &html! {
                (headline(report.verdict, w))
                (curves::section(report.metrics, w))
                (classes(report.challenger, &report.verdict.class_results, w))
                (counts::section(report.manifest, w))
                (wrong::section(report.wrong, w))
                (configuration::section(report.manifest, report.finished, w))
                footer {
                    (w.t("tables")) " "
                    a href="predictions.csv" { "predictions.csv" } ", "
                    a href="per_class.csv" { "per_class.csv" } "."
                }
        },
        language,
        Some(other_page(language)),
    )
}

fn headline(verdict: &Verdict, w: Words) -> Markup {
    let promoted = verdict.decision.is_promoted();
    let share = |share: f64| if verdict.images > 0 { w.percent(share) } else { "–".to_owned() };
    let champion = match (&verdict.previous, verdict.champion_mean_average_precision) {
        (None, _) => w.t("no_champion"),
        (Some(name), None) => w.with("champion_not_compared", [("name", name.into())]),
        (Some(name), Some(_)) => {
            let text = w.with("champion_same_images", [("name", name.into())]);
            match verdict.p_value {
                Some(p) => w.with("with_bootstrap", [("text", text.into()), ("p", short(p).into())]),
                None => text,
            }
        }
    };
    html! {
        header {
            p.run {
                (w.with("run_evaluated", [("run", (&verdict.run).into()), ("at", utc(verdict.evaluated_ms).into())]))
                " · " (w.t("several_labels"))
            }
            h1.promoted[promoted] { (w.t(if promoted { "promoted" } else { "refused" })) }
            p.reason { (verdict.reason.render(w.language())) }
            div.figures {
                div {
                    h2 { (w.t("mean_average_precision")) }
                    p.figure { (w.percent_or_dash(verdict.mean_average_precision)) }
                    p.note {
                        @if verdict.images > 0 { (evaluated_on(verdict, w)) }
                        @else { (w.t("none_held_out")) }
                    }
                }
                div {
                    h2 { (w.t("all_right")) }
                    p.figure { (share(verdict.accuracy)) }
                    p.note { (w.t("all_right_how")) }
                }
                div {
                    h2 { (w.t("champion_before")) }
                    p.figure.other { (w.percent_or_dash(verdict.champion_mean_average_precision)) }
                    p.note { (champion) }
                }
            }
            @if let Some(of) = verdict.calibration {
                p.note {
                    (w.with("calibration", [
                        ("before", of.error_before.map_or_else(|| "–".to_owned(), short).into()),
                        ("after", of.error_after.map_or_else(|| "–".to_owned(), short).into()),
                    ])) " " (tempered(&of, w))
                }
            }
        }
    }
}

fn classes(tagged: &MultilabelPredictions, results: &[ClassResult], w: Words) -> Markup {
    let optimistic = results.iter().any(|result| result.optimistic > 0);
    if tagged.is_empty() {
        return html! {};
    }
    html! {
        section {
            h2 { (w.t("by_class")) }
            p.note { (w.t("average_precision_how")) }
            div.scroll { table.plain {
                thead { tr {
                    th { (w.t("class")) } th.n { (w.t("average_precision")) } th.n { (w.t("recall")) } th.n { (w.t("precision")) } th.n { (w.t("f1")) }
                    th.n { (w.t("images")) } th.n { (w.t("called_so")) } @if optimistic { th.n { (w.t("optimistic")) } }
                } }
                tbody {
                    @for (at, ((class, figures), ap)) in
                        tagged.classes().iter().zip(per_class_multilabel(tagged)).zip(average_precision(tagged)).enumerate()
                    {
                        tr id=(format!("class-{class}")) {
                            th scope="row" { (class) }
                            td.n { (w.percent_or_dash(ap)) }
                            td.n { (w.percent_or_dash(figures.recall)) }
                            td.n { (w.percent_or_dash(figures.precision)) }
                            td.n { (w.percent_or_dash(figures.f1)) }
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

fn predictions(tagged: &MultilabelPredictions, images: &[EvaluatedImage]) -> Result<Vec<u8>, csv::Error> {
    let mut header = ["path", "digest", "truth", "prediction", "correct"].map(str::to_owned).to_vec();
    header.extend(tagged.classes().iter().map(|c| format!("p_{c}")));
    let mut table = Table::new(&header)?;
    for (i, image) in images.iter().enumerate().take(tagged.len()) {
        let (truth, said) = (tagged.names(i, MultilabelPredictions::has), tagged.names(i, MultilabelPredictions::says));
        let mut line = vec![image.path.clone(), image.digest.clone(), truth, said, tagged.is_correct(i).to_string()];
        line.extend((0..tagged.classes().len()).map(|class| format!("{:.6}", tagged.probability(i, class))));
        table.row(&line)?;
    }
    table.finish()
}

fn classes_csv(tagged: &MultilabelPredictions) -> Result<Vec<u8>, csv::Error> {
    let header = ["class", "average_precision", "precision", "recall", "f1", "support", "predicted"];
    let mut table = Table::new(header)?;
    for ((class, figures), ap) in
        tagged.classes().iter().zip(per_class_multilabel(tagged)).zip(average_precision(tagged))
    {
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
            decision: plugin_api::Decision::Promoted,
            reason: "for a test".into(),
            champion: None,
            previous: None,
            classes: tagged.classes().to_vec(),
            labels: Labels::Multi,
            images: 2,
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
            evaluated_ms: 0,
        };
        let images: Vec<EvaluatedImage> =
            (0..2).map(|i| EvaluatedImage { path: format!("photos/bus/{i}.jpg"), digest: i.to_string() }).collect();
        let folder = tempfile::tempdir().unwrap();
        let report = MultilabelReport {
            manifest: &manifest,
            finished: None,
            metrics: &[],
            verdict: &verdict,
            challenger: &tagged,
            images: &images,
            wrong: &WrongImages::default(),
        };
        write_multilabel(folder.path(), &report).unwrap();
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
