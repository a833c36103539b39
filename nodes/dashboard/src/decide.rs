//! What a person decides on the page, done as a person does it by hand: files are moved, and so can be moved back.

mod action;
mod folders;
mod journal;
mod moves;
mod queues;
mod uploads;

pub use action::{Action, Decider, Done, MOST, Resolve};
pub use folders::{ClassFolder, class_folders, files_below};
pub use journal::{Entry, Journal, Moved, Step};
pub use queues::{Conflict, QUEUES, Question, Queue, classes, decided};
pub use uploads::Uploads;
