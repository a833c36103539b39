//! Why and of what kind a run is; when, [`plugin_training::trigger`] decides.

pub mod candidate;
pub mod reason;
pub mod request;
