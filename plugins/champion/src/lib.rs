//! Who is champion: promotion by a verdict, promotion and rollback by hand, and which runs may go.
//!
//! `models/<run>/` is a model that is or was champion, or was made so by hand; `models/champion` is a link to one of them.
//! Whatever is done ends with one rename of that link, so that a reader finds a whole model at any instant, and a kill at
//! any instant leaves the old champion or the new one. Who changes it holds [`Lock`] meanwhile.

mod by_hand;
mod lock;
mod models;
mod promote;
mod prune;

pub use by_hand::{Refused, promote_by_hand, roll_back};
pub use lock::Lock;
pub use models::{ByHand, Model, model, models};
pub use promote::{card_of, champion, discard, promote, restore_link, unfinished, weights};
pub use prune::prune;

#[cfg(test)]
mod tests;
