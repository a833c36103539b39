//! Augmentations that are left out of some batches.

use crate::REGISTRY;
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// What [`Withheld::All`] is called.
const ALL: &str = "all";

/// Augmentations that are left out, as text: names with commas between them, `all`, or nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Withheld {
    /// All of them: images come as they are stored.
    All,
    /// Those of these names, where their policy is [`Policy::Auto`](crate::Policy::Auto).
    Named(BTreeSet<String>),
}

/// A name that no augmentation has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no augmentation {name:?}; accepted are all, {}", names())]
pub struct UnknownAugmentation {
    /// The name.
    pub name: String,
}

fn names() -> String {
    REGISTRY.iter().map(|entry| entry.name).collect::<Vec<_>>().join(", ")
}

impl Withheld {
    /// None is left out.
    pub fn none() -> Self {
        Self::Named(BTreeSet::new())
    }

    /// Whether one is left out.
    pub fn contains(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Named(names) => names.contains(name),
        }
    }
}

impl<'a> FromIterator<&'a str> for Withheld {
    fn from_iter<I: IntoIterator<Item = &'a str>>(names: I) -> Self {
        Self::Named(names.into_iter().map(str::to_owned).collect())
    }
}

impl FromStr for Withheld {
    type Err = UnknownAugmentation;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let names: Vec<&str> = text.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
        let known = |name: &str| name == ALL || REGISTRY.iter().any(|entry| entry.name == name);
        match names.iter().find(|name| !known(name)) {
            Some(name) => Err(UnknownAugmentation { name: (*name).to_owned() }),
            None if names.contains(&ALL) => Ok(Self::All),
            None => Ok(names.into_iter().collect()),
        }
    }
}

impl fmt::Display for Withheld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str(ALL),
            Self::Named(names) => f.write_str(&names.iter().map(String::as_str).collect::<Vec<_>>().join(",")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn withheld_is_the_same_after_text() {
        for text in ["", "all", "flip", "colour,flip"] {
            assert_eq!(text.parse::<Withheld>().unwrap().to_string(), text);
        }
        assert_eq!(" flip , colour".parse::<Withheld>().unwrap().to_string(), "colour,flip");
    }

    #[test]
    fn unknown_names_are_refused_with_what_is_accepted() {
        for text in ["mirror", "flip,mirror", "all,mirror"] {
            let error = text.parse::<Withheld>().unwrap_err().to_string();
            assert!(error.contains("\"mirror\"; accepted are all, rotate, crop, flip, colour, erase"), "{error}");
        }
    }
}
