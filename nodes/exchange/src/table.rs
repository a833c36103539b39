//! Reading CSV of Neural Network Console.
//!
//! A header cell is `name[__dimension][:description]`; columns whose header begins with `#` are comments. We read the
//! variable `x`, an image, and `y`, the number of its class. Class names may follow in the header: `y:label;cat;dog`.

mod lines;

use crate::error::Fault;
use csv::{ByteRecord, ReaderBuilder};
use lines::Lines;

/// Largest class number.
pub const MAX_CLASS: u32 = 9_999;

/// What a CSV file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// A row an image.
    pub rows: Vec<Row>,
    /// Class names in the header, in the order of their numbers; often none.
    pub classes: Vec<String>,
}

/// A row of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Where it is in the file, from 1.
    pub line: usize,
    /// The column of the image, from 1.
    pub image_column: usize,
    /// The column of the class, from 1.
    pub class_column: usize,
    /// The image, as it is written there.
    pub image: String,
    /// The number of its class.
    pub class: u32,
}

/// Reads a CSV file. Line ends may be LF or CRLF, a byte-order mark is left out, empty lines are skipped.
///
/// # Errors
/// [`Fault`] with line and column for text that is not UTF-8, a missing or doubled column, a row of another length than
/// the header, an empty cell and a class that is no number.
pub fn read(bytes: &[u8]) -> Result<Table, Fault> {
    let records = records(bytes)?;
    let mut records = records.into_iter();
    let Some((line, header)) = records.next() else {
        return Err(Fault::new(1, 1, "the file is empty: the first line must be the header x:image,y:label"));
    };
    let image = column(&header, line, "x", "image")?;
    let class = column(&header, line, "y", "label")?;
    let described = header[class].split_once(':').map_or("", |(_, description)| description);
    let classes = described.split(';').skip(1).map(|name| name.trim().to_owned()).collect();

    let mut rows = Vec::new();
    for (line, cells) in records {
        if cells.len() != header.len() {
            let first_odd = cells.len().min(header.len()) + 1;
            let reason = format!("the row has {} columns, the header has {}", cells.len(), header.len());
            return Err(Fault::new(line, first_odd, reason));
        }
        let named = cells[image].trim();
        if named.is_empty() {
            return Err(Fault::new(line, image + 1, "no image is named"));
        }
        let class_number = number(cells[class].trim()).map_err(|reason| Fault::new(line, class + 1, reason))?;
        rows.push(Row {
            line,
            image_column: image + 1,
            class_column: class + 1,
            image: named.to_owned(),
            class: class_number,
        });
    }
    Ok(Table { rows, classes })
}

/// Every record with its line. All are UTF-8.
///
/// # Errors
/// [`Fault`] for text that is not UTF-8.
pub fn records(bytes: &[u8]) -> Result<Vec<(usize, Vec<String>)>, Fault> {
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
        return Err(Fault::new(1, 1, "the file is UTF-16: save it as UTF-8"));
    }
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let lines = Lines::of(bytes);
    let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
    let (mut record, mut records) = (ByteRecord::new(), Vec::new());
    loop {
        let more = reader.read_byte_record(&mut record);
        let line = lines.of_record(record.position().map_or(0, |position| position.byte() as usize));
        match more {
            Ok(true) => records.push((line, text(&record, line)?)),
            Ok(false) => return Ok(records),
            Err(error) => return Err(Fault::new(line, 1, error.to_string())),
        }
    }
}

fn text(record: &ByteRecord, line: usize) -> Result<Vec<String>, Fault> {
    let cell = |(at, cell): (usize, &[u8])| {
        let text = std::str::from_utf8(cell).map(str::to_owned);
        text.map_err(|_| Fault::new(line, at + 1, "the text is not UTF-8 (is it Shift_JIS?): save the file as UTF-8"))
    };
    record.iter().enumerate().map(cell).collect()
}

/// The column of a variable.
fn column(header: &[String], line: usize, variable: &str, what: &str) -> Result<usize, Fault> {
    let name = |cell: &str| cell.split(':').next().unwrap_or_default().trim().to_owned();
    let mut found = header.iter().enumerate().filter(|(_, cell)| {
        let name = name(cell);
        name == variable || name.split_once("__").is_some_and(|(variable_of, _)| variable_of == variable)
    });
    let Some((at, cell)) = found.next() else {
        let names: Vec<String> = header.iter().map(|cell| format!("{cell:?}")).collect();
        let reason = format!(
            "there is no column {variable}:{what} in the header, which must be x:image,y:label; it is {}",
            names.join(", ")
        );
        return Err(Fault::new(line, 1, reason));
    };
    if name(cell) != variable {
        let reason = format!("{cell:?} is one of several numbers; only one column {variable}:{what} is understood");
        return Err(Fault::new(line, at + 1, reason));
    }
    match found.next() {
        Some((second, _)) => Err(Fault::new(line, second + 1, format!("a second column {variable}"))),
        None => Ok(at),
    }
}

fn number(text: &str) -> Result<u32, String> {
    let wrong = || format!("{text:?} is no class number: whole, from 0 to {MAX_CLASS}");
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number: Option<u32> = if digits { text.parse().ok() } else { None };
    number.filter(|number| *number <= MAX_CLASS).ok_or_else(wrong)
}

#[cfg(test)]
mod tests;
