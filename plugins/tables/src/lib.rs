//! Tables for people: CSV that opens rightly in Excel and other spreadsheets, and whose cells never run as formulas.
//!
//! A table is UTF-8 with a byte-order mark, without which Excel takes a file for the code page of its Windows, and has one
//! header line. Text that a spreadsheet would take for a formula is written with an apostrophe before it (OWASP, "CSV
//! Injection"). Class and file names are given by whoever made the folders, so every cell is treated alike.
//!
//! [`Rows`] reads such a table back as it was before it was written; tables without mark and apostrophes, as earlier versions
//! wrote them, are read as they are. Tables that other programs read by their names of files (`index.csv` of Neural Network
//! Console) are not written by this crate.

mod cell;
mod rows;
mod table;

pub use cell::{escape, unescape};
pub use csv::{Error, StringRecord};
pub use rows::Rows;
pub use table::{MARK, Table, table};
