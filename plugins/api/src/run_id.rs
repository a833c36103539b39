//! Names of runs: the time, so that later ones sort after earlier ones.

use chrono::DateTime;
use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970.
pub fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64
}

/// A time in UTC, milliseconds since 1970, written as a format of [`chrono::format::strftime`] says.
pub fn utc(ms: u64, format: &str) -> String {
    let time = i64::try_from(ms).ok().and_then(DateTime::from_timestamp_millis).unwrap_or(DateTime::UNIX_EPOCH);
    time.format(format).to_string()
}

/// A run's id: the time in UTC, then four digits of `salt`. Later ids sort after earlier ones.
pub fn run_id(now_ms: u64, salt: &str) -> String {
    let digest = blake3::hash(format!("{now_ms} {salt}").as_bytes()).to_hex();
    format!("{}-{}", utc(now_ms, "%Y%m%d-%H%M%S"), &digest[..4])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_times_and_sort_by_time() {
        // 2026-11-23 22:45:30 UTC.
        assert!(run_id(1_795_473_930_000, "x").starts_with("20261123-224530-"));
        assert!(run_id(951_782_400_000, "x").starts_with("20000229-000000-"));
        assert_eq!(run_id(0, "x").len(), 20);
        assert_ne!(run_id(0, "x"), run_id(0, "y"));
    }
}
