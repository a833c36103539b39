//! The page over a small set with something of everything.

use super::*;
use crate::find::labels::Suspect;
use crate::find::{classes, conflicts, duplicates, issues};
use crate::record::tests::record;
use plugin_api::Labels;
use plugin_decode::Limits;
use plugin_forecast::{ClassForecast, Confusion, Expected, Forecast};
use plugin_review::Settled;

fn records() -> Vec<Record> {
    let mut records: Vec<Record> = (0..30)
        .map(|i| record(&format!("photos/{}/{i}.jpg", if i < 20 { "きゅん" } else { "<b>" }), &format!("d{i}")))
        .collect();
    records.push(record("photos/きゅん/copy.jpg", "d0"));
    records.push(record("photos/<b>/in two.jpg", "d1"));
    records.push(record("photos/きゅん/near.jpg", "near/d2"));
    records[3].facts.scores.dark = 0.1;
    records[4].facts.scores.blur = f32::NAN;
    records
}

fn forecasts() -> Forecasts {
    let expected = |accuracy| Expected { accuracy, low: accuracy - 0.05, high: accuracy + 0.04 };
    let forecast = Forecast { twice: expected(0.84), four_times: expected(0.9) };
    let class = |class: &str, forecast| ClassForecast {
        class: class.to_owned(),
        images: 20,
        accuracy: 0.75,
        forecast,
        taken_for: vec![Confusion { class: "<b>".to_owned(), share: 0.25 }],
    };
    let classes = vec![class("きゅん", Some(forecast)), class("rare", None)];
    Forecasts { version: 7, images: 40, accuracy: 0.75, forecast, classes }
}

fn page(records: &[Record], search: &Search, shown: usize) -> String {
    let folder = tempfile::tempdir().unwrap();
    let forecasts = forecasts();
    let report = Report {
        version: 7,
        made_ms: 1_795_474_530_000,
        records,
        classes: classes::find(records, Labels::Single),
        duplicates: duplicates::find(records),
        conflicts: conflicts::find(records, Labels::Single, &Settled::default()),
        issues: issues::find(records),
        search,
        forecasts: Some(&forecasts),
    };
    let mut thumbnails = Thumbnails::new(folder.path(), Limits::default());
    assert!(thumbnails.make(&report.thumbnailed(shown), || true));
    let japanese = report.html(shown, &thumbnails, Words(Language::Ja));
    assert!(japanese.contains("データセット・バージョン 7") && japanese.contains("href=\"report.html\""));
    assert!(!japanese.contains("NaN") && !japanese.contains("…"), "every placeholder is filled");
    report.html(shown, &thumbnails, Words::default())
}

#[test]
fn every_section_names_its_findings_and_what_to_do() {
    let records = records();
    let suspects = vec![Suspect { record: 5, suggested: "<b>".to_owned(), own: 0.01, other: 0.98 }];
    let page = page(&records, &Search::Done { suspects, looked_at: 30, of: 30, exempt: vec!["rare".to_owned()] }, 10);
    for part in [
        "Keep one of photos/&lt;b&gt;/in two.jpg, photos/きゅん/1.jpg and delete the others.",
        "the same image in classes &lt;b&gt; and きゅん: kept out until one is chosen",
        "Delete photos/きゅん/copy.jpg and keep photos/きゅん/0.jpg",
        "move photos/きゅん/5.jpg to photos/&lt;b&gt;/",
        "photos/きゅん/near.jpg",
        "Too dark",
        "Brighten it, or delete it.",
        "Classes of unequal size",
        "Few images to learn from",
        "../photos/%3Cb%3E/in%20two.jpg",
        "prefers-color-scheme: dark",
        "report/label_errors.csv",
        "2026-11-23 22:55 UTC",
        "Classes of fewer than 5 images are exempt: rare.",
        "What more images would bring",
        "too few images to tell",
        "&lt;b&gt; 25.0",
    ] {
        assert!(page.contains(part), "{part} is missing");
    }
    assert!(!page.contains("<b>"), "names are escaped");
    assert!(!page.contains("://") && !page.contains("<script") && !page.contains("url("), "it must stand alone");
    assert!(!page.contains("NaN"));
}

#[test]
fn what_is_not_shown_is_counted() {
    let mut records = records();
    // Half of a class at most: more is told of the class.
    for at in (0..11).chain(20..25) {
        records[at].facts.scores.bright = 0.01;
    }
    let page = page(&records, &Search::Off, 10);
    assert!(page.contains("6\u{a0}more findings in") && page.contains("--label-errors off"));
}

#[test]
fn no_image_makes_a_page_too() {
    let page = page(&[], &Search::NotDone("Why not.".into()), 10);
    assert!(page.contains("0\u{a0}images") && page.contains("Nothing to mend was found") && page.contains("Why not."));
}
