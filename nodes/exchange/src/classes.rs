//! Names of classes: which may be folders, and `classes.csv`.

use crate::error::Fault;
use crate::table::{MAX_CLASS, records};
use plugin_api::names::natural_order;
use std::collections::{BTreeMap, BTreeSet};

/// Names of classes by number.
pub type Names = BTreeMap<u32, String>;

/// Reads `classes.csv`: a header `index,class`, then number and name of each class.
///
/// # Errors
/// [`Fault`] for another header, a number that is none or comes twice, and a name that cannot be a folder or comes twice.
pub fn read(bytes: &[u8]) -> Result<Names, Fault> {
    let mut names = Names::new();
    let mut taken = BTreeSet::new();
    let mut lines = records(bytes)?.into_iter();
    match lines.next() {
        Some((_, header)) if header.iter().map(|cell| cell.trim()).eq(["index", "class"]) => {}
        Some((line, _)) => return Err(Fault::new(line, 1, "the header must be index,class")),
        None => return Err(Fault::new(1, 1, "the file is empty: the first line must be the header index,class")),
    }
    for (line, cells) in lines {
        let [number, name] = &cells[..] else {
            return Err(Fault::new(
                line,
                cells.len().min(2) + 1,
                format!("the row has {} columns, not 2", cells.len()),
            ));
        };
        let number = number.trim().parse().ok().filter(|number| *number <= MAX_CLASS);
        let number = number.ok_or_else(|| Fault::new(line, 1, format!("{:?} is no class number", cells[0])))?;
        let name = plugin_tables::unescape(name.trim()).into_owned();
        check(&name).map_err(|reason| Fault::new(line, 2, reason))?;
        if !taken.insert(name.clone()) {
            return Err(Fault::new(line, 2, format!("{name:?} is the name of two classes")));
        }
        if names.insert(number, name).is_some() {
            return Err(Fault::new(line, 1, format!("class {number} has two names")));
        }
    }
    Ok(names)
}

/// What `import-nnc` calls class `number` of a data set without names.
pub fn unnamed(number: u32) -> String {
    format!("class-{number}")
}

/// Numbers classes for an export: those of a data set without names keep their number when all have one, others are numbered
/// from 0 in natural order (`2` before `10`).
pub fn numbers<'a>(names: impl Iterator<Item = &'a str>) -> Names {
    let mut names: Vec<&str> = names.collect();
    names.sort_by(|a, b| natural_order(a, b));
    let own = |name: &&str| {
        let number = name.strip_prefix("class-")?.parse().ok().filter(|number| *number <= MAX_CLASS)?;
        (unnamed(number) == **name).then(|| (number, (*name).to_owned()))
    };
    let owned: Option<Names> = names.iter().map(own).collect();
    owned.unwrap_or_else(|| (0..).zip(names.into_iter().map(str::to_owned)).collect())
}

/// Numbers a list of names from 0.
///
/// # Errors
/// Why a name cannot be a folder, or that it comes twice.
pub fn numbered(list: &[String]) -> Result<Names, String> {
    let mut taken = BTreeSet::new();
    for name in list {
        check(name)?;
        if !taken.insert(name) {
            return Err(format!("{name:?} is the name of two classes"));
        }
    }
    Ok((0..).zip(list.iter().cloned()).collect())
}

/// Whether a name can be a class folder.
///
/// # Errors
/// Why not.
pub fn check(name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err("a class has no name".to_owned());
    }
    let why = if name.starts_with('.') {
        "begins with a dot: such folders are not looked into"
    } else if name.contains(['/', '\\']) {
        "has a slash, which no folder's name may have"
    } else if name.chars().any(char::is_control) {
        "has a control character"
    } else if name.len() > 200 {
        "is too long for a folder's name"
    } else {
        return Ok(());
    };
    Err(format!("the class name {name:?} {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_by_number() {
        let names = read("index,class\r\n1,dog\r\n0, 猫 \r\n".as_bytes()).unwrap();
        assert_eq!(names, Names::from([(0, "猫".into()), (1, "dog".into())]));
        assert!(read(b"index,class\n").unwrap().is_empty());
    }

    #[test]
    fn faults_have_line_and_column() {
        for (text, expected) in [
            ("", "line 1, column 1: the file is empty"),
            ("a,b\n", "line 1, column 1: the header must be index,class"),
            ("index,class\nx,cat\n", "line 2, column 1: \"x\" is no class number"),
            ("index,class\n0,cat\n0,dog\n", "line 3, column 1: class 0 has two names"),
            ("index,class\n0,cat\n1,cat\n", "line 3, column 2: \"cat\" is the name of two classes"),
            ("index,class\n0,../up\n", "line 2, column 2: the class name \"../up\" begins with a dot"),
            ("index,class\n0,a/b\n", "line 2, column 2: the class name \"a/b\" has a slash"),
            ("index,class\n0\n", "line 2, column 2: the row has 1 columns"),
            ("index,class\n0,\n", "line 2, column 2: a class has no name"),
        ] {
            let fault = read(text.as_bytes()).unwrap_err().to_string();
            assert!(fault.starts_with(expected), "{text:?}: {fault}");
        }
    }

    #[test]
    fn exported_classes_keep_their_numbers() {
        let of = |names: &[&str]| numbers(names.iter().copied()).into_iter().collect::<Vec<_>>();
        let named = |number, name: &str| (number, name.to_owned());
        assert_eq!(
            of(&["class-10", "class-2", "class-0"]),
            [named(0, "class-0"), named(2, "class-2"), named(10, "class-10")]
        );
        assert_eq!(of(&["10", "9", "a"]), [named(0, "9"), named(1, "10"), named(2, "a")]);
        // One that a person added: there is no number for it.
        assert_eq!(of(&["class-7", "bird"]), [named(0, "bird"), named(1, "class-7")]);
        assert_eq!(of(&["class-01"]), [named(0, "class-01")]);
    }

    #[test]
    fn a_list_is_numbered() {
        let list = ["cat".to_owned(), "dog".to_owned()];
        assert_eq!(numbered(&list).unwrap(), Names::from([(0, "cat".into()), (1, "dog".into())]));
        assert!(numbered(&["a".into(), "a".into()]).unwrap_err().contains("two classes"));
        assert!(numbered(&["a\nb".into()]).unwrap_err().contains("control"));
        assert!(check(&"x".repeat(201)).unwrap_err().contains("too long"));
    }
}
