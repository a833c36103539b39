//! Who is champion.

use plugin_metric::{Judged, accuracy, balanced_accuracy, mcnemar};

/// Balanced accuracies this near are equal: their sums may be added in another order.
const EQUAL: f64 = 1e-9;

/// The champion before the verdict.
#[derive(Clone, Copy, Debug)]
pub enum Reigning<'a> {
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
        judged: &'a Judged,
        /// What was uneven about the comparison, for a person.
        handicap: &'a [String],
    },
}

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
    /// McNemar test of the two.
    pub p_value: Option<f64>,
}

/// Decides: a challenger is promoted when there is no champion, or when its balanced accuracy is not worse than the
/// champion's on the same pictures. One that does not answer with numbers is refused; so is one that cannot be
/// compared because no picture is held out.
pub fn decide(challenger: &Judged, reigning: Reigning) -> Decision {
    let plain = |promoted: bool, reason: String| Decision {
        promoted,
        reason,
        champion_accuracy: None,
        champion_balanced_accuracy: None,
        p_value: None,
    };
    if !challenger.is_finite() {
        return plain(false, "Its answers are not numbers: training diverged. Try a lower learning rate.".to_owned());
    }
    let unheld = if challenger.is_empty() { " No picture is held out, so it could not be judged." } else { "" };
    let (name, judged, handicap) = match reigning {
        Reigning::Nobody => return plain(true, format!("There was no champion.{unheld}")),
        Reigning::Unusable { name, why } => {
            return plain(true, format!("The champion {name} cannot be used: {why}.{unheld}"));
        }
        Reigning::Judged { name, judged, handicap } => (name, judged, handicap),
    };
    let (Some(ours), Some(theirs)) = (balanced_accuracy(challenger), balanced_accuracy(judged)) else {
        return plain(false, format!("No picture is held out, so it could not be compared with the champion {name}."));
    };
    let p = mcnemar(&challenger.hits(), &judged.hits());
    let promoted = ours >= theirs - EQUAL;
    let verb = if promoted { "is not worse than" } else { "is worse than" };
    let mut reason = format!(
        "Balanced accuracy of {:.1}\u{a0}% {verb} the champion's {:.1}\u{a0}% on the same {} pictures.",
        ours * 100.0,
        theirs * 100.0,
        challenger.len(),
    );
    for note in handicap {
        reason.push_str(" Of the champion: ");
        reason.push_str(note);
    }
    Decision {
        promoted,
        reason,
        champion_accuracy: accuracy(judged),
        champion_balanced_accuracy: Some(theirs),
        p_value: Some(p),
    }
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
}
