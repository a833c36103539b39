//! Networks of blocks, and heads on them, as ONNX, for other programs: <https://onnx.ai>.
//!
//! [`model`] makes one from a graph and [`Weights`] of a safetensors file, [`head_model`] one of a frozen backbone and the head
//! on its features; [`proto`] are the messages, which `prost::Message::encode_to_vec` turns into bytes.

pub mod error;
pub mod export;
pub mod proto;
pub mod weights;

pub use error::OnnxError;
pub use export::head::head_model;
pub use export::model;
pub use weights::Weights;
