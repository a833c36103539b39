//! Pictures that a check flags: too dark, too bright, blurred, nearly empty, of odd size or shape.

use super::{Card, Shown, size, table};
use crate::record::Record;
use plugin_check::{Check, REGISTRY, Set};
use std::collections::HashSet;

/// A flagged file.
#[derive(Clone, Debug)]
pub struct Issue<'a> {
    /// By which check.
    pub check: &'static Check,
    /// The file.
    pub record: &'a Record,
    /// Its score, below the check's limit.
    pub score: f32,
}

/// By check, the worst first.
pub fn find(records: &[Record]) -> Vec<Issue<'_>> {
    let mut seen = HashSet::new();
    let different = records.iter().filter(|r| seen.insert(&r.digest[..]));
    let set = Set::of(different.map(|r| (r.facts.width, r.facts.height)));
    let mut found = Vec::new();
    for check in REGISTRY {
        let start = found.len();
        let flagged = records.iter().filter(|r| check.flags(&r.facts, &set));
        found.extend(flagged.map(|record| Issue { check, record, score: (check.score)(&record.facts, &set) }));
        found[start..].sort_by(|a: &Issue, b| a.score.total_cmp(&b.score));
    }
    found
}

/// How many files were never measured: taken in before there were checks.
pub fn unmeasured(records: &[Record]) -> usize {
    records.iter().filter(|r| r.facts.scores.dark.is_nan()).count()
}

impl<'a> Issue<'a> {
    /// As the page shows it.
    pub fn card(&self) -> Card<'a> {
        let note = format!("{} · {}", self.record.class(), size(self.record));
        Card {
            files: vec![Shown { record: self.record, note }],
            found: format!("score {:.2}, limit {:.2}", self.score, self.check.threshold),
            advice: self.check.advice.to_owned(),
        }
    }
}

/// `issues.csv`: one line a file and check.
///
/// # Errors
/// As [`table`].
pub fn csv(found: &[Issue]) -> Result<Vec<u8>, csv::Error> {
    let header = ["check", "score", "limit", "class", "path", "width", "height", "what_to_do"];
    let rows = found.iter().map(|issue| {
        [
            issue.check.name.to_owned(),
            format!("{:.4}", issue.score),
            issue.check.threshold.to_string(),
            issue.record.class().to_owned(),
            issue.record.path.clone(),
            issue.record.facts.width.to_string(),
            issue.record.facts.height.to_string(),
            issue.check.advice.to_owned(),
        ]
    });
    table(header, rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::find::tests::lines;
    use crate::record::tests::record;

    #[test]
    fn the_worst_of_each_check_come_first_and_what_was_not_measured_is_counted() {
        let mut records: Vec<Record> =
            (0..20).map(|i| record(&format!("photos/a/{i}.jpg"), &format!("d{i}"))).collect();
        records[3].facts.scores.dark = 0.2;
        records[4].facts.scores.dark = 0.1;
        records[5].facts.scores.blur = 0.1;
        records[6].facts.scores.dark = f32::NAN;
        (records[7].facts.width, records[7].facts.height) = (2000, 100);
        let found = find(&records);
        let told: Vec<(&str, &str)> = found.iter().map(|i| (i.check.name, &i.record.path[9..])).collect();
        assert_eq!(
            told,
            [("dark", "4.jpg"), ("dark", "3.jpg"), ("blur", "5.jpg"), ("odd_size", "7.jpg"), ("odd_aspect", "7.jpg")]
        );
        assert_eq!(unmeasured(&records), 1);
        assert_eq!(lines(csv(&found))[1][..5], ["dark", "0.1000", "0.32", "a", "photos/a/4.jpg"]);
    }
}
