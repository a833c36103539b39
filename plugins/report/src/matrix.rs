//! The confusion matrix as a table whose cells are shaded by their share of the row.

use super::Words;
use super::format::count;
use maud::{Markup, html};
use plugin_metric::{Predictions, confusion};

/// With more classes than this the table is unreadable, and the pairs most often confused are listed instead.
const MAX_CLASSES: usize = 40;
/// How many pairs are listed.
const PAIRS: usize = 40;
/// With at most this many classes the table leaves room for a short list of pairs.
const BESIDE: usize = 8;
/// How long that list is.
const SHORT: usize = 8;

pub fn section(predictions: &Predictions, w: Words) -> Markup {
    let counts = confusion(predictions);
    html! {
        section {
            h2 { (w.t("matrix")) }
            @if predictions.is_empty() {
                p.note { (w.t("none_held_out")) }
            } @else if predictions.classes().len() <= MAX_CLASSES {
                p.note { (w.t("matrix_how")) }
                // With few classes there is room for both.
                @if predictions.classes().len() <= BESIDE && predictions.correct().contains(&false) {
                    div.beside {
                        (table(predictions.classes(), &counts))
                        (pairs(predictions.classes(), &counts, SHORT, w))
                    }
                } @else {
                    (table(predictions.classes(), &counts))
                }
            } @else {
                p.note { (w.t("pairs_how")) " " a href="confusion.csv" { "confusion.csv" } }
                (pairs(predictions.classes(), &counts, PAIRS, w))
            }
        }
    }
}

fn table(classes: &[String], counts: &[Vec<u64>]) -> Markup {
    // Shares are left out where cells would grow too small for them.
    let dense = classes.len() > 14;
    html! {
        div.scroll { table.matrix.dense[dense] {
            thead { tr {
                td {}
                @for class in classes { th scope="col" title=(class) { span { (class) } } }
            } }
            tbody {
                @for (truth, row) in counts.iter().enumerate() {
                    @let total: u64 = row.iter().sum();
                    tr {
                        th scope="row" title=(classes[truth]) { span { (classes[truth]) } }
                        @for (prediction, &n) in row.iter().enumerate() {
                            (cell(n, total, truth == prediction, dense))
                        }
                    }
                }
            }
        } }
    }
}

fn cell(n: u64, total: u64, right: bool, dense: bool) -> Markup {
    if n == 0 {
        return html! { td.none { "·" } };
    }
    let share = n as f64 / total as f64;
    // A mistake is shaded more than its share, so that 2 % can be seen.
    let shade = if right { share * 100.0 } else { share.sqrt() * 100.0 };
    let colour = if right { "hit" } else { "miss" };
    html! {
        td.deep[shade > 55.0] style=(format!("background:color-mix(in srgb,var(--{colour}) {shade:.0}%,transparent)")) {
            b { (count(n)) }
            @if !dense { small { (format!("{:.0}\u{a0}%", share * 100.0)) } }
        }
    }
}

/// The pairs of classes confused most often, at most `shown`.
fn pairs(classes: &[String], counts: &[Vec<u64>], shown: usize, w: Words) -> Markup {
    let mut pairs: Vec<(u64, usize, usize)> = Vec::new();
    for (truth, row) in counts.iter().enumerate() {
        pairs.extend(row.iter().enumerate().filter(|(p, n)| *p != truth && **n > 0).map(|(p, n)| (*n, truth, p)));
    }
    pairs.sort_by(|a, b| b.0.cmp(&a.0).then(a.cmp(b)));
    html! {
        div.scroll { table.plain {
            thead { tr { th { (w.t("confused_most")) } th { (w.t("called")) } th.n { (w.t("images")) } th.n { (w.t("share")) } } }
            tbody {
                @for (n, truth, prediction) in pairs.into_iter().take(shown) {
                    @let total: u64 = counts[truth].iter().sum();
                    tr {
                        th scope="row" { (classes[truth]) }
                        td { (classes[prediction]) }
                        td.n { (count(n)) }
                        td.n { (format!("{:.0}\u{a0}%", n as f64 / total as f64 * 100.0)) }
                    }
                }
            }
        } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::ten;

    #[test]
    fn cells_hold_counts_and_shares_of_their_row() {
        let text = section(&ten(), Words::default()).into_string();
        for part in ["<b>3</b><small>75\u{a0}%</small>", "<b>2</b><small>67\u{a0}%</small>", "きゅんきゅん", ">·<"]
        {
            assert!(text.contains(part), "{part} is missing of {text}");
        }
    }

    #[test]
    fn many_classes_are_listed_by_pairs() {
        let classes: Vec<String> = (0..50).map(|i| format!("class {i}")).collect();
        let mut predictions = Predictions::new(classes);
        let row = |c: usize| (0..50).map(|i| f32::from(u8::from(i == c))).collect::<Vec<f32>>();
        for (truth, prediction) in [(7, 8), (7, 8), (7, 7), (1, 2), (3, 3)] {
            predictions.push(truth, &row(prediction)).unwrap();
        }
        let text = section(&predictions, Words::default()).into_string();
        let (first, second) = (text.find("class 7").unwrap(), text.find("class 1<").unwrap());
        assert!(first < second && text.contains("67\u{a0}%") && !text.contains("class 3<"), "{text}");
    }
}
