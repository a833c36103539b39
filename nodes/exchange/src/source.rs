//! Where the data set to import is, and where its rows point to.

use crate::classes;
use crate::error::{ExchangeError, Fault};
use crate::table::{self, Row, Table};
use plugin_api::files::with_path;
use std::fs;
use std::path::{Path, PathBuf};

/// A CSV file of the data set.
#[derive(Clone, Debug)]
pub struct Listing {
    /// Path of the CSV file.
    pub file: PathBuf,
    /// What it says.
    pub table: Table,
}

/// A data set to import.
#[derive(Clone, Debug)]
pub struct Source {
    /// The folder that paths are relative to: absolute, without links.
    pub folder: PathBuf,
    /// Its tables.
    pub listings: Vec<Listing>,
    /// What `classes.csv` says, when it is there.
    pub names: Option<classes::Names>,
}

impl Source {
    /// Reads the CSV files of a data set, given one of them or their folder.
    ///
    /// # Errors
    /// [`ExchangeError::NoDataSet`], [`ExchangeError::Csv`] with line and column, or any error of the file system.
    pub fn read(from: &Path) -> Result<Self, ExchangeError> {
        let there = from.canonicalize().map_err(|e| with_path(from, &e))?;
        let (folder, files) = if there.is_dir() {
            let files = tables_in(&there);
            if files.is_empty() {
                return Err(ExchangeError::NoDataSet(there));
            }
            (there, files)
        } else {
            (there.parent().unwrap_or(Path::new("/")).to_owned(), vec![there])
        };
        let read = |file: &Path| fs::read(file).map_err(|e| with_path(file, &e));
        let mut listings = Vec::new();
        for file in files {
            let table = table::read(&read(&file)?).map_err(|fault| fault.in_file(&file))?;
            listings.push(Listing { file, table });
        }
        let beside = folder.join("classes.csv");
        let names = if beside.is_file() {
            Some(classes::read(&read(&beside)?).map_err(|fault| fault.in_file(&beside))?)
        } else {
            None
        };
        Ok(Self { folder, listings, names })
    }
}

fn tables_in(folder: &Path) -> Vec<PathBuf> {
    let there = |names: &[&str]| -> Vec<PathBuf> {
        names.iter().map(|name| folder.join(name)).filter(|file| file.is_file()).collect()
    };
    let all = there(&["index.csv"]);
    if all.is_empty() { there(&["train.csv", "validation.csv", "test.csv"]) } else { all }
}

/// The file a row points to: in the data set's folder, and there.
///
/// # Errors
/// [`Fault`] for a path that is absolute, leaves the folder, by `..` or by a link, or is no file.
pub fn resolve(folder: &Path, row: &Row) -> Result<PathBuf, Fault> {
    let fault = |reason: String| Fault::new(row.line, row.image_column, reason);
    // Windows writes the other slash.
    let text = row.image.replace('\\', "/");
    let has_drive = text.as_bytes().get(1) == Some(&b':') && text.as_bytes()[0].is_ascii_alphabetic();
    if text.starts_with('/') || has_drive {
        return Err(fault(format!("{:?} is an absolute path; it must be relative to the CSV file", row.image)));
    }
    if text.contains('\0') {
        return Err(fault(format!("{:?} has a zero byte, which no file's name may have", row.image)));
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in text.split('/') {
        match part {
            ".." if parts.pop().is_none() => {
                return Err(fault(format!("{:?} leads out of the data set's folder", row.image)));
            }
            "" | "." | ".." => {}
            part => parts.push(part),
        }
    }
    let path: PathBuf = folder.join(parts.iter().collect::<PathBuf>());
    let real = path.canonicalize().map_err(|error| fault(format!("{:?} cannot be read: {error}", row.image)))?;
    if !real.starts_with(folder) {
        return Err(fault(format!("{:?} is a link that leads out of the data set's folder", row.image)));
    }
    if real.is_file() { Ok(path) } else { Err(fault(format!("{:?} is no file", row.image))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(image: &str) -> Row {
        Row { line: 7, image_column: 1, class_column: 2, image: image.into(), class: 0 }
    }

    #[test]
    fn paths_stay_in_the_folder() {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().canonicalize().unwrap().join("set");
        fs::create_dir_all(folder.join("data")).unwrap();
        fs::write(folder.join("data/0.png"), "").unwrap();
        fs::write(outer.path().join("secret.png"), "").unwrap();
        std::os::unix::fs::symlink(outer.path().join("secret.png"), folder.join("data/link.png")).unwrap();

        let expected = folder.join("data/0.png");
        for good in ["./data/0.png", "data/0.png", ".\\data\\0.png", "data//x/../0.png"] {
            assert_eq!(resolve(&folder, &row(good)).unwrap(), expected, "{good}");
        }
        for (bad, reason) in [
            ("../secret.png", "leads out of the data set's folder"),
            ("data/../../secret.png", "leads out of the data set's folder"),
            ("..\\secret.png", "leads out of the data set's folder"),
            ("/etc/hostname", "absolute path"),
            ("C:\\data\\0.png", "absolute path"),
            ("data/link.png", "is a link that leads out"),
            ("data/1.png", "cannot be read: No such file"),
            ("data", "is no file"),
            ("a\0b.png", "zero byte"),
        ] {
            let fault = resolve(&folder, &row(bad)).unwrap_err();
            assert!((fault.line, fault.column) == (7, 1) && fault.reason.contains(reason), "{bad}: {fault}");
        }
    }
}
