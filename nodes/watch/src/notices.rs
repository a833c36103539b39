//! What a person should know of the watched folders: what was left alone or refused, and folders that may be meant otherwise.
//! One notice a kind, with number, reason, advice and a few paths.

use crate::away::Absence;
use crate::desk::Desk;
use crate::ignore::LeftAlone;
use crate::ledger::Ledger;
use crate::refused::Refused;
use crate::roots::Folder;
use crate::scan::{EXAMPLES, Left, Scan, Tally, is_below};
use plugin_api::layout::{Layout, Shape};
use plugin_api::names::{class_name, natural_order, similarity_key};
use plugin_api::status::Notice;
use std::collections::{BTreeMap, BTreeSet};

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

impl Desk {
    /// What a person should know.
    pub fn notices(&mut self) -> &[Notice] {
        let with_classes = [Folder::Photos, Folder::Seeds];
        let versions = with_classes.iter().filter_map(|folder| self.ledger.shape(*folder)).map(Shape::version);
        let away = self.away.away.iter().map(|(folder, away)| (folder.clone(), away.absence));
        let made_of = MadeOf {
            versions: std::iter::once(self.findings.version).chain(versions).collect(),
            away: away.collect(),
            being_written: self.being_written.clone(),
            is_asking: self.is_asking(),
        };
        if self.notices.made_of.as_ref() != Some(&made_of) {
            let mut notices = self.make();
            for notice in &notices {
                if !self.notices.notices.iter().any(|before| before.kind == notice.kind) {
                    let Notice { kind, count, reason, advice, examples } = notice;
                    tracing::warn!(
                        kind,
                        count,
                        reason,
                        advice,
                        examples = examples.join(", "),
                        "left alone or refused"
                    );
                }
            }
            // Said in the log when they begin.
            notices.extend(self.arrival_notices());
            // What somebody can do something about comes first.
            notices.sort_by_key(|notice| notice.advice.is_empty());
            self.notices = Notices { made_of: Some(made_of), notices };
        }
        &self.notices.notices
    }

    fn make(&self) -> Vec<Notice> {
        let mut left = Tally::new();
        for (why, one) in self.findings.left.values().flatten() {
            let sum = left.entry(*why).or_default();
            sum.count += one.count;
            sum.examples.extend(one.examples.iter().take(EXAMPLES - sum.examples.len().min(EXAMPLES)).cloned());
        }
        let mut folders = Vec::new();
        for root in self.roots.iter() {
            if let (Some(shape), Some(layout)) = (self.ledger.shape(root.folder), self.labels.layout(root.folder)) {
                loose(&self.ledger, root.folder, shape, layout, &mut left);
                folders.extend(of_folders(root.folder, shape, layout));
            }
        }
        let refused = self.findings.refused.iter().map(|(code, left)| refusal(code, left));
        let left = left.iter().map(|(why, left)| left_alone(*why, left));
        folders.into_iter().chain(refused).chain(left).collect()
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
    let mut notice = |kind: String, count: usize, reason: String, advice: &str, examples: Vec<String>| {
        let examples = examples.into_iter().take(EXAMPLES).collect();
        notices.push(Notice { kind, count: count as u64, reason, advice: advice.to_owned(), examples });
    };
    if !layout.splits.is_empty() {
        let splits: Vec<String> = layout.splits.iter().map(|split| format!("{root}/{split}")).collect();
        let reason = "folders are the splits of a data set; the folders in them are the classes".to_owned();
        notice("split_layout".to_owned(), splits.len(), reason, "", splits);
    }
    for (name, top) in tops.iter().filter(|(name, _)| !layout.splits.contains(*name)) {
        let names: Vec<&str> = top.folders.keys().map(String::as_str).collect();
        if folder == Folder::Photos
            && plugin_api::layout::split_of_folder(name).is_some()
            && top.folders.values().sum::<usize>() > top.direct
        {
            let reason = format!("folder is taken for a class called {name}, with {} folders in it", names.len());
            let advice =
                "If it is a split of a data set, move the other class folders into it; if it is a class, leave it.";
            notice(format!("split_as_class:{name}"), 1, reason, advice, vec![format!("{root}/{name}")]);
        } else if tops.len() == 1 && top.direct == 0 {
            let reason = format!("folder is one class as it stands: all images in it are called {name}");
            let advice = "If the folders in it are the classes, move them up by one.";
            let examples = names.iter().map(|inner| format!("{root}/{name}/{inner}")).collect();
            notice(format!("extra_folder:{root}/{name}"), 1, reason, advice, examples);
        }
    }
    let classes = classes(root, shape, layout);
    let several = || classes.values().filter(|forms| forms.len() > 1);
    let forms: usize = several().map(BTreeMap::len).sum();
    if forms > 0 {
        let reason =
            "names of folders are the same class in another form of Unicode or with spaces at the ends".to_owned();
        let paths = several().flat_map(BTreeMap::values).flatten().cloned().collect();
        notice("unicode_forms".to_owned(), forms, reason, "", paths);
    }
    let mut similar: BTreeMap<String, Vec<&String>> = BTreeMap::new();
    for class in classes.keys() {
        similar.entry(similarity_key(class)).or_default().push(class);
    }
    for mut alike in similar.into_values().filter(|alike| alike.len() > 1) {
        alike.sort_by(|a, b| natural_order(a, b));
        let names = alike.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
        let paths = alike.iter().filter_map(|class| classes[*class].values().flatten().next().cloned()).collect();
        let reason = format!("classes have nearly the same name: {names}");
        let advice = "If they are one class, move the images of both into one folder.";
        notice(format!("similar_classes:{names}"), alike.len(), reason, advice, paths);
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

/// `1 film`, `3 films`, without the number.
pub(crate) fn plural(count: u64, one: &str, many: &str) -> String {
    if count == 1 { one } else { many }.to_owned()
}

fn refusal(code: &str, left: &Left) -> Notice {
    let n = left.count;
    let (reason, advice) = match code.split_once(':').unwrap_or((code, "")) {
        ("unsupported", format @ ("HEIC" | "AVIF")) => (
            format!("{format} in quarantine/: this kind of it is not read"),
            "Convert them to JPEG and put those into the class folder. An iPhone takes JPEG with Settings, Camera, Formats, \
             Most Compatible.",
        ),
        ("unsupported", format) if format.starts_with("RAW") => (
            format!("{format} in quarantine/: camera RAW without a preview is not read"),
            "Export them as JPEG from your photo program and put those into the class folder.",
        ),
        ("unsupported", format) => (
            format!("{format} in quarantine/: not read"),
            "Save them as JPEG or PNG and put those into the class folder.",
        ),
        ("truncated", _) => (
            plural(n, "image in quarantine/ is cut off", "images in quarantine/ are cut off"),
            "Copy them again from where they came from.",
        ),
        ("damaged", _) => (
            plural(n, "image in quarantine/ is damaged", "images in quarantine/ are damaged"),
            "Copy them again from where they came from, or delete them.",
        ),
        ("not_an_image", _) => (
            plural(
                n,
                "file in quarantine/ is called an image and is none",
                "files in quarantine/ are called images and are none",
            ),
            "Look what they are, and delete them if they are of no use.",
        ),
        ("empty", _) => (
            plural(n, "file in quarantine/ is empty", "files in quarantine/ are empty"),
            "Copy them again from where they came from, or delete them.",
        ),
        ("crashes", _) => (
            plural(n, "image in quarantine/ ended the decoder twice", "images in quarantine/ ended the decoder twice"),
            "Open them in a photo program and save them again, as JPEG or PNG.",
        ),
        ("too_large", _) => (
            plural(n, "image in quarantine/ is too large", "images in quarantine/ are too large"),
            "Save them smaller, or raise the limit that the note beside each names.",
        ),
        ("unreadable", _) => (
            plural(n, "file may not be read", "files may not be read"),
            "Give the user that runs the graph permission to read them.",
        ),
        (reason, _) => {
            (format!("{} in quarantine/: {reason}", plural(n, "file", "files")), "The note beside each says why.")
        }
    };
    Notice { kind: code.to_owned(), count: n, reason, advice: advice.to_owned(), examples: left.examples.clone() }
}

fn left_alone(why: LeftAlone, left: &Left) -> Notice {
    let n = left.count;
    let (kind, reason, advice) = match why {
        LeftAlone::OutsideClass => (
            "outside_class",
            plural(n, "image lies in no class folder", "images lie in no class folder"),
            "Move them into a folder named after their class: photos/<class>/.",
        ),
        LeftAlone::Link => (
            "link",
            plural(n, "link is not followed", "links are not followed"),
            "Copy or move what they point to here, or mount it here.",
        ),
        LeftAlone::NotUtf8 => (
            "not_utf8",
            plural(n, "file has a name or folder that is not UTF-8", "files have a name or folder that is not UTF-8"),
            "Rename them. For names from a Japanese Windows: convmv -r -f cp932 -t utf8 --notest FOLDER, or unpack the archive \
             again with unzip -O cp932.",
        ),
        LeftAlone::Unreadable => (
            "not_listed",
            plural(n, "file or folder cannot be looked at", "files or folders cannot be looked at"),
            "Give the user that runs the graph permission, and see whether the drive is all right.",
        ),
        LeftAlone::LivePhoto => (
            "live_photo",
            plural(n, "film of a Live Photo, beside its photo", "films of Live Photos, beside their photos"),
            "",
        ),
        LeftAlone::Film => ("film", plural(n, "film", "films"), ""),
        LeftAlone::RawBesideImage => (
            "raw_beside_image",
            plural(
                n,
                "camera RAW beside its image of the same name",
                "camera RAWs beside their images of the same name",
            ),
            "",
        ),
        LeftAlone::Companion => (
            "companion",
            plural(n, "file that belongs to an image or to the system", "files that belong to images or to the system"),
            "",
        ),
        LeftAlone::Document => ("document", plural(n, "document", "documents"), ""),
        LeftAlone::Audio => ("audio", plural(n, "sound", "sounds"), ""),
        LeftAlone::Archive => {
            ("archive", plural(n, "archive", "archives"), "If there are images in them, unpack them.")
        }
        LeftAlone::Catalog => (
            "catalog",
            plural(n, "catalog or library of a photo program", "catalogs or libraries of photo programs"),
            "",
        ),
        LeftAlone::Bin => (
            "bin",
            plural(n, "recycle bin, snapshot or system folder", "recycle bins, snapshots or system folders"),
            "",
        ),
        LeftAlone::Other => ("other", plural(n, "file that is no image", "files that are no images"), ""),
    };
    Notice { kind: kind.to_owned(), count: n, reason, advice: advice.to_owned(), examples: left.examples.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plugin_api::status::KINDS;

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
            assert!(KINDS.contains(&notice.kind.split(':').next().unwrap()), "{}", notice.kind);
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
        let too_many = said(&["my pictures/cat/a", "my pictures/dog/b"]);
        let examples = ["photos/my pictures/cat", "photos/my pictures/dog"];
        assert_eq!(too_many, [of("extra_folder:photos/my pictures", 1, &examples)]);
        assert!(said(&["my pictures/cat/a", "my pictures/b"]).is_empty(), "a class with a folder in it");
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
            assert!(KINDS.contains(&left_alone(why, &left).kind.as_str()), "{why:?}");
        }
        for code in
            ["truncated", "damaged", "not_an_image", "empty", "crashes", "too_large", "unreadable", "unsupported:HEIC"]
        {
            let notice = refusal(code, &left);
            assert!(KINDS.contains(&code.split(':').next().unwrap()) && !notice.advice.is_empty(), "{code}");
        }
        assert_eq!(refusal("unsupported:HEIC", &left).reason, "HEIC in quarantine/: this kind of it is not read");
        assert_eq!(refusal("unsupported:AVIF", &left).reason, "AVIF in quarantine/: this kind of it is not read");
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
