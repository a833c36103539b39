//! The inbox: what `predict` has written down of it.

use super::Felt;
use plugin_api::Home;
use plugin_tables::Rows;
use std::collections::BTreeSet;

/// What is said of the inbox.
#[derive(Debug, Default, PartialEq)]
pub struct Said {
    /// Pictures that may be of the class.
    pub found: Vec<Felt>,
    /// Every class that is said of any picture.
    pub classes: BTreeSet<String>,
    /// Pictures of which anything is said.
    pub pictures: usize,
}

/// Pictures of the inbox that may be of a class, in any order: it is one of the three likeliest.
pub fn read(home: &Home, class: &str) -> Said {
    let Ok(rows) = Rows::open(&home.inbox().join("predictions.csv")) else { return Said::default() };
    let mut said = Said::default();
    for row in rows {
        said.pictures += 1;
        for at in [2, 4, 6] {
            let (Some(name), Some(p)) = (row.get(at), row.get(at + 1)) else { continue };
            if !name.is_empty() {
                said.classes.insert(name.to_owned());
            }
            if name == class
                && let (Some(path), Ok(probability)) = (row.get(0), p.parse())
            {
                said.found.push(Felt { path: path.to_owned(), probability });
            }
        }
    }
    said
}
