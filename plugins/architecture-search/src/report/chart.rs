//! Validation error against multiply-adds, the latter on a logarithmic axis, with the Pareto front.

use crate::search::{Outcome, Search};
use maud::{Markup, html};
use plugin_report::format::{percent, short};
use plugin_report::scale::ticks;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 380.0;
const LEFT: f64 = 62.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 16.0;
const BOTTOM: f64 = 48.0;

/// Draws it.
pub fn scatter(search: &Search, front: &[u64]) -> Markup {
    let points: Vec<_> = search
        .attempts
        .iter()
        .filter(|attempt| attempt.has_weights())
        .filter_map(|attempt| Some((attempt, (attempt.proposed.multiply_adds.max(1) as f64).log10(), attempt.error()?)))
        .collect();
    if points.is_empty() {
        return html! { p.note { "No attempt has ended yet." } };
    }
    let bounds = |of: fn(&(f64, f64)) -> f64| {
        let values = || points.iter().map(|(_, x, y)| of(&(*x, *y)));
        (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max))
    };
    let (left, right) = bounds(|p| p.0);
    let (left, right) = (left - 0.1, right + 0.1);
    let (low, high) = bounds(|p| p.1);
    let levels = ticks(low, high, 5);
    let (low, high) = (levels[0].min(low), levels[levels.len() - 1].max(high));
    let x = |value: f64| LEFT + (value - left) / (right - left) * (WIDTH - LEFT - RIGHT);
    let y = |value: f64| TOP + (high - value) / (high - low).max(1e-9) * (HEIGHT - TOP - BOTTOM);
    let at = |value: f64| format!("{value:.1}");
    let of = |number: &u64| points.iter().find(|(attempt, ..)| attempt.proposed.attempt == *number);
    let path: Vec<String> =
        front.iter().filter_map(of).map(|(_, cost, error)| format!("{:.1},{:.1}", x(*cost), y(*error))).collect();
    let tens = decades(left, right);
    html! {
        figure {
            svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label="Validation error against multiply-adds" {
                @for level in &levels {
                    line.grid x1=(LEFT) x2=(WIDTH - RIGHT) y1=(at(y(*level))) y2=(at(y(*level))) {}
                    text.y x=(LEFT - 8.0) y=(at(y(*level) + 4.0)) { (percent(*level)) }
                }
                @for ten in &tens {
                    text.x x=(at(x(*ten))) y=(HEIGHT - 26.0) { (short(10_f64.powf(*ten) / 1e6)) }
                }
                text.x x=(at(f64::midpoint(LEFT, WIDTH - RIGHT))) y=(HEIGHT - 6.0) { "million multiply-adds an image" }
                polyline.line.validation points=(path.join(" ")) {}
                @for (attempt, cost, error) in &points {
                    @let number = attempt.proposed.attempt;
                    @let is_front = front.contains(&number);
                    @let class = if is_front { "dot validation" } else if attempt.outcome == Outcome::Stopped { "hollow" } else { "dot train" };
                    a href=(format!("#attempt-{number}")) {
                        circle class=(class) cx=(at(x(*cost))) cy=(at(y(*error))) r=(if is_front { "5" } else { "3.5" }) {
                            title { "Attempt " (number) ": " (percent(*error)) ", " (attempt.proposed.change) }
                        }
                    }
                    @if is_front { text.y x=(at(x(*cost) + 8.0)) y=(at(y(*error) - 7.0)) style="text-anchor: start" { (number) } }
                }
            }
        }
    }
}

/// Places of an axis at 1, 2 and 5 times powers of ten, as logarithms; at 1 alone where there are many.
fn decades(left: f64, right: f64) -> Vec<f64> {
    let steps: &[f64] = if right - left > 2.5 { &[1.0] } else { &[1.0, 2.0, 5.0] };
    let powers = left.floor() as i32..=right.ceil() as i32;
    powers
        .flat_map(|power| steps.iter().map(move |step| f64::from(power) + step.log10()))
        .filter(|place| (left..=right).contains(place))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_has_round_places_within_it() {
        assert_eq!(decades(5.9, 7.1).iter().map(|v| 10_f64.powf(*v).round()).collect::<Vec<_>>(), [1e6, 2e6, 5e6, 1e7]);
        assert_eq!(decades(3.5, 8.2), [4.0, 5.0, 6.0, 7.0, 8.0]);
    }
}
