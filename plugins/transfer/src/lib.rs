//! What crosses from one machine to another when a graph spans two: the pixels of a data set, once, and the files of runs and models.
//!
//! Messages between machines are small (dora drops one whose fragments have not left in time), may be lost, and come in order. So
//! everything here is asked for by whoever lacks it, in parts that fit into a message, a bounded number of bytes at a time, and asked
//! for again when it does not come: nothing needs to be remembered by the side that answers.
//!
//! - [`PixelCache`]: pixels on disk by the image's digest, bounded, oldest out first. [`PixelFetcher`]: completes batches that came
//!   without pixels. [`KnownRows`]: makes batches of epochs after the first.
//! - [`Offers`]: which files of a workspace the other machine is to have, and their parts. [`Receiver`]: puts them there, each whole or
//!   not at all, in the order they are offered.
//!
//! This crate knows neither dora nor what a run is; it moves files, and swaps the champion's link under the champion's lock.

mod fetch;
mod offers;
mod options;
mod pixels;
mod receive;
mod rows;
mod window;

pub use fetch::{Counts, PixelFetcher};
pub use offers::{Offers, Role};
pub use options::TransferOptions;
pub use pixels::PixelCache;
pub use receive::Receiver;
pub use rows::KnownRows;
