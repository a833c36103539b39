//! What `search` does with what it is told; it knows messages, but not dora.

mod asked;

use crate::config::Config;
use plugin_api::run_id::{now_ms, run_id};
use plugin_api::runs::{MetricRow, RunFolder, read_json};
use plugin_api::{DatasetState, Message, Workspace};
use plugin_architecture_search::halving::hopeless;
use plugin_architecture_search::{
    Attempt, Event, FOLDER, Journal, Outcome, Proposed, Search, Settings, choose, report, searches,
};
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

/// What is to be sent.
#[derive(Clone, Debug, PartialEq)]
pub enum Outgoing {
    /// A network to train.
    Proposal(Proposed),
    /// A run that is to end.
    Stop {
        /// Id of the run that trains the network.
        run: String,
        /// Why.
        reason: String,
    },
}

/// How often folders of runs are looked into without a message about them.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// What is not known to be over is told again so often: who should have received it may have been started anew.
const AGAIN: Duration = Duration::from_secs(10);
/// An attempt whose `train` ended so often without an epoch in between has failed.
const MOST_INTERRUPTIONS: u32 = 3;
/// So many attempts that fail one after the other end the search: it is not the networks.
const MOST_FAILURES: usize = 10;
/// The report is written no more often.
const REPORT_EVERY: Duration = Duration::from_secs(5);

/// A search at work.
pub struct SearchController {
    /// The node's own options.
    base: Config,
    /// Those of the search: others where it was asked for with others.
    config: Config,
    workspace: Workspace,
    latest: Option<(DatasetState, Instant)>,
    journal: Option<Journal>,
    /// When each outstanding run was last proposed, or stopped.
    told: HashMap<String, Instant>,
    looked: Option<Instant>,
    is_due: bool,
    written: Option<Instant>,
    is_stale: bool,
    problem: Option<String>,
}

impl SearchController {
    /// Nothing known yet.
    pub fn new(config: Config, workspace: Workspace) -> Self {
        Self {
            base: config.clone(),
            config,
            workspace,
            latest: None,
            journal: None,
            told: HashMap::new(),
            looked: None,
            is_due: false,
            written: None,
            is_stale: false,
            problem: None,
        }
    }

    /// The search, when there is one.
    pub fn search(&self) -> Option<&Search> {
        self.journal.as_ref().map(Journal::search)
    }

    /// The data set as it is now.
    pub fn snapshot(&mut self, state: DatasetState, now: Instant) {
        match &mut self.latest {
            Some((latest, _)) if latest.fingerprint == state.fingerprint => *latest = state,
            latest => *latest = Some((state, now)),
        }
    }

    /// There is something new in the folders of the runs.
    pub fn look_again(&mut self) {
        self.is_due = true;
    }

    /// A node was started again: a `train` that ended in the middle of an attempt.
    ///
    /// # Errors
    /// Any error of the file system.
    pub fn restarted(&mut self, id: &str) -> io::Result<()> {
        self.told.clear();
        let Some(worker) = worker_of(id) else { return Ok(()) };
        let Some(journal) = &mut self.journal else { return Ok(()) };
        let interrupted: Vec<u64> = outstanding(journal.search())
            .filter(|attempt| attempt.proposed.worker == worker)
            .map(|attempt| attempt.proposed.attempt)
            .collect();
        for attempt in interrupted {
            journal.record(Event::Interrupted { attempt })?;
        }
        Ok(())
    }

    /// Does what is due.
    ///
    /// # Errors
    /// Any error of the file system.
    pub fn proceed(&mut self, now: Instant) -> io::Result<Vec<Outgoing>> {
        self.take_request()?;
        if self.journal.is_none() && !self.begin(now)? {
            return Ok(Vec::new());
        }
        let mut out = Vec::new();
        let Some(journal) = &mut self.journal else { return Ok(out) };
        let is_due = |since: Option<Instant>, every| since.is_none_or(|at| now.saturating_duration_since(at) >= every);
        if std::mem::take(&mut self.is_due) || is_due(self.looked, LOOK_EVERY) {
            self.looked = Some(now);
            self.is_stale |= look(&self.workspace, journal)?;
        }
        if journal.search().finished.is_none() {
            if let Some(reason) = enough(&self.config, journal) {
                journal.record(Event::Finished { reason })?;
                self.is_stale = true;
            } else {
                self.is_stale |= propose(&self.config, &self.workspace, journal, &mut self.problem)?;
            }
        }
        for attempt in outstanding(journal.search()) {
            let proposed = &attempt.proposed;
            if is_due(self.told.get(&proposed.run).copied(), AGAIN) {
                self.told.insert(proposed.run.clone(), now);
                out.push(Outgoing::Proposal(proposed.clone()));
                // Whoever forgot the proposal forgot this too.
                self.told.remove(&stop_key(&proposed.run));
            }
            if let Some(reason) = &attempt.stopping
                && is_due(self.told.get(&stop_key(&proposed.run)).copied(), AGAIN)
            {
                self.told.insert(stop_key(&proposed.run), now);
                out.push(Outgoing::Stop { run: proposed.run.clone(), reason: reason.clone() });
            }
        }
        if self.is_stale && is_due(self.written, REPORT_EVERY) {
            self.write_report()?;
            self.written = Some(now);
        }
        Ok(out)
    }

    /// Writes report and summary if they are not of now.
    ///
    /// # Errors
    /// Any error of the file system.
    pub fn write_report(&mut self) -> io::Result<()> {
        if let Some(journal) = self.journal.as_ref().filter(|_| self.is_stale) {
            report::write(journal.folder(), journal.search())?;
            self.is_stale = false;
        }
        Ok(())
    }

    /// Goes on with the last search when it is the same, or begins one when the data set has been quiet.
    fn begin(&mut self, now: Instant) -> io::Result<bool> {
        let root = self.workspace.root().join(FOLDER);
        self.config = asked::newest(&self.base, &root);
        if let Some(journal) = self.unfinished(&root)? {
            tracing::info!(search = journal.search().id, attempts = journal.search().attempts.len(), "goes on");
            self.journal = Some(journal);
            self.is_stale = true;
            return Ok(true);
        }
        let Some((data, since)) = &self.latest else { return Ok(false) };
        let train: u64 = data.train();
        if now.saturating_duration_since(*since) < Duration::from_secs(self.config.debounce_seconds)
            || train < self.config.min_train
            || data.trained_classes() < 2
        {
            return Ok(false);
        }
        let settings = match self.config.settings(data) {
            Ok(settings) => settings,
            Err(problem) => {
                self.problem = Some(problem);
                return Ok(false);
            }
        };
        let started_ms = now_ms();
        let id = run_id(started_ms, &data.fingerprint);
        std::fs::create_dir_all(&root).map_err(|e| plugin_api::files::with_path(&root, &e))?;
        let journal = Journal::create(&root, &id, settings, data.clone(), started_ms)?;
        tracing::info!(search = id, images = train, "begins");
        self.journal = Some(journal);
        self.is_stale = true;
        Ok(true)
    }

    /// The newest search of the same settings; one that has ended too, unless the data set is another now.
    fn unfinished(&self, root: &Path) -> io::Result<Option<Journal>> {
        let Some(folder) = searches(root).pop() else { return Ok(None) };
        let Some(mut journal) = Journal::open(&folder)? else { return Ok(None) };
        let search = journal.search();
        let now = self.config.settings(&search.data);
        if now.is_ok_and(|now| now != search.settings) {
            return Ok(None);
        }
        if search.finished.is_some() {
            // The data set is known when its first word has come; until then it is waited for.
            let Some((latest, _)) = &self.latest else { return Ok(None) };
            if latest.fingerprint != search.data.fingerprint {
                return Ok(None);
            }
            // More attempts or hours than before.
            if enough(&self.config, &journal).is_none() {
                journal.record(Event::Resumed {})?;
            }
        }
        Ok(Some(journal))
    }

    /// Where it stands, for a person.
    pub fn told(&self) -> Message {
        if let Some(problem) = &self.problem {
            return Message::plain(problem);
        }
        let Some(search) = self.search() else {
            return match &self.latest {
                None => Message::search_waits(),
                Some((data, _)) => Message::search_waits_quiet(self.config.min_train, data.train()),
            };
        };
        let state = match &search.finished {
            Some(reason) => Message::search_ended(&search.id, reason),
            None => Message::search_goes(&search.id, search.attempts.len()),
        };
        match search.best().and_then(|best| Some((best.proposed.attempt, best.error()?))) {
            Some((attempt, error)) => Message::search_best(state, error * 100.0, attempt),
            None => state,
        }
    }
}

fn stop_key(run: &str) -> String {
    format!("stop {run}")
}

/// The number of a `train` by its id: `train` is 0, `train-2` is 1.
fn worker_of(id: &str) -> Option<u32> {
    match id.strip_prefix("train")? {
        "" => Some(0),
        rest => rest.strip_prefix('-')?.parse::<u32>().ok()?.checked_sub(1),
    }
}

fn outstanding(search: &Search) -> impl Iterator<Item = &Attempt> {
    search.attempts.iter().filter(|attempt| attempt.outcome == Outcome::Training)
}

/// Reads what the folders of the runs say of attempts that are not known to be over; whether anything was new.
fn look(workspace: &Workspace, journal: &mut Journal) -> io::Result<bool> {
    let mut is_new = false;
    let open: Vec<u64> = journal
        .search()
        .attempts
        .iter()
        .filter(|attempt| attempt.outcome == Outcome::Training || (attempt.has_weights() && attempt.test.is_none()))
        .map(|attempt| attempt.proposed.attempt)
        .collect();
    for number in open {
        let attempt = &journal.search().attempts[number as usize];
        let folder = RunFolder::new(&workspace.runs(), &attempt.proposed.run);
        let events = if attempt.outcome == Outcome::Training { training(&folder, attempt) } else { Vec::new() };
        for event in events {
            is_new = true;
            let is_epoch = matches!(event, Event::Epoch { .. });
            let stopping = journal.search().attempts[number as usize].stopping.clone();
            let event = match (event, stopping) {
                (Event::Epoch { .. }, Some(_)) => continue,
                (Event::Ended { attempt, outcome: Outcome::Trained, .. }, reason @ Some(_)) => {
                    Event::Ended { attempt, outcome: Outcome::Stopped, reason }
                }
                (event, _) => event,
            };
            journal.record(event)?;
            if is_epoch && let Some(reason) = hopeless(journal.search(), number) {
                journal.record(Event::Stopping { attempt: number, reason })?;
            }
        }
        let attempt = &journal.search().attempts[number as usize];
        if attempt.has_weights()
            && attempt.test.is_none()
            && let Some(verdict) = folder.verdict()
        {
            is_new = true;
            journal.record(Event::Evaluated {
                attempt: number,
                accuracy: verdict.accuracy,
                balanced_accuracy: verdict.balanced_accuracy,
                reason: verdict.reason.to_string(),
            })?;
        }
    }
    Ok(is_new)
}

/// What a run's folder says that the journal does not have yet.
fn training(folder: &RunFolder, attempt: &Attempt) -> Vec<Event> {
    /// The part of `abandoned.json` that is of use.
    #[derive(serde::Deserialize)]
    struct Abandoned {
        reason: String,
    }
    let number = attempt.proposed.attempt;
    // In this order: what is read later may be newer, never older.
    let abandoned: Option<Abandoned> = read_json(&folder.0.join("abandoned.json")).ok();
    let finished = folder.finished();
    // What an attempt did until the stop reached it does not count, or it would hang on how quick the messages were.
    let is_stopping = attempt.stopping.is_some();
    let mut events = if is_stopping { Vec::new() } else { epochs(number, attempt.curve.len(), &folder.metrics()) };
    if let Some(Abandoned { reason }) = abandoned {
        events.push(Event::Ended { attempt: number, outcome: Outcome::Failed, reason: Some(reason) });
    } else if finished.is_some() {
        let outcome = if is_stopping { Outcome::Stopped } else { Outcome::Trained };
        events.push(Event::Ended { attempt: number, outcome, reason: attempt.stopping.clone() });
    } else if attempt.interruptions >= MOST_INTERRUPTIONS {
        let reason = format!(
            "the program that trained it ended {MOST_INTERRUPTIONS} times in the middle of it, as it does when memory ends"
        );
        events.push(Event::Ended { attempt: number, outcome: Outcome::Failed, reason: Some(reason) });
    }
    events
}

/// The epochs of a run from `known` on.
fn epochs(attempt: u64, known: usize, rows: &[MetricRow]) -> Vec<Event> {
    let mut by_epoch: BTreeMap<u64, [Option<f64>; 3]> = BTreeMap::new();
    for row in rows {
        let place = match (&row.split[..], &row.metric[..]) {
            ("validation", "weighted_accuracy") => 0,
            ("train", "loss") => 1,
            ("train", "epoch_seconds") => 2,
            _ => continue,
        };
        by_epoch.entry(row.epoch).or_default()[place] = Some(row.value);
    }
    let mut events = Vec::new();
    for epoch in known as u64.. {
        // The seconds are written last: without them, the other lines may be on their way.
        let Some([accuracy, loss, Some(seconds)]) = by_epoch.get(&epoch) else { break };
        let Some(error) = accuracy.map(|right| 1.0 - right).or(*loss) else { break };
        events.push(Event::Epoch { attempt, epoch, error, seconds: *seconds });
    }
    events
}

/// Why the search has had enough.
fn enough(config: &Config, journal: &Journal) -> Option<String> {
    let search = journal.search();
    let is_good = |attempt: &&Attempt| {
        let most = config.stop_multiply_adds.unwrap_or(u64::MAX);
        let good = |error: f64| config.stop_error.is_some_and(|wanted| error <= wanted);
        attempt.has_weights() && attempt.error().is_some_and(good) && attempt.proposed.multiply_adds <= most
    };
    if let Some(attempt) = search.attempts.iter().find(is_good) {
        let error = attempt.error().unwrap_or_default() * 100.0;
        return Some(format!("attempt {} has an error of {error:.1} %, as was asked for", attempt.proposed.attempt));
    }
    if config.hours > 0.0 && journal.seconds() >= config.hours * 3600.0 {
        return Some(format!("{} hours are over", config.hours));
    }
    // With what is being trained, the attempts are all there will be; it waits for them.
    if config.attempts > 0 && search.attempts.len() as u64 >= config.attempts && outstanding(search).next().is_none() {
        return Some(format!("{} attempts are made", config.attempts));
    }
    let failed = search.attempts.iter().rev().take_while(|attempt| attempt.outcome == Outcome::Failed).count();
    (failed >= MOST_FAILURES).then(|| {
        let last = search.attempts.last().and_then(|attempt| attempt.reason.clone()).unwrap_or_default();
        format!("{failed} attempts failed one after the other, the last because: {last}")
    })
}

/// Proposes a network to each `train` that has none; whether there was one.
fn propose(
    config: &Config,
    workspace: &Workspace,
    journal: &mut Journal,
    problem: &mut Option<String>,
) -> io::Result<bool> {
    let mut is_new = false;
    for worker in 0..config.parallel {
        let search = journal.search();
        let is_busy = outstanding(search).any(|attempt| attempt.proposed.worker == worker);
        let is_last = config.attempts > 0 && search.attempts.len() as u64 >= config.attempts;
        // The others are made from the first: until it has ended there is nothing to tell a change by.
        let is_first = search.attempts.first().is_some_and(|first| first.outcome == Outcome::Training);
        if is_busy || is_last || is_first {
            continue;
        }
        let Some(choice) = choose(search) else {
            *problem = Some("no block of the network may be changed, or no change of it fits and is new".to_owned());
            return Ok(is_new);
        };
        *problem = None;
        let number = search.attempts.len() as u64;
        let Settings { inherit, network, .. } = &search.settings;
        let parent = choice.parent.and_then(|number| search.attempts.get(number as usize));
        let mut document = choice.proposal.document;
        let change = choice.proposal.change;
        document.set_about(&format!("attempt {number} of search {} from {network}: {change}", search.id));
        let proposed = Proposed {
            attempt: number,
            run: next_run(workspace, search),
            parent: choice.parent,
            change,
            definition: document.to_text(),
            multiply_adds: choice.proposal.graph.multiply_adds(),
            parameters: choice.proposal.graph.parameters(),
            expected: choice.expected,
            inherits: parent.filter(|parent| *inherit && parent.has_weights()).map(|parent| parent.proposed.attempt),
            worker,
        };
        tracing::info!(attempt = number, run = proposed.run, change = proposed.change, "is proposed");
        journal.record(Event::Proposed(proposed))?;
        is_new = true;
    }
    Ok(is_new)
}

/// An id that sorts after those of all runs.
fn next_run(workspace: &Workspace, search: &Search) -> String {
    let last = search.attempts.last().map(|attempt| &attempt.proposed.run);
    let newest = RunFolder::all(&workspace.runs()).pop().map(|folder| folder.id());
    let mut at = now_ms();
    loop {
        let id = run_id(at, &format!("{} {}", search.id, search.attempts.len()));
        // Ids have seconds.
        if last.is_none_or(|last| id[..15] > last[..15.min(last.len())])
            && newest.as_ref().is_none_or(|newest| id[..15] > newest[..15.min(newest.len())])
        {
            return id;
        }
        at += 1000;
    }
}

#[cfg(test)]
mod tests;
