//! Cells that begin as formulas do.
//!
//! Spreadsheets run a cell that begins with one of [`TRIGGERS`]; Excel in Japanese also takes the full-width forms. A cell may
//! begin within a cell of ours: Excel of a country with the decimal comma splits at semicolons. So a trigger is defused
//! at the beginning of a text and after each character that may separate cells.

use std::borrow::Cow;

/// Characters that begin a formula, or the passing from one cell to the next.
const TRIGGERS: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];
/// Characters that may end a cell, depending on the spreadsheet's country.
const SEPARATORS: [char; 5] = [';', '\t', '\r', '\n', '"'];
/// What makes a cell text, and is not shown.
const APOSTROPHE: char = '\'';

/// Text that no spreadsheet runs. Numbers (`-0.5`) are left as they are; [`unescape`] gives the text back.
pub fn escape(text: &str) -> Cow<'_, str> {
    if is_number(text) || !begins(text).any(|at| is_dangerous(&text[at..])) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 1);
    let mut copied = 0;
    for at in begins(text).filter(|at| is_dangerous(&text[*at..])) {
        escaped.push_str(&text[copied..at]);
        escaped.push(APOSTROPHE);
        copied = at;
    }
    escaped.push_str(&text[copied..]);
    Cow::Owned(escaped)
}

/// The text that [`escape`] was given.
pub fn unescape(cell: &str) -> Cow<'_, str> {
    let is_escaped = |at: &usize| cell[*at..].starts_with(APOSTROPHE) && is_dangerous(&cell[*at..]);
    if !begins(cell).any(|at| is_escaped(&at)) {
        return Cow::Borrowed(cell);
    }
    let mut text = String::with_capacity(cell.len());
    let mut copied = 0;
    for at in begins(cell).filter(is_escaped) {
        text.push_str(&cell[copied..at]);
        copied = at + APOSTROPHE.len_utf8();
    }
    text.push_str(&cell[copied..]);
    Cow::Owned(text)
}

/// Byte offsets where a spreadsheet may see the beginning of a cell.
fn begins(text: &str) -> impl Iterator<Item = usize> {
    let after = text.char_indices().filter(|(_, c)| SEPARATORS.contains(c)).map(|(at, c)| at + c.len_utf8());
    std::iter::once(0).chain(after)
}

/// Whether a formula begins here, behind spaces, which are skipped, and apostrophes, so that [`unescape`] can tell those of the
/// text from ours.
fn is_dangerous(rest: &str) -> bool {
    rest.trim_start_matches(APOSTROPHE).trim_start_matches([' ', '\u{a0}', '\u{3000}']).starts_with(TRIGGERS)
}

/// Digits with at most a minus before them, a point among them and an exponent behind them.
fn is_number(text: &str) -> bool {
    let only = |c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | 'e' | 'E');
    !text.starts_with('+') && text.chars().all(only) && text.parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_defused_and_read_back() {
        for (text, cell) in [
            ("=1+2", "'=1+2"),
            ("+SUM(A1)", "'+SUM(A1)"),
            ("-2+3", "'-2+3"),
            ("@cmd|' /C calc'!A0", "'@cmd|' /C calc'!A0"),
            ("\tx", "'\tx"),
            ("\r=1", "'\r'=1"),
            ("＝1＋2", "'＝1＋2"),
            ("  =1", "'  =1"),
            ("a;=1+2", "a;'=1+2"),
            ("say \"=1\"", "say \"'=1\""),
            ("'=1", "''=1"),
            ("a\n-b", "a\n'-b"),
            ("+81 90", "'+81 90"),
        ] {
            assert_eq!(escape(text), cell, "{text:?}");
            assert_eq!(unescape(cell), text, "{cell:?}");
        }
    }

    #[test]
    fn numbers_and_names_stay_as_they_are() {
        for text in ["", "-0.5", "-1e-7", "12", "猫", "photos/=1+2/a.jpg", "it's", "'tis", "a-b", "a = b", "x; y"] {
            assert_eq!(escape(text), text);
            assert_eq!(unescape(text), text);
        }
        assert_eq!(escape("-inf"), "'-inf", "no number of a spreadsheet");
    }

    #[test]
    fn every_text_is_read_back() {
        let pieces = ["=", "'", "-", ";", "\t", "\n", "\"", " ", "a", "＋", "1"];
        for number in 0..pieces.len().pow(4) {
            let text: String = (0..4_u32).map(|at| pieces[number / pieces.len().pow(at) % pieces.len()]).collect();
            assert_eq!(unescape(&escape(&text)), text, "{text:?}");
        }
    }
}
