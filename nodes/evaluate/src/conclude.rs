//! From answers to a verdict on disk: report, promotion, `verdict.json`, in that order.

use crate::checkpoint::Checkpoint;
use crate::promote::{champion, discard, promote};
use crate::rule::{Decision, Reigning, decide};
use plugin_api::Home;
use plugin_api::runs::{ModelCard, RunFolder, RunManifest, Verdict, write_json};
use plugin_metric::report::{self, Picture, Report, WrongPictures};
use plugin_metric::{Judged, accuracy, balanced_accuracy, confusion, wilson};
use std::io;
use std::time::{SystemTime, UNIX_EPOCH};

/// What was found out about a run.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// The weights that were judged.
    pub checkpoint: &'a Checkpoint,
    /// What decided the run.
    pub manifest: &'a RunManifest,
    /// What the challenger said; empty when it could not be used.
    pub challenger: &'a Judged,
    /// Why the challenger could not be used.
    pub unusable: Option<&'a str>,
    /// The champion so far.
    pub reigning: Reigning<'a>,
    /// The held-out pictures, in order.
    pub pictures: &'a [Picture],
    /// The challenger's surest mistakes.
    pub wrong: &'a WrongPictures,
}

/// The card of a run's weights.
pub fn card(manifest: &RunManifest, checkpoint: &Checkpoint) -> ModelCard {
    ModelCard {
        architecture: manifest.architecture.clone(),
        size_px: manifest.size_px,
        resize_mode: manifest.resize_mode.clone(),
        classes: manifest.classes.clone(),
        run: checkpoint.run.clone(),
        digest: checkpoint.digest.clone(),
    }
}

/// Decides, writes the report, promotes if that was the decision, and writes `verdict.json` last: while that is
/// missing, everything is done again.
///
/// # Errors
/// Any error of the file system, with the path in its text.
pub fn conclude(home: &Home, evidence: &Evidence) -> io::Result<Verdict> {
    let run = &evidence.checkpoint.run;
    let folder = RunFolder::new(&home.runs(), run);
    let decision = evidence.unusable.map_or_else(|| decide(evidence.challenger, evidence.reigning), unusable);
    let before = champion(home);
    let verdict = verdict(evidence, &decision, before.clone());
    tracing::info!(run, decision = verdict.decision, reason = verdict.reason, "verdict");
    report::write(
        &folder.0.join("report"),
        &Report {
            manifest: evidence.manifest,
            finished: folder.finished().as_ref(),
            metrics: &folder.metrics(),
            verdict: &verdict,
            challenger: evidence.challenger,
            champion: match evidence.reigning {
                Reigning::Judged { judged, .. } => Some(judged),
                Reigning::Nobody | Reigning::Unusable { .. } => None,
            },
            pictures: evidence.pictures,
            wrong: evidence.wrong,
        },
    )?;
    if decision.promoted {
        let weights = home.root().join(&evidence.checkpoint.uri);
        promote(home, &weights, &card(evidence.manifest, evidence.checkpoint), &verdict)?;
    } else if before.as_deref() != Some(run) {
        discard(home, run)?;
    }
    write_json(&folder.0.join("verdict.json"), &verdict)?;
    Ok(verdict)
}

/// Refuses a run whose manifest cannot be read. Nothing is known of it, so there is no report.
///
/// # Errors
/// Any error of the file system, with the path in its text.
pub fn unreadable(home: &Home, checkpoint: &Checkpoint, why: &io::Error) -> io::Result<Verdict> {
    let run = &checkpoint.run;
    tracing::error!(run, %why, "the run cannot be judged");
    let before = champion(home);
    let verdict = Verdict {
        run: run.clone(),
        decision: "refused".to_owned(),
        reason: format!("The run's manifest cannot be read: {why}."),
        champion: before.clone(),
        previous: before,
        classes: Vec::new(),
        pictures: 0,
        accuracy: 0.0,
        accuracy_interval: wilson(0, 0),
        balanced_accuracy: 0.0,
        champion_accuracy: None,
        champion_balanced_accuracy: None,
        p_value: None,
        confusion: Vec::new(),
        report: String::new(),
        judged_ms: now_ms(),
    };
    write_json(&RunFolder::new(&home.runs(), run).0.join("verdict.json"), &verdict)?;
    Ok(verdict)
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64
}

/// Weights that cannot be read are refused for good, so that they are not announced for ever.
fn unusable(why: &str) -> Decision {
    Decision {
        promoted: false,
        reason: format!("Its weights cannot be used: {why}."),
        champion_accuracy: None,
        champion_balanced_accuracy: None,
        p_value: None,
    }
}

fn verdict(evidence: &Evidence, decision: &Decision, before: Option<String>) -> Verdict {
    let (run, judged) = (&evidence.checkpoint.run, evidence.challenger);
    let hits = judged.hits().into_iter().filter(|&h| h).count() as u64;
    Verdict {
        run: run.clone(),
        decision: if decision.promoted { "promoted" } else { "refused" }.to_owned(),
        reason: decision.reason.clone(),
        champion: if decision.promoted { Some(run.clone()) } else { before.clone() },
        previous: before,
        classes: judged.classes().to_vec(),
        pictures: judged.len() as u64,
        accuracy: accuracy(judged).unwrap_or(0.0),
        accuracy_interval: wilson(hits, judged.len() as u64),
        balanced_accuracy: balanced_accuracy(judged).unwrap_or(0.0),
        champion_accuracy: decision.champion_accuracy,
        champion_balanced_accuracy: decision.champion_balanced_accuracy,
        p_value: decision.p_value,
        confusion: confusion(judged),
        report: format!("runs/{run}/report/index.html"),
        judged_ms: now_ms(),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A verdict that promotes `run`.
    pub(crate) fn verdict(run: &str, previous: Option<&str>) -> Verdict {
        Verdict {
            run: run.to_owned(),
            decision: "promoted".to_owned(),
            reason: "for a test".to_owned(),
            champion: Some(run.to_owned()),
            previous: previous.map(str::to_owned),
            classes: vec!["a".to_owned(), "b".to_owned()],
            pictures: 4,
            accuracy: 0.75,
            accuracy_interval: [0.3, 0.95],
            balanced_accuracy: 0.75,
            champion_accuracy: None,
            champion_balanced_accuracy: None,
            p_value: None,
            confusion: vec![vec![1, 1], vec![0, 2]],
            report: format!("runs/{run}/report/index.html"),
            judged_ms: 1,
        }
    }
}
