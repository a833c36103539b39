//! Options of [`Trigger`](crate::trigger::Trigger): when a run starts and when it is given up.

use clap::ValueEnum;

/// Whether something is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// Yes.
    On,
    /// No.
    Off,
}

/// When a run starts and when it is given up.
#[derive(Clone, Debug, PartialEq, clap::Args)]
pub struct TriggerOptions {
    /// Whether runs start by themselves. `off`: only those that `cargo wakuteka runs retrain` asks for.
    #[arg(long, value_enum, default_value_t = Switch::On)]
    pub retrain: Switch,

    /// Seconds the data set must have been the same before a run starts.
    #[arg(long, alias = "quiet-seconds", default_value_t = 5, value_name = "SECONDS",
          value_parser = clap::value_parser!(u64).range(0..=86_400))]
    pub debounce_seconds: u64,

    /// Training images there must be, in at least two classes.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(2..), value_name = "NUMBER")]
    pub min_train: u64,

    /// Images that must be new, relabelled or removed since the last run.
    #[arg(long, default_value_t = 1, value_name = "NUMBER")]
    pub min_new: u64,

    /// The same as a share of all images, percent; both must be reached.
    #[arg(long, default_value_t = 0.0, value_parser = percent, value_name = "PERCENT")]
    pub min_new_percent: f64,

    /// Has no effect any more: heads are candidates of their own. Accepted for one more release.
    #[arg(long, hide = true, value_parser = percent, value_name = "PERCENT")]
    pub min_new_percent_behind_head: Option<f64>,

    /// After so many seconds with changes that no run was trained on, a run starts though it is not quiet, or they are too few, or it
    /// is not the time; 0: never.
    #[arg(long, default_value_t = 600, value_name = "SECONDS",
          value_parser = clap::value_parser!(u64).range(0..=31_536_000))]
    pub longest_wait_seconds: u64,

    /// Times of the day, UTC, at which runs start, as in 18:00,03:30. Without it, at any time.
    #[arg(long, value_delimiter = ',', value_parser = time_of_day, value_name = "HH:MM")]
    pub schedule_utc: Vec<u64>,

    /// A run is given up for a newer one when so many images, in percent of those it learns from, have changed since it
    /// began; 0: never.
    #[arg(long, default_value_t = 50.0, value_parser = percent, value_name = "PERCENT")]
    pub cancel_percent: f64,
}

fn percent(text: &str) -> Result<f64, String> {
    let value: Option<f64> = text.parse().ok();
    value.filter(|v| (0.0..=100.0).contains(v)).ok_or_else(|| "accepted is a number from 0 to 100".to_owned())
}

/// Seconds since midnight.
fn time_of_day(text: &str) -> Result<u64, String> {
    let part = |text: &str, below: u64| text.parse().ok().filter(|v: &u64| *v < below && text.len() == 2);
    let found = text.split_once(':').and_then(|(hour, minute)| Some(part(hour, 24)? * 3600 + part(minute, 60)? * 60));
    found.ok_or_else(|| "accepted is a time from 00:00 to 23:59".to_owned())
}

/// A new head waits so long for images to stop coming …
const HEAD_DEBOUNCE_SECONDS: u64 = 1;
/// … but no longer than this while they keep coming.
const HEAD_LONGEST_WAIT_SECONDS: u64 = 10;

impl Default for TriggerOptions {
    /// The defaults of the command line.
    fn default() -> Self {
        Self {
            retrain: Switch::On,
            debounce_seconds: 5,
            min_train: 10,
            min_new: 1,
            min_new_percent: 0.0,
            min_new_percent_behind_head: None,
            longest_wait_seconds: 600,
            schedule_utc: Vec::new(),
            cancel_percent: 50.0,
        }
    }
}

impl TriggerOptions {
    /// The options for heads: they are fitted at once, whatever has changed, as they cost next to nothing.
    #[must_use]
    pub fn for_heads(&self) -> Self {
        Self {
            debounce_seconds: self.debounce_seconds.min(HEAD_DEBOUNCE_SECONDS),
            min_train: self.min_train.min(2),
            min_new: 1,
            min_new_percent: 0.0,
            longest_wait_seconds: HEAD_LONGEST_WAIT_SECONDS,
            schedule_utc: Vec::new(),
            ..self.clone()
        }
    }

    /// Whether one of the times lies after `from_s` and not after `to_s`, both in seconds since 1970. Always, when there are
    /// none.
    pub fn is_time(&self, from_s: u64, to_s: u64) -> bool {
        self.next_time(from_s).is_none_or(|time| time <= to_s)
    }

    /// The next time of the schedule after `from_s`, seconds since 1970; `None` without a schedule.
    pub fn next_time(&self, from_s: u64) -> Option<u64> {
        const DAY: u64 = 86_400;
        let today = from_s / DAY * DAY;
        let next = |time: &u64| if today + time > from_s { today + time } else { today + DAY + time };
        self.schedule_utc.iter().map(next).min()
    }

    /// How many changes to a data set of `images` are worth a run.
    pub fn wanted(&self, images: u64) -> u64 {
        self.min_new.max((self.min_new_percent / 100.0 * images as f64).ceil() as u64)
    }

    /// Whether so many changes to a data set of `images` are worth a run.
    pub fn is_enough(&self, changes: u64, images: u64) -> bool {
        changes >= self.wanted(images)
    }

    /// Whether so many changes since a run on `images` began are a reason to give it up.
    pub fn is_overtaken(&self, changes: u64, images: u64) -> bool {
        self.cancel_percent > 0.0 && changes as f64 > self.cancel_percent / 100.0 * images as f64
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        when: TriggerOptions,
    }

    /// The options of a line.
    pub fn when(line: &str) -> TriggerOptions {
        Line::parse_from(std::iter::once("x").chain(line.split_whitespace())).when
    }

    #[test]
    fn defaults_are_those_of_the_command_line() {
        assert_eq!(when(""), TriggerOptions::default());
    }

    #[test]
    fn the_old_name_of_debounce_goes_on_working() {
        assert_eq!(when("--quiet-seconds 7"), when("--debounce-seconds 7"));
    }

    #[test]
    fn times_of_the_day_are_met_once() {
        let when = when("--schedule-utc 03:00,18:30");
        let day = 20_000 * 86_400;
        let at = |hour: u64, minute: u64| day + hour * 3600 + minute * 60;
        assert!(!when.is_time(at(1, 0), at(2, 59)));
        assert!(when.is_time(at(1, 0), at(3, 0)));
        assert!(!when.is_time(at(3, 0), at(18, 29)), "that one was met before");
        assert!(when.is_time(at(3, 0), at(18, 30)));
        assert!(!when.is_time(at(19, 0), at(24, 0) + 3600) && when.is_time(at(19, 0), at(27, 0)), "tomorrow's");
        assert!(tests::when("").is_time(0, 0), "any time");
    }

    #[test]
    fn number_and_share_must_both_be_reached() {
        let when = when("--min-new 5 --min-new-percent 10");
        let enough = |changes, images| when.is_enough(changes, images);
        assert!(!enough(4, 10) && enough(5, 50) && !enough(5, 51));
        assert!(when.is_overtaken(26, 50) && !when.is_overtaken(25, 50));
        assert!(!tests::when("--cancel-percent 0").is_overtaken(1000, 1));
    }

    #[test]
    fn bad_values_are_named() {
        for line in ["--schedule-utc 24:00", "--schedule-utc 3:00", "--min-new-percent 101", "--retrain maybe"] {
            let error = Line::try_parse_from(std::iter::once("x").chain(line.split(' '))).unwrap_err().to_string();
            let (flag, value) = line.split_once(' ').unwrap();
            assert!(error.contains(flag) && error.contains(value), "{error}");
        }
    }
}
