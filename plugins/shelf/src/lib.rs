//! Hard links to a person's pictures, for that person to look through, and which of them stand in `photos/` by now.

mod photos;
mod shelf;

pub use photos::Photos;
pub use shelf::{Linked, Shelf, name};
