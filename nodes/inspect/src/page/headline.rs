//! What there is, how much of it wants a person's eye, and where.

use super::Report;
use super::cards::Section;
use crate::find::conflicts;
use maud::{Markup, html};
use plugin_report::format::{count, counted, utc};
use std::collections::HashSet;

pub fn section(report: &Report, sections: &[Section]) -> Markup {
    let pictures = report.records.iter().map(|r| &r.digest[..]).collect::<HashSet<_>>().len() as u64;
    let files = report.records.len() as u64;
    let unlabelled = report.records.iter().filter(|r| r.label.is_none()).count() as u64;
    let findings: usize = sections.iter().map(|s| s.total).sum();
    let largest = report.classes.iter().map(|c| c.pictures).max();
    let smallest = report.classes.iter().map(|c| c.pictures).min();
    html! {
        header {
            p.run { "Data set · version " (report.version) " · looked at " (utc(report.made_ms)) }
            h1.size { (counted(pictures, "picture")) }
            p.reason {
                @match findings {
                    0 => span.good { "Nothing to mend was found." },
                    n => {
                        (counted(n as u64, "finding")) " to look at. The page shows the worst of each kind and what to do; \
                        the folders are yours, nothing is changed by itself."
                    }
                }
            }
            div.figures {
                div {
                    h2 { "Files" }
                    p.figure { (count(files)) }
                    p.note { (counted(files - pictures.min(files), "copy").replace("copys", "copies")) " of the same bytes" }
                }
                div {
                    h2 { "Classes" }
                    p.figure { (count(report.classes.len() as u64)) }
                    @if let (Some(large), Some(small)) = (largest, smallest) {
                        p.note { "from " (count(small)) " to " (counted(large, "picture")) }
                    }
                    @if unlabelled > 0 { p.note { (counted(unlabelled, "file")) " without a class" } }
                }
                div {
                    h2 { "Conflicts" }
                    p.figure { (count(report.conflicts.len() as u64)) }
                    p.note { (conflicts::note(&report.conflicts)) }
                }
            }
            nav.toc {
                @for section in sections {
                    @if section.total > 0 {
                        a href=(format!("#{}", section.id)) { (section.title) "\u{a0}" (count(section.total as u64)) }
                    } @else {
                        span.none { (section.title) "\u{a0}0" }
                    }
                }
            }
        }
    }
}
