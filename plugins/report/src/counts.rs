//! How many pictures there are, and what is wrong with that.

use super::format::{count, link};
use super::warnings::warnings;
use maud::{Markup, html};
use plugin_api::runs::RunManifest;

pub fn section(manifest: &RunManifest) -> Markup {
    let rows: Vec<(&String, [u64; 4])> = manifest.classes.iter().zip(manifest.counts.iter().copied()).collect();
    let largest = rows.iter().map(|(_, c)| c[..3].iter().sum::<u64>()).max().unwrap_or(0).max(1);
    let total = |split: usize| rows.iter().map(|(_, c)| c[split]).sum::<u64>();
    let conflicts = total(3) > 0;
    html! {
        section {
            h2 { "Pictures" }
            @for warning in warnings(manifest) {
                div.warning { strong { (warning.title()) } p { (warning.text()) } }
            }
            div.scroll { table.plain.counts {
                thead { tr {
                    th { "Class" } th.n { "Training" } th.n { "Validation" } th.n { "Held out" }
                    @if conflicts { th.n { "Left out" } }
                    th.bar {}
                } }
                tbody {
                    @for (class, counts) in &rows {
                        tr {
                            th scope="row" { a href=(link(&format!("photos/{class}/"))) { (class) } }
                            @for split in 0..3 { td.n { (count(counts[split])) } }
                            @if conflicts { td.n { @if counts[3] > 0 { (count(counts[3])) } } }
                            td.bar { (bar(counts, largest)) }
                        }
                    }
                }
                tfoot { tr {
                    th scope="row" { "Together" }
                    @for split in 0..3 { td.n { (count(total(split))) } }
                    @if conflicts { td.n { (count(total(3))) } }
                    td.bar {}
                } }
            } }
        }
    }
}

fn bar(counts: &[u64; 4], largest: u64) -> Markup {
    html! {
        span.stack {
            @for (part, n) in ["train", "validation", "test"].iter().zip(counts) {
                span class=(part) style=(format!("width:{:.2}%", *n as f64 / largest as f64 * 100.0)) {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::manifest;

    #[test]
    fn counts_totals_and_warnings_are_shown() {
        let text = section(&manifest()).into_string();
        for part in ["きゅんきゅん", "Left out", "Pictures in several classes", "photos/%E3%81%8D"] {
            assert!(text.contains(part), "{part} is missing of {text}");
        }
    }

    #[test]
    fn without_classes_nothing_is_divided_by() {
        let mut manifest = manifest();
        manifest.classes.clear();
        manifest.counts.clear();
        assert!(!section(&manifest).into_string().contains("NaN"));
    }
}
