//! Images to embeddings: what a network's penultimate layer sees in them, of unit length, so that the scalar product
//! of two is the cosine of the angle between them.
//!
//! [`Embedder`] computes them, by pretrained weights or by the workspace's own champion; [`EmbedOptions`] are its
//! command line options. [`Cache`] keeps them on disk by the images' digest, so that none is computed twice.
//! [`known`] opens an image again by its digest.

pub mod cache;
pub mod embedder;
pub mod error;
mod known;
pub mod options;

pub use cache::Cache;
pub use embedder::{Embedder, Occlusions};
pub use error::EmbedError;
pub use known::known;
pub use options::{EmbedOptions, FETCH, NetworkChoice};
