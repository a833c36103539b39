//! The decision, why, and the figures behind it.

use super::Report;
use super::Words;
use super::format::{count, short, utc};
use maud::{Markup, html};
use plugin_api::runs::{Calibration, Evaluation, Verdict};
use plugin_metric::{Compute, Predictions, REGISTRY};

pub fn section(report: &Report, w: Words) -> Markup {
    let verdict = report.verdict;
    let promoted = verdict.decision.is_promoted();
    let is_evaluated = verdict.images > 0;
    let figure = |share: f64| if is_evaluated { w.percent(share) } else { "–".to_owned() };
    html! {
        header {
            p.run { (w.with("run_evaluated", [("run", (&verdict.run).into()), ("at", utc(verdict.evaluated_ms).into())])) }
            h1.promoted[promoted] { (w.t(if promoted { "promoted" } else { "refused" })) }
            p.reason { (verdict.reason.render(w.language())) }
            div.figures {
                div {
                    h2 { (w.t("accuracy")) }
                    p.figure { (figure(verdict.accuracy)) }
                    @if is_evaluated {
                        (interval(verdict))
                        p.note {
                            (w.with("interval", [("range", range(verdict.accuracy_interval, w).into())])) (w.comma())
                            (evaluated_on(verdict, w))
                        }
                    } @else {
                        p.note { (w.t("none_held_out")) }
                    }
                }
                div {
                    h2 { (w.t("balanced_accuracy")) }
                    p.figure { (figure(verdict.balanced_accuracy)) }
                    p.note { (classes_evaluated(verdict, w)) }
                }
                div {
                    h2 { (w.t("champion_before")) }
                    p.figure.other { (w.percent_or_dash(verdict.champion_balanced_accuracy)) }
                    p.note { (champion(verdict, w)) }
                }
            }
            @if is_evaluated { (every_figure(report, w)) }
        }
    }
}

/// Over how many classes, or of how many, where some have no image that they could be evaluated on.
fn classes_evaluated(verdict: &Verdict, w: Words) -> String {
    let all = verdict.classes.len();
    let evaluated = verdict.class_results.iter().filter(|result| result.images > 0).count();
    if verdict.class_results.is_empty() || evaluated == all {
        w.with("mean_recall", [("all", all.into())])
    } else {
        w.with("mean_recall_of_some", [("n", evaluated.into()), ("all", all.into())])
    }
}

/// `24 held-out images`, or that it was cross-validated; and how many flatter.
pub fn evaluated_on(verdict: &Verdict, w: Words) -> String {
    let n = verdict.images.into();
    let text = match verdict.evaluation {
        Evaluation::HeldOut => w.with("held_out_images", [("n", n)]),
        Evaluation::CrossValidated { folds } => w.with("cross_validated", [("n", n), ("folds", folds.into())]),
    };
    if verdict.class_results.iter().any(|result| result.optimistic > 0) {
        return w.with("but_optimistic", [("text", text.into())]);
    }
    text
}

fn range([low, high]: [f64; 2], w: Words) -> String {
    w.with("range", [("low", (low * 100.0).into()), ("high", (high * 100.0).into())])
}

fn champion(verdict: &Verdict, w: Words) -> String {
    match (&verdict.previous, verdict.champion_accuracy) {
        (None, _) => w.t("no_champion"),
        (Some(name), None) => w.with("champion_not_compared", [("name", name.into())]),
        (Some(name), Some(accuracy)) => {
            let name = name.into();
            let text = w.with("champion_compared", [("name", name), ("accuracy", w.percent(accuracy).into())]);
            match verdict.p_value {
                Some(p) => w.with("with_mcnemar", [("text", text.into()), ("p", short(p).into())]),
                None => text,
            }
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
pub fn tempered(of: &Calibration, w: Words) -> String {
    if of.fitted_on == 0 {
        return w.t("calibrated_out_of_fold");
    }
    let divisor = short(of.temperature).into();
    w.with("logits_divided", [("divisor", divisor), ("n", of.fitted_on.into())])
}

/// Every metric of the registry that is one figure of a model, and those of two.
fn every_figure(report: &Report, w: Words) -> Markup {
    let show = |best: Option<f64>, value: f64| if best == Some(1.0) { w.percent(value) } else { short(value) };
    let one = |f: fn(&Predictions) -> Option<f64>, predictions: Option<&Predictions>, best| {
        predictions.and_then(f).map_or_else(|| "–".to_owned(), |v| show(best, v))
    };
    html! {
        details {
            summary { (w.t("every_figure")) }
            div.scroll { table.plain {
                thead { tr { th {} th.n { (w.t("this_run")) } @if report.champion.is_some() { th.n { (w.t("champion")) } } th {} } }
                tbody {
                    @for metric in REGISTRY {
                        @if let Compute::One(f) = metric.compute {
                            tr {
                                th scope="row" { (w.of("metric", metric.name, metric.title)) }
                                td.n { (one(f, Some(report.challenger), metric.best)) }
                                @if report.champion.is_some() { td.n { (one(f, report.champion, metric.best)) } }
                                td.meaning { (w.of("meaning", metric.name, metric.meaning)) }
                            }
                        }
                        @if let (CALIBRATION, Some(of)) = (metric.name, report.verdict.calibration) {
                            tr {
                                th scope="row" { (w.t("with_temperature")) }
                                td.n { (of.error_after.map_or_else(|| "–".to_owned(), short)) }
                                @if report.champion.is_some() { td.n {} }
                                td.meaning { (tempered(&of, w)) }
                            }
                        }
                        @if let (Compute::Paired(f), Some(champion)) = (metric.compute, report.champion) {
                            tr {
                                th scope="row" { (w.of("metric", metric.name, metric.title)) }
                                td.n colspan="2" { (short(f(&report.challenger.correct(), &champion.correct()))) }
                                td.meaning { (w.of("meaning", metric.name, metric.meaning)) }
                            }
                        }
                    }
                    tr {
                        th scope="row" { (w.t("right")) }
                        td.n { (correct(report.challenger)) }
                        @if let Some(champion) = report.champion { td.n { (correct(champion)) } }
                        td.meaning { (w.with("of_images", [("n", report.challenger.len().into())])) }
                    }
                }
            } }
        }
    }
}

fn correct(predictions: &Predictions) -> String {
    count(predictions.correct().into_iter().filter(|&h| h).count() as u64)
}
