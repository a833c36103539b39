//! What `evaluate` does with what it is told; it knows messages, but not dora.

use crate::checkpoint::Checkpoint;
use crate::classifier::Loader;
use crate::conclude::unreadable;
use crate::error::EvaluateError;
use crate::evaluation_run::{Closed, EvaluationRun};
use plugin_api::edges::{Batches, Demand};
use plugin_api::runs::{RunFolder, RunManifest, Verdict, read_json, write_json};
use plugin_api::{Header, Workspace};
use plugin_champion::{Lock, unfinished};
use plugin_training::gate::{Gate, Promotion};
use std::collections::VecDeque;
use std::io;
use std::time::Instant;

/// What is to be sent.
#[derive(Clone, Debug)]
pub enum Outgoing {
    /// To `dataset`.
    Demand(Box<Demand>),
    /// To `train`, `predict`, `dashboard`.
    Verdict(Box<Verdict>),
}

/// Evaluates one run after the other.
pub struct Evaluator<L> {
    workspace: Workspace,
    loader: L,
    batch_size: u32,
    gate: Gate,
    waiting: VecDeque<Checkpoint>,
    evaluation_run: Option<EvaluationRun>,
    /// Who makes champions.
    pub promotion: Promotion,
}

impl<L: Loader> Evaluator<L> {
    /// Nothing to evaluate yet.
    pub fn new(workspace: Workspace, loader: L, batch_size: u32, gate: Gate) -> Self {
        Self {
            workspace,
            loader,
            batch_size,
            gate,
            waiting: VecDeque::new(),
            evaluation_run: None,
            promotion: Promotion::Gate,
        }
    }

    /// The run that is being evaluated.
    pub fn evaluation_run(&self) -> Option<&EvaluationRun> {
        self.evaluation_run.as_ref()
    }

    /// A run has ended. One that was evaluated before is answered from `verdict.json`; one that is being evaluated or waits
    /// is not taken twice; one whose folder is gone is nobody's business any more.
    ///
    /// # Errors
    /// Any error of the file system, with the path in its text.
    pub fn announced(&mut self, checkpoint: Checkpoint) -> Result<Option<Outgoing>, EvaluateError> {
        let folder = RunFolder::new(&self.workspace.runs(), &checkpoint.run);
        if let Some(verdict) = folder.verdict() {
            return Ok(Some(Outgoing::Verdict(Box::new(verdict))));
        }
        let known =
            self.evaluation_run.iter().map(EvaluationRun::run).chain(self.waiting.iter().map(|c| c.run.as_str()));
        if known.into_iter().any(|run| run == checkpoint.run) {
            return Ok(None);
        }
        if !folder.0.is_dir() {
            tracing::warn!(run = checkpoint.run, "the folder of the run is gone; it is not evaluated");
            return Ok(None);
        }
        // Killed between promotion and `verdict.json`, the run is champion already and must not be evaluated again.
        let lock = Lock::take(&self.workspace)?;
        let cut_short = unfinished(&self.workspace, &checkpoint.run)?;
        drop(lock);
        if let Some(verdict) = cut_short {
            tracing::info!(run = checkpoint.run, "a promotion is finished that was cut short");
            write_json(&folder.0.join("verdict.json"), &verdict)?;
            return Ok(Some(Outgoing::Verdict(Box::new(verdict))));
        }
        self.waiting.push_back(checkpoint);
        Ok(None)
    }

    /// Held-out images have come.
    ///
    /// # Errors
    /// [`EvaluateError`] when they don't keep to their contract or the device fails.
    pub fn add_batch(&mut self, header: &Header, batch: &Batches) -> Result<(), EvaluateError> {
        self.evaluation_run.as_mut().map_or(Ok(()), |evaluation_run| evaluation_run.add_batch(header, batch))
    }

    /// `dataset` was started again.
    pub fn restarted(&mut self) {
        if let Some(evaluation_run) = &mut self.evaluation_run {
            evaluation_run.ask_again(Instant::now());
        }
    }

    /// Begins, asks and ends what is due at `now`.
    ///
    /// # Errors
    /// [`EvaluateError`] when the device fails or a file cannot be written.
    pub fn proceed(&mut self, now: Instant) -> Result<Vec<Outgoing>, EvaluateError> {
        let mut out = Vec::new();
        loop {
            match self.evaluation_run.take() {
                Some(evaluation_run) if evaluation_run.over() => {
                    match evaluation_run.close(&self.workspace, &self.gate, self.promotion)? {
                        Closed::Evaluated(verdict) => out.push(Outgoing::Verdict(verdict)),
                        Closed::Anew(checkpoint) => self.waiting.push_front(checkpoint),
                    }
                }
                Some(mut evaluation_run) => {
                    out.extend(evaluation_run.demand(now).map(Box::new).map(Outgoing::Demand));
                    self.evaluation_run = Some(evaluation_run);
                    return Ok(out);
                }
                None => match self.waiting.pop_front() {
                    Some(checkpoint) => match manifest(&self.workspace, &checkpoint) {
                        Ok(manifest) => self.evaluation_run = Some(self.begin(checkpoint, manifest, now)?),
                        Err(why) => {
                            out.push(Outgoing::Verdict(Box::new(unreadable(&self.workspace, &checkpoint, &why)?)));
                        }
                    },
                    None => return Ok(out),
                },
            }
        }
    }

    fn begin(
        &self,
        checkpoint: Checkpoint,
        manifest: RunManifest,
        now: Instant,
    ) -> Result<EvaluationRun, EvaluateError> {
        EvaluationRun::open(&self.workspace, &self.loader, checkpoint, manifest, self.batch_size, now)
    }
}

fn manifest(workspace: &Workspace, checkpoint: &Checkpoint) -> io::Result<RunManifest> {
    read_json(&RunFolder::new(&workspace.runs(), &checkpoint.run).0.join("run.json"))
}

#[cfg(test)]
mod tests;
