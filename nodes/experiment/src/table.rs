//! Figures in rows and columns, for a terminal and as CSV.

/// A table: the first row is its head. Columns but the first stand right.
#[derive(Clone, Debug, Default)]
pub struct Table(pub Vec<Vec<String>>);

impl Table {
    /// A table with a head.
    pub fn new(head: &[&str]) -> Self {
        Self(vec![head.iter().map(ToString::to_string).collect()])
    }

    /// Adds a row.
    pub fn push(&mut self, row: Vec<String>) {
        self.0.push(row);
    }

    /// As CSV for people; a row that is too short ends in empty cells.
    ///
    /// # Errors
    /// A row that is longer than the head.
    pub fn csv(&self) -> Result<Vec<u8>, csv::Error> {
        let empty = String::new();
        let head = self.0.first().map_or(&[][..], Vec::as_slice);
        let mut table = plugin_tables::Table::new(head)?;
        for row in self.0.iter().skip(1) {
            table.row(row.iter().chain(std::iter::repeat_n(&empty, head.len().saturating_sub(row.len()))))?;
        }
        table.finish()
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let columns = self.0.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            self.0.iter().filter_map(|row| row.get(column)).map(|c| c.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for (place, row) in self.0.iter().enumerate() {
            let mut line = String::new();
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                let padding = " ".repeat(width - cell.chars().count());
                let [before, after] = if column == 0 { ["", &padding] } else { [&padding[..], ""] };
                line.extend([if column == 0 { "" } else { "  " }, before, cell, after]);
            }
            write!(f, "{}{}", if place == 0 { "" } else { "\n" }, line.trim_end())?;
        }
        Ok(())
    }
}

/// Mean and standard deviation (of the sample; 0 for one value).
pub fn mean_and_deviation(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n.max(1.0);
    let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    (mean, if values.len() > 1 { (squares / (n - 1.0)).sqrt() } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_csv_is_quoted() {
        let mut table = Table::new(&["name", "n"]);
        table.push(vec!["わく, \"x\"".to_owned(), "12".to_owned()]);
        assert_eq!(table.to_string(), "name      n\nわく, \"x\"  12");
        let csv = String::from_utf8(table.csv().unwrap()).unwrap();
        assert_eq!(csv, "\u{feff}name,n\n\"わく, \"\"x\"\"\",12\n");
    }

    #[test]
    fn deviation_is_that_of_the_sample() {
        assert_eq!(mean_and_deviation(&[1.0, 3.0]), (2.0, 2.0_f64.sqrt()));
        assert_eq!(mean_and_deviation(&[4.0]), (4.0, 0.0));
    }
}
