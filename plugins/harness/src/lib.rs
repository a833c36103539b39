//! The only crate that knows dora.
//!
//! [`main`] starts a node: options, log, connection. [`Node`] receives and sends typed messages; its event loop runs
//! on a thread of its own, so heavy work in the node never keeps the loop from draining. [`run_stage`] runs a node
//! that answers each message with exactly one message.

mod error;
mod inbox;
mod node;
mod sequence;
mod stage;
mod start;
mod wire;

pub use error::HarnessError;
pub use inbox::{Event, Message};
pub use node::Node;
pub use sequence::{Place, Sequence};
pub use stage::{Answer, Reject, Stage, run_stage};
pub use start::{HasHome, main};
