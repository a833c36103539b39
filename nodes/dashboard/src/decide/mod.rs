//! What a person decides on the page, done as a person does it by hand: files are moved, and so can be moved back.

mod act;
mod journal;
mod moves;
mod queues;

pub use act::{Act, Decider, Done, Resolve};
pub use journal::{Entry, Journal, Moved, Step};
pub use queues::{Conflict, QUEUES, Question, Queue, decided};
