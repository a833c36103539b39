//! What a person has decided, `dataset/decisions.jsonl`, obeyed: read at the start and whenever the file changes.

use crate::config::Near;
use crate::different::{Different, Member, regroup};
use crate::error::DatasetError;
use plugin_api::decisions::{self, Decided, Decision};
use plugin_api::status::Notice;
use plugin_api::{Message, Workspace};
use plugin_catalog::Writer;
use plugin_hash::Views;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::PathBuf;
use std::time::SystemTime;

/// Modification time and size of the file; `None` when there is none.
type Stamp = Option<(SystemTime, u64)>;

/// The decisions in force.
#[derive(Debug, Default)]
pub struct Decisions {
    /// Samples that are right where they are.
    pub reviewed: BTreeSet<String>,
    /// Sets of samples that are no copies of each other; each sorted.
    pub different: Vec<Vec<String>>,
    /// Numbers of lines that are no decision, or why the file cannot be read.
    problem: Option<String>,
    stamp: Option<Stamp>,
}

fn path(workspace: &Workspace) -> PathBuf {
    decisions::path(workspace)
}

fn stamp(workspace: &Workspace) -> Stamp {
    let meta = std::fs::metadata(path(workspace)).ok()?;
    Some((meta.modified().ok()?, meta.len()))
}

impl Decisions {
    /// Reads the file when it has changed. Returns whether it has. A file that cannot be read changes nothing.
    pub fn read(&mut self, workspace: &Workspace) -> bool {
        let now = stamp(workspace);
        if self.stamp == Some(now) {
            return false;
        }
        self.stamp = Some(now);
        match decisions::read(workspace) {
            Ok(read) => {
                let problem = (!read.unreadable.is_empty()).then(|| lines(&read.unreadable));
                *self = Self { problem, stamp: Some(now), ..Self::of(&read.made) };
                tracing::info!(reviewed = self.reviewed.len(), different = self.different.len(), "decisions read");
            }
            Err(error) => self.problem = Some(format!("{error}; the decisions before hold")),
        }
        if let Some(problem) = &self.problem {
            tracing::warn!(file = %path(workspace).display(), problem, "decisions that cannot be read");
        }
        true
    }

    /// What holds after decisions were made one after the other: the last about the same samples.
    fn of(made: &[Decided]) -> Self {
        let mut last: BTreeMap<Vec<String>, Decision> = BTreeMap::new();
        for decided in made {
            let set: BTreeSet<&String> = decided.digests.iter().collect();
            last.insert(set.into_iter().cloned().collect(), decided.decision);
        }
        let mut decisions = Self::default();
        for (set, decision) in last {
            match decision {
                Decision::Keep => decisions.reviewed.extend(set),
                Decision::Different if set.len() > 1 => decisions.different.push(set),
                Decision::Different | Decision::Withdrawn => {}
            }
        }
        decisions
    }

    /// What a person should know of the file.
    pub fn notice(&self) -> Option<Notice> {
        let problem = self.problem.as_ref()?;
        Some(Notice {
            kind: "decisions_unreadable".to_owned(),
            count: 1,
            reason: Message::notice_decisions_unreadable(problem).into(),
            advice: Message::advice_decisions_unreadable().into(),
            examples: vec!["dataset/decisions.jsonl".to_owned()],
        })
    }

    /// Lets the groups in the catalog obey: samples that are different now are taken apart, those that no longer are may be one
    /// again. Whole or not at all. Returns whether other samples are different now than before, so that groups have to be loaded.
    ///
    /// # Errors
    /// The catalog's.
    pub fn obey(&self, near: Near, catalog: &mut Writer) -> Result<bool, DatasetError> {
        let before: BTreeSet<Vec<String>> = catalog.read().different()?.into_iter().collect();
        let now: BTreeSet<Vec<String>> = self.different.iter().cloned().collect();
        if before == now {
            return Ok(false);
        }
        let concerned: BTreeSet<&String> = before.symmetric_difference(&now).flatten().collect();
        let mut groups = BTreeSet::new();
        for sample in concerned {
            groups.extend(catalog.read().groups_of_sample(sample)?);
        }
        let mut members = Vec::new();
        for group in &groups {
            catalog.read().images_of_group(group, |image| {
                members.push(Member {
                    digest: image.digest.to_owned(),
                    sample: image.sample.to_owned(),
                    group: image.group.to_owned(),
                    phash: image.phash,
                    dhash: image.dhash,
                    views: image.signatures.and_then(Views::from_bytes),
                });
            })?;
        }
        let taken = names_taken(&members, catalog)?;
        let changed = regroup(&members, near.radii(), &Different::new(&self.different), |name| taken.contains(name));
        let mut change = catalog.change()?;
        for (digest, group) in &changed {
            tracing::info!(image = digest, group, "in another group, as a person has decided");
            change.set_group(digest, group)?;
        }
        change.set_different(&self.different)?;
        change.commit()?;
        Ok(true)
    }
}

/// Digests of members that are names of groups: a group may be called after an image that has left it.
fn names_taken(members: &[Member], catalog: &Writer) -> Result<HashSet<String>, DatasetError> {
    let mut taken = HashSet::new();
    for one in members {
        for name in [&one.digest, &one.group] {
            let mut is_taken = false;
            catalog.read().images_of_group(name, |_| is_taken = true)?;
            if is_taken {
                taken.insert(name.clone());
            }
        }
    }
    Ok(taken)
}

fn lines(numbers: &[usize]) -> String {
    let named: Vec<String> = numbers.iter().take(5).map(usize::to_string).collect();
    let more = numbers.len() - named.len();
    let named = named.join(", ");
    if more == 0 {
        format!("lines {named} are no decision")
    } else {
        format!("lines {named} and {more} more are no decision")
    }
}
