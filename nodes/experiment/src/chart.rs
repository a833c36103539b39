//! Accuracy against cost, as SVG: the cost on a logarithmic axis, and the best for its cost joined by a line (the Pareto
//! front).

use maud::{Markup, html};

/// A drawing.
pub struct Chart<'a> {
    /// What stands below.
    pub x: &'a str,
    /// What stands at the side; a share, 0 to 1.
    pub y: &'a str,
    /// What is shown.
    pub points: &'a [Point],
}

/// A figure.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// Its name.
    pub label: String,
    /// Cost, above 0.
    pub x: f64,
    /// Height in the chart, 0 to 1.
    pub y: f64,
    /// Half the length of its whiskers; 0 for none.
    pub deviation: f64,
    /// Nothing that costs no more is better.
    pub marked: bool,
}

const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 320.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = 30.0;
const TOP: f64 = 20.0;
const BOTTOM: f64 = 44.0;

/// Draws it.
pub fn svg(chart: &Chart<'_>) -> Markup {
    let points = chart.points;
    let least = |f: fn(&Point) -> f64| points.iter().map(f).fold(f64::INFINITY, f64::min);
    let most = |f: fn(&Point) -> f64| points.iter().map(f).fold(f64::NEG_INFINITY, f64::max);
    // A step of 5 % beyond the points.
    let low = ((least(|p| p.y - p.deviation) * 20.0).floor() / 20.0).max(0.0);
    let high = ((most(|p| p.y + p.deviation) * 20.0).ceil() / 20.0).clamp(low + 0.05, 1.0_f64.max(low + 0.05));
    let (first, last) = (least(|p| p.x).ln(), most(|p| p.x).ln());
    let span = if last > first { last - first } else { 1.0 };
    let x = |v: f64| LEFT + 20.0 + (v.ln() - first) / span * (WIDTH - LEFT - RIGHT - 60.0);
    let y = |v: f64| TOP + (high - v) / (high - low) * (HEIGHT - TOP - BOTTOM);
    let at = |v: f64| format!("{v:.1}");
    let mut front: Vec<&Point> = points.iter().filter(|p| p.marked).collect();
    front.sort_by(|a, b| a.x.total_cmp(&b.x));
    let path: Vec<String> = front.iter().map(|p| format!("{:.1},{:.1}", x(p.x), y(p.y))).collect();
    let steps = ((high - low) * 20.0).round() as usize;
    html! {
        figure {
            svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(format!("{} against {}", chart.y, chart.x))
                style="max-width: 46rem" {
                @for step in (0..=steps).step_by(steps.div_ceil(6).max(1)) {
                    @let value = low + step as f64 / 20.0;
                    line.grid x1=(LEFT) x2=(WIDTH - RIGHT) y1=(at(y(value))) y2=(at(y(value))) {}
                    text.y x=(LEFT - 6.0) y=(at(y(value) + 4.0)) { (format!("{:.0}\u{a0}%", value * 100.0)) }
                }
                polyline.line.validation points=(path.join(" ")) {}
                @for point in points {
                    @if point.deviation > 0.0 {
                        line.line.train x1=(at(x(point.x))) x2=(at(x(point.x)))
                            y1=(at(y(point.y - point.deviation))) y2=(at(y(point.y + point.deviation))) {}
                    }
                    circle class=(if point.marked { "dot validation" } else { "dot train" })
                        cx=(at(x(point.x))) cy=(at(y(point.y))) r="4" {}
                    // The front rises to the right, so below it is room.
                    @let below = if point.marked { 16.0 } else { -8.0 };
                    text.y x=(at(x(point.x) + 8.0)) y=(at(y(point.y) + below)) style="text-anchor: start" { (point.label) }
                    text.x x=(at(x(point.x))) y=(HEIGHT - 24.0) { (short(point.x)) }
                }
                text.x x=(at(f64::midpoint(LEFT, WIDTH - RIGHT))) y=(HEIGHT - 6.0) { (chart.x) }
            }
        }
    }
}

fn short(value: f64) -> String {
    if value >= 100.0 { format!("{value:.0}") } else { format!("{value:.1}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_point_is_within_the_drawing_and_the_front_is_joined() {
        let point = |x: f64, y, marked| Point { label: format!("p{x}"), x, y, deviation: 0.02, marked };
        let points = [point(2.0, 0.4, true), point(8.0, 0.5, true), point(40.0, 0.45, false)];
        let text = svg(&Chart { x: "cost", y: "accuracy", points: &points }).into_string();
        let numbers = |key: &str| -> Vec<f64> {
            text.split(&format!("{key}=\"")).skip(1).filter_map(|rest| rest.split('"').next()?.parse().ok()).collect()
        };
        assert!(numbers("cx").iter().all(|x| (0.0..WIDTH).contains(x)) && numbers("cx").len() == 3);
        assert!(numbers("cy").iter().all(|y| (0.0..HEIGHT).contains(y)));
        let line = text.split("points=\"").nth(1).unwrap().split('"').next().unwrap();
        assert_eq!(line.split(' ').count(), 2, "{line}");
    }

    #[test]
    fn one_point_alone_is_drawn_too() {
        let points = [Point { label: "a".to_owned(), x: 1.0, y: 1.0, deviation: 0.0, marked: true }];
        assert!(!svg(&Chart { x: "cost", y: "accuracy", points: &points }).into_string().contains("NaN"));
    }
}
