//! Suspected wrong labels: what a head on a network's embeddings says of images that it did not learn from.

use super::{Card, Shown};
use crate::record::Record;
use plugin_api::{Message, Text};
use plugin_review::Settled;
use plugin_tables::table;

/// A file that is probably in the wrong folder.
#[derive(Clone, Debug, PartialEq)]
pub struct Suspect {
    /// Place among the records.
    pub record: usize,
    /// The class it most probably is of.
    pub suggested: String,
    /// The probability of its own class.
    pub own: f32,
    /// The probability of the suggested class.
    pub other: f32,
}

/// What became of the search.
#[derive(Clone, Debug, PartialEq)]
pub enum Search {
    /// Not wanted.
    Off,
    /// It is going on; the page is written again when it is done. Why it takes a while.
    Going(Text),
    /// It could not be done. Why, and what helps.
    NotDone(Text),
    /// Done.
    Done {
        /// The suspects, the most suspicious first.
        suspects: Vec<Suspect>,
        /// How many images were looked at.
        looked_at: usize,
        /// Number of images that there are to look at.
        of: usize,
        /// Classes with too few images for any of them to be suspected.
        exempt: Vec<String>,
    },
}

impl Search {
    /// The suspects so far.
    pub fn suspects(&self) -> &[Suspect] {
        if let Self::Done { suspects, .. } = self { suspects } else { &[] }
    }

    /// Classes with too few images for any of them to be suspected.
    pub fn exempt(&self) -> &[String] {
        if let Self::Done { exempt, .. } = self { exempt } else { &[] }
    }

    /// Without the suspects of which a person has said that their label is right.
    pub fn open(mut self, records: &[Record], settled: &Settled) -> Self {
        if let Self::Done { suspects, .. } = &mut self {
            suspects.retain(|suspect| records.get(suspect.record).is_some_and(|r| !settled.is_kept(&r.pixel_digest)));
        }
        self
    }
}

fn advice(record: &Record, suspect: &Suspect) -> Message {
    Message::card_label_advice(&suspect.suggested, &record.path)
}

/// As the page shows it.
pub fn card<'a>(suspect: &Suspect, records: &'a [Record]) -> Option<Card<'a>> {
    let record = records.get(suspect.record)?;
    let [own, other] = [suspect.own, suspect.other].map(|probability| f64::from(probability) * 100.0);
    let found = Message::card_label(record.class(), &suspect.suggested, own, other).into();
    let shown = Shown { record, note: record.class().into() };
    Some(Card { files: vec![shown], found, advice: advice(record, suspect).into() })
}

/// `label_errors.csv`: one line a suspect.
///
/// # Errors
/// As [`table`].
pub fn csv(search: &Search, records: &[Record]) -> Result<Vec<u8>, csv::Error> {
    let header =
        ["path", "class", "suggested", "probability_of_class", "probability_of_suggested", "digest", "what_to_do"];
    let rows = search.suspects().iter().filter_map(|suspect| {
        let record = records.get(suspect.record)?;
        Some([
            record.path.clone(),
            record.class().to_owned(),
            suspect.suggested.clone(),
            format!("{:.6}", suspect.own),
            format!("{:.6}", suspect.other),
            record.digest.clone(),
            advice(record, suspect).to_string(),
        ])
    });
    table(header, rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::find::tests::lines;
    use crate::record::tests::record;
    use plugin_api::decisions::{Decided, Decision, Decisions};

    #[test]
    fn a_suspect_is_told_with_both_classes_and_where_to_move_it() {
        let records = [record("photos/猫/1.jpg", "d1")];
        let suspect = Suspect { record: 0, suggested: "犬".to_owned(), own: 0.02, other: 0.9 };
        let shown = card(&suspect, &records).unwrap();
        assert!(shown.found.contains("猫 → 犬"), "{}", shown.found);
        assert!(shown.advice.contains("move photos/猫/1.jpg to photos/犬/"), "{}", shown.advice);
        let search = Search::Done { suspects: vec![suspect], looked_at: 1, of: 1, exempt: Vec::new() };
        assert_eq!(lines(csv(&search, &records))[1][..5], ["photos/猫/1.jpg", "猫", "犬", "0.020000", "0.900000"]);
        assert_eq!(lines(csv(&Search::Off, &records)).len(), 1);
        let kept = Decided { at_ms: 1, decision: Decision::Keep, digests: vec!["d1".to_owned()] };
        let settled = Settled::of(&Decisions { made: vec![kept], unreadable: Vec::new() });
        assert!(search.open(&records, &settled).suspects().is_empty(), "a person has said that it is right");
    }
}
