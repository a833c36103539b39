//! What tells classes apart by embeddings, learnt from the pictures whose class a person has said. As the head of `predict`,
//! which is not asked: it may be left out of the graph.

use plugin_metric::temper;
use plugin_probe::{ClassMeans, Kind, Linear, Seen, Worth, linear, worth_of_means};
use serde::Serialize;

/// Pictures by which class means are judged at most.
const JUDGED: usize = 5_000;

/// By what pictures were judged, for a person.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Told {
    /// `means` or `linear`.
    pub kind: &'static str,
    /// Pictures it has learnt from.
    pub learnt: usize,
    /// Share of them that such a judge tells right without having learnt from them; none where there are too few.
    pub accuracy: Option<f64>,
}

/// The judge.
pub struct Judge {
    /// Names of the classes, in the order of the probabilities.
    pub classes: Vec<String>,
    /// By what it judges.
    pub told: Told,
    kind: Kind,
    temperature: Option<f64>,
}

impl Judge {
    /// The better of class means and a linear head, by the log loss of pictures they have not learnt from; none with fewer
    /// than two classes.
    pub fn of(seen: &[Seen<'_>]) -> Option<Self> {
        let mut means = ClassMeans::default();
        for one in seen {
            means.add(one.class, one.features);
        }
        let classes: Vec<String> = means.classes().map(str::to_owned).collect();
        if classes.len() < 2 {
            return None;
        }
        let worth = worth_of_means(&means, seen.iter().take(JUDGED).map(|one| (one.class, one.features)));
        let judge = |classes, kind: Kind, worth: &Worth| {
            let told = Told { kind: kind.name(), learnt: seen.len(), accuracy: worth.accuracy };
            Self { classes, told, kind, temperature: worth.temperature }
        };
        Some(match linear(seen).filter(|other| other.worth.loss < worth.loss) {
            Some(Linear { head, classes, worth, .. }) => judge(classes, Kind::Linear(head), &worth),
            None => judge(classes, Kind::Means(means), &worth),
        })
    }

    /// A probability for each class, in all 1.
    pub fn probabilities(&self, embedding: &[f32]) -> Vec<f32> {
        let row = self.kind.probabilities(embedding);
        self.temperature.map_or_else(|| row.clone(), |temperature| temper(&row, temperature))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cats and dogs in turn, told apart by their second number alone; most cats have a large first number, and most dogs do not.
    fn row(n: usize) -> Vec<f32> {
        let sign = if n.is_multiple_of(2) { 1.0 } else { -1.0 };
        let usual = if (n / 2).is_multiple_of(4) { -1.0 } else { 1.0 };
        vec![sign * usual, sign * 0.3, (n as f32 * 0.7).sin() * 0.1]
    }

    #[test]
    fn a_few_pictures_are_judged_by_means_and_many_by_the_better_of_both() {
        let rows: Vec<(Vec<f32>, String)> = (0..80).map(|n| (row(n), n.to_string())).collect();
        let one = |(at, (features, group)): (usize, &'static (Vec<f32>, String))| Seen {
            class: ["cat", "dog"][at % 2],
            group,
            features,
        };
        let seen: Vec<Seen<'_>> = rows.leak().iter().enumerate().map(one).collect();
        assert!(Judge::of(&seen[..1]).is_none(), "one class");
        let few = Judge::of(&seen[2..4]).unwrap();
        assert_eq!((few.told.kind, few.told.learnt, few.told.accuracy), ("means", 2, None));
        assert!(few.probabilities(&row(2))[0] > 0.5);
        let many = Judge::of(&seen).unwrap();
        assert_eq!((many.told.kind, many.told.accuracy), ("linear", Some(1.0)));
        assert!(many.probabilities(&row(1))[1] > 0.5, "an unusual dog");
    }
}
