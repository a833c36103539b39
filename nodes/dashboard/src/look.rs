//! The data set, to look through: every file of the catalog with what should be seen of it first.

mod album;
mod alike;
mod classes;
mod flags;
mod library;
mod map;
mod notes;
mod places;
mod query;
#[cfg(test)]
pub(crate) mod tests;

pub use album::{Album, Item};
pub use alike::Alike;
pub use classes::{Advice, ClassRow, Recall, recall, table as classes_table};
pub use flags::{FLAGS, Flags};
pub use library::{Glance, Library};
pub use notes::{Notes, Saw, Suspect, saw as notes_of_run, settled};
pub use places::{PLACES, page as page_of_place, predictions};
pub use query::{Dated, Filter, Page, Predicted, Shown, Sort};
