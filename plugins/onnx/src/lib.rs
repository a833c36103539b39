//! Networks of blocks as ONNX, for other programs: <https://onnx.ai>.
//!
//! [`model`] makes one from a graph and [`Weights`] of a safetensors file; [`proto`] are its messages, which
//! `prost::Message::encode_to_vec` turns into bytes.

pub mod error;
pub mod export;
pub mod proto;
pub mod weights;

pub use error::OnnxError;
pub use export::model;
pub use weights::Weights;
