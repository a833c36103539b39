//! How training went, drawn as SVG.

use super::Words;
use super::format::short;
use super::scale::ticks;
use maud::{Markup, html};
use plugin_api::runs::MetricRow;
use std::collections::BTreeMap;

/// A drawing is this large inside; the page scales it.
const WIDTH: f64 = 360.0;
const HEIGHT: f64 = 220.0;
/// Room for the numbers of the axes.
const LEFT: f64 = 46.0;
const RIGHT: f64 = 8.0;
const TOP: f64 = 8.0;
const BOTTOM: f64 = 24.0;
/// A line has at most this many points; more cannot be told apart.
const POINTS: usize = 400;

/// One line: its split and its points, epochs done and value.
struct Line {
    split: &'static str,
    points: Vec<(f64, f64)>,
}

pub fn section(rows: &[MetricRow], w: Words) -> Markup {
    let panels = ["loss", "accuracy", "learning_rate"];
    let drawn: Vec<Markup> = panels.iter().filter_map(|metric| panel(metric, rows, w)).collect();
    html! {
        section {
            h2 { (w.t("learning")) }
            p.note {
                (w.t(if drawn.is_empty() { "no_curves" } else { "curves_how" }))
            }
            div.curves { @for figure in drawn { (figure) } }
        }
    }
}

/// The lines of a metric; a figure that was written twice counts once, the later one.
fn lines(metric: &str, rows: &[MetricRow]) -> Vec<Line> {
    // Steps in an epoch, so that the axis counts epochs; without steps, a row stands at the end of its epoch.
    let last_step = rows.iter().map(|r| r.step).max().unwrap_or(0);
    let epochs = rows.iter().map(|r| r.epoch + 1).max().unwrap_or(1);
    let x = |r: &MetricRow| {
        if last_step == 0 { (r.epoch + 1) as f64 } else { r.step as f64 * epochs as f64 / last_step as f64 }
    };
    ["train", "validation"]
        .into_iter()
        .filter_map(|split| {
            let wanted = rows.iter().filter(|r| r.metric == metric && r.split == split && r.value.is_finite());
            let by_time: BTreeMap<(u64, u64), (f64, f64)> =
                wanted.map(|r| ((r.step, r.epoch), (x(r), r.value))).collect();
            let all: Vec<(f64, f64)> = by_time.into_values().collect();
            let stride = all.len().div_ceil(POINTS).max(1);
            let points: Vec<(f64, f64)> = all.iter().rev().step_by(stride).rev().copied().collect();
            (!points.is_empty()).then_some(Line { split, points })
        })
        .collect()
}

fn panel(metric: &str, rows: &[MetricRow], w: Words) -> Option<Markup> {
    let title = w.t(metric);
    let lines = lines(metric, rows);
    let all = || lines.iter().flat_map(|l| &l.points);
    let least = |f: fn(&(f64, f64)) -> f64| all().map(f).fold(f64::INFINITY, f64::min);
    let most = |f: fn(&(f64, f64)) -> f64| all().map(f).fold(f64::NEG_INFINITY, f64::max);
    if lines.is_empty() {
        return None;
    }
    let percents = metric == "accuracy";
    // Accuracy begins near its lowest value, the others at 0.
    let y_ticks = ticks(if percents { least(|p| p.1) } else { least(|p| p.1).min(0.0) }, most(|p| p.1), 4);
    let x_ticks = ticks(0.0, most(|p| p.0), 5);
    let (y_low, y_high) = (y_ticks[0], y_ticks[y_ticks.len() - 1]);
    let x_high = most(|p| p.0).max(f64::MIN_POSITIVE);
    let x = |v: f64| LEFT + v / x_high * (WIDTH - LEFT - RIGHT);
    let y = |v: f64| TOP + (y_high - v) / (y_high - y_low) * (HEIGHT - TOP - BOTTOM);
    let label = |v: f64| if percents { format!("{}\u{a0}%", (v * 100.0).round()) } else { short(v) };
    let value = |v: f64| if percents { w.percent(v) } else { short(v) };
    let at = |v: f64| format!("{v:.1}");
    Some(html! {
        figure {
            figcaption {
                strong { (title) }
                @for line in &lines {
                    @if let Some(last) = line.points.last() {
                        span.key { span class={ "swatch " (line.split) } {} (w.t(if line.split == "train" { "split_train" } else { "split_validation" })) " " (value(last.1)) }
                    }
                }
            }
            svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(w.with("by_epoch", [("what", (&title).into())])) {
                @for tick in &y_ticks {
                    line.grid x1=(LEFT) x2=(WIDTH - RIGHT) y1=(at(y(*tick))) y2=(at(y(*tick))) {}
                    text.y x=(LEFT - 6.0) y=(at(y(*tick) + 4.0)) { (label(*tick)) }
                }
                @for tick in x_ticks.iter().filter(|t| **t <= x_high * 1.001) {
                    text.x x=(at(x(*tick))) y=(HEIGHT - 6.0) { (short(*tick)) }
                }
                @for line in &lines {
                    @if let [(px, py)] = line.points[..] {
                        circle class={ "dot " (line.split) } cx=(at(x(px))) cy=(at(y(py))) r="3" {}
                    } @else {
                        path class={ "line " (line.split) } d=(path(&line.points, x, y)) {}
                    }
                }
            }
        }
    })
}

fn path(points: &[(f64, f64)], x: impl Fn(f64) -> f64, y: impl Fn(f64) -> f64) -> String {
    let parts: Vec<String> = points
        .iter()
        .enumerate()
        .map(|(i, p)| format!("{}{:.1} {:.1}", if i == 0 { 'M' } else { 'L' }, x(p.0), y(p.1)))
        .collect();
    parts.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(split: &str, metric: &str, epoch: u64, step: u64, value: f64) -> MetricRow {
        MetricRow { split: split.to_owned(), metric: metric.to_owned(), epoch, step, value }
    }

    #[test]
    fn steps_become_epochs_and_the_later_of_two_figures_counts() {
        let rows = [
            row("train", "loss", 0, 10, 2.0),
            row("train", "loss", 1, 20, 9.0),
            row("train", "loss", 1, 20, 1.0),
            row("validation", "loss", 1, 20, f64::NAN),
        ];
        let lines = lines("loss", &rows);
        assert_eq!(lines.len(), 1, "a line of what is not a number is no line");
        assert_eq!(lines[0].points, [(1.0, 2.0), (2.0, 1.0)]);
    }

    #[test]
    fn long_runs_are_thinned_and_keep_their_end() {
        let rows: Vec<MetricRow> = (0..10_000).map(|i| row("train", "loss", 0, i, i as f64)).collect();
        let lines = lines("loss", &rows);
        assert!(lines[0].points.len() <= POINTS);
        assert_eq!(lines[0].points.last().unwrap().1, 9999.0);
    }

    #[test]
    fn lines_stay_inside_the_drawing() {
        let rows = [row("train", "accuracy", 0, 1, 0.31), row("train", "accuracy", 1, 2, 0.98)];
        let text = panel("accuracy", &rows, Words::default()).unwrap().into_string();
        let d = text.split("d=\"M").nth(1).unwrap().split('"').next().unwrap();
        let numbers: Vec<f64> = d.split(['L', ' ']).map(|n| n.parse().unwrap()).collect();
        assert_eq!(numbers.len(), 4);
        assert!(numbers[0] >= LEFT && numbers[2] <= WIDTH && numbers[1] > numbers[3] && numbers[3] >= TOP);
        assert!(text.contains("98.0\u{a0}%"));
    }

    #[test]
    fn one_epoch_is_a_dot_and_none_is_said() {
        let text = section(&[row("train", "loss", 0, 5, 1.0)], Words::default()).into_string();
        assert!(text.contains("<circle") && !text.contains("<path") && !text.contains("NaN"), "{text}");
        assert!(section(&[], Words::default()).into_string().contains("no figures"));
    }
}
