//! Random changes to training images that leave their class alone.
//!
//! What happens to an image is a function of the run's seed, the epoch and the image's digest, and of nothing else:
//! not of its batch, its place in it, or the number of threads. Each augmentation draws from a stream of its own, so
//! switching one off does not change what the others do.
//!
//! [`Pipeline::decide`] draws, and is the one place that does; [`Decision::apply`] changes the image. Whoever changes images elsewhere (on a
//! GPU, in batches) does what a [`Decision`] says.

mod colour;
mod crop;
mod decision;
mod erase;
mod flip;
mod image;
mod options;
mod pipeline;
mod rotate;
mod withheld;

pub use colour::{Colour, Factors};
pub use crop::{Crop, Shift};
pub use decision::{Decision, DecisionError};
pub use erase::{Erase, Rectangle};
pub use flip::Flip;
pub use image::{Image, ShapeError};
pub use options::{AugmentOptions, Fill, Policy};
pub use pipeline::{Key, Pipeline};
pub use rotate::Rotate;
pub use withheld::{UnknownAugmentation, Withheld};

/// Name of the horizontal flip.
pub const FLIP: &str = flip::ENTRY.name;
/// Name of the rotation.
pub const ROTATE: &str = rotate::ENTRY.name;
/// Name of the colour jitter.
pub const COLOUR: &str = colour::ENTRY.name;

/// The generator of one augmentation of one image in one epoch.
pub type Rng = rand_pcg::Pcg64Mcg;

/// A random change to an image.
pub trait Augmentation: Send + Sync {
    /// Draws its parameters for an image of `[width, height]` pixels, at least one each.
    fn draw(&self, size: [usize; 2], rng: &mut Rng, decision: &mut Decision);
}

/// One augmentation that can be switched on.
pub struct Entry {
    /// Its name, also of its random stream.
    pub name: &'static str,
    /// What it does, in one line.
    pub about: &'static str,
    /// When it is applied.
    pub policy: fn(&AugmentOptions) -> Policy,
    /// Builds it from the options; none when they switch it off.
    pub build: fn(&AugmentOptions) -> Option<Box<dyn Augmentation>>,
}

/// Every augmentation, in the order in which [`Decision::apply`] applies them.
pub const REGISTRY: &[Entry] = &[rotate::ENTRY, crop::ENTRY, flip::ENTRY, colour::ENTRY, erase::ENTRY];

#[cfg(test)]
mod tests;
