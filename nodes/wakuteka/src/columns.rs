//! Rows in columns.

/// Lines whose columns begin below one another; a column of numbers ends there instead. The first row is the heading.
pub fn aligned(rows: &[Vec<String>], numbers: &[usize]) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| wide(cell)).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let mut text = String::new();
        for (column, cell) in row.iter().enumerate() {
            let space = " ".repeat(widths[column] - wide(cell));
            let (before, after) =
                if numbers.contains(&column) { (space, String::new()) } else { (String::new(), space) };
            text.extend([if column > 0 { "  " } else { "" }, &before, cell, &after]);
        }
        text.trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// Places a text takes on a terminal: Chinese and Japanese characters take two.
pub fn wide(text: &str) -> usize {
    text.chars().map(|c| 1 + usize::from(matches!(c, '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}' | '\u{fe30}'..='\u{fe6f}' | '\u{ff00}'..='\u{ff60}' | '\u{ffe0}'..='\u{ffe6}'))).sum()
}

/// `83.3 %`, or a dash for what is not known.
pub fn percent(share: Option<f64>) -> String {
    share.filter(|share| share.is_finite()).map_or_else(|| "–".to_owned(), |share| format!("{:.1} %", share * 100.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_begin_and_numbers_end_below_one_another() {
        let rows = [["class", "n"], ["きゅん", "12"], ["a", "3"]].map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(aligned(&rows, &[1]), ["class    n", "きゅん  12", "a        3"]);
        assert_eq!(aligned(&[], &[]), Vec::<String>::new());
        assert_eq!([percent(Some(0.8333)), percent(None)], ["83.3 %", "–"]);
    }
}
