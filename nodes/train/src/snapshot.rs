//! The data set as `train` knows it.

pub use plugin_api::DatasetState as State;
