//! Accuracy over the training images, as SVG: a line for each way.

use maud::{Markup, html};

/// A drawing.
pub struct Lines<'a> {
    /// What stands below.
    pub x: &'a str,
    /// What is shown.
    pub lines: &'a [Line<'a>],
}

/// A polyline of a chart with its label.
pub struct Line<'a> {
    /// Its name.
    pub label: &'a str,
    /// By rising first number; the second is a share, 0 to 1.
    pub points: Vec<(f64, f64)>,
}

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 340.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = 120.0;
const TOP: f64 = 16.0;
const BOTTOM: f64 = 44.0;
/// Told apart also by those who see fewer colours (Okabe and Ito, <https://jfly.uni-koeln.de/color/>).
const COLOURS: [&str; 5] = ["#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00"];
/// Between two names at the right.
const APART: f64 = 15.0;

/// Draws it.
pub fn svg(chart: &Lines<'_>) -> Markup {
    let all = || chart.lines.iter().flat_map(|line| &line.points);
    let high = (all().map(|p| p.1).fold(0.05, f64::max) * 10.0).ceil() / 10.0;
    let last = all().map(|p| p.0).fold(f64::MIN_POSITIVE, f64::max);
    let x = |v: f64| LEFT + v / last * (WIDTH - LEFT - RIGHT);
    let y = |v: f64| TOP + (high - v) / high * (HEIGHT - TOP - BOTTOM);
    let at = |v: f64| format!("{v:.1}");
    // Names stand where their lines end, one below the other where those lie close.
    let mut names: Vec<(usize, f64)> =
        chart.lines.iter().enumerate().filter_map(|(i, line)| Some((i, y(line.points.last()?.1)))).collect();
    names.sort_by(|a, b| a.1.total_cmp(&b.1));
    for i in 1..names.len() {
        names[i].1 = names[i].1.max(names[i - 1].1 + APART);
    }
    let steps = (high * 10.0).round() as usize;
    html! {
        figure {
            svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(format!("accuracy by {}", chart.x))
                style="max-width: 52rem" {
                @for step in 0..=steps {
                    @let value = step as f64 / 10.0;
                    line.grid x1=(LEFT) x2=(WIDTH - RIGHT) y1=(at(y(value))) y2=(at(y(value))) {}
                    text.y x=(LEFT - 6.0) y=(at(y(value) + 4.0)) { (format!("{}\u{a0}%", step * 10)) }
                }
                @for quarter in 1..=4 {
                    @let value = last * f64::from(quarter) / 4.0;
                    text.x x=(at(x(value))) y=(HEIGHT - 24.0) { (format!("{value:.0}")) }
                }
                @for (i, line) in chart.lines.iter().enumerate() {
                    @let points: Vec<String> = line.points.iter().map(|p| format!("{:.1},{:.1}", x(p.0), y(p.1))).collect();
                    polyline.line points=(points.join(" ")) style=(format!("stroke: {}", COLOURS[i % COLOURS.len()])) {}
                }
                @for (i, place) in names {
                    text.y x=(WIDTH - RIGHT + 8.0) y=(at(place + 4.0))
                        style=(format!("text-anchor: start; fill: {}", COLOURS[i % COLOURS.len()])) { (chart.lines[i].label) }
                }
                text.x x=(at(f64::midpoint(LEFT, WIDTH - RIGHT))) y=(HEIGHT - 6.0) { (chart.x) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_do_not_cover_each_other_and_lines_stay_within() {
        let line = |label, end: f64| Line { label, points: vec![(10.0, 0.2), (20.0, end)] };
        let lines = [line("a", 0.5), line("b", 0.51), line("c", 0.5)];
        let text = svg(&Lines { x: "images", lines: &lines }).into_string();
        let mut names: Vec<f64> = Vec::new();
        for name in ["a", "b", "c"] {
            let before = text.split(&format!(">{name}</text>")).next().unwrap();
            names.push(before.rsplit(" y=\"").next().unwrap().split('"').next().unwrap().parse().unwrap());
        }
        names.sort_by(f64::total_cmp);
        assert!(names.windows(2).all(|pair| pair[1] - pair[0] >= APART - 0.1), "{names:?}");
        assert!(names.iter().all(|y| *y < HEIGHT));
    }
}
