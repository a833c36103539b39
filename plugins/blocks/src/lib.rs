//! Networks as people write them: blocks in YAML, as Sony's Neural Network Console has them, with shapes that work
//! themselves out.
//!
//! - [`Description`] is a file, [`block`] its vocabulary; [`shipped`] are those that come with the program.
//! - [`Graph`] is the same with all its numbers, for images of one size: what is computed, from what, in which order.
//! - [`table`] and [`drawing`] show it.

pub mod block;
pub mod description;
pub mod dims;
pub mod drawing;
pub mod error;
mod expand;
pub mod expression;
pub mod graph;
pub mod shipped;
pub mod table;

pub use description::{Description, Input};
pub use dims::{Dims, Padding, Window};
pub use error::BlocksError;
pub use graph::{Activation, Elementwise, Graph, Node, Op, Part, Scalar, Weight};
