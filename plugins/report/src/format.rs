//! Numbers, times and links as text.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// `93.3 %`, with a space that does not break.
pub fn percent(share: f64) -> String {
    format!("{:.1}\u{a0}%", share * 100.0)
}

/// [`percent`], or a dash for what is not known.
pub fn percent_or_dash(share: Option<f64>) -> String {
    share.map_or_else(|| "–".to_owned(), percent)
}

/// `12 345`, in groups of three with a narrow space.
pub fn count(n: u64) -> String {
    plugin_api::message::grouped(n, '\u{202f}')
}

/// `1 image`, `2 images`.
pub fn counted(n: u64, noun: &str) -> String {
    format!("{}\u{a0}{noun}{}", count(n), if n == 1 { "" } else { "s" })
}

/// A figure in as few digits as tell it: `0.25`, `0.0013`, `1.2e-5`.
pub fn short(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 {
        return "0".to_owned();
    }
    if !(1e-4..1e6).contains(&size) {
        return format!("{value:.1e}");
    }
    let digits = (2 - size.log10().floor() as i32).clamp(0, 6) as usize;
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// `3 h 12 min`, `4 min 5 s`, `12.5 s`.
pub fn duration(seconds: f64) -> String {
    let whole = seconds.max(0.0) as u64;
    match whole {
        0..60 => format!("{seconds:.1}\u{a0}s"),
        60..3600 => format!("{}\u{a0}min {}\u{a0}s", whole / 60, whole % 60),
        _ => format!("{}\u{a0}h {}\u{a0}min", whole / 3600, whole % 3600 / 60),
    }
}

/// `2026-11-23 22:45 UTC`, of milliseconds since 1970.
pub fn utc(ms: u64) -> String {
    plugin_api::run_id::utc(ms, "%Y-%m-%d %H:%M UTC")
}

/// A link from `runs/<id>/report/` to a file of the workspace.
pub fn link(path: &str) -> String {
    format!("../../../{}", encoded(path))
}

/// What stands in a link as it is: what RFC 3986 reserves for nothing, and the separators of a path.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// A path as it stands in a link.
pub fn encoded(path: &str) -> String {
    utf8_percent_encode(path, KEPT).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(percent(0.9333), "93.3\u{a0}%");
        assert_eq!(percent_or_dash(None), "–");
        assert_eq!(count(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(count(999), "999");
        assert_eq!(counted(1, "image"), "1\u{a0}image");
        let shorts: Vec<String> = [0.0, 0.25, 0.00131, 1.2e-5, 12.0, 1234.5, 0.1 + 0.2].map(short).to_vec();
        assert_eq!(shorts, ["0", "0.25", "0.00131", "1.2e-5", "12", "1234", "0.3"]);
        assert_eq!(duration(12.51), "12.5\u{a0}s");
        assert_eq!(duration(245.0), "4\u{a0}min 5\u{a0}s");
        assert_eq!(duration(11_520.0), "3\u{a0}h 12\u{a0}min");
    }

    #[test]
    fn times_are_those_of_date() {
        // date -u -d @1795474530; date -u -d @951782400
        assert_eq!(utc(1_795_474_530_000), "2026-11-23 22:55 UTC");
        assert_eq!(utc(951_782_400_000), "2000-02-29 00:00 UTC");
        assert_eq!(utc(0), "1970-01-01 00:00 UTC");
    }

    #[test]
    fn links_survive_any_name() {
        assert_eq!(link("photos/き #1/a.jpg"), "../../../photos/%E3%81%8D%20%231/a.jpg");
    }
}
