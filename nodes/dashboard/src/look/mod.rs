//! The data set, to look through: every file of the catalog with what should be seen of it first.

mod album;
mod alike;
mod flags;
mod library;
mod notes;
mod query;
#[cfg(test)]
pub(crate) mod tests;

pub use album::{Album, Item};
pub use alike::Alike;
pub use flags::{FLAGS, Flags};
pub use library::{Glance, Library};
pub use notes::{Notes, Saw, Suspect, settled};
pub use query::{Filter, Page, Shown};
