//! When a run starts: the data set has changed enough, has been quiet for a while, and is large enough.

use crate::trigger_options::{Switch, TriggerOptions};
use plugin_api::status::Wait;
use plugin_api::{DatasetState as State, Message};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// What decides a run: fingerprint of the data set, digest of the options.
pub type Key = (String, String);

/// What to do now.
#[derive(Debug, PartialEq, Eq)]
pub enum Due {
    /// Wait for this.
    Wait(Wait),
    /// Train on this state.
    Run(State),
}

/// The message about a wait.
pub fn told(wait: &Wait) -> Message {
    let Wait { have, want, .. } = *wait;
    match wait.code.as_str() {
        "images" => Message::waiting_images(),
        "up_to_date" => Message::up_to_date(have),
        "classes" => Message::waiting_classes(have),
        "training_images" => Message::waiting_training_images(want, have),
        "request" => Message::waiting_request(),
        "pause" => Message::paused(),
        "quiet" => Message::waiting_quiet(have),
        "schedule" => Message::waiting_schedule(),
        "changes" => Message::waiting_changes(have, want),
        other => Message::plain(other),
    }
}

/// What time it is.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// For spans.
    pub instant: Instant,
    /// Seconds since 1970, for the time of the day.
    pub unix_s: u64,
}

impl Now {
    /// Now.
    pub fn new() -> Self {
        Self {
            instant: Instant::now(),
            unix_s: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs(),
        }
    }
}

impl Default for Now {
    fn default() -> Self {
        Self::new()
    }
}

/// Decides from snapshots of the data set when a run is due.
pub struct Trigger {
    when: TriggerOptions,
    options: String,
    latest: Option<(State, Now)>,
    /// Since when there are changes that no run was trained on.
    waiting: Option<Now>,
    done: Option<Key>,
}

impl Trigger {
    /// `options`: digest of the options that decide what is trained; `done`: what the last finished run was trained on.
    pub fn new(when: TriggerOptions, options: String, done: Option<Key>) -> Self {
        Self { when, options, latest: None, waiting: None, done }
    }

    /// The same state of the data set under other rules.
    #[must_use]
    pub fn with(&self, when: TriggerOptions, options: String) -> Self {
        let Self { latest, waiting, done, .. } = self;
        Self { when, options, latest: latest.clone(), waiting: *waiting, done: done.clone() }
    }

    /// A snapshot came. The same one again does not disturb the quiet.
    pub fn snapshot(&mut self, state: State, now: Now) {
        if !self.is_done(&state) {
            self.waiting.get_or_insert(now);
        }
        match &mut self.latest {
            Some((latest, _)) if latest.fingerprint == state.fingerprint => *latest = state,
            latest => *latest = Some((state, now)),
        }
    }

    /// A run on this data is over, one way or the other.
    pub fn done(&mut self, fingerprint: &str, now: Now) {
        self.done = Some((fingerprint.to_owned(), self.options.clone()));
        let more = self.latest.as_ref().is_some_and(|(state, _)| state.fingerprint != fingerprint);
        self.waiting = more.then_some(now);
    }

    /// The data set as it is now, when it has changed since a run on `fingerprint` began.
    pub fn overtaken(&self, fingerprint: &str) -> Option<&State> {
        self.latest.as_ref().map(|(state, _)| state).filter(|state| state.fingerprint != fingerprint)
    }

    /// The data set as it is now.
    pub fn latest(&self) -> Option<&State> {
        self.latest.as_ref().map(|(state, _)| state)
    }

    fn is_done(&self, state: &State) -> bool {
        self.done.as_ref().is_some_and(|(data, options)| *data == state.fingerprint && *options == self.options)
    }

    /// Whether a run is due. `asked`: somebody has asked for one. `is_paused`: none may start by itself. `changes`: images that
    /// are new, relabelled or removed since the last run, when that is known.
    pub fn due(&self, now: Now, asked: bool, is_paused: bool, changes: impl FnOnce(&State) -> Option<u64>) -> Due {
        let Some((state, since)) = &self.latest else { return Due::Wait(Wait::new("images")) };
        if !asked && self.is_done(state) {
            return Due::Wait(Wait::number("up_to_date", state.version, 0));
        }
        if state.trained_classes() < 2 {
            return Due::Wait(Wait::number("classes", state.trained_classes() as u64, 2));
        }
        if state.train() < self.when.min_train {
            return Due::Wait(Wait::number("training_images", state.train(), self.when.min_train));
        }
        if asked {
            return Due::Run(state.clone());
        }
        if is_paused {
            return Due::Wait(Wait::new("pause"));
        }
        if self.when.retrain == Switch::Off {
            return Due::Wait(Wait::new("request"));
        }
        let waited = self.waiting.map(|from| now.instant.saturating_duration_since(from.instant));
        let longest = Duration::from_secs(self.when.longest_wait_seconds);
        if !longest.is_zero() && waited.is_some_and(|waited| waited >= longest) {
            return Due::Run(state.clone());
        }
        let latest_s = self.waiting.filter(|_| !longest.is_zero()).map(|from| from.unix_s + longest.as_secs());
        let until = |unix_s: Option<u64>| unix_s.into_iter().chain(latest_s).min().map(|unix_s| unix_s * 1000);
        let quiet = now.instant.saturating_duration_since(since.instant);
        if quiet < Duration::from_secs(self.when.debounce_seconds) {
            let until_ms = until(Some(since.unix_s + self.when.debounce_seconds));
            return Due::Wait(Wait { until_ms, ..Wait::number("quiet", quiet.as_secs(), self.when.debounce_seconds) });
        }
        if let Some(from) = self.waiting
            && !self.when.is_time(from.unix_s, now.unix_s)
        {
            return Due::Wait(Wait { until_ms: until(self.when.next_time(now.unix_s)), ..Wait::new("schedule") });
        }
        // The same images with other options are worth a run whatever their number; so are those that are the same and yet
        // not: now with several labels each, or split otherwise.
        let same_data = self.done.as_ref().is_some_and(|(data, _)| *data == state.fingerprint);
        if !same_data
            && let Some(changes) = changes(state).filter(|changes| *changes > 0)
            && !self.when.is_enough(changes, state.images())
        {
            let wanted = self.when.wanted(state.images());
            return Due::Wait(Wait { until_ms: until(None), ..Wait::number("changes", changes, wanted) });
        }
        Due::Run(state.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::trigger_options::tests::when;

    fn state(fingerprint: &str, train: &[u64]) -> State {
        State {
            version: 1,
            fingerprint: fingerprint.to_owned(),
            classes: (0..train.len()).map(|i| format!("class {i}")).collect(),
            counts: train.iter().map(|&n| [n, 1, 1, 0]).collect(),
            labels: plugin_api::Labels::Single,
        }
    }

    fn trigger(done: Option<Key>) -> Trigger {
        with("", done)
    }

    fn with(line: &str, done: Option<Key>) -> Trigger {
        Trigger::new(when(line), "options".to_owned(), done)
    }

    /// Noon of some day.
    fn start() -> Now {
        Now { instant: Instant::now(), unix_s: 20_000 * 86_400 + 43_200 }
    }

    fn after(start: Now, seconds: u64) -> Now {
        Now { instant: start.instant + Duration::from_secs(seconds), unix_s: start.unix_s + seconds }
    }

    fn due(trigger: &Trigger, now: Now) -> Due {
        trigger.due(now, false, false, |_| None)
    }

    #[test]
    fn a_run_starts_after_the_quiet_and_only_once() {
        let (mut trigger, start) = (trigger(None), start());
        assert!(matches!(due(&trigger, start), Due::Wait(_)));
        trigger.snapshot(state("a", &[6, 6]), start);
        assert!(matches!(due(&trigger, after(start, 4)), Due::Wait(wait) if told(&wait).to_string().contains("quiet")));
        assert_eq!(due(&trigger, after(start, 5)), Due::Run(state("a", &[6, 6])));
        trigger.done("a", after(start, 9));
        assert!(
            matches!(due(&trigger, after(start, 9)), Due::Wait(wait) if told(&wait).to_string().contains("up to date"))
        );
    }

    #[test]
    fn a_burst_leads_to_one_run_and_a_repeated_snapshot_is_no_burst() {
        let (mut trigger, start) = (trigger(None), start());
        for (second, fingerprint) in [(0, "a"), (3, "b"), (6, "c"), (9, "c")] {
            trigger.snapshot(state(fingerprint, &[6, 6]), after(start, second));
            assert!(matches!(due(&trigger, after(start, second)), Due::Wait(_)));
        }
        assert_eq!(due(&trigger, after(start, 11)), Due::Run(state("c", &[6, 6])));
    }

    #[test]
    fn snapshots_during_a_run_lead_to_one_afterwards() {
        let (mut trigger, start) = (trigger(None), start());
        trigger.snapshot(state("a", &[6, 6]), start);
        assert!(trigger.overtaken("a").is_none());
        trigger.snapshot(state("b", &[6, 7]), after(start, 20));
        trigger.snapshot(state("c", &[6, 8]), after(start, 30));
        assert_eq!(trigger.overtaken("a").unwrap().fingerprint, "c");
        trigger.done("a", after(start, 9));
        assert_eq!(due(&trigger, after(start, 40)), Due::Run(state("c", &[6, 8])));
        // Back to what is known already.
        trigger.snapshot(state("a", &[6, 6]), after(start, 50));
        assert!(matches!(due(&trigger, after(start, 60)), Due::Wait(_)));
    }

    #[test]
    fn a_version_trained_on_is_not_trained_on_again() {
        let start = start();
        let known = |data: &str, options: &str| {
            let mut trigger = trigger(Some((data.to_owned(), options.to_owned())));
            trigger.snapshot(state("a", &[6, 6]), start);
            matches!(due(&trigger, after(start, 5)), Due::Wait(_))
        };
        assert!(known("a", "options"));
        assert!(!known("b", "options"), "other data");
        assert!(!known("a", "other options"));
    }

    #[test]
    fn too_few_images_or_classes_wait() {
        let start = start();
        for (train, word) in [(&[50_u64, 0][..], "second class"), (&[5, 4][..], "9 so far")] {
            let mut trigger = trigger(None);
            trigger.snapshot(state("a", train), start);
            assert!(
                matches!(due(&trigger, after(start, 9)), Due::Wait(wait) if told(&wait).to_string().contains(word)),
                "{train:?}"
            );
        }
    }

    #[test]
    fn too_few_changes_wait_but_not_for_ever() {
        let mut trigger = with("--min-new 5 --longest-wait-seconds 60", Some(("a".to_owned(), "options".to_owned())));
        let start = start();
        trigger.snapshot(state("a", &[6, 6]), start);
        trigger.snapshot(state("b", &[6, 7]), after(start, 1));
        let due = |second, changes| trigger.due(after(start, second), false, false, |_| Some(changes));
        assert!(matches!(due(10, 4), Due::Wait(wait) if told(&wait).to_string().contains("4 of 5")));
        assert!(matches!(due(10, 5), Due::Run(_)));
        assert!(matches!(due(60, 4), Due::Wait(_)) && matches!(due(61, 4), Due::Run(_)), "a minute after the change");
        assert!(matches!(due(10, 0), Due::Run(_)), "the fingerprint is another for another reason");
        // Only the options are others.
        let mut other = with("--min-new 5", Some(("a".to_owned(), "old".to_owned())));
        other.snapshot(state("a", &[6, 6]), start);
        assert!(matches!(other.due(after(start, 5), false, false, |_| Some(0)), Due::Run(_)));
    }

    #[test]
    fn a_stream_that_never_stops_does_not_put_a_run_off_for_ever() {
        let (mut trigger, start) = (with("--longest-wait-seconds 30", None), start());
        for second in 0..30 {
            trigger.snapshot(state(&format!("{second}"), &[6, 6]), after(start, second));
            assert!(matches!(due(&trigger, after(start, second)), Due::Wait(_)));
        }
        assert!(matches!(due(&trigger, after(start, 30)), Due::Run(_)));
    }

    #[test]
    fn a_schedule_is_kept_and_somebody_who_asks_need_not_wait() {
        let (mut trigger, start) = (with("--schedule-utc 13:00 --longest-wait-seconds 0", None), start());
        trigger.snapshot(state("a", &[6, 6]), start);
        assert!(
            matches!(due(&trigger, after(start, 3599)), Due::Wait(wait) if told(&wait).to_string().contains("schedule"))
        );
        assert!(matches!(due(&trigger, after(start, 3600)), Due::Run(_)));
        assert!(matches!(trigger.due(start, true, false, |_| None), Due::Run(_)));
        let mut off = with("--retrain off", None);
        off.snapshot(state("a", &[6, 6]), start);
        assert!(
            matches!(due(&off, after(start, 9999)), Due::Wait(wait) if told(&wait).to_string().contains("--retrain off"))
        );
        assert!(matches!(off.due(start, true, false, |_| None), Due::Run(_)));
        off.done("a", start);
        assert!(matches!(off.due(start, true, false, |_| None), Due::Run(_)), "also once more on the same images");
    }
}
