//! Structure search (neural architecture search): which networks are tried next, and what came of those that were.
//!
//! ```text
//! search ── proposals, stops ──► train ── checkpoints ──► evaluate
//!    ▲                             │ metrics                 │ verdicts
//!    └─────────────────────────────┴─────────────────────────┘
//! ```
//!
//! The node `search` proposes a network, `train` trains it through the ordinary edges, `evaluate` evaluates it on the test images.
//! Every attempt is a run. What decides is the validation error; the test images are never chosen by.
//!
//! - [`document`] is a network's file as a tree, [`mutation`] changes it; whatever is proposed fits.
//! - [`search`] is a search as it stands, [`journal`] its file: killed at any moment, it goes on where it was.
//! - [`method`] chooses the next network: at random, or by a [`gaussian_process`] over [`features`] and what it expects to
//!   gain ([`acquisition`], [`pareto`]).
//! - [`halving`] stops hopeless attempts early.
//! - [`report`] draws error against multiply-adds, the family tree and the networks.

pub mod acquisition;
pub mod document;
pub mod features;
pub mod gaussian_process;
pub mod halving;
pub mod journal;
mod linear;
pub mod method;
pub mod mutation;
mod normal;
pub mod pareto;
pub mod report;
pub mod request;
pub mod search;

pub use journal::{FOLDER, Journal, read_search, searches};
pub use method::{Choice, choose};
pub use request::Request;
pub use search::{Attempt, Event, Method, Objective, Outcome, Proposed, Search, Settings};
