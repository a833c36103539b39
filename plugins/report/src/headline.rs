//! The decision, why, and the figures behind it.

use super::Report;
use super::format::{count, counted, percent, percent_or_dash, short, utc};
use maud::{Markup, html};
use plugin_api::runs::{Calibration, Evaluation, Verdict};
use plugin_metric::{Compute, Judged, REGISTRY};

pub fn section(report: &Report) -> Markup {
    let verdict = report.verdict;
    let promoted = verdict.decision == "promoted";
    let judged = verdict.pictures > 0;
    let figure = |share: f64| if judged { percent(share) } else { "–".to_owned() };
    html! {
        header {
            p.run { "Run " (verdict.run) " · judged " (utc(verdict.judged_ms)) }
            h1.promoted[promoted] { @if promoted { "Promoted" } @else { "Refused" } }
            p.reason { (verdict.reason) }
            div.figures {
                div {
                    h2 { "Accuracy" }
                    p.figure { (figure(verdict.accuracy)) }
                    @if judged {
                        (interval(verdict))
                        p.note {
                            "95\u{a0}% interval " (range(verdict.accuracy_interval)) ", " (evaluated_on(verdict))
                        }
                    } @else {
                        p.note { "There are no held-out pictures." }
                    }
                }
                div {
                    h2 { "Balanced accuracy" }
                    p.figure { (figure(verdict.balanced_accuracy)) }
                    p.note { "Mean recall over " (classes_evaluated(verdict)) }
                }
                div {
                    h2 { "Champion before" }
                    p.figure.other { (percent_or_dash(verdict.champion_balanced_accuracy)) }
                    p.note { (champion(verdict)) }
                }
            }
            @if judged { (every_figure(report)) }
        }
    }
}

/// `3 classes`, or of how many, where some have no picture that they could be evaluated on.
fn classes_evaluated(verdict: &Verdict) -> String {
    let all = verdict.classes.len();
    let of = format!("{all} {}", if all == 1 { "class" } else { "classes" });
    let evaluated = verdict.class_results.iter().filter(|result| result.images > 0).count();
    if verdict.class_results.is_empty() || evaluated == all { of } else { format!("{evaluated} of {of}") }
}

/// `24 held-out pictures`, or that it was cross-validated; and how many flatter.
pub fn evaluated_on(verdict: &Verdict) -> String {
    let mut text = match verdict.evaluation {
        Evaluation::HeldOut => counted(verdict.pictures, "held-out picture"),
        Evaluation::CrossValidated { folds } => {
            format!("cross-validated over {} in {folds} folds of whole groups", counted(verdict.pictures, "picture"))
        }
    };
    if verdict.class_results.iter().any(|result| result.optimistic > 0) {
        text.push_str("; optimistic: near-copies on both sides");
    }
    text
}

fn range([low, high]: [f64; 2]) -> String {
    format!("{:.1}–{:.1}\u{a0}%", low * 100.0, high * 100.0)
}

fn champion(verdict: &Verdict) -> String {
    match (&verdict.previous, verdict.champion_accuracy) {
        (None, _) => "There was none.".to_owned(),
        (Some(name), None) => format!("{name}; not compared."),
        (Some(name), Some(accuracy)) => {
            let p = verdict.p_value.map(|p| format!("; McNemar p {}", short(p))).unwrap_or_default();
            format!("Balanced, on the same pictures. {name}; accuracy {}{p}", percent(accuracy))
        }
    }
}

/// The interval as a band on a line from 0 to 100 %, the figure as a dot, the champion as a stroke.
fn interval(verdict: &Verdict) -> Markup {
    let [low, high] = verdict.accuracy_interval.map(|s| s * 300.0);
    html! {
        svg.interval viewBox="-5 0 310 14" aria-hidden="true" {
            line.axis x1="0" y1="7" x2="300" y2="7" {}
            rect.band x=(format!("{low:.1}")) y="4" width=(format!("{:.1}", high - low)) height="6" rx="3" {}
            @if let Some(champion) = verdict.champion_accuracy {
                @let x = format!("{:.1}", champion * 300.0);
                line.champion x1=(x) y1="1" x2=(x) y2="13" {}
            }
            circle cx=(format!("{:.1}", verdict.accuracy * 300.0)) cy="7" r="4" {}
        }
    }
}

/// The metric that temperature scaling is for.
const CALIBRATION: &str = "calibration_error";

/// What was done to the probabilities, and by what.
pub fn tempered(of: &Calibration) -> String {
    if of.fitted_on == 0 {
        return "Calibrated out of fold when it was fitted; so `predict` gives them.".to_owned();
    }
    let pictures = counted(of.fitted_on, "validation picture");
    format!("Logits divided by {}, fitted on {pictures}; so `predict` gives them.", short(of.temperature))
}

/// Every metric of the registry that is one figure of a model, and those of two.
fn every_figure(report: &Report) -> Markup {
    let show = |best: Option<f64>, value: f64| if best == Some(1.0) { percent(value) } else { short(value) };
    let one = |f: fn(&Judged) -> Option<f64>, judged: Option<&Judged>, best| {
        judged.and_then(f).map_or_else(|| "–".to_owned(), |v| show(best, v))
    };
    html! {
        details {
            summary { "Every figure" }
            div.scroll { table.plain {
                thead { tr { th {} th.n { "This run" } @if report.champion.is_some() { th.n { "Champion" } } th {} } }
                tbody {
                    @for metric in REGISTRY {
                        @if let Compute::One(f) = metric.compute {
                            tr {
                                th scope="row" { (metric.title) }
                                td.n { (one(f, Some(report.challenger), metric.best)) }
                                @if report.champion.is_some() { td.n { (one(f, report.champion, metric.best)) } }
                                td.meaning { (metric.meaning) }
                            }
                        }
                        @if let (CALIBRATION, Some(of)) = (metric.name, report.verdict.calibration) {
                            tr {
                                th scope="row" { "… with its temperature" }
                                td.n { (of.error_after.map_or_else(|| "–".to_owned(), short)) }
                                @if report.champion.is_some() { td.n {} }
                                td.meaning { (tempered(&of)) }
                            }
                        }
                        @if let (Compute::Paired(f), Some(champion)) = (metric.compute, report.champion) {
                            tr {
                                th scope="row" { (metric.title) }
                                td.n colspan="2" { (short(f(&report.challenger.hits(), &champion.hits()))) }
                                td.meaning { (metric.meaning) }
                            }
                        }
                    }
                    tr {
                        th scope="row" { "Right" }
                        td.n { (hits(report.challenger)) }
                        @if let Some(champion) = report.champion { td.n { (hits(champion)) } }
                        td.meaning { "Of " (counted(report.challenger.len() as u64, "picture")) "." }
                    }
                }
            } }
        }
    }
}

fn hits(judged: &Judged) -> String {
    count(judged.hits().into_iter().filter(|&h| h).count() as u64)
}
