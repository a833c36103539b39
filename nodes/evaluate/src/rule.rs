//! Who is champion.

use plugin_metric::{Judged, Tagged, accuracy, balanced_accuracy, mcnemar, mean_average_precision, paired_bootstrap};

/// Balanced accuracies this near are equal: their sums may be added in another order.
const EQUAL: f64 = 1e-9;

/// The champion before the verdict; `J` is what it said.
#[derive(Debug)]
pub enum Reigning<'a, J = Judged> {
    /// There is none.
    Nobody,
    /// There is one that cannot be used.
    Unusable {
        /// Its name.
        name: &'a str,
        /// Why not.
        why: &'a str,
    },
    /// There is one, and it was judged on the same pictures.
    Judged {
        /// Its name.
        name: &'a str,
        /// What it said.
        judged: &'a J,
        /// What was uneven about the comparison, for a person.
        handicap: &'a [String],
    },
}

impl<J> Clone for Reigning<'_, J> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<J> Copy for Reigning<'_, J> {}

/// A decision with the figures behind it.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// The challenger becomes champion.
    pub promoted: bool,
    /// Why, for a person.
    pub reason: String,
    /// Share the champion told right.
    pub champion_accuracy: Option<f64>,
    /// Mean recall of the champion.
    pub champion_balanced_accuracy: Option<f64>,
    /// Mean average precision of the champion, with several labels.
    pub champion_mean_average_precision: Option<f64>,
    /// McNemar test of the two, or with several labels a paired bootstrap.
    pub p_value: Option<f64>,
}

impl Decision {
    /// Without a comparison.
    pub fn plain(promoted: bool, reason: String) -> Self {
        Self {
            promoted,
            reason,
            champion_accuracy: None,
            champion_balanced_accuracy: None,
            champion_mean_average_precision: None,
            p_value: None,
        }
    }
}

const DIVERGED: &str = "Its answers are not numbers: training diverged. Try a lower learning rate.";

/// The champion to compare with, or the decision when there is none.
fn opponent<J>(reigning: Reigning<'_, J>, unheld: bool) -> Result<(&str, &J, &[String]), Decision> {
    let unheld = if unheld { " No picture is held out, so it could not be judged." } else { "" };
    match reigning {
        Reigning::Nobody => Err(Decision::plain(true, format!("There was no champion.{unheld}"))),
        Reigning::Unusable { name, why } => {
            Err(Decision::plain(true, format!("The champion {name} cannot be used: {why}.{unheld}")))
        }
        Reigning::Judged { name, judged, handicap } => Ok((name, judged, handicap)),
    }
}

fn nothing_held_out(name: &str) -> Decision {
    Decision::plain(false, format!("No picture is held out, so it could not be compared with the champion {name}."))
}

/// Whether the challenger is promoted, and why.
fn compared(what: &str, [ours, theirs]: [f64; 2], pictures: usize, handicap: &[String]) -> (bool, String) {
    let promoted = ours >= theirs - EQUAL;
    let verb = if promoted { "is not worse than" } else { "is worse than" };
    let mut reason = format!(
        "{what} of {:.1}\u{a0}% {verb} the champion's {:.1}\u{a0}% on the same {pictures} pictures.",
        ours * 100.0,
        theirs * 100.0,
    );
    for note in handicap {
        reason.push_str(" Of the champion: ");
        reason.push_str(note);
    }
    (promoted, reason)
}

/// Decides: a challenger is promoted when there is no champion, or when its balanced accuracy is not worse than the
/// champion's on the same pictures. One that does not answer with numbers is refused; so is one that cannot be
/// compared because no picture is held out.
pub fn decide(challenger: &Judged, reigning: Reigning) -> Decision {
    if !challenger.is_finite() {
        return Decision::plain(false, DIVERGED.to_owned());
    }
    let (name, judged, handicap) = match opponent(reigning, challenger.is_empty()) {
        Ok(opponent) => opponent,
        Err(decision) => return decision,
    };
    let (Some(ours), Some(theirs)) = (balanced_accuracy(challenger), balanced_accuracy(judged)) else {
        return nothing_held_out(name);
    };
    let (promoted, reason) = compared("Balanced accuracy", [ours, theirs], challenger.len(), handicap);
    Decision {
        champion_accuracy: accuracy(judged),
        champion_balanced_accuracy: Some(theirs),
        p_value: Some(mcnemar(&challenger.hits(), &judged.hits())),
        ..Decision::plain(promoted, reason)
    }
}

/// As [`decide`], where a picture may have several classes: by mean average precision.
pub fn decide_tagged(challenger: &Tagged, reigning: Reigning<Tagged>) -> Decision {
    if !challenger.is_finite() {
        return Decision::plain(false, DIVERGED.to_owned());
    }
    let (name, tagged, handicap) = match opponent(reigning, challenger.is_empty()) {
        Ok(opponent) => opponent,
        Err(decision) => return decision,
    };
    let (Some(ours), Some(theirs)) = (mean_average_precision(challenger), mean_average_precision(tagged)) else {
        return nothing_held_out(name);
    };
    let (promoted, reason) = compared("Mean average precision", [ours, theirs], challenger.len(), handicap);
    Decision {
        champion_accuracy: Some(share(&tagged.hits())),
        champion_balanced_accuracy: mean_recall(tagged),
        champion_mean_average_precision: Some(theirs),
        p_value: Some(paired_bootstrap(challenger, tagged)),
        ..Decision::plain(promoted, reason)
    }
}

/// Share of hits, 0 without any picture.
pub fn share(hits: &[bool]) -> f64 {
    hits.iter().filter(|h| **h).count() as f64 / hits.len().max(1) as f64
}

/// Mean recall over the classes that have pictures.
pub fn mean_recall(tagged: &Tagged) -> Option<f64> {
    let recalls: Vec<f64> = plugin_metric::per_class_tagged(tagged).iter().filter_map(|c| c.recall).collect();
    (!recalls.is_empty()).then(|| recalls.iter().sum::<f64>() / recalls.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pictures of two classes; `said` is right where it is the truth.
    fn judged(truth: &[usize], said: &[usize]) -> Judged {
        let mut judged = Judged::new(vec!["a".to_owned(), "b".to_owned()]);
        for (&t, &s) in truth.iter().zip(said) {
            judged.push(t, &[if s == 0 { 0.8 } else { 0.2 }, if s == 0 { 0.2 } else { 0.8 }]).unwrap();
        }
        judged
    }

    fn against(champion: &Judged) -> Reigning<'_> {
        Reigning::Judged { name: "old", judged: champion, handicap: &[] }
    }

    const TRUTH: [usize; 6] = [0, 0, 0, 0, 1, 1];

    #[test]
    fn not_worse_is_promoted_and_worse_is_refused() {
        let good = judged(&TRUTH, &[0, 0, 0, 1, 1, 1]);
        let bad = judged(&TRUTH, &[0, 0, 0, 0, 0, 1]);
        assert!(decide(&good, against(&bad)).promoted);
        assert!(decide(&good, against(&good)).promoted, "equal is not worse");
        let refused = decide(&bad, against(&good));
        assert!(!refused.promoted && refused.reason.contains("75.0") && refused.reason.contains("87.5"));
        assert_eq!(refused.champion_accuracy, Some(5.0 / 6.0), "the same share right: balanced accuracy decides");
        assert_eq!(refused.p_value, Some(1.0));
    }

    #[test]
    fn without_a_champion_anybody_is() {
        let bad = judged(&TRUTH, &[1, 1, 1, 1, 0, 0]);
        assert!(decide(&bad, Reigning::Nobody).promoted);
        let taken = decide(&bad, Reigning::Unusable { name: "old", why: "the weights are gone" });
        assert!(taken.promoted && taken.reason.contains("old") && taken.reason.contains("the weights are gone"));
        assert_eq!(taken.champion_balanced_accuracy, None);
    }

    #[test]
    fn without_held_out_pictures_only_the_first_is_promoted() {
        let nothing = judged(&[], &[]);
        let first = decide(&nothing, Reigning::Nobody);
        assert!(first.promoted && first.reason.contains("No picture is held out"));
        let second = decide(&nothing, against(&nothing));
        assert!(!second.promoted && second.reason.contains("No picture is held out"));
    }

    #[test]
    fn a_model_that_diverged_is_refused_even_without_a_champion() {
        let mut diverged = judged(&TRUTH, &TRUTH);
        diverged.push(0, &[f32::NAN, f32::NAN]).unwrap();
        assert!(!decide(&diverged, Reigning::Nobody).promoted);
    }

    #[test]
    fn what_was_uneven_is_said() {
        let good = judged(&TRUTH, &TRUTH);
        let handicap = ["It does not know b.".to_owned()];
        let decision = decide(&good, Reigning::Judged { name: "old", judged: &good, handicap: &handicap });
        assert!(decision.reason.contains("It does not know b."));
    }

    #[test]
    fn with_several_labels_mean_average_precision_decides() {
        let tagged = |scores: [[f32; 2]; 4]| {
            let mut tagged = Tagged::new(vec!["a".to_owned(), "b".to_owned()]);
            for (truth, row) in [vec![0], vec![0, 1], vec![1], vec![]].iter().zip(&scores) {
                tagged.push(truth, row).unwrap();
            }
            tagged
        };
        let good = tagged([[0.9, 0.1], [0.8, 0.7], [0.2, 0.9], [0.1, 0.2]]);
        let bad = tagged([[0.1, 0.9], [0.8, 0.7], [0.2, 0.3], [0.9, 0.2]]);
        let against = |champion| Reigning::Judged { name: "old", judged: champion, handicap: &[] };
        let won = decide_tagged(&good, against(&bad));
        assert!(won.promoted && won.reason.starts_with("Mean average precision of 100.0"), "{}", won.reason);
        assert!(won.champion_mean_average_precision.unwrap() < 0.9 && won.p_value.is_some());
        assert!(!decide_tagged(&bad, against(&good)).promoted);
        assert!(decide_tagged(&good, against(&good)).promoted, "equal is not worse");
        assert!(decide_tagged(&bad, Reigning::Nobody).promoted);
        assert!(!decide_tagged(&tagged([[f32::NAN; 2]; 4]), Reigning::Nobody).promoted);
    }
}
