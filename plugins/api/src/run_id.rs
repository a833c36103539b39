//! Names of runs: the time, so that later ones sort after earlier ones.

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970.
pub fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64
}

/// A run's id: the time in UTC, then four digits of `salt`. Later ids sort after earlier ones.
pub fn run_id(now_ms: u64, salt: &str) -> String {
    let (days, seconds) = (now_ms / 86_400_000, now_ms / 1000 % 86_400);
    let (year, month, day) = civil(days);
    let digest = blake3::hash(format!("{now_ms} {salt}").as_bytes()).to_hex();
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}{month:02}{day:02}-{hour:02}{minute:02}{second:02}-{}", &digest[..4])
}

/// Days since 1970 as year, month, day. <https://howardhinnant.github.io/date_algorithms.html#civil_from_days>
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year + era * 400 + u64::from(month <= 2), month, day)
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
