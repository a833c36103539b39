//! What there is, how much of it wants a person's attention, and where.

use super::Report;
use super::cards::Section;
use crate::find::conflicts;
use maud::{Markup, html};
use plugin_report::Words;
use plugin_report::format::{count, utc};
use std::collections::HashSet;

pub fn section(report: &Report, sections: &[Section], w: Words) -> Markup {
    let images = report.records.iter().map(|r| &r.digest[..]).collect::<HashSet<_>>().len() as u64;
    let files = report.records.len() as u64;
    let unlabelled = report.records.iter().filter(|r| r.label.is_none()).count() as u64;
    let findings: usize = sections.iter().map(|s| s.total).sum();
    let largest = report.classes.iter().map(|c| c.images).max();
    let smallest = report.classes.iter().map(|c| c.images).min();
    html! {
        header {
            p.run { (w.with("data_set_at", [("version", report.version.into()), ("at", utc(report.made_ms).into())])) }
            h1.size { (w.with("images_n", [("n", images.into())])) }
            p.reason {
                @match findings {
                    0 => span.good { (w.t("no_findings")) },
                    n => {
                        (w.with("findings", [("n", n.into())]))
                    }
                }
            }
            div.figures {
                div {
                    h2 { (w.t("files")) }
                    p.figure { (count(files)) }
                    p.note { (w.with("copies", [("n", (files - images.min(files)).into())])) }
                }
                div {
                    h2 { (w.t("classes")) }
                    p.figure { (count(report.classes.len() as u64)) }
                    @if let (Some(large), Some(small)) = (largest, smallest) {
                        p.note { (w.with("from_to", [("small", small.into()), ("n", large.into())])) }
                    }
                    @if unlabelled > 0 { p.note { (w.with("unlabelled", [("n", unlabelled.into())])) } }
                }
                div {
                    h2 { (w.t("conflicts_title")) }
                    p.figure { (count(report.conflicts.len() as u64)) }
                    p.note { (conflicts::note(&report.conflicts, w)) }
                }
            }
            nav.toc {
                @for section in sections {
                    @if section.total > 0 {
                        a href=(format!("#{}", section.id)) { (&section.title) "\u{a0}" (count(section.total as u64)) }
                    } @else {
                        span.none { (&section.title) "\u{a0}0" }
                    }
                }
            }
        }
    }
}
