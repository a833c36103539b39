//! The page, put together.

use super::{Report, Words, classes, configuration, counts, curves, headline, matrix, wrong};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use plugin_api::Language;

/// How reports look.
pub const STYLE: &str = include_str!("style.css");

/// A whole HTML document in this style, and more style of its own, with `main` as what it says. It needs nothing from outside.
/// `other`: the same in the other language, a link from where the document lies; `None` where there is none.
pub fn document(title: &str, own_style: &str, main: &Markup, language: Language, other: Option<&str>) -> String {
    let (another, name) = match language {
        Language::En => (Language::Ja, "日本語"),
        Language::Ja => (Language::En, "English"),
    };
    html! {
        (DOCTYPE)
        html lang=(language.code()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                style { (PreEscaped(STYLE)) (PreEscaped(own_style)) }
            }
            body { main {
                @if let Some(other) = other { nav.language { a href=(other) hreflang=(another.code()) lang=(another.code()) { (name) } } }
                (main)
            } }
        }
    }
    .into_string()
}

/// The whole page: one HTML document that needs nothing else.
pub fn html(report: &Report, language: Language) -> String {
    let w = Words(language);
    let title = w.title(&report.verdict.run, report.verdict.decision);
    document(
        &title,
        "",
        &html! {
                (headline::section(report, w))
                (curves::section(report.metrics, w))
                (matrix::section(report.challenger, w))
                (classes::section(report.challenger, &report.verdict.class_results, w))
                (counts::section(report.manifest, w))
                (wrong::section(report.wrong, w))
                (configuration::section(report.manifest, report.finished, w))
                footer {
                    (w.t("tables")) " "
                    a href="predictions.csv" { "predictions.csv" } ", "
                    a href="confusion.csv" { "confusion.csv" } ", "
                    a href="per_class.csv" { "per_class.csv" } "."
                }
        },
        language,
        Some(other_page(language)),
    )
}

/// The file name of a run's page.
pub fn page_name(language: Language) -> &'static str {
    match language {
        Language::En => "index.html",
        Language::Ja => "index.ja.html",
    }
}

/// The file name of the page in the other language.
pub fn other_page(language: Language) -> &'static str {
    page_name(if language == Language::En { Language::Ja } else { Language::En })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{CLASSES, manifest};
    use crate::wrong::WrongImages;
    use crate::{EvaluatedImage, write};
    use plugin_api::runs::{Calibration, Finished, MetricRow, Verdict};
    use plugin_metric::{Predictions, accuracy, balanced_accuracy, confusion, mcnemar, per_class, wilson};

    /// A number from 0 to 1 that looks like chance and is the same every time.
    fn noise(i: usize) -> f32 {
        (i.wrapping_mul(2_654_435_761) >> 8 & 0xffff) as f32 / 65_536.0
    }

    /// Predictions that are correct `skill` of the time, of as many images as the manifest holds out.
    fn predictions(skill: f32, salt: usize) -> Predictions {
        let manifest = manifest();
        let mut predictions = Predictions::new(manifest.classes);
        for (truth, counts) in manifest.counts.iter().enumerate() {
            for i in 0..counts[2] as usize {
                let n = salt + truth * 1000 + i;
                let said = if noise(n) < skill { truth } else { (truth + 1 + n % 3) % 6 };
                let sure = 0.4 + 0.6 * noise(n + 7);
                let rest = (1.0 - sure) / 5.0;
                let row: Vec<f32> = (0..6).map(|c| if c == said { sure } else { rest }).collect();
                predictions.push(truth, &row).unwrap();
            }
        }
        predictions
    }

    fn metrics() -> Vec<MetricRow> {
        let mut rows = Vec::new();
        for epoch in 0..30_u64 {
            let t = epoch as f64 / 30.0;
            let wobble = f64::from(noise(epoch as usize + 3)) * 0.08;
            for (split, metric, value) in [
                ("train", "loss", 1.9 * (-3.2 * t).exp() + 0.05),
                ("validation", "loss", 1.7 * (-2.8 * t).exp() + 0.22 + wobble),
                ("train", "accuracy", 1.0 - 0.72 * (-3.5 * t).exp()),
                ("validation", "accuracy", 0.93 - 0.6 * (-3.3 * t).exp() - wobble * 0.4),
                ("train", "learning_rate", 0.05 * (0.5 + 0.5 * (t * std::f64::consts::PI).cos())),
            ] {
                let (split, metric) = (split.to_owned(), metric.to_owned());
                rows.push(MetricRow { split, metric, epoch, step: (epoch + 1) * 94, value });
            }
        }
        rows
    }

    /// An image with something to see: a disc on a gradient.
    fn pixels(i: usize) -> Vec<u8> {
        let (cx, cy) = (30.0 + 68.0 * noise(i), 30.0 + 68.0 * noise(i + 1));
        let tone = [noise(i + 2), noise(i + 3), noise(i + 4)];
        let mut data = Vec::new();
        for y in 0..128 {
            for x in 0..128 {
                let inside = (x as f32 - cx).hypot(y as f32 - cy) < 30.0;
                data.extend(tone.map(|t| (if inside { 255.0 - 120.0 * t } else { t * (80.0 + x as f32) }) as u8));
            }
        }
        data
    }

    fn verdict(challenger: &Predictions, champion: &Predictions) -> Verdict {
        let correct = challenger.correct().iter().filter(|&&h| h).count() as u64;
        Verdict {
            run: manifest().id,
            decision: plugin_api::Decision::Promoted,
            reason: "Balanced accuracy is not worse than the champion's on the same images.".into(),
            champion: Some(manifest().id),
            previous: Some("20261122-101500-77ab".to_owned()),
            classes: challenger.classes().to_vec(),
            labels: plugin_api::Labels::Single,
            images: challenger.len() as u64,
            accuracy: accuracy(challenger).unwrap(),
            accuracy_interval: wilson(correct, challenger.len() as u64),
            balanced_accuracy: balanced_accuracy(challenger).unwrap(),
            champion_accuracy: accuracy(champion),
            champion_balanced_accuracy: balanced_accuracy(champion),
            p_value: Some(mcnemar(&challenger.correct(), &champion.correct())),
            mean_average_precision: None,
            champion_mean_average_precision: None,
            lower_bound: None,
            f1: per_class(challenger).iter().map(|c| c.f1).collect(),
            confusion: confusion(challenger),
            calibration: Some(Calibration {
                temperature: 1.84,
                fitted_on: 369,
                error_before: Some(0.093),
                error_after: Some(0.021),
            }),
            evaluation: plugin_api::runs::Evaluation::default(),
            class_results: Vec::new(),
            report: "runs/20261123-224530-3f2a/report/index.html".to_owned(),
            evaluated_ms: 1_795_474_530_000,
        }
    }

    fn finished() -> Finished {
        Finished {
            uri: "runs/20261123-224530-3f2a/checkpoints/epoch-0029.safetensors".to_owned(),
            digest: "b3".repeat(32),
            epochs: 30,
            steps: 2820,
            samples: 90_000,
            seconds: 2371.4,
        }
    }

    #[test]
    fn a_report_is_written_whole_and_holds_everything() {
        let (challenger, champion) = (predictions(0.93, 0), predictions(0.9, 31));
        let images: Vec<EvaluatedImage> = (0..challenger.len())
            .map(|i| EvaluatedImage {
                path: format!("photos/{}/IMG_{i:04} <1>.jpg", CLASSES[challenger.truth(i)]),
                digest: format!("{i:064x}"),
            })
            .collect();
        let mut wrong = WrongImages::default();
        for i in (0..challenger.len()).filter(|&i| !challenger.is_correct(i)) {
            let names = [&images[i].path, CLASSES[challenger.truth(i)], CLASSES[challenger.prediction(i)]];
            wrong.offer(names, challenger.confidence(i), &pixels(i), [128, 128]).unwrap();
        }
        let (manifest, metrics, finished) = (manifest(), metrics(), finished());
        let report = Report {
            manifest: &manifest,
            finished: Some(&finished),
            metrics: &metrics,
            verdict: &verdict(&challenger, &champion),
            challenger: &challenger,
            champion: Some(&champion),
            images: &images,
            wrong: &wrong,
        };
        // WAKUTEKA_REPORT=<folder> keeps the report, to be looked at.
        let temporary = tempfile::tempdir().unwrap();
        let kept = std::env::var_os("WAKUTEKA_REPORT").map(std::path::PathBuf::from);
        let folder = kept.unwrap_or_else(|| temporary.path().join("report"));
        write(&folder, &report).unwrap();
        let page = std::fs::read_to_string(folder.join("index.html")).unwrap();
        for part in [
            "<h1 class=\"promoted\">Promoted</h1>",
            "Learning rate",
            "… with its temperature",
            "Logits divided by 1.84, fitted on 369",
            "data:image/jpeg;base64,",
            "Classes of unequal size",
            "Few images to learn from",
            "Images in several classes",
            "Few held-out images",
            "schedule.warmup_epochs",
            "&lt;1&gt;.jpg",
            "prefers-color-scheme: dark",
        ] {
            assert!(page.contains(part), "{part} is missing");
        }
        assert!(CLASSES.iter().all(|c| page.contains(c)));
        let japanese = std::fs::read_to_string(folder.join("index.ja.html")).unwrap();
        for part in
            ["<h1 class=\"promoted\">昇格</h1>", "混同行列", "確信のある間違い", "href=\"index.html\"", "学習曲線"]
        {
            assert!(japanese.contains(part), "{part} is missing");
        }
        assert!(page.contains("href=\"index.ja.html\"") && japanese.contains("data:image/jpeg;base64,"));
        assert!(!page.contains("://") && !page.contains("<script") && !page.contains("url("), "it must stand alone");
        assert!(
            !page.contains(">NaN") && !page.contains("\"NaN") && !page.contains("NaN%"),
            "what is unknown is a dash"
        );
        assert!(page.len() < 1 << 20, "{} bytes", page.len());
        for name in ["predictions.csv", "confusion.csv", "per_class.csv"] {
            assert!(std::fs::metadata(folder.join(name)).unwrap().len() > 50, "{name}");
        }
    }

    #[test]
    fn a_refused_run_without_images_has_a_page_too() {
        let nothing = Predictions::new(manifest().classes);
        let mut verdict = verdict(&predictions(0.9, 0), &predictions(0.9, 1));
        verdict.decision = plugin_api::Decision::Refused;
        verdict.images = 0;
        verdict.champion_accuracy = None;
        verdict.champion_balanced_accuracy = None;
        verdict.previous = None;
        let report = Report {
            manifest: &manifest(),
            finished: None,
            metrics: &[],
            verdict: &verdict,
            challenger: &nothing,
            champion: None,
            images: &[],
            wrong: &WrongImages::default(),
        };
        let page = html(&report, Language::En);
        assert!(page.contains("Refused") && page.contains("no held-out images") && page.contains("There was none."));
        assert!(!page.contains("NaN"));
        let page = html(&report, Language::Ja);
        assert!(
            page.contains("昇格せず") && page.contains("テスト用の写真がありません") && page.contains("lang=\"ja\"")
        );
    }
}
