//! Convolutional networks in use, on the CPU, in 32-bit floats, without libraries.
#![allow(unsafe_code, clippy::inline_always, reason = "vectors of the processor")]

mod aligned;
pub mod convolution;
mod depthwise;
mod map;
mod pointwise;
pub mod product;
pub mod program;
pub mod simd;

pub use convolution::{Convolution, KernelError};
pub use map::{Map, Window};
pub use product::Clamp;
pub use program::{Operation, Program};
