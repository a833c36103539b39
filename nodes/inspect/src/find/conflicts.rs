//! Images that look alike and stand in several classes, as [`plugin_review`] finds them.

use super::{Card, Shown};
use crate::record::Record;
use plugin_api::{Labels, Message, Text};
use plugin_report::Words;
use plugin_review::{Doubt, Image, Review, SamePixels, Settled, Suspect};
use plugin_tables::table;
use std::collections::HashMap;

/// Which they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Equal pixels: kept out of training.
    SamePixels,
    /// One image of another class than nearly all that look like it.
    Odd,
    /// Images of several classes, none of which has nearly all.
    Mixed,
}

impl Kind {
    /// As in the table.
    fn name(self) -> &'static str {
        match self {
            Self::SamePixels => "same_pixels",
            Self::Odd => "odd",
            Self::Mixed => "mixed",
        }
    }
}

/// Files that a person should decide about.
#[derive(Clone, Debug, PartialEq)]
pub struct Conflict<'a> {
    /// Which they are.
    pub kind: Kind,
    /// The suspected file first, then what it looks like; with equal pixels every file, by path.
    pub files: Vec<&'a Record>,
    /// Images of the group that are not in its largest class; 0 with equal pixels.
    pub odd: usize,
    /// Images of the group; 0 with equal pixels.
    pub of: usize,
    /// What was found.
    pub found: Text,
    /// What to do.
    pub advice: Text,
}

/// Equal pixels first, then the best suspects. What a person has decided is left out.
pub fn find<'a>(records: &'a [Record], labels: Labels, settled: &Settled) -> Vec<Conflict<'a>> {
    let mut groups: HashMap<&str, u32> = HashMap::new();
    let images: Vec<Image> = records
        .iter()
        .map(|record| {
            let next = groups.len() as u32;
            Image {
                path: &record.path,
                class: record.label.as_deref(),
                pixel_digest: &record.pixel_digest,
                group: *groups.entry(&record.group).or_insert(next),
                hashes: record.hashes,
            }
        })
        .collect();
    let Review { same_pixels, suspects } = plugin_review::find(&images, labels, settled);
    let same = same_pixels.iter().map(|same| Conflict::same(records, same));
    same.chain(suspects.iter().map(|suspect| Conflict::alike(records, suspect))).collect()
}

impl<'a> Conflict<'a> {
    fn same(records: &'a [Record], same: &SamePixels) -> Self {
        let files: Vec<&Record> = same.files.iter().map(|at| &records[*at]).collect();
        let paths: Vec<&str> = files.iter().map(|record| &record.path[..]).collect();
        Self {
            kind: Kind::SamePixels,
            odd: 0,
            of: 0,
            found: Message::card_same_pixels(and(&same.classes)).into(),
            advice: Message::card_keep_one(paths.join(", ")).into(),
            files,
        }
    }

    fn alike(records: &'a [Record], suspect: &Suspect) -> Self {
        Self {
            kind: if suspect.doubt == Doubt::Odd { Kind::Odd } else { Kind::Mixed },
            files: [suspect.files[0], suspect.looks_like_file].map(|at| &records[at]).to_vec(),
            odd: suspect.odd,
            of: suspect.of,
            found: suspect.reason().into(),
            advice: suspect.advice().into(),
        }
    }

    /// As the page shows it.
    pub fn card(&self) -> Card<'a> {
        let files = self.files.iter().map(|record| Shown { record, note: record.class().into() }).collect();
        Card { files, found: self.found.clone(), advice: self.advice.clone() }
    }
}

/// `a, b and c`.
fn and(names: &[&str]) -> Message {
    match names {
        [] => Message::plain(""),
        [one] => Message::class(*one),
        [others @ .., last] => {
            let others: Vec<Message> = others.iter().map(|name| Message::class(*name)).collect();
            Message::and_last(others, Message::class(*last))
        }
    }
}

/// `conflicts.csv`: one line a suspected file, or a file that has the same pixels as one before it in another class.
///
/// # Errors
/// As [`table`].
pub fn csv(found: &[Conflict]) -> Result<Vec<u8>, csv::Error> {
    let header = ["kind", "class", "path", "in_class", "looks_like", "odd", "of", "bits_apart", "found", "what_to_do"];
    let rows = found.iter().flat_map(|conflict| {
        let first = conflict.files[0];
        let others = conflict.files.iter().filter(move |record| record.label != first.label);
        others.map(move |other| {
            [
                conflict.kind.name().to_owned(),
                first.class().to_owned(),
                first.path.clone(),
                other.class().to_owned(),
                other.path.clone(),
                conflict.odd.to_string(),
                conflict.of.to_string(),
                first.distance(other).to_string(),
                conflict.found.to_string(),
                conflict.advice.to_string(),
            ]
        })
    });
    table(header, rows)
}

/// How many of each kind there are, for the head of the page.
pub fn note(found: &[Conflict], w: Words) -> String {
    let same = found.iter().filter(|conflict| conflict.kind == Kind::SamePixels).count();
    w.with("conflicts_note", [("same", same.into()), ("alike", (found.len() - same).into())])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::find::tests::lines;
    use crate::record::tests::record;
    use plugin_api::decisions::{Decided, Decision, Decisions};

    fn open(records: &[Record]) -> Vec<Conflict<'_>> {
        find(records, Labels::Single, &Settled::default())
    }

    #[test]
    fn equal_pixels_are_told_once_with_every_path() {
        let records = [
            record("photos/a/1.jpg", "d1"),
            record("photos/a/1 again.jpg", "d1"),
            record("photos/b/2.jpg", "d1"),
            record("photos/b/3.jpg", "d3"),
        ];
        let found = open(&records);
        let [same] = &found[..] else { panic!("{found:?}") };
        assert_eq!(same.found, "the same image in classes a and b: kept out until one is chosen");
        assert!(same.advice.contains("photos/a/1.jpg") && same.advice.contains("photos/b/2.jpg"), "{}", same.advice);
        let lines = lines(csv(&found));
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[1][..5], ["same_pixels", "a", "photos/a/1 again.jpg", "b", "photos/b/2.jpg"]);
        assert!(find(&records, Labels::Multi, &Settled::default()).is_empty(), "there it has both classes");
    }

    #[test]
    fn odd_one_is_listed_and_the_many_stay() {
        let mut records: Vec<Record> =
            (0..5).map(|n| record(&format!("photos/open/{n}.jpg"), &format!("o{n}/g"))).collect();
        records.push(record("photos/closed/odd.jpg", "odd/g"));
        let found = open(&records);
        let [odd] = &found[..] else { panic!("{found:?}") };
        assert_eq!((odd.kind, odd.odd, odd.of, &*odd.files[0].path), (Kind::Odd, 1, 6, "photos/closed/odd.jpg"));
        assert!(odd.advice.contains("move photos/closed/odd.jpg to photos/open/"), "{}", odd.advice);
        assert_eq!(
            lines(csv(&found))[1][..7],
            ["odd", "closed", "photos/closed/odd.jpg", "open", "photos/open/0.jpg", "1", "6"]
        );
        let kept = Decided { at_ms: 1, decision: Decision::Keep, digests: vec!["odd".to_owned()] };
        let settled = Settled::of(&Decisions { made: vec![kept], unreadable: Vec::new() });
        assert!(find(&records, Labels::Single, &settled).is_empty(), "a person has said that it is right");
    }
}
