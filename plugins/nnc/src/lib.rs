//! Projects, networks and models of Sony's Neural Network Console and of nnabla: their networks as blocks, their settings as
//! options, their weights as safetensors; and the way back for models.
//!
//! - [`project`] reads a `.sdcproj`; [`import::project`] makes a network and options of it.
//! - [`nnp`] reads and writes `.nnp`: a zip of `network.nntxt` and parameters in HDF5 or protobuf.
//!
//! What nnabla does otherwise than PyTorch is in this crate's README, each row with its test.

mod build;
pub mod error;
mod formula;
pub mod import;
mod layers;
pub mod nnp;
mod order;
pub mod project;
pub mod settings;
mod yaml;

pub use error::NncError;
pub use import::{Imported, project as import_project};
pub use project::{Project, text as project_text};
