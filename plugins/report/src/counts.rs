//! How many images there are, and what is wrong with that.

use super::Words;
use super::format::{count, link};
use super::warnings::warnings;
use maud::{Markup, html};
use plugin_api::runs::RunManifest;

pub fn section(manifest: &RunManifest, w: Words) -> Markup {
    let rows: Vec<(&String, [u64; 4])> = manifest.classes.iter().zip(manifest.counts.iter().copied()).collect();
    let largest = rows.iter().map(|(_, c)| c[..3].iter().sum::<u64>()).max().unwrap_or(0).max(1);
    let total = |split: usize| rows.iter().map(|(_, c)| c[split]).sum::<u64>();
    let conflicts = total(3) > 0;
    html! {
        section {
            h2 { (w.t("images")) }
            @for warning in warnings(manifest) {
                div.warning { strong { (w.t(warning.title())) } p { (warning.text(w)) } }
            }
            div.scroll { table.plain.counts {
                thead { tr {
                    th { (w.t("class")) } th.n { (w.t("training")) } th.n { (w.t("validation")) } th.n { (w.t("held_out")) }
                    @if conflicts { th.n { (w.t("left_out")) } }
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
                    th scope="row" { (w.t("together")) }
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
        let text = section(&manifest(), Words::default()).into_string();
        for part in ["きゅんきゅん", "Left out", "Images in several classes", "photos/%E3%81%8D"] {
            assert!(text.contains(part), "{part} is missing of {text}");
        }
    }

    #[test]
    fn without_classes_nothing_is_divided_by() {
        let mut manifest = manifest();
        manifest.classes.clear();
        manifest.counts.clear();
        assert!(!section(&manifest, Words::default()).into_string().contains("NaN"));
    }
}
