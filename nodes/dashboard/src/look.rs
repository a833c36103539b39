//! The data set, to look through: every file of the catalog with what should be seen of it first.

mod catalog_view;
mod classes;
mod embedding_index;
mod flags;
mod library;
mod map;
mod notes;
mod places;
mod query;
#[cfg(test)]
pub(crate) mod tests;

pub use catalog_view::{CatalogView, Item};
pub use classes::{Advice, ClassRow, Recall, recall, table as classes_table};
pub use embedding_index::EmbeddingIndex;
pub use flags::{FLAGS, Flags};
pub use library::{AvailableView, Library};
pub use notes::{HeldOutPrediction, Notes, Suspect, held_out as notes_of_run, settled};
pub use places::{PLACES, page as page_of_place, predictions};
pub use query::{Dated, Filter, Page, Predicted, Shown, Sort};
