//! Which of the champion and the head tells pictures better, by those that neither has learnt from.
//!
//! Of the champion these are the held-out pictures of its run, as its report has them; the head is judged on the same ones
//! out of fold. It answers in the place of a champion that knows every class only when its lead is more than chance:
//! otherwise the model that somebody has chosen to train is what answers.

use plugin_api::Home;
use plugin_metric::Pairs;
use plugin_tables::Rows;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The head may take the champion's place by chance in one of so many cases: 1 / 0.05.
const LEVEL: f64 = 0.05;

/// What was said of a picture by somebody who has not learnt it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The class it stands in.
    pub truth: String,
    /// It was told right.
    pub right: bool,
}

/// Answers by the digest of the picture.
pub type Answers = BTreeMap<String, Answer>;

/// Champion and head on the same pictures.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Comparison {
    /// How many.
    pub pictures: usize,
    /// Mean recall of the head over the classes that have such pictures.
    pub head: f64,
    /// The same of the champion.
    pub champion: f64,
    /// What the head is truly ahead by at least, with 95 % confidence; negative when it may be behind.
    pub lead: f64,
}

impl Comparison {
    /// The head is better, and not by chance.
    pub fn head_is_better(&self) -> bool {
        self.lead > 0.0
    }
}

/// What a run said of its held-out pictures; empty without a report.
pub fn of_run(home: &Home, run: &str) -> Answers {
    #[derive(Deserialize)]
    struct Row {
        digest: String,
        truth: String,
        correct: bool,
    }
    let path = home.runs().join(run).join("report/predictions.csv");
    let Ok(rows) = Rows::open(&path) else { return Answers::new() };
    let header = rows.header().clone();
    let rows = rows.filter_map(|row| row.deserialize::<Row>(Some(&header)).ok());
    rows.map(|row| (row.digest, Answer { truth: row.truth, right: row.correct })).collect()
}

/// Both on the pictures that both were asked about and that are still of the same class; none without any.
pub fn compare(head: &Answers, champion: &Answers) -> Option<Comparison> {
    let both = head.iter().filter_map(|(digest, ours)| Some((ours, champion.get(digest)?)));
    let both: Vec<(&Answer, &Answer)> = both.filter(|(ours, theirs)| ours.truth == theirs.truth).collect();
    let classes: BTreeSet<&str> = both.iter().map(|(ours, _)| &ours.truth[..]).collect();
    let place = |class: &str| classes.iter().position(|c| *c == class).unwrap_or_default();
    let hits = both.iter().map(|(ours, theirs)| (place(&ours.truth), ours.right, theirs.right));
    let lead = Pairs::of_hits(classes.len(), hits).lower_bound(LEVEL)?;
    let recall = |right: fn(&(&Answer, &Answer)) -> bool| {
        let of_class = |class: &&str| {
            let all: Vec<bool> = both.iter().filter(|(ours, _)| ours.truth == **class).map(right).collect();
            all.iter().filter(|right| **right).count() as f64 / all.len() as f64
        };
        classes.iter().map(of_class).sum::<f64>() / classes.len() as f64
    };
    let (head, champion) = (recall(|(ours, _)| ours.right), recall(|(_, theirs)| theirs.right));
    Some(Comparison { pictures: both.len(), head, champion, lead })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// Answers to `n` pictures of two classes, of which every `wrong`-th is wrong.
    fn answers(n: usize, wrong: usize) -> Answers {
        let answer = |i: usize| Answer { truth: ["a", "b"][i % 2].to_owned(), right: !i.is_multiple_of(wrong) };
        (0..n).map(|i| (format!("{i:04}"), answer(i))).collect()
    }

    #[test]
    fn the_head_must_be_ahead_by_more_than_chance() {
        let found = compare(&answers(200, 20), &answers(200, 3)).unwrap();
        assert!(
            found.head_is_better() && found.pictures == 200 && found.lead < found.head - found.champion,
            "{found:?}"
        );
        assert!((found.head - 0.95).abs() < 1e-9 && (found.champion - 0.665).abs() < 1e-9, "{found:?}");
        for (head, champion) in [(answers(200, 7), answers(200, 8)), (answers(200, 3), answers(200, 20))] {
            assert!(!compare(&head, &champion).unwrap().head_is_better());
        }
        let few = compare(&answers(4, 9), &answers(4, 3)).unwrap();
        assert!(few.head > few.champion && !few.head_is_better(), "{few:?}");
    }

    #[test]
    fn only_what_both_were_asked_and_is_still_of_its_class_counts() {
        let mut moved = answers(200, 9);
        moved.values_mut().step_by(2).for_each(|answer| answer.truth = "c".to_owned());
        assert_eq!(compare(&answers(150, 9), &moved).unwrap().pictures, 75);
        assert_eq!(compare(&answers(10, 9), &Answers::new()), None);
        assert_eq!(compare(&Answers::new(), &answers(10, 9)), None);
    }

    #[test]
    fn a_run_answers_by_its_report() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::create(folder.path()).unwrap();
        assert_eq!(of_run(&home, "one"), Answers::new());
        let report = home.runs().join("one/report");
        fs::create_dir_all(&report).unwrap();
        let table = "path,digest,truth,prediction,probability,correct,p_a\nx.jpg,0a,a,a,0.9,true,0.9\ny.jpg,0b,a,b,0.7,false,0.3\n";
        fs::write(report.join("predictions.csv"), table).unwrap();
        let right = |right| Answer { truth: "a".to_owned(), right };
        assert_eq!(of_run(&home, "one"), [("0a".to_owned(), right(true)), ("0b".to_owned(), right(false))].into());
    }
}
