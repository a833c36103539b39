//! `dataset/report.html`: one document that needs nothing else, in the look of a run's report.

mod cards;
mod classes;
mod forecast;
mod headline;

use crate::find::Card;
use crate::find::classes::Class;
use crate::find::conflicts::{self, Conflict};
use crate::find::duplicates::{Duplicates, Kind};
use crate::find::issues::{self, Issue};
use crate::find::labels::{self, Search};
use crate::record::Record;
use crate::thumbnails::Thumbnails;
use cards::Section;
use maud::{Markup, html};
use plugin_check::REGISTRY;
use plugin_forecast::Forecasts;
use plugin_label_errors::MIN_CLASS_IMAGES;
use plugin_report::document;
use plugin_report::format::{count, counted};

const OWN_STYLE: &str = include_str!("style.css");

/// Everything a report tells.
pub struct Report<'a> {
    /// Version of the data set.
    pub version: u64,
    /// When it was looked at, milliseconds since 1970.
    pub made_ms: u64,
    /// Every file.
    pub records: &'a [Record],
    /// Every class.
    pub classes: Vec<Class>,
    /// Pictures several times in one class.
    pub duplicates: Vec<Duplicates<'a>>,
    /// Look-alikes in several classes.
    pub conflicts: Vec<Conflict<'a>>,
    /// Pictures that a check flags.
    pub issues: Vec<Issue<'a>>,
    /// Wrong labels.
    pub search: &'a Search,
    /// What more images would bring, where that is known.
    pub forecasts: Option<&'a Forecasts>,
}

impl<'a> Report<'a> {
    /// Findings by section, at most `shown` cards each.
    fn sections(&self, shown: usize) -> Vec<Section<'a>> {
        let duplicates = |kind: Kind| {
            let all: Vec<&Duplicates> = self.duplicates.iter().filter(|d| d.kind == kind).collect();
            (all.len(), all.iter().take(shown).map(|d| d.card()).collect::<Vec<Card>>())
        };
        let (exact, near) = (duplicates(Kind::Exact), duplicates(Kind::Near));
        let suspects = self.search.suspects();
        let (same, alike): (Vec<_>, Vec<_>) =
            self.conflicts.iter().partition(|c| c.kind == conflicts::Kind::SamePixels);
        let mut sections = vec![
            Section {
                id: "conflicts",
                title: "Conflicts: the same image in several classes",
                about: "Equal pixels cannot be learnt as several classes. These are kept out of training until one class is \
                        chosen."
                    .to_owned(),
                total: same.len(),
                cards: same.iter().take(shown).map(|conflict| conflict.card()).collect(),
                table: "conflicts.csv",
            },
            Section {
                id: "alike",
                title: "Conflicts: look-alikes in several classes",
                about: "These are used for training as they are. The best suspect comes first: one image among many of another \
                        class. Where they are right, say so under Decide on the page, and they are not listed again."
                    .to_owned(),
                total: alike.len(),
                cards: alike.iter().take(shown).map(|conflict| conflict.card()).collect(),
                table: "conflicts.csv",
            },
            Section {
                id: "labels",
                title: "Suspected wrong labels",
                about: about_search(self.search),
                total: suspects.len(),
                cards: suspects.iter().take(shown).filter_map(|s| labels::card(s, self.records)).collect(),
                table: "label_errors.csv",
            },
            Section {
                id: "exact",
                title: "The same file several times",
                about: "They weigh more than others while learning, and take space.".to_owned(),
                total: exact.0,
                cards: exact.1,
                table: "duplicates.csv",
            },
            Section {
                id: "near",
                title: "Look-alikes",
                about: "Of one class, by perceptual hashes. They are always in the same split, so that none is tested \
                        with a copy of what it learnt."
                    .to_owned(),
                total: near.0,
                cards: near.1,
                table: "duplicates.csv",
            },
        ];
        for check in REGISTRY {
            let of_check = || self.issues.iter().filter(|i| i.check.name == check.name);
            sections.push(Section {
                id: check.name,
                title: check.title,
                about: check.meaning.to_owned(),
                total: of_check().count(),
                cards: of_check().take(shown).map(Issue::card).collect(),
                table: "issues.csv",
            });
        }
        sections
    }

    /// Path and digest of every file the page shows.
    pub fn pictured(&self, shown: usize) -> Vec<(&'a str, &'a str)> {
        let cards = self.sections(shown).into_iter().flat_map(|section| section.cards);
        let files = cards.flat_map(|card| card.files.into_iter().take(cards::FILES));
        files.map(|file| (&file.record.path[..], &file.record.digest[..])).collect()
    }

    /// The whole page.
    pub fn html(&self, shown: usize, thumbnails: &Thumbnails) -> String {
        let sections = self.sections(shown);
        let title = format!("Data set, version {}", self.version);
        document(
            &title,
            OWN_STYLE,
            &html! {
                    (headline::section(self, &sections))
                    (classes::section(self))
                    @if let Some(forecasts) = self.forecasts { (forecast::section(forecasts)) }
                    @for section in sections.iter().filter(|s| s.told()) { (section.markup(thumbnails)) }
                    (quiet(&sections, issues::unmeasured(self.records)))
                    footer {
                        "Tables, with every row: "
                        @for (at, table) in TABLES.iter().enumerate() {
                            @if at > 0 { ", " }
                            a href=(format!("report/{table}")) { (table) }
                        }
                        "."
                    }
            },
        )
    }
}

/// The tables beside the page, in `dataset/report/`.
pub const TABLES: [&str; 5] = ["classes.csv", "duplicates.csv", "conflicts.csv", "issues.csv", "label_errors.csv"];

/// What was looked for and not found.
fn quiet(sections: &[Section], unmeasured: usize) -> Markup {
    let nothing: Vec<&str> = sections.iter().filter(|s| !s.told()).map(|s| s.title).collect();
    html! {
        @if !nothing.is_empty() || unmeasured > 0 {
            section {
                h2 { "Nothing to mend" }
                @if !nothing.is_empty() { p { (nothing.join(" · ")) } }
                @if unmeasured > 0 {
                    p.note {
                        (counted(unmeasured as u64, "file")) " came before there were these checks and were not measured \
                        for brightness, blur and information. A change of the file's time (touch) has it read again."
                    }
                }
            }
        }
    }
}

fn about_search(search: &Search) -> String {
    const HOW: &str = "By what heads on a pretrained network's features say, each of images that it was not trained on, nor on \
                       look-alikes of: another class is at least 20 times as probable as the label. They err; look.";
    match search {
        Search::Off => "Not looked for: --label-errors off.".to_owned(),
        Search::Going(what) => format!("Being looked for: {what}. This page is written again when it is done."),
        Search::NotDone(why) => format!("Not looked for. {why}"),
        Search::Done { looked_at, of, exempt, .. } => {
            let looked = if looked_at < of {
                format!("{HOW} Looked at {} of {} pictures.", count(*looked_at as u64), count(*of as u64))
            } else {
                format!("{HOW} Looked at {}.", counted(*looked_at as u64, "picture"))
            };
            if exempt.is_empty() {
                return looked;
            }
            let names = exempt.join(", ");
            format!("{looked} Classes of fewer than {MIN_CLASS_IMAGES} images are exempt: {names}.")
        }
    }
}

#[cfg(test)]
mod tests;
