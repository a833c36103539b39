//! A section of findings: thumbnails, what was found, what to do.

use crate::find::{Card, Shown};
use crate::thumbnails::Thumbnails;
use maud::{Markup, html};
use plugin_report::Words;
use plugin_report::format::{count, encoded};

/// Files of a finding that are shown at most.
pub const FILES: usize = 6;

/// Findings of one kind.
pub struct Section<'a> {
    /// Where links point to.
    pub id: &'static str,
    /// Heading.
    pub title: String,
    /// What it means.
    pub about: String,
    /// How many there are.
    pub total: usize,
    /// The first of them.
    pub cards: Vec<Card<'a>>,
    /// The table that has them all.
    pub table: &'static str,
}

impl Section<'_> {
    /// There is something to tell: findings, or that nobody looked.
    pub fn told(&self) -> bool {
        self.total > 0 || self.id == "labels"
    }

    /// The section of the page.
    pub fn markup(&self, thumbnails: &Thumbnails, w: Words) -> Markup {
        html! {
            section id=(self.id) {
                h2 { (&self.title) @if self.total > 0 { " · " (count(self.total as u64)) } }
                p.note { (self.about) }
                @if self.total > 0 {
                    ul.findings { @for card in &self.cards { (finding(card, thumbnails, w)) } }
                }
                @if self.total > self.cards.len() {
                    p.more {
                        (w.with("more_findings", [("n", (self.total - self.cards.len()).into())])) " "
                        a href=(format!("report/{}", self.table)) { (self.table) } "."
                    }
                }
            }
        }
    }
}

fn finding(card: &Card, thumbnails: &Thumbnails, w: Words) -> Markup {
    html! {
        li {
            div.files { @for shown in card.files.iter().take(FILES) { (file(shown, thumbnails, w)) } }
            @if card.files.len() > FILES { p.note { (w.with("more_files", [("n", (card.files.len() - FILES).into())])) } }
            p.found { (card.found.render(w.language())) }
            p.advice { (card.advice.render(w.language())) }
        }
    }
}

fn file(shown: &Shown, thumbnails: &Thumbnails, w: Words) -> Markup {
    let path = &shown.record.path;
    let name = path.rsplit('/').next().unwrap_or(path);
    html! {
        a href=(format!("../{}", encoded(path))) title=(path) {
            @match thumbnails.get(&shown.record.digest) {
                Some(thumbnail) => img src=(thumbnail) alt=(path) loading="lazy";,
                None => span.blank {},
            }
            span { (shown.note.render(w.language())) }
            span.path { (name) }
        }
    }
}
