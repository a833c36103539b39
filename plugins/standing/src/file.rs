//! `models/.standing.json`.

use crate::Comparison;
use plugin_api::Home;
use plugin_api::runs::{read_json, write_json};
use serde::{Deserialize, Serialize};
use std::io;
use std::path::PathBuf;

/// Who answers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Standing {
    /// The model: the champion's run, or the name of a head; none when nobody does.
    pub answers: Option<String>,
    /// The champion.
    pub champion: Option<String>,
    /// Champion and head on the same pictures, when the head answers though the champion knows every class.
    pub comparison: Option<Comparison>,
}

impl Standing {
    fn file(home: &Home) -> PathBuf {
        home.models().join(".standing.json")
    }

    /// Writes it down.
    ///
    /// # Errors
    /// Any error of the file system, with the path in its text.
    pub fn write(&self, home: &Home) -> io::Result<()> {
        write_json(&Self::file(home), self)
    }

    /// What was written last; none where that is nothing that can be read.
    pub fn read(home: &Home) -> Option<Self> {
        read_json(&Self::file(home)).ok()
    }

    /// A head is better than the champion of now. Not so when what was written is of another champion.
    pub fn head_is_better(home: &Home) -> bool {
        let champion = std::fs::read_link(home.champion()).ok();
        let is_of = |standing: &Self| champion.as_deref() == standing.champion.as_ref().map(std::path::Path::new);
        let better = |standing: Self| standing.comparison.is_some_and(|found| found.head_is_better());
        champion.is_some() && Self::read(home).filter(is_of).is_some_and(better)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_comparison_with_the_champion_of_now_counts() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::create(folder.path()).unwrap();
        let better = Comparison { pictures: 100, head: 0.7, champion: 0.5, lead: 0.1 };
        let standing = |champion: &str, comparison| Standing {
            answers: Some("head-1".to_owned()),
            champion: Some(champion.to_owned()),
            comparison,
        };
        assert!(!Standing::head_is_better(&home), "nothing was written");
        let written = standing("one", Some(better));
        written.write(&home).unwrap();
        assert_eq!(Standing::read(&home), Some(written));
        assert!(!Standing::head_is_better(&home), "there is no champion");
        std::os::unix::fs::symlink("one", home.champion()).unwrap();
        assert!(Standing::head_is_better(&home));
        for other in [standing("two", Some(better)), standing("one", None)] {
            other.write(&home).unwrap();
            assert!(!Standing::head_is_better(&home), "{other:?}");
        }
    }
}
