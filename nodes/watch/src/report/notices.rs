//! What a person should know of the watched folders: what was left alone or refused, and folders that may be meant otherwise.
//! One notice a kind, with number, reason, advice and a few paths.

use crate::fs::ignore::LeftAlone;
use crate::fs::roots::{Folder, Roots};
use crate::fs::scan::{EXAMPLES, Left, Scan, Tally, is_below};
use crate::ledger::Ledger;
use crate::ledger::away::{Absence, AwayFolders};
use crate::ledger::labels::Labels;
use crate::quarantine::refused::{QUARANTINE, Refused, RefusedKind, RefusedReason};
use plugin_api::layout::{Layout, Shape};
use plugin_api::names::{class_name, natural_order, similarity_key};
use plugin_api::status::Notice;
use plugin_api::{Message, RejectReason, Text};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What a notice is about. Its text is the `kind` of the [`Notice`], by which pages, lists and logs tell notices apart.
#[derive(Clone, Copy, Debug)]
enum Kind<'a> {
    /// Folders that are splits.
    SplitLayout,
    /// A class that is called as a split.
    SplitAsClass { class: &'a str },
    /// A folder around all classes.
    ExtraFolder { root: &'a str, name: &'a str },
    /// Folders of one class, spelled in several Unicode forms.
    UnicodeForms,
    /// Classes with names that are alike.
    SimilarClasses { names: &'a str },
    /// Refused files, in quarantine or, with the name of their folder, where they were.
    Refused { reason: &'a RefusedReason, stays_in: Option<&'a str> },
    /// Files and folders that are left alone.
    LeftAlone(LeftAlone),
}

impl fmt::Display for Kind<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::SplitLayout => f.write_str("split_layout"),
            Self::SplitAsClass { class } => write!(f, "split_as_class:{class}"),
            Self::ExtraFolder { root, name } => write!(f, "extra_folder:{root}/{name}"),
            Self::UnicodeForms => f.write_str("unicode_forms"),
            Self::SimilarClasses { names } => write!(f, "similar_classes:{names}"),
            Self::Refused { reason, stays_in: None } => reason.fmt(f),
            Self::Refused { reason, stays_in: Some(folder) } => write!(f, "{reason}:{folder}"),
            Self::LeftAlone(why) => f.write_str(why.name()),
        }
    }
}

/// What was left alone and refused when last looked.
#[derive(Debug, Default)]
pub struct Findings {
    left: BTreeMap<String, Tally>,
    refused: Refused,
    version: u64,
}

impl Findings {
    /// Takes what a scan left alone. It replaces what was known of the folder, but for what it could not look at.
    pub fn scanned(&mut self, scan: &Scan) {
        let below = self.left.range(scan.folder.clone()..).take_while(|(folder, _)| folder.starts_with(&scan.folder));
        let known: BTreeMap<&String, &Tally> = below.filter(|(folder, _)| scan.covers(folder)).collect();
        if known.into_iter().eq(scan.left.iter()) {
            return;
        }
        self.left.retain(|folder, _| !scan.covers(folder));
        self.left.extend(scan.left.clone());
        self.version += 1;
    }

    /// Takes a count of what is in quarantine.
    pub fn refused(&mut self, refused: Refused) {
        if self.refused != refused {
            self.refused = refused;
            self.version += 1;
        }
    }
}

/// The notices, made anew when something they rest on has changed.
#[derive(Debug, Default)]
pub struct Notices {
    made_of: Option<MadeOf>,
    notices: Vec<Notice>,
}

/// What the notices rest on.
#[derive(Debug, PartialEq, Eq)]
struct MadeOf {
    /// Versions of the findings and of the shapes of folders.
    versions: Vec<u64>,
    /// Folders that are away.
    away: Vec<(String, Absence)>,
    /// Files that are still being written.
    being_written: BTreeSet<String>,
    /// Whether the dataset has not yet said how much it holds of folders that are away.
    is_asking: bool,
}

/// What is looked at for notices.
pub(crate) struct Sources<'a> {
    pub(crate) roots: &'a Roots,
    pub(crate) ledger: &'a Ledger,
    pub(crate) labels: &'a Labels,
    pub(crate) away: &'a AwayFolders,
    pub(crate) findings: &'a Findings,
    pub(crate) being_written: &'a BTreeSet<String>,
    pub(crate) is_asking: bool,
}

impl Notices {
    /// What a person should know.
    pub(crate) fn of(&mut self, sources: &Sources<'_>) -> &[Notice] {
        let made_of = sources.made_of();
        if self.made_of.as_ref() != Some(&made_of) {
            let mut notices = sources.left_or_refused();
            for notice in &notices {
                if !self.notices.iter().any(|before| before.kind == notice.kind) {
                    let Notice { kind, count, reason, advice, examples } = notice;
                    tracing::warn!(
                        kind,
                        count,
                        %reason,
                        %advice,
                        examples = examples.join(", "),
                        "left alone or refused"
                    );
                }
            }
            // Said in the log when they begin.
            notices.extend(sources.arrivals());
            // What somebody can do something about comes first.
            notices.sort_by_key(|notice| notice.advice.is_empty());
            *self = Self { made_of: Some(made_of), notices };
        }
        &self.notices
    }
}

impl Sources<'_> {
    fn made_of(&self) -> MadeOf {
        let with_classes = [Folder::Photos, Folder::Seeds];
        let versions = with_classes.iter().filter_map(|folder| self.ledger.shape(*folder)).map(Shape::version);
        let away = self.away.away.iter().map(|(folder, away)| (folder.clone(), away.absence));
        MadeOf {
            versions: std::iter::once(self.findings.version).chain(versions).collect(),
            away: away.collect(),
            being_written: self.being_written.clone(),
            is_asking: self.is_asking,
        }
    }

    fn left_or_refused(&self) -> Vec<Notice> {
        let mut left = Tally::new();
        for (why, one) in self.findings.left.values().flatten() {
            let sum = left.entry(*why).or_default();
            sum.count += one.count;
            sum.examples.extend(one.examples.iter().take(EXAMPLES - sum.examples.len().min(EXAMPLES)).cloned());
        }
        let mut folders = Vec::new();
        for root in self.roots.iter() {
            if let (Some(shape), Some(layout)) = (self.ledger.shape(root.folder), self.labels.layout(root.folder)) {
                loose(self.ledger, root.folder, shape, layout, &mut left);
                folders.extend(of_folders(root.folder, shape, layout));
            }
        }
        let refused = self.findings.refused.iter().map(|(kind, left)| refusal(kind, left));
        let left = left.iter().map(|(why, left)| left_alone(*why, left));
        folders.into_iter().chain(refused).chain(left).collect()
    }

    /// Notices of folders that are away and of files that are still arriving.
    fn arrivals(&self) -> Vec<Notice> {
        let away = self.away.away.iter().map(|(folder, away)| self.away_notice(folder, away.absence));
        let mut notices: Vec<Notice> = away.collect();
        if !self.being_written.is_empty() {
            let count = self.being_written.len() as u64;
            notices.push(Notice {
                kind: "arriving".to_owned(),
                count,
                reason: Message::notice_arriving(count).into(),
                advice: Text::default(),
                examples: self.being_written.iter().take(EXAMPLES).cloned().collect(),
            });
        }
        notices
    }

    fn away_notice(&self, folder: &str, absence: Absence) -> Notice {
        let count = self.ledger.held_below(folder).count() as u64;
        Notice {
            kind: format!("away:{folder}"),
            count,
            reason: Message::notice_away(count, folder, absence.message()).into(),
            advice: Message::advice_away(self.away.grace().as_secs()).into(),
            examples: vec![folder.to_owned()],
        }
    }
}

/// Counts images that lie directly in a split folder, and so have no class.
fn loose(ledger: &Ledger, folder: Folder, shape: &Shape, layout: &Layout, left: &mut Tally) {
    for split in &layout.splits {
        let Some(top) = shape.tops().get(split).filter(|top| top.direct > 0) else { continue };
        let prefix = format!("{}/{split}", folder.name());
        let direct = ledger.below(&prefix).filter(|(path, entry)| {
            entry.seen.is_some() && is_below(path, &prefix) && !path[prefix.len() + 1..].contains('/')
        });
        let outside = left.entry(LeftAlone::OutsideClass).or_default();
        outside.count += top.direct as u64;
        let more = EXAMPLES.saturating_sub(outside.examples.len());
        outside.examples.extend(direct.take(more).map(|(path, _)| path.clone()));
    }
}

/// What folders there are that may be meant otherwise.
fn of_folders(folder: Folder, shape: &Shape, layout: &Layout) -> Vec<Notice> {
    let root = folder.name();
    let tops = shape.tops();
    let mut notices = Vec::new();
    let mut notice = |kind: Kind<'_>, count: usize, reason: Message, advice: Option<Message>, examples: Vec<String>| {
        let examples = examples.into_iter().take(EXAMPLES).collect();
        let advice = advice.map(Text::from).unwrap_or_default();
        notices.push(Notice { kind: kind.to_string(), count: count as u64, reason: reason.into(), advice, examples });
    };
    if !layout.splits.is_empty() {
        let splits: Vec<String> = layout.splits.iter().map(|split| format!("{root}/{split}")).collect();
        notice(Kind::SplitLayout, splits.len(), Message::notice_split_layout(), None, splits);
    }
    for (name, top) in tops.iter().filter(|(name, _)| !layout.splits.contains(*name)) {
        let names: Vec<&str> = top.folders.keys().map(String::as_str).collect();
        if folder == Folder::Photos
            && plugin_api::layout::split_of_folder(name).is_some()
            && top.folders.values().sum::<usize>() > top.direct
        {
            let reason = Message::notice_split_as_class(name, names.len());
            let advice = Some(Message::advice_split_as_class());
            notice(Kind::SplitAsClass { class: name }, 1, reason, advice, vec![format!("{root}/{name}")]);
        } else if tops.len() == 1 && top.direct == 0 {
            let reason = Message::notice_extra_folder(name, format!("{root}/{name}"));
            let advice = Some(Message::advice_extra_folder());
            let examples = names.iter().map(|inner| format!("{root}/{name}/{inner}")).collect();
            notice(Kind::ExtraFolder { root, name }, 1, reason, advice, examples);
        }
    }
    let classes = classes(root, shape, layout);
    let several = || classes.values().filter(|forms| forms.len() > 1);
    let forms: usize = several().map(BTreeMap::len).sum();
    if forms > 0 {
        let paths = several().flat_map(BTreeMap::values).flatten().cloned().collect();
        notice(Kind::UnicodeForms, forms, Message::notice_unicode_forms(), None, paths);
    }
    let mut similar: BTreeMap<String, Vec<&String>> = BTreeMap::new();
    for class in classes.keys() {
        similar.entry(similarity_key(class)).or_default().push(class);
    }
    for mut alike in similar.into_values().filter(|alike| alike.len() > 1) {
        alike.sort_by(|a, b| natural_order(a, b));
        let names = alike.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
        let paths = alike.iter().filter_map(|class| classes[*class].values().flatten().next().cloned()).collect();
        let reason = Message::notice_similar_classes(&names);
        let advice = Some(Message::advice_similar_classes());
        notice(Kind::SimilarClasses { names: &names }, alike.len(), reason, advice, paths);
    }
    notices
}

/// Folders by class and by how their names are spelled.
fn classes(root: &str, shape: &Shape, layout: &Layout) -> BTreeMap<String, BTreeMap<String, Vec<String>>> {
    let mut classes: BTreeMap<String, BTreeMap<String, Vec<String>>> = BTreeMap::new();
    let mut add = |name: &str, path: String| {
        classes.entry(class_name(name)).or_default().entry(name.to_owned()).or_default().push(path);
    };
    for (name, top) in shape.tops() {
        if layout.splits.contains(name) {
            top.folders.keys().for_each(|inner| add(inner, format!("{root}/{name}/{inner}")));
        } else {
            add(name, format!("{root}/{name}"));
        }
    }
    classes
}

fn refusal(kind: &RefusedKind, left: &Left) -> Notice {
    let RefusedKind { reason: why, folder } = kind;
    let n = left.count;
    let otherwise = |word: &str| Message::notice_refused_otherwise(n, word, folder);
    let (reason, advice) = match why {
        RefusedReason::Unsupported(format) if matches!(format.as_str(), "HEIC" | "AVIF") => {
            (Message::notice_unsupported_kind(format, folder), Message::advice_unsupported_kind())
        }
        RefusedReason::Unsupported(format) if format.starts_with("RAW") => {
            (Message::notice_unsupported_raw(format, folder), Message::advice_unsupported_raw())
        }
        RefusedReason::Unsupported(format) => {
            (Message::notice_unsupported(format, folder), Message::advice_unsupported())
        }
        RefusedReason::Damaged => (Message::notice_damaged(n, folder), Message::advice_damaged()),
        RefusedReason::Stage(reason) => match reason {
            RejectReason::Truncated => (Message::notice_truncated(n, folder), Message::advice_truncated()),
            RejectReason::NotAnImage => (Message::notice_not_an_image(n, folder), Message::advice_not_an_image()),
            RejectReason::Empty => (Message::notice_empty(n, folder), Message::advice_damaged()),
            RejectReason::Crashes => (Message::notice_crashes(n, folder), Message::advice_crashes()),
            RejectReason::TooLarge => (Message::notice_too_large(n, folder), Message::advice_too_large()),
            RejectReason::Unreadable => (Message::notice_unreadable(n), Message::advice_unreadable()),
            reason => (otherwise(reason.name()), Message::advice_refused_otherwise()),
        },
        RefusedReason::Other(word) => (otherwise(word), Message::advice_refused_otherwise()),
    };
    // What may not be read lies where it lay in any case.
    let has_moved = folder == QUARANTINE || *why == RefusedReason::Stage(RejectReason::Unreadable);
    let advice = if has_moved { vec![advice] } else { vec![advice, Message::advice_stays()] };
    Notice {
        kind: Kind::Refused { reason: why, stays_in: (!has_moved).then_some(folder.as_str()) }.to_string(),
        count: n,
        reason: reason.into(),
        advice: advice.into(),
        examples: left.examples.clone(),
    }
}

fn left_alone(why: LeftAlone, left: &Left) -> Notice {
    let n = left.count;
    let (reason, advice) = match why {
        LeftAlone::OutsideClass => (Message::notice_outside_class(n), Some(Message::advice_outside_class())),
        LeftAlone::Link => (Message::notice_link(n), Some(Message::advice_link())),
        LeftAlone::NotUtf8 => (Message::notice_not_utf8(n), Some(Message::advice_not_utf8())),
        LeftAlone::Unreadable => (Message::notice_not_listed(n), Some(Message::advice_not_listed())),
        LeftAlone::LivePhoto => (Message::notice_live_photo(n), None),
        LeftAlone::Film => (Message::notice_film(n), None),
        LeftAlone::RawBesideImage => (Message::notice_raw_beside_image(n), None),
        LeftAlone::Companion => (Message::notice_companion(n), None),
        LeftAlone::Document => (Message::notice_document(n), None),
        LeftAlone::Audio => (Message::notice_audio(n), None),
        LeftAlone::Archive => (Message::notice_archive(n), Some(Message::advice_archive())),
        LeftAlone::Catalog => (Message::notice_catalog(n), None),
        LeftAlone::Bin => (Message::notice_bin(n), None),
        LeftAlone::Other => (Message::notice_other(n), None),
    };
    Notice {
        kind: Kind::LeftAlone(why).to_string(),
        count: n,
        reason: reason.into(),
        advice: advice.map(Text::from).unwrap_or_default(),
        examples: left.examples.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plugin_api::Language;

    fn shape(paths: &[&str]) -> Shape {
        let mut shape = Shape::default();
        for path in paths {
            shape.count(path, true);
        }
        shape
    }

    /// Kind, number and examples of what is said of folders.
    fn said(paths: &[&str]) -> Vec<(String, u64, Vec<String>)> {
        let shape = shape(paths);
        let layout = Layout::of(&shape, &Layout::default());
        let notices = of_folders(Folder::Photos, &shape, &layout);
        for notice in &notices {
            assert!(!notice.reason.messages().is_empty(), "{}", notice.kind);
        }
        notices.into_iter().map(|notice| (notice.kind, notice.count, notice.examples)).collect()
    }

    fn of(kind: &str, count: u64, examples: &[&str]) -> (String, u64, Vec<String>) {
        (kind.to_owned(), count, examples.iter().map(|path| (*path).to_owned()).collect())
    }

    #[test]
    fn ordinary_folders_need_no_word() {
        assert!(said(&["cat/a", "dog/b", "dog/2024/c"]).is_empty());
        assert!(said(&["cat/a"]).is_empty());
    }

    #[test]
    fn one_folder_too_many_is_named() {
        let too_many = said(&["my images/cat/a", "my images/dog/b"]);
        let examples = ["photos/my images/cat", "photos/my images/dog"];
        assert_eq!(too_many, [of("extra_folder:photos/my images", 1, &examples)]);
        assert!(said(&["my images/cat/a", "my images/b"]).is_empty(), "a class with a folder in it");
    }

    #[test]
    fn splits_are_named_whichever_way_they_are_read() {
        let splits = said(&["train/cat/a", "val/cat/b"]);
        assert_eq!(splits, [of("split_layout", 2, &["photos/train", "photos/val"])]);
        let class = said(&["train/steam/a", "train/diesel/b", "bus/c"]);
        assert_eq!(class, [of("split_as_class:train", 1, &["photos/train"])]);
    }

    #[test]
    fn forms_of_one_name_are_said_once() {
        let forms = said(&["\u{304c}/a", "\u{304b}\u{3099}/b", "\u{304c}\u{3000}/c", "cat/d"]);
        assert_eq!((forms.len(), forms[0].0.as_str(), forms[0].1), (1, "unicode_forms", 3));
        assert!(said(&["train/\u{304c}/a", "test/\u{304c}/b"]).iter().all(|(kind, ..)| kind == "split_layout"));
    }

    #[test]
    fn similar_classes_are_asked_about() {
        let similar = said(&["Cat/a", "cat/b", "dog/c"]);
        assert_eq!(similar, [of("similar_classes:Cat, cat", 2, &["photos/Cat", "photos/cat"])]);
    }

    #[test]
    fn every_kind_has_words_and_refusals_have_advice() {
        let left = Left { count: 2, examples: Vec::new() };
        for why in [
            LeftAlone::OutsideClass,
            LeftAlone::Link,
            LeftAlone::NotUtf8,
            LeftAlone::Unreadable,
            LeftAlone::LivePhoto,
            LeftAlone::Film,
            LeftAlone::RawBesideImage,
            LeftAlone::Companion,
            LeftAlone::Document,
            LeftAlone::Audio,
            LeftAlone::Archive,
            LeftAlone::Catalog,
            LeftAlone::Bin,
            LeftAlone::Other,
        ] {
            assert!(!left_alone(why, &left).reason.messages().is_empty(), "{why:?}");
        }
        for why in [
            RefusedReason::Stage(RejectReason::Truncated),
            RefusedReason::Damaged,
            RefusedReason::Stage(RejectReason::NotAnImage),
            RefusedReason::Stage(RejectReason::Empty),
            RefusedReason::Stage(RejectReason::Crashes),
            RefusedReason::Stage(RejectReason::TooLarge),
            RefusedReason::Stage(RejectReason::Unreadable),
            RefusedReason::Unsupported("HEIC".to_owned()),
        ] {
            let notice = refusal(&refused(why.clone(), QUARANTINE), &left);
            assert!(!notice.reason.has("notice_refused_otherwise") && !notice.advice.is_empty(), "{why}");
            assert_eq!(notice.kind, why.to_string());
        }
        for format in ["HEIC", "AVIF"] {
            let notice = refusal(&refused(RefusedReason::Unsupported(format.to_owned()), QUARANTINE), &left);
            assert_eq!(notice.reason, format!("{format} in quarantine/: this kind of it is not read"));
        }
    }

    fn refused(reason: RefusedReason, folder: &str) -> RefusedKind {
        RefusedKind { reason, folder: folder.to_owned() }
    }

    #[test]
    fn files_that_stayed_are_not_told_as_moved() {
        let left = Left { count: 2, examples: Vec::new() };
        let said = |folder: &str, language| {
            let notice = refusal(&refused(RefusedReason::Damaged, folder), &left);
            format!("{} {}", notice.reason.render(language), notice.advice.render(language))
        };
        assert!(said(QUARANTINE, Language::En).starts_with("images in quarantine/ are damaged"));
        assert!(said(QUARANTINE, Language::Ja).starts_with("枚の画像が壊れている（quarantine/ 内）"));
        let stays = said("photos", Language::En);
        assert!(stays.starts_with("images in photos/ are damaged") && stays.contains("They stay where they are"));
        let stays = said("photos", Language::Ja);
        assert!(stays.starts_with("枚の画像が壊れている（photos/ 内）") && stays.contains("元の場所に残っています"));
        let kinds =
            ["quarantine", "photos"].map(|folder| refusal(&refused(RefusedReason::Damaged, folder), &left).kind);
        assert_ne!(kinds[0], kinds[1], "told apart in lists and logs");
    }

    #[test]
    fn a_scan_replaces_what_was_found_before() {
        let scan = |folder: &str, files: &[(&str, u64)]| {
            let mut scan = Scan { folder: folder.to_owned(), ..Scan::default() };
            for (folder, count) in files {
                let left = Left { count: *count, examples: Vec::new() };
                scan.left.insert((*folder).to_owned(), [(LeftAlone::Film, left)].into());
            }
            scan
        };
        let mut findings = Findings::default();
        let films =
            |findings: &Findings| findings.left.values().map(|tally| tally[&LeftAlone::Film].count).sum::<u64>();
        findings.scanned(&scan("photos", &[("photos/cat", 3), ("photos/cat-2", 1), ("photos/dog", 1)]));
        assert_eq!((films(&findings), findings.version), (5, 1));
        findings.scanned(&scan("photos/cat", &[("photos/cat", 3)]));
        assert_eq!(findings.version, 1, "nothing changed");
        findings.scanned(&scan("photos/cat", &[]));
        assert_eq!(films(&findings), 2);
        findings.scanned(&Scan { unknown: vec!["photos/dog".to_owned()], ..scan("photos", &[]) });
        assert_eq!(films(&findings), 1, "what is not known stays");
    }
}
