//! Images that a check flags: too dark, too bright, blurred, nearly empty, of odd size or shape.

use super::{Card, Shown, size};
use crate::record::Record;
use plugin_api::Message;
use plugin_check::{Check, REGISTRY, Set};
use plugin_tables::table;
use std::collections::{BTreeMap, HashSet};

/// A class of which more than this share is flagged is told as one.
const MOST: f64 = 0.5;
/// But not with fewer flagged files than this.
const MIN_FILES: usize = 5;

/// What a check flags.
#[derive(Clone, Debug)]
pub struct Issue<'a> {
    /// Check whose threshold was passed.
    pub check: &'static Check,
    /// The file, or most files of a class.
    pub subject: Subject<'a>,
    /// Its score, below the check's limit; of a class, the median of what is flagged.
    pub score: f32,
}

/// What an issue is about.
#[derive(Clone, Debug)]
pub enum Subject<'a> {
    /// A single file.
    File(&'a Record),
    /// Most files of a class: it is what the class looks like (the sky at night, cells on a slide, screenshots), and no reason to
    /// delete any.
    Class {
        /// Class most of whose files have the issue.
        class: &'a str,
        /// The flagged files, the worst first.
        flagged: Vec<&'a Record>,
        /// Files of the class.
        of: usize,
    },
}

/// By check: classes that are flagged as a whole, then single files, the worst first.
pub fn find(records: &[Record]) -> Vec<Issue<'_>> {
    let mut seen = HashSet::new();
    let different = records.iter().filter(|r| seen.insert(&r.digest[..]));
    let set = Set::of(different.map(|r| (r.facts.width, r.facts.height)));
    let mut sizes: BTreeMap<&str, usize> = BTreeMap::new();
    for class in records.iter().filter_map(|record| record.label.as_deref()) {
        *sizes.entry(class).or_default() += 1;
    }
    REGISTRY.iter().flat_map(|check| of_check(check, records, &set, &sizes)).collect()
}

/// `sizes`: files of each class.
fn of_check<'a>(
    check: &'static Check,
    records: &'a [Record],
    set: &Set,
    sizes: &BTreeMap<&'a str, usize>,
) -> Vec<Issue<'a>> {
    let score = |record: &Record| (check.score)(&record.facts, set);
    let mut flagged: Vec<&Record> = records.iter().filter(|record| check.flags(&record.facts, set)).collect();
    flagged.sort_by(|a, b| score(a).total_cmp(&score(b)));
    let mut of_class: BTreeMap<&str, Vec<&Record>> = BTreeMap::new();
    for record in &flagged {
        of_class.entry(record.class()).or_default().push(record);
    }
    let is_most = |class: &&str, files: &mut Vec<&Record>| {
        let of = sizes.get(class).copied().unwrap_or(usize::MAX);
        files.len() >= MIN_FILES && files.len() as f64 > MOST * of as f64
    };
    let whole: BTreeMap<&str, Vec<&Record>> = of_class.extract_if(.., is_most).collect();
    let classes = whole.into_iter().map(|(class, flagged)| {
        let (score, of) = (score(flagged[flagged.len() / 2]), sizes[class]);
        Issue { check, subject: Subject::Class { class, flagged, of }, score }
    });
    let mut issues: Vec<Issue<'_>> = classes.collect();
    let single = flagged.into_iter().filter(|record| of_class.contains_key(record.class()));
    issues.extend(single.map(|record| Issue { check, subject: Subject::File(record), score: score(record) }));
    issues
}

/// How many files were never measured: taken in before there were checks.
pub fn unmeasured(records: &[Record]) -> usize {
    records.iter().filter(|r| r.facts.scores.dark.is_nan()).count()
}

impl<'a> Issue<'a> {
    /// As the page shows it.
    pub fn card(&self) -> Card<'a> {
        let shown =
            |record: &'a Record| Shown { record, note: format!("{} · {}", record.class(), size(record)).into() };
        let [score, limit] = [self.score, self.check.threshold].map(f64::from);
        match &self.subject {
            Subject::File(record) => {
                let found = Message::card_limits(score, limit).into();
                Card { files: vec![shown(record)], found, advice: advice(self.check).into() }
            }
            Subject::Class { class, flagged, of } => Card {
                files: flagged.iter().map(|record| shown(record)).collect(),
                found: Message::card_class_limits(*class, flagged.len(), *of, score, limit).into(),
                advice: Message::card_class_advice(*class).into(),
            },
        }
    }
}

/// What to do about a file that a check flags.
fn advice(check: &Check) -> Message {
    match check.name {
        "blur" => Message::check_advice_blur(),
        "bright" => Message::check_advice_bright(),
        "dark" => Message::check_advice_dark(),
        "information" => Message::check_advice_information(),
        "odd_aspect" => Message::check_advice_odd_aspect(),
        "odd_size" => Message::check_advice_odd_size(),
        _ => Message::plain(check.advice),
    }
}

/// `issues.csv`: one line a file and check, or a class and check.
///
/// # Errors
/// As [`table`].
pub fn csv(found: &[Issue]) -> Result<Vec<u8>, csv::Error> {
    let header = ["check", "score", "limit", "class", "path", "width", "height", "what_to_do"];
    let rows = found.iter().map(|issue| {
        let (class, path, width, height, advice) = match &issue.subject {
            Subject::File(record) => {
                let [width, height] = [record.facts.width, record.facts.height].map(|px| px.to_string());
                (record.class(), record.path.clone(), width, height, advice(issue.check).to_string())
            }
            Subject::Class { class, .. } => (
                *class,
                format!("photos/{class}/"),
                String::new(),
                String::new(),
                Message::card_class_advice(*class).to_string(),
            ),
        };
        let (check, score, limit) = (issue.check.name, format!("{:.4}", issue.score), issue.check.threshold);
        [check.to_owned(), score, limit.to_string(), class.to_owned(), path, width, height, advice]
    });
    table(header, rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::find::tests::lines;
    use crate::record::tests::record;

    fn path<'a>(issue: &Issue<'a>) -> &'a str {
        match &issue.subject {
            Subject::File(record) => &record.path,
            Subject::Class { class, .. } => class,
        }
    }

    #[test]
    fn what_most_of_a_class_looks_like_is_told_once() {
        let mut records: Vec<Record> =
            (0..10).map(|i| record(&format!("photos/night/{i}.jpg"), &format!("n{i}"))).collect();
        records.extend((0..10).map(|i| record(&format!("photos/day/{i}.jpg"), &format!("d{i}"))));
        for at in (0..6).chain(10..15) {
            records[at].facts.scores.dark = 0.1;
        }
        let found = find(&records);
        let told: Vec<&str> = found.iter().map(path).collect();
        assert_eq!(told[0], "night");
        assert_eq!(told[1..], ["0", "1", "2", "3", "4"].map(|i| format!("photos/day/{i}.jpg")), "half is not most");
        let card = found[0].card();
        assert!(card.found.starts_with("night: 6 of 10, ") && !card.advice.contains("delete"), "{card:?}");
        let line = &lines(csv(&found))[1];
        assert_eq!((&line[4][..], line[7].contains("delete")), ("photos/night/", false));
    }

    #[test]
    fn worst_come_first_and_unmeasured_are_counted() {
        let mut records: Vec<Record> =
            (0..20).map(|i| record(&format!("photos/a/{i}.jpg"), &format!("d{i}"))).collect();
        records[3].facts.scores.dark = 0.2;
        records[4].facts.scores.dark = 0.1;
        records[5].facts.scores.blur = 0.1;
        records[6].facts.scores.dark = f32::NAN;
        (records[7].facts.width, records[7].facts.height) = (2000, 100);
        let found = find(&records);
        let told: Vec<(&str, &str)> = found.iter().map(|issue| (issue.check.name, &path(issue)[9..])).collect();
        assert_eq!(
            told,
            [("dark", "4.jpg"), ("dark", "3.jpg"), ("blur", "5.jpg"), ("odd_size", "7.jpg"), ("odd_aspect", "7.jpg")]
        );
        assert_eq!(unmeasured(&records), 1);
        assert_eq!(lines(csv(&found))[1][..5], ["dark", "0.1000", "0.32", "a", "photos/a/4.jpg"]);
    }
}
