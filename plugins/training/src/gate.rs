//! The gate: whether a candidate becomes champion, by the predictions of both on the same held-out images.
//!
//! A candidate is promoted when there is no champion, or when its balanced accuracy (mean average precision with several labels) is not
//! below the champion's, it is shown not to be worse by more than a margin (a paired lower confidence bound), and no class's recall
//! fell further than chance explains.

use plugin_api::{Message, Text};
use plugin_metric::{
    ClassPair, MultilabelPredictions, PairedBootstrap, Pairs, Predictions, accuracy, balanced_accuracy, mcnemar,
    mean_average_precision,
};

/// Balanced accuracies this near are equal: their sums may be added in another order.
const EQUAL: f64 = 1e-9;

/// The champion before the verdict; `J` holds its predictions.
#[derive(Debug)]
pub enum Incumbent<'a, J = Predictions> {
    /// There is none.
    None,
    /// There is one that cannot be used.
    Unusable {
        /// Its name.
        name: &'a str,
        /// Why not.
        why: &'a Text,
    },
    /// There is one, with predictions for the same images.
    Evaluated {
        /// Its name.
        name: &'a str,
        /// Its predictions.
        predictions: &'a J,
        /// What was uneven about the comparison.
        handicap: &'a [Message],
    },
}

impl<J> Clone for Incumbent<'_, J> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<J> Copy for Incumbent<'_, J> {}

/// What the gate decided, with the figures behind it.
#[derive(Clone, Debug, PartialEq)]
pub struct GateOutcome {
    /// The candidate becomes champion.
    pub promoted: bool,
    /// Why.
    pub reason: Text,
    /// Accuracy of the champion.
    pub champion_accuracy: Option<f64>,
    /// Mean recall of the champion.
    pub champion_balanced_accuracy: Option<f64>,
    /// Mean average precision of the champion, with several labels.
    pub champion_mean_average_precision: Option<f64>,
    /// McNemar test of the two, or with several labels a paired bootstrap.
    pub p_value: Option<f64>,
    /// What the deciding figures differ by at least, with the gate's confidence.
    pub lower_bound: Option<f64>,
}

impl GateOutcome {
    /// Without a comparison.
    pub fn plain(promoted: bool, reason: impl Into<Text>) -> Self {
        Self {
            promoted,
            reason: reason.into(),
            champion_accuracy: None,
            champion_balanced_accuracy: None,
            champion_mean_average_precision: None,
            p_value: None,
            lower_bound: None,
        }
    }
}

/// The champion to compare with, or the decision when there is none.
fn opponent<J>(incumbent: Incumbent<'_, J>, unheld: bool) -> Result<(&str, &J, &[Message]), Box<GateOutcome>> {
    let why = match incumbent {
        Incumbent::None => Message::no_champion(),
        Incumbent::Unusable { name, why } => Message::champion_unusable(name, why.clone()),
        Incumbent::Evaluated { name, predictions, handicap } => return Ok((name, predictions, handicap)),
    };
    let mut reason = Text::from(why);
    if unheld {
        reason.push(Message::unjudged());
    }
    Err(Box::new(GateOutcome::plain(true, reason)))
}

fn nothing_held_out(name: &str) -> GateOutcome {
    GateOutcome::plain(false, Message::uncomparable(name))
}

/// The decision on a run that was cross-validated, where the champion answers for no image that it was not trained on: the
/// run is promoted when it does better than chance, as a champion of which nothing is known cannot refuse it.
///
/// `recall`: the candidate's balanced accuracy over `classes` classes; `None` without images. `is_finite`: whether every probability is
/// a number.
pub fn uncompared(name: &str, recall: Option<f64>, classes: usize, is_finite: bool) -> GateOutcome {
    let chance = 1.0 / classes.max(1) as f64;
    let is_better = recall.is_some_and(|recall| recall > chance + EQUAL) && is_finite;
    let why = if is_better { Message::uncompared_better(name) } else { Message::uncompared_no_better(name) };
    GateOutcome::plain(is_better, why)
}

/// What a challenger must show.
#[derive(Clone, Debug, PartialEq, clap::Args)]
pub struct Gate {
    /// How likely a challenger may be promoted though it is truly worse than the champion by --gate-margin: a challenger
    /// whose balanced accuracy (mean average precision with --labels multi) is not below the champion's is promoted only if,
    /// with so little doubt, it is not that much worse. 0.5: the figures alone decide.
    #[arg(long = "gate-level", default_value_t = 0.05, value_name = "0..0.5", value_parser = level)]
    pub level: f64,
    /// How much worse a challenger must not be, as a share.
    #[arg(long = "gate-margin", default_value_t = 0.05, value_name = "0..1", value_parser = share_of_one)]
    pub margin: f64,
    /// With fewer held-out images than this, nothing as small as --gate-margin can be told, and the figures alone decide.
    #[arg(long = "gate-images", alias = "gate-pictures", default_value_t = 50, value_name = "IMAGES")]
    pub images: u32,
    /// How far the recall of a class may fall, as a share. A fall that is no more than chance (sign test at --gate-level)
    /// does not count, so that classes of a few images do not refuse everything.
    #[arg(long, default_value_t = 0.1, value_name = "0..1", value_parser = share_of_one)]
    pub recall_margin: f64,
}

impl Default for Gate {
    fn default() -> Self {
        Self { level: 0.05, margin: 0.05, images: 50, recall_margin: 0.1 }
    }
}

/// Who makes champions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Promotion {
    /// The gate.
    #[default]
    Gate,
    /// A person, after the gate.
    ByHand,
}

fn level(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "not a number from 0.0001 to 0.5".to_owned())?;
    if (0.0001..=0.5).contains(&number) { Ok(number) } else { Err(format!("{number} is not from 0.0001 to 0.5")) }
}

fn share_of_one(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "not a number from 0 to 1".to_owned())?;
    if (0.0..=1.0).contains(&number) { Ok(number) } else { Err(format!("{number} is not from 0 to 1")) }
}

/// By what two models are compared.
#[derive(Clone, Copy)]
enum Metric {
    BalancedAccuracy,
    MeanAveragePrecision,
}

/// Two models on the same images.
struct Comparison<'a> {
    /// What is compared.
    what: Metric,
    /// The challenger's figure and the champion's.
    figures: [f64; 2],
    /// What they differ by at least.
    bound: Option<f64>,
    images: usize,
    pairs: &'a Pairs,
    classes: &'a [String],
    handicap: &'a [Message],
}

impl Comparison<'_> {
    /// Whether the challenger is promoted, and why, with the figures.
    fn decide(&self, gate: &Gate) -> (bool, Text) {
        let [ours, theirs] = self.figures.map(|figure| figure * 100.0);
        let n = self.images;
        let is_worse = self.figures[0] < self.figures[1] - EQUAL;
        let mut promoted = !is_worse;
        let mut reason = Text::from(match (self.what, is_worse) {
            (Metric::BalancedAccuracy, true) => Message::balanced_worse(ours, theirs, n),
            (Metric::BalancedAccuracy, false) => Message::balanced_not_worse(ours, theirs, n),
            (Metric::MeanAveragePrecision, true) => Message::precision_worse(ours, theirs, n),
            (Metric::MeanAveragePrecision, false) => Message::precision_not_worse(ours, theirs, n),
        });
        if !is_worse {
            let (passes, note) = self.is_sure(gate);
            promoted &= passes;
            if let Some(note) = note {
                reason.push(note);
            }
        }
        for note in self.falls(gate) {
            promoted = false;
            reason.push(note);
        }
        for note in self.handicap {
            reason.push(Message::of_champion(note.clone()));
        }
        (promoted, reason)
    }

    /// Whether the challenger is not much worse in truth, with little enough doubt.
    fn is_sure(&self, gate: &Gate) -> (bool, Option<Message>) {
        if gate.level >= 0.5 {
            return (true, None);
        }
        if self.images < gate.images as usize {
            return (true, Some(Message::decides_alone(gate.images)));
        }
        let Some(bound) = self.bound else { return (true, None) };
        let (margin, confidence, points) = (gate.margin * 100.0, (1.0 - gate.level) * 100.0, bound.abs() * 100.0);
        if bound < -gate.margin - EQUAL {
            (false, Some(Message::unsure(confidence, points, margin)))
        } else if bound >= 0.0 {
            (true, Some(Message::sure_better(confidence, points)))
        } else {
            (true, Some(Message::sure_worse(confidence, points)))
        }
    }

    /// Classes whose recall fell by more than the margin, and by more than chance.
    fn falls(&self, gate: &Gate) -> Vec<Message> {
        let classes = self.classes.iter().zip(self.pairs.classes());
        let fell = |(_, pair): &(&String, &ClassPair)| {
            pair.drop() > gate.recall_margin + EQUAL && pair.p_worse() <= gate.level
        };
        let text = |(class, pair): (&String, &ClassPair)| {
            let (points, margin) = (pair.drop() * 100.0, gate.recall_margin * 100.0);
            Message::recall_fell(class, points, margin, pair.images, pair.lost, pair.gained)
        };
        classes.filter(fell).map(text).collect()
    }
}

/// Decides: a challenger is promoted when there is no champion, or when on the same images its balanced accuracy is not
/// below the champion's, it is shown not to be worse by the gate's margin, and no class's recall fell too far. One that does
/// not answer with numbers is refused; so is one that cannot be compared because no image is held out.
pub fn decide(challenger: &Predictions, incumbent: Incumbent, gate: &Gate) -> GateOutcome {
    if !challenger.is_finite() {
        return GateOutcome::plain(false, Message::diverged());
    }
    let (name, predictions, handicap) = match opponent(incumbent, challenger.is_empty()) {
        Ok(opponent) => opponent,
        Err(decision) => return *decision,
    };
    let (Some(ours), Some(theirs)) = (balanced_accuracy(challenger), balanced_accuracy(predictions)) else {
        return nothing_held_out(name);
    };
    let bound = Pairs::new(challenger, predictions).lower_bound(gate.level);
    let pairs = between_known_classes(challenger, predictions);
    let (what, figures, images, classes) =
        (Metric::BalancedAccuracy, [ours, theirs], challenger.len(), challenger.classes());
    let comparison = Comparison { what, figures, bound, images, pairs: &pairs, classes, handicap };
    let (promoted, reason) = comparison.decide(gate);
    GateOutcome {
        champion_accuracy: accuracy(predictions),
        champion_balanced_accuracy: Some(theirs),
        p_value: Some(mcnemar(&challenger.correct(), &predictions.correct())),
        lower_bound: bound,
        ..GateOutcome::plain(promoted, reason)
    }
}

/// The images that the challenger takes for a class that the champion knows too. A class that the champion does not know takes some
/// images of the others with it, rightly or wrongly, and the champion could never lose one to it: by such images no class that is
/// new, or has a new name, would ever be promoted.
fn between_known_classes(challenger: &Predictions, champion: &Predictions) -> Pairs {
    let images = 0..challenger.len().min(champion.len());
    // Classes that a model does not know have probability 0 on every image.
    let is_known = |class: usize| images.clone().any(|i| champion.row(i)[class] > 0.0);
    let known: Vec<bool> = (0..challenger.classes().len()).map(is_known).collect();
    let compared = images.filter(|i| known[challenger.prediction(*i)]);
    let correct = compared.map(|i| (challenger.truth(i), challenger.is_correct(i), champion.is_correct(i)));
    Pairs::of_correct(known.len(), correct)
}

/// As [`decide`], where an image may have several classes: by mean average precision, with a paired bootstrap.
pub fn decide_multilabel(
    challenger: &MultilabelPredictions,
    incumbent: Incumbent<MultilabelPredictions>,
    gate: &Gate,
) -> GateOutcome {
    if !challenger.is_finite() {
        return GateOutcome::plain(false, Message::diverged());
    }
    let (name, tagged, handicap) = match opponent(incumbent, challenger.is_empty()) {
        Ok(opponent) => opponent,
        Err(decision) => return *decision,
    };
    let (Some(ours), Some(theirs)) = (mean_average_precision(challenger), mean_average_precision(tagged)) else {
        return nothing_held_out(name);
    };
    let (pairs, bootstrap) = (Pairs::tagged(challenger, tagged), PairedBootstrap::new(challenger, tagged));
    let bound = bootstrap.lower_bound(gate.level);
    let (what, figures, images, classes) =
        (Metric::MeanAveragePrecision, [ours, theirs], challenger.len(), challenger.classes());
    let comparison = Comparison { what, figures, bound, images, pairs: &pairs, classes, handicap };
    let (promoted, reason) = comparison.decide(gate);
    GateOutcome {
        champion_accuracy: Some(share(&tagged.correct())),
        champion_balanced_accuracy: mean_recall(tagged),
        champion_mean_average_precision: Some(theirs),
        p_value: Some(bootstrap.p_value()),
        lower_bound: bound,
        ..GateOutcome::plain(promoted, reason)
    }
}

/// Share of `true`, 0 without any image.
pub fn share(correct: &[bool]) -> f64 {
    correct.iter().filter(|h| **h).count() as f64 / correct.len().max(1) as f64
}

/// Mean recall over the classes that have images.
pub fn mean_recall(tagged: &MultilabelPredictions) -> Option<f64> {
    let recalls: Vec<f64> = plugin_metric::per_class_multilabel(tagged).iter().filter_map(|c| c.recall).collect();
    (!recalls.is_empty()).then(|| recalls.iter().sum::<f64>() / recalls.len() as f64)
}

#[cfg(test)]
mod tests;
