//! `.nnp`, nnabla's file of a trained network: a zip of `network.nntxt` (protobuf as text) and `parameter.h5` (HDF5) or
//! `parameter.protobuf`. <https://nnabla.readthedocs.io/en/latest/format.html>
//!
//! - [`read`] makes a network of blocks and weights of one.
//! - [`write()`] makes one of a network of blocks and weights.

mod functions;
mod parameters;
mod read;
mod text;
mod unroll;
mod write;

pub use parameters::Tensor;
pub use read::{Model, read};
pub use write::{Export, LinearHead, write};

/// What nnabla calls the file that says which kind of file it is.
const VERSION: &str = "nnp_version.txt";
/// The file of the network.
const NETWORK: &str = "network.nntxt";
/// Names of classes in their order, beside the network; nnabla passes it over.
const CLASSES: &str = "classes.csv";
