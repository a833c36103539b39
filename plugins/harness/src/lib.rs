//! The only crate that knows dora.
//!
//! [`main`] starts a node: options, log, connection. [`Node`] receives and sends typed messages; its event loop runs
//! on a thread of its own, so heavy work in the node never keeps the loop from draining. [`run_stage`] runs a node
//! that answers each message with exactly one message.

mod crash_ledger;
mod error;
mod full;
mod inbox;
pub mod ingest;
mod lock;
mod markdown;
mod node;
mod options;
mod priority;
mod pull;
mod sequence;
mod stage;
mod start;
mod wire;

pub use crash_ledger::CrashLedger;
pub use error::HarnessError;
pub use inbox::{Event, Message};
pub use ingest::IngestSequencer;
pub use markdown::markdown;
pub use node::Node;
pub use options::HasWorkspace;
pub use priority::yield_to_others;
pub use pull::{Pull, Wanted};
pub use sequence::{Place, Sequence};
pub use stage::{Answer, Refusal, Reject, Stage, partition, run_stage, send_rejects};
pub use start::main;
