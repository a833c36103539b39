//! The augmentations that are switched on, one after the other.

use crate::decision::Decision;
use crate::image::{Image, ShapeError};
use crate::options::{AugmentOptions, Policy};
use crate::withheld::Withheld;
use crate::{Augmentation, Entry, REGISTRY, Rng};
use rand::SeedableRng;

/// All that decides what happens to an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key<'a> {
    /// Seed of the run.
    pub seed: u64,
    /// Epoch, from 0.
    pub epoch: u64,
    /// Digest of the image's file.
    pub digest: &'a str,
}

impl Key<'_> {
    /// The generator of one augmentation: the same for the same key and name, unlike any other.
    fn rng(&self, augmentation: &str) -> Rng {
        let mut hasher = blake3::Hasher::new_derive_key("wakuteka augmentation 1");
        hasher.update(&self.seed.to_le_bytes());
        hasher.update(&self.epoch.to_le_bytes());
        hasher.update(&(augmentation.len() as u64).to_le_bytes());
        hasher.update(augmentation.as_bytes());
        hasher.update(self.digest.as_bytes());
        let mut seed = <Rng as SeedableRng>::Seed::default();
        hasher.finalize_xof().fill(&mut seed);
        Rng::from_seed(seed)
    }
}

/// The augmentations that are switched on, in the order of the registry.
pub struct Pipeline {
    steps: Vec<(&'static str, Box<dyn Augmentation>)>,
}

impl Pipeline {
    /// What the options switch on, less what is withheld. [`Policy::On`] is not withheld but by [`Withheld::All`].
    pub fn new(options: &AugmentOptions, withheld: &Withheld) -> Self {
        Self::of(options, |entry| match (entry.policy)(options) {
            Policy::Auto => !withheld.contains(entry.name),
            Policy::On => *withheld != Withheld::All,
            Policy::Off => false,
        })
    }

    /// One augmentation alone, as the options have it, whatever its policy.
    pub fn only(options: &AugmentOptions, name: &str) -> Self {
        Self::of(options, |entry| entry.name == name)
    }

    fn of(options: &AugmentOptions, applies: impl Fn(&Entry) -> bool) -> Self {
        let step = |entry: &Entry| Some((entry.name, (entry.build)(options)?));
        Self { steps: REGISTRY.iter().filter(|entry| applies(entry)).filter_map(step).collect() }
    }

    /// Names of the augmentations that are switched on.
    pub fn names(&self) -> Vec<&'static str> {
        self.steps.iter().map(|(name, _)| *name).collect()
    }

    /// Draws what happens to an image of `width × height` pixels, at least one each.
    pub fn decide(&self, key: Key<'_>, width: u32, height: u32) -> Decision {
        let mut decision = Decision::NONE;
        for (name, step) in &self.steps {
            step.draw([width as usize, height as usize], &mut key.rng(name), &mut decision);
        }
        decision
    }

    /// Changes an image of `height × width × 3` bytes in place, as [`Self::decide`] says.
    ///
    /// # Errors
    /// [`ShapeError`] when it has no pixel or another number of bytes; then nothing is changed.
    pub fn apply(&self, key: Key<'_>, width: u32, height: u32, pixels: &mut [u8]) -> Result<(), ShapeError> {
        let mut image = Image::new(width, height, pixels)?;
        self.decide(key, width, height).apply(&mut image);
        Ok(())
    }
}

impl std::fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Pipeline").field(&self.names()).finish()
    }
}
