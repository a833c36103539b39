//! What a person reads, or with `--json` a program. A terminal that is gone is no reason to stop: what must be cleaned up still is.
//!
//! With `--json`, standard output holds one JSON document a command, or one a line for what goes on ([`event`]); lines for people
//! go to standard error.

use serde::Serialize;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

static JSON: AtomicBool = AtomicBool::new(false);

/// From now on results are JSON.
pub fn use_json() {
    JSON.store(true, Ordering::Relaxed);
}

/// Whether results are JSON.
pub fn is_json() -> bool {
    JSON.load(Ordering::Relaxed)
}

/// One line for a person, on standard output.
pub fn line(text: &str) {
    if is_json() {
        return problem(text);
    }
    print(text);
}

/// A command's result as JSON, when that was asked for.
pub fn result(value: &impl Serialize) {
    if is_json() {
        print(&serde_json::to_string_pretty(value).unwrap_or_default());
    }
}

/// The same as one line, for a command that goes on.
pub fn event(value: &impl Serialize) {
    if is_json() {
        print(&serde_json::to_string(value).unwrap_or_default());
    }
}

/// A command's result: JSON when that was asked for, else lines.
pub fn either(value: &impl Serialize, lines: &[String]) {
    if is_json() {
        return result(value);
    }
    for text in lines {
        print(text);
    }
}

fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// One line on standard error.
pub fn problem(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// The heading of a step, with the time since `start`.
pub fn heading(start: Instant, text: &str) {
    line(&format!("[{}] {text}", clock(start.elapsed())));
}

/// Minutes and seconds, `2:05`; hours when there are any, `1:02:05`.
pub fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// How long ago a moment was, in the largest unit that fits: `3 min ago`, `2 h ago`, `5 days ago`. Milliseconds since 1970.
pub fn ago(then_ms: u64, now_ms: u64) -> String {
    match now_ms.saturating_sub(then_ms) / 60_000 {
        0 => "just now".to_owned(),
        minutes @ 1..60 => format!("{minutes} min ago"),
        minutes @ 60..2880 => format!("{} h ago", minutes / 60),
        minutes => format!("{} days ago", minutes / 1440),
    }
}

/// The lines, each on a new line and indented, to follow a heading.
pub fn indented<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    lines.flat_map(|line| ["\n  ", line]).collect()
}

/// A number with its thousands apart: `2,367`.
pub use plugin_blocks::table::grouped as count;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_numbers_read_well() {
        assert_eq!(clock(Duration::from_secs(5)), "0:05");
        assert_eq!(clock(Duration::from_secs(125)), "2:05");
        assert_eq!(clock(Duration::from_secs(3725)), "1:02:05");
        let ago = |minutes: u64| ago(1, 1 + minutes * 60_000);
        assert_eq!([0, 59, 60, 2879, 2880].map(ago), ["just now", "59 min ago", "1 h ago", "47 h ago", "2 days ago"]);
        assert_eq!([0, 999, 1000, 2367, 1_234_567].map(count), ["0", "999", "1,000", "2,367", "1,234,567"]);
    }
}
