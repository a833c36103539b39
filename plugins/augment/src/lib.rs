//! Random changes to training pictures that leave their class alone.
//!
//! What happens to a picture is a function of the run's seed, the epoch and the picture's digest, and of nothing else:
//! not of its batch, its place in it, or the number of threads. Each augmentation draws from a stream of its own, so
//! switching one off does not change what the others do.

mod colour;
mod crop;
mod erase;
mod flip;
mod options;
mod picture;
mod pipeline;
mod rotate;
mod withheld;

pub use colour::Colour;
pub use crop::Crop;
pub use erase::Erase;
pub use flip::Flip;
pub use options::{AugmentOptions, Fill, Policy};
pub use picture::{Picture, ShapeError};
pub use pipeline::{Key, Pipeline};
pub use rotate::Rotate;
pub use withheld::{UnknownAugmentation, Withheld};

/// Name of the horizontal flip.
pub const FLIP: &str = flip::ENTRY.name;
/// Name of the rotation.
pub const ROTATE: &str = rotate::ENTRY.name;
/// Name of the colour jitter.
pub const COLOUR: &str = colour::ENTRY.name;

/// The generator of one augmentation of one picture in one epoch.
pub type Rng = rand_pcg::Pcg64Mcg;

/// A random change to a picture, in place.
pub trait Augmentation: Send + Sync {
    /// Changes the picture as the generator says.
    fn apply(&self, picture: &mut Picture<'_>, rng: &mut Rng);
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

/// Every augmentation, in the order in which they are applied.
pub const REGISTRY: &[Entry] = &[rotate::ENTRY, crop::ENTRY, flip::ENTRY, colour::ENTRY, erase::ENTRY];

#[cfg(test)]
mod tests;
