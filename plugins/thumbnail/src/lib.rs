//! Small JPEGs of images, and a cache of them on disk.
//!
//! Whatever a page shows is encoded anew here, so that nobody's browser ever reads the file of a stranger.

mod cache;
mod small;

pub use cache::Cache;
pub use small::{encode, small};
