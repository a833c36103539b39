//! What a person reads. A terminal that is gone is no reason to stop: what must be cleaned up still is.

use std::io::Write;
use std::time::{Duration, Instant};

/// One line on standard output.
pub fn line(text: &str) {
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
        assert_eq!([0, 999, 1000, 2367, 1_234_567].map(count), ["0", "999", "1,000", "2,367", "1,234,567"]);
    }
}
