//! Which labels a person should look at because of images that look alike.
//!
//! Near-copies in several classes are trained on like all others: they are often the task itself (a gate open or closed, a part
//! good or scratched). They are only listed for review, the best suspect first, and what a person has decided
//! ([`plugin_api::decisions`]) is not listed again. Equal pixels in several classes cannot be trained on and are a list of their
//! own: they are kept out of training until one class is chosen.
//!
//! [`find`] is the one owner of this list; the page and the report show it. It costs one pass over the images, and within each
//! group that holds several classes the suspected images times the others.

mod find;
mod settled;
mod suspect;

pub use find::{Image, Review, SamePixels, find};
pub use settled::Settled;
pub use suspect::{ClassShare, Doubt, Suspect};
