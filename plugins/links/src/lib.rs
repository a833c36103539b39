//! Crash-safe folders of hard links for a person to look through: `candidates/` of `gather`, `review/` and `sorted/` of `predict`.
//!
//! A person answers by moving, renaming and deleting links, so a link that is missing means something. That only holds when no link
//! is ever missing for another reason: every link is written down before it is made and before it is removed ([`table`]), and what a
//! kill cuts short is finished at the next start ([`Ledger::recover`]). The ledger's table lies in the SQLite file of its node, so that
//! a change of links and what it follows from are one transaction.
//!
//! Guarantees: the last name of a file is never removed, unless its owner has replaced the file; a link that is another file by now is
//! left alone; a folder that is gone as a whole answers nothing.

mod folder;
mod inspection;
mod ledger;
mod link;
mod photos;
pub mod table;

pub use folder::{LinkFolder, Linked, is_folder_name, link_name};
pub use inspection::{CONFIRM, Inspection};
pub use ledger::{Ledger, Source};
pub use link::{Key, Link, LinkChanges, LinkState};
pub use photos::PhotosIndex;
