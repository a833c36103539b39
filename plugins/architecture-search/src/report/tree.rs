//! The family tree: each attempt right of the one it was made from, children from top to bottom.

use crate::search::{Outcome, Search};
use maud::{Markup, html};
use plugin_report::format::percent_or_dash;
use std::collections::BTreeMap;

/// Between two generations.
const ACROSS: f64 = 74.0;
/// Between two attempts.
const DOWN: f64 = 22.0;
const MARGIN: f64 = 16.0;

/// Where each attempt stands: its generation and its row, by number.
fn layout(search: &Search) -> Vec<(usize, f64)> {
    let mut children: BTreeMap<Option<u64>, Vec<u64>> = BTreeMap::new();
    for attempt in &search.attempts {
        children.entry(attempt.proposed.parent).or_default().push(attempt.proposed.attempt);
    }
    let mut places = vec![(0, 0.0); search.attempts.len()];
    let mut rows = 0.0;
    // From the leaves: a parent stands beside the middle of its children. Numbers of children are greater.
    let mut order: Vec<(u64, usize)> = Vec::new();
    let mut open: Vec<(u64, usize)> = children.get(&None).into_iter().flatten().rev().map(|n| (*n, 0)).collect();
    while let Some((number, generation)) = open.pop() {
        order.push((number, generation));
        open.extend(children.get(&Some(number)).into_iter().flatten().rev().map(|n| (*n, generation + 1)));
    }
    for (number, generation) in &order {
        if !children.contains_key(&Some(*number)) {
            places[*number as usize] = (*generation, rows);
            rows += 1.0;
        }
    }
    for (number, generation) in order.iter().rev() {
        if let Some(of) = children.get(&Some(*number)) {
            let (first, last) = (places[of[0] as usize].1, places[of[of.len() - 1] as usize].1);
            places[*number as usize] = (*generation, f64::midpoint(first, last));
        }
    }
    places
}

/// Draws it.
pub fn svg(search: &Search, front: &[u64]) -> Markup {
    let places = layout(search);
    let x = |generation: usize| MARGIN + generation as f64 * ACROSS;
    let y = |row: f64| MARGIN + row * DOWN;
    let width = places.iter().map(|p| x(p.0)).fold(0.0, f64::max) + 60.0;
    let height = places.iter().map(|p| y(p.1)).fold(0.0, f64::max) + MARGIN;
    let at = |value: f64| format!("{value:.1}");
    html! {
        svg viewBox=(format!("0 0 {width:.0} {height:.0}")) style=(format!("width: {width:.0}px")) role="img"
            aria-label="Family tree" {
            @for attempt in &search.attempts {
                @let (generation, row) = places[attempt.proposed.attempt as usize];
                @if let Some(parent) = attempt.proposed.parent.and_then(|parent| places.get(parent as usize)) {
                    @let (from, to) = (x(parent.0), x(generation));
                    @let middle = f64::midpoint(from, to);
                    path.link d=(format!("M{from:.1} {:.1}C{middle:.1} {:.1} {middle:.1} {:.1} {to:.1} {:.1}", y(parent.1), y(parent.1), y(row), y(row))) {}
                }
            }
            @for attempt in &search.attempts {
                @let number = attempt.proposed.attempt;
                @let (generation, row) = places[number as usize];
                @let class = match attempt.outcome {
                    Outcome::Failed => "failed",
                    _ if front.contains(&number) => "dot validation",
                    _ => "hollow",
                };
                a href=(format!("#attempt-{number}")) {
                    circle class=(class) cx=(at(x(generation))) cy=(at(y(row))) r="4.5" {
                        title { (number) ": " (attempt.proposed.change) }
                    }
                }
                text x=(at(x(generation) + 8.0)) y=(at(y(row) - 4.0)) { (number) " · " (percent_or_dash(attempt.error())) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::tests::{proposed, search_of};
    use crate::search::Event;

    #[test]
    fn attempts_never_overlap_and_children_stand_right() {
        let parents = [None, Some(0), Some(0), Some(1), Some(1), Some(3), Some(0), Some(2)];
        let search = search_of(
            parents
                .into_iter()
                .enumerate()
                .map(|(i, parent)| Event::Proposed(crate::Proposed { parent, ..proposed(i as u64, 5) })),
        );
        let places = layout(&search);
        for (i, place) in places.iter().enumerate() {
            assert!(!places[..i].contains(place), "{places:?}");
            if let Some(parent) = parents[i] {
                assert_eq!(place.0, places[parent as usize].0 + 1);
            }
        }
        let text = svg(&search, &[0]).into_string();
        assert_eq!((text.matches("<circle").count(), text.matches("<path").count()), (8, 7));
        assert!(svg(&search_of([]), &[]).into_string().contains("<svg"));
    }
}
