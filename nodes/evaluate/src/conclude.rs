//! From answers to a verdict on disk: report, promotion, `verdict.json`, in that order.

use crate::candidate::Answers;
use crate::checkpoint::Checkpoint;
use crate::cross_validated::Paired;
use crate::summary::{class_results, summary};
use plugin_api::runs::{Calibration, Evaluation, ModelCard, RunFolder, RunManifest, Verdict, write_json};
use plugin_api::{Decision, Labels, Message, Text, Workspace};
use plugin_champion::{card_of, champion, discard, promote};
use plugin_metric::{balanced_accuracy, confusion, mean_average_precision, per_class, per_class_multilabel, wilson};
use plugin_report::{self as report, EvaluatedImage, MultilabelReport, Report, WrongImages};
use plugin_training::gate::{
    Gate, GateOutcome, Incumbent, Promotion, decide, decide_multilabel, mean_recall, share, uncompared,
};
use std::io;
use std::time::{SystemTime, UNIX_EPOCH};

/// Predictions that a run is evaluated by.
#[derive(Clone, Copy, Debug)]
pub struct Figures<'a> {
    /// What was said; empty when the challenger could not be used.
    pub answers: &'a Answers,
    /// Of which images, in order.
    pub images: &'a [EvaluatedImage],
    /// Which of them have a near-copy among those trained on.
    pub near_copies: &'a [bool],
    /// How the answers were come by.
    pub evaluation: Evaluation,
}

/// What was found out about a run.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// The weights that were evaluated.
    pub checkpoint: &'a Checkpoint,
    /// What decided the run.
    pub manifest: &'a RunManifest,
    /// What the challenger said.
    pub figures: Figures<'a>,
    /// Of a run that was cross-validated, the images on which it is compared with the champion.
    pub paired: Option<&'a Paired>,
    /// Why the challenger could not be used.
    pub unusable: Option<&'a Text>,
    /// Its weights answer with what are no numbers.
    pub diverged: bool,
    /// How far its probabilities can be trusted.
    pub calibration: Option<Calibration>,
    /// The champion so far.
    pub incumbent: Incumbent<'a, Answers>,
    /// What the challenger must show.
    pub gate: &'a Gate,
    /// Who makes champions.
    pub promotion: Promotion,
    /// The challenger's surest mistakes.
    pub wrong: &'a WrongImages,
}

/// Decides, writes the report, promotes if that was the decision, and writes `verdict.json` last: while that is
/// missing, everything is done again. The caller holds the [`Lock`](plugin_champion::Lock).
///
/// # Errors
/// Any error of the file system, with the path in its text.
pub fn conclude(workspace: &Workspace, evidence: &Evidence) -> io::Result<Verdict> {
    let run = &evidence.checkpoint.run;
    let folder = RunFolder::new(&workspace.runs(), run);
    let mut decision = evidence.unusable.map_or_else(|| decision(evidence), unusable);
    if evidence.promotion == Promotion::ByHand && decision.promoted {
        decision.promoted = false;
        decision.reason.push(Message::passes_by_hand());
    }
    let before = champion(workspace);
    let mut verdict = verdict(evidence, &decision, before.clone());
    if evidence.unusable.is_none() {
        for message in told(evidence, &verdict) {
            verdict.reason.push(message);
        }
    }
    tracing::info!(run, decision = verdict.decision.name(), reason = %verdict.reason, "verdict");
    write_report(&folder, evidence, &verdict)?;
    if decision.promoted {
        let weights = workspace.root().join(&evidence.checkpoint.uri);
        let temperature = evidence.calibration.map(|of| of.temperature);
        let card = ModelCard { temperature, ..card_of(evidence.manifest, run, &evidence.checkpoint.digest) };
        promote(workspace, &weights, &card, &verdict)?;
    } else if before.as_deref() != Some(run) {
        discard(workspace, run)?;
    }
    write_json(&folder.0.join("verdict.json"), &verdict)?;
    Ok(verdict)
}

/// How the figures were come by, and what they are of each class.
fn told(evidence: &Evidence, verdict: &Verdict) -> Vec<Message> {
    let near_copies = evidence.figures.near_copies.iter().filter(|near| **near).count();
    let mut all = summary(verdict, near_copies, u64::from(evidence.gate.images));
    all.extend(evidence.paired.and_then(|paired| paired.how(evidence.figures.answers.len())));
    let because = evidence.manifest.options.get("keeps_last_epoch").and_then(|because| match because {
        // As runs of earlier versions have it.
        serde_json::Value::String(because) => Some(Message::plain(because)),
        because => serde_json::from_value(because.clone()).ok(),
    });
    all.extend(because.map(Message::kept_last_epoch));
    all
}

/// Challenger and champion are evaluated on the same labels; see `EvaluationRun`.
fn decision(evidence: &Evidence) -> GateOutcome {
    if evidence.diverged {
        return GateOutcome::plain(false, Message::diverged());
    }
    if let (Some(paired), Incumbent::Evaluated { name, .. }) = (evidence.paired, evidence.incumbent)
        && paired.challenger.len() == 0
    {
        let answers = evidence.figures.answers;
        let recall = match answers {
            Answers::Single(predictions) => balanced_accuracy(predictions),
            Answers::Multi(tagged) => mean_recall(tagged),
        };
        return uncompared(name, recall, answers.classes().len(), answers.is_finite());
    }
    let challenger = evidence.paired.map_or(evidence.figures.answers, |paired| &paired.challenger);
    let gate = evidence.gate;
    // The other `--labels`.
    let other = Text::from(Message::labels_other());
    match challenger {
        Answers::Single(challenger) => match evidence.incumbent {
            Incumbent::Evaluated { name, predictions: Answers::Single(predictions), handicap } => {
                decide(challenger, Incumbent::Evaluated { name, predictions, handicap }, gate)
            }
            Incumbent::Evaluated { name, .. } => decide(challenger, Incumbent::Unusable { name, why: &other }, gate),
            Incumbent::Unusable { name, why } => decide(challenger, Incumbent::Unusable { name, why }, gate),
            Incumbent::None => decide(challenger, Incumbent::None, gate),
        },
        Answers::Multi(challenger) => match evidence.incumbent {
            Incumbent::Evaluated { name, predictions: Answers::Multi(predictions), handicap } => {
                decide_multilabel(challenger, Incumbent::Evaluated { name, predictions, handicap }, gate)
            }
            Incumbent::Evaluated { name, .. } => {
                decide_multilabel(challenger, Incumbent::Unusable { name, why: &other }, gate)
            }
            Incumbent::Unusable { name, why } => decide_multilabel(challenger, Incumbent::Unusable { name, why }, gate),
            Incumbent::None => decide_multilabel(challenger, Incumbent::None, gate),
        },
    }
}

fn write_report(folder: &RunFolder, evidence: &Evidence, verdict: &Verdict) -> io::Result<()> {
    let (finished, metrics) = (folder.finished(), folder.metrics());
    let (manifest, images, wrong) = (evidence.manifest, evidence.figures.images, evidence.wrong);
    let (to, finished, metrics) = (folder.0.join("report"), finished.as_ref(), &metrics[..]);
    match evidence.figures.answers {
        Answers::Single(challenger) => {
            // Side by side only where both answered for all images.
            let champion = match evidence.incumbent {
                Incumbent::Evaluated { predictions: Answers::Single(predictions), .. }
                    if predictions.len() == challenger.len() =>
                {
                    Some(predictions)
                }
                _ => None,
            };
            report::write(&to, &Report { manifest, finished, metrics, verdict, challenger, champion, images, wrong })
        }
        Answers::Multi(challenger) => report::write_multilabel(
            &to,
            &MultilabelReport { manifest, finished, metrics, verdict, challenger, images, wrong },
        ),
    }
}

/// Refuses a run whose manifest cannot be read. Nothing is known of it, so there is no report.
///
/// # Errors
/// Any error of the file system, with the path in its text.
pub fn unreadable(workspace: &Workspace, checkpoint: &Checkpoint, why: &io::Error) -> io::Result<Verdict> {
    let run = &checkpoint.run;
    tracing::error!(run, %why, "the run cannot be evaluated");
    let before = champion(workspace);
    let verdict = Verdict {
        run: run.clone(),
        decision: Decision::Refused,
        reason: Message::manifest_unreadable(why.to_string()).into(),
        champion: before.clone(),
        previous: before,
        classes: Vec::new(),
        labels: Labels::Single,
        images: 0,
        accuracy: 0.0,
        accuracy_interval: wilson(0, 0),
        balanced_accuracy: 0.0,
        champion_accuracy: None,
        champion_balanced_accuracy: None,
        mean_average_precision: None,
        champion_mean_average_precision: None,
        p_value: None,
        lower_bound: None,
        f1: Vec::new(),
        confusion: Vec::new(),
        calibration: None,
        evaluation: Evaluation::default(),
        class_results: Vec::new(),
        report: String::new(),
        evaluated_ms: now_ms(),
    };
    write_json(&RunFolder::new(&workspace.runs(), run).0.join("verdict.json"), &verdict)?;
    Ok(verdict)
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64
}

/// Weights that cannot be read are refused for good, so that they are not announced for ever.
fn unusable(why: &Text) -> GateOutcome {
    GateOutcome::plain(false, Message::weights_unusable(why.clone()))
}

fn verdict(evidence: &Evidence, decision: &GateOutcome, before: Option<String>) -> Verdict {
    let (run, answers) = (&evidence.checkpoint.run, evidence.figures.answers);
    let (correct, balanced, precision, figures, confusion) = match answers {
        Answers::Single(predictions) => (
            predictions.correct(),
            balanced_accuracy(predictions),
            None,
            per_class(predictions),
            confusion(predictions),
        ),
        Answers::Multi(tagged) => (
            tagged.correct(),
            mean_recall(tagged),
            mean_average_precision(tagged),
            per_class_multilabel(tagged),
            Vec::new(),
        ),
    };
    let number_correct = correct.iter().filter(|h| **h).count() as u64;
    Verdict {
        run: run.clone(),
        decision: Decision::promoted(decision.promoted),
        reason: decision.reason.clone(),
        champion: if decision.promoted { Some(run.clone()) } else { before.clone() },
        previous: before,
        classes: answers.classes().to_vec(),
        labels: evidence.manifest.labels,
        images: answers.len() as u64,
        accuracy: share(&correct),
        accuracy_interval: wilson(number_correct, answers.len() as u64),
        balanced_accuracy: balanced.unwrap_or(0.0),
        champion_accuracy: decision.champion_accuracy,
        champion_balanced_accuracy: decision.champion_balanced_accuracy,
        mean_average_precision: precision,
        champion_mean_average_precision: decision.champion_mean_average_precision,
        p_value: decision.p_value,
        lower_bound: decision.lower_bound,
        f1: figures.iter().map(|c| c.f1).collect(),
        confusion,
        calibration: evidence.calibration,
        evaluation: evidence.figures.evaluation,
        class_results: class_results(answers, evidence.figures.near_copies),
        report: format!("runs/{run}/report/index.html"),
        evaluated_ms: now_ms(),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A verdict that promotes `run`.
    pub(crate) fn verdict(run: &str, previous: Option<&str>) -> Verdict {
        Verdict {
            run: run.to_owned(),
            decision: Decision::Promoted,
            reason: "for a test".into(),
            champion: Some(run.to_owned()),
            previous: previous.map(str::to_owned),
            classes: vec!["a".to_owned(), "b".to_owned()],
            labels: Labels::Single,
            images: 4,
            accuracy: 0.75,
            accuracy_interval: [0.3, 0.95],
            balanced_accuracy: 0.75,
            champion_accuracy: None,
            champion_balanced_accuracy: None,
            mean_average_precision: None,
            champion_mean_average_precision: None,
            p_value: None,
            lower_bound: None,
            f1: vec![Some(2.0 / 3.0), Some(0.8)],
            confusion: vec![vec![1, 1], vec![0, 2]],
            calibration: None,
            evaluation: Evaluation::default(),
            class_results: Vec::new(),
            report: format!("runs/{run}/report/index.html"),
            evaluated_ms: 1,
        }
    }
}
