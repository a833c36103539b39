//! Writing.

use crate::cell::escape;
use csv::Writer;

/// UTF-8's byte-order mark, with which every table begins.
pub const MARK: &[u8] = b"\xef\xbb\xbf";

/// A whole table of these columns and rows.
///
/// # Errors
/// What the `csv` crate reports; writing to memory, none is expected.
pub fn table<const N: usize>(
    header: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> Result<Vec<u8>, csv::Error> {
    let mut table = Table::new(header)?;
    rows.into_iter().try_for_each(|row| table.row(row))?;
    table.finish()
}

/// A table that is put together in memory.
#[derive(Debug)]
pub struct Table {
    writer: Writer<Vec<u8>>,
}

impl Table {
    /// A table of these columns.
    ///
    /// # Errors
    /// What the `csv` crate reports; writing to memory, none is expected.
    pub fn new<C: AsRef<str>>(header: impl IntoIterator<Item = C>) -> Result<Self, csv::Error> {
        let mut table = Self { writer: Writer::from_writer(MARK.to_vec()) };
        table.row(header)?;
        Ok(table)
    }

    /// Adds a row, a cell a column.
    ///
    /// # Errors
    /// [`csv::ErrorKind::UnequalLengths`] for another number of cells than the header has.
    pub fn row<C: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = C>) -> Result<(), csv::Error> {
        for cell in cells {
            self.writer.write_field(escape(cell.as_ref()).as_bytes())?;
        }
        self.writer.write_record(None::<&[u8]>)
    }

    /// The file's content.
    ///
    /// # Errors
    /// What the `csv` crate reports; writing to memory, none is expected.
    pub fn finish(self) -> Result<Vec<u8>, csv::Error> {
        self.writer.into_inner().map_err(|error| error.into_error().into())
    }
}
