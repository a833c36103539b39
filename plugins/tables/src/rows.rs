//! Reading back.

use crate::cell::unescape;
use csv::{ReaderBuilder, StringRecord};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The rows of a table, cells as they were before they were written. Rows that cannot be read are left out.
pub struct Rows<R> {
    header: StringRecord,
    records: csv::StringRecordsIntoIter<R>,
}

impl Rows<File> {
    /// Opens a file.
    ///
    /// # Errors
    /// Of the file system, and for a header that is no UTF-8.
    pub fn open(path: &Path) -> Result<Self, csv::Error> {
        Self::of(File::open(path)?)
    }
}

impl<R: Read> Rows<R> {
    /// Reads what a table was written to.
    ///
    /// # Errors
    /// Of the reader, and for a header that is no UTF-8.
    pub fn of(table: R) -> Result<Self, csv::Error> {
        // The csv crate skips the byte-order mark.
        let mut reader = ReaderBuilder::new().from_reader(table);
        let header = plain(reader.headers()?);
        Ok(Self { header, records: reader.into_records() })
    }

    /// Names of the columns.
    pub fn header(&self) -> &StringRecord {
        &self.header
    }
}

impl<R: Read> Iterator for Rows<R> {
    type Item = StringRecord;

    fn next(&mut self) -> Option<StringRecord> {
        loop {
            match self.records.next()? {
                Ok(record) => return Some(plain(&record)),
                // Otherwise the same error would come for ever.
                Err(error) if error.is_io_error() => return None,
                Err(_) => {}
            }
        }
    }
}

fn plain(record: &StringRecord) -> StringRecord {
    record.iter().map(unescape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{MARK, Table};

    #[test]
    fn tables_are_read_back_as_they_were() {
        let rows = [["=1+2", "-0.5"], ["きゅん;@x", "a\nb"], ["\"q\", x", ""]];
        let mut table = Table::new(["+class", "probability"]).unwrap();
        for row in &rows {
            table.row(row).unwrap();
        }
        assert!(table.row(["one"]).is_err(), "a cell too few");
        let mut table = Table::new(["+class", "probability"]).unwrap();
        for row in &rows {
            table.row(row).unwrap();
        }
        let bytes = table.finish().unwrap();
        assert!(bytes.starts_with(MARK) && bytes[3..].starts_with("'+class,probability\n'=1+2,-0.5\n".as_bytes()));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        std::fs::write(&path, &bytes).unwrap();
        let read = Rows::open(&path).unwrap();
        assert_eq!(read.header(), ["+class", "probability"].as_slice());
        assert_eq!(read.map(|row| row.iter().map(str::to_owned).collect::<Vec<_>>()).collect::<Vec<_>>(), rows);
    }

    #[test]
    fn tables_of_earlier_versions_are_read() {
        let rows: Vec<StringRecord> = Rows::of("class,n\n=x,1\nbad\n猫,2\n".as_bytes()).unwrap().collect();
        assert_eq!(rows, [StringRecord::from(vec!["=x", "1"]), StringRecord::from(vec!["猫", "2"])]);
    }
}
