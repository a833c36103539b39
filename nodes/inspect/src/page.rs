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
use plugin_api::Language;
use plugin_check::REGISTRY;
use plugin_forecast::Forecasts;
use plugin_label_errors::MIN_CLASS_IMAGES;
use plugin_report::{Words, document};

const OWN_STYLE: &str = include_str!("page/style.css");

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
    /// Images several times in one class.
    pub duplicates: Vec<Duplicates<'a>>,
    /// Look-alikes in several classes.
    pub conflicts: Vec<Conflict<'a>>,
    /// Images that a check flags.
    pub issues: Vec<Issue<'a>>,
    /// Wrong labels.
    pub search: &'a Search,
    /// What more images would bring, where that is known.
    pub forecasts: Option<&'a Forecasts>,
}

impl<'a> Report<'a> {
    /// Findings by section, at most `shown` cards each.
    fn sections(&self, shown: usize, w: Words) -> Vec<Section<'a>> {
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
                title: w.t("section_conflicts"),
                about: w.t("about_conflicts"),
                total: same.len(),
                cards: same.iter().take(shown).map(|conflict| conflict.card()).collect(),
                table: "conflicts.csv",
            },
            Section {
                id: "alike",
                title: w.t("section_alike"),
                about: w.t("about_alike"),
                total: alike.len(),
                cards: alike.iter().take(shown).map(|conflict| conflict.card()).collect(),
                table: "conflicts.csv",
            },
            Section {
                id: "labels",
                title: w.t("section_labels"),
                about: about_search(self.search, w),
                total: suspects.len(),
                cards: suspects.iter().take(shown).filter_map(|s| labels::card(s, self.records)).collect(),
                table: "label_errors.csv",
            },
            Section {
                id: "exact",
                title: w.t("section_exact"),
                about: w.t("about_exact"),
                total: exact.0,
                cards: exact.1,
                table: "duplicates.csv",
            },
            Section {
                id: "near",
                title: w.t("section_near"),
                about: w.t("about_near"),
                total: near.0,
                cards: near.1,
                table: "duplicates.csv",
            },
        ];
        for check in REGISTRY {
            let of_check = || self.issues.iter().filter(|i| i.check.name == check.name);
            sections.push(Section {
                id: check.name,
                title: w.of("check", check.name, check.title),
                about: w.of("about", check.name, check.meaning),
                total: of_check().count(),
                cards: of_check().take(shown).map(Issue::card).collect(),
                table: "issues.csv",
            });
        }
        sections
    }

    /// Path and digest of every file the page shows.
    pub fn thumbnailed(&self, shown: usize) -> Vec<(&'a str, &'a str)> {
        let cards = self.sections(shown, Words::default()).into_iter().flat_map(|section| section.cards);
        let files = cards.flat_map(|card| card.files.into_iter().take(cards::FILES));
        files.map(|file| (&file.record.path[..], &file.record.digest[..])).collect()
    }

    /// The whole page.
    pub fn html(&self, shown: usize, thumbnails: &Thumbnails, w: Words) -> String {
        let sections = self.sections(shown, w);
        let title = w.with("data_set_title", [("version", self.version.into())]);
        document(
            &title,
            OWN_STYLE,
            &html! {
                    (headline::section(self, &sections, w))
                    (classes::section(self, w))
                    @if let Some(forecasts) = self.forecasts { (forecast::section(forecasts, w)) }
                    @for section in sections.iter().filter(|s| s.told()) { (section.markup(thumbnails, w)) }
                    (quiet(&sections, issues::unmeasured(self.records), w))
                    footer {
                        (w.t("all_tables")) " "
                        @for (at, table) in TABLES.iter().enumerate() {
                            @if at > 0 { ", " }
                            a href=(format!("report/{table}")) { (table) }
                        }
                        "."
                    }
            },
            w.language(),
            Some(page_name(if w.language() == Language::En { Language::Ja } else { Language::En })),
        )
    }
}

/// The file name of the page, in `dataset/`.
pub fn page_name(language: Language) -> &'static str {
    match language {
        Language::En => "report.html",
        Language::Ja => "report.ja.html",
    }
}

/// The tables beside the page, in `dataset/report/`.
pub const TABLES: [&str; 5] = ["classes.csv", "duplicates.csv", "conflicts.csv", "issues.csv", "label_errors.csv"];

/// What was looked for and not found.
fn quiet(sections: &[Section], unmeasured: usize, w: Words) -> Markup {
    let nothing: Vec<&str> = sections.iter().filter(|s| !s.told()).map(|s| &*s.title).collect();
    html! {
        @if !nothing.is_empty() || unmeasured > 0 {
            section {
                h2 { (w.t("nothing_to_mend")) }
                @if !nothing.is_empty() { p { (nothing.join(" · ")) } }
                @if unmeasured > 0 {
                    p.note {
                        (w.with("unmeasured", [("n", unmeasured.into())]))
                    }
                }
            }
        }
    }
}

fn about_search(search: &Search, w: Words) -> String {
    match search {
        Search::Off => w.t("search_off"),
        Search::Going(what) => w.with("search_going", [("what", what.clone().into())]),
        Search::NotDone(why) => w.with("search_not_done", [("why", why.clone().into())]),
        Search::Done { looked_at, of, exempt, .. } => {
            let looked = if looked_at < of {
                w.with("search_done_part", [("n", (*looked_at).into()), ("of", (*of).into())])
            } else {
                w.with("search_done", [("n", (*looked_at).into())])
            };
            if exempt.is_empty() {
                return looked;
            }
            let exempt = exempt.clone().into();
            let args = [("looked", looked.into()), ("least", MIN_CLASS_IMAGES.into()), ("classes", exempt)];
            w.with("search_exempt", args)
        }
    }
}

#[cfg(test)]
mod tests;
