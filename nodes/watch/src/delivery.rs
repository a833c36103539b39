//! Messages to the rest of the graph, and their answers.

pub mod asking;
pub mod outbox;
pub mod outgoing;
pub mod ready;
pub mod transport;
