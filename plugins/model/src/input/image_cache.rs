//! Images of a run on its device, as 8 bit: each goes there once, and every epoch takes its batches from there.
//!
//! Where not all have room, those whose digests sort first stay, and the others come with every epoch: so one digest says which images
//! need not be sent ([`ImageCache::held_below`]).

mod options;

pub use options::{AugmentOn, DeviceAugmentOptions};

use crate::device::Opened;
use crate::device::upload;
use crate::error::ModelError;
use crate::input::augment::augment;
use crate::input::batch::{Batch, bytes, expect_bytes, expect_size};
use burn::tensor::{Device, Int, Tensor};
use plugin_api::Edge as _;
use plugin_api::edges::{ALL_HELD, Batches, list_row_f32};
use plugin_augment::Decision;
use std::collections::{BTreeMap, BTreeSet};

/// An image of a batch.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    /// Its digest.
    pub digest: &'a str,
    /// `[size, size, 3]`, 8 bit; empty when the cache has it.
    pub pixels: &'a [u8],
    /// What augmentation does to it.
    pub decision: Decision,
    /// Whether `pixels` are the image as it is stored, which may be kept.
    pub is_original: bool,
}

/// A batch whose images lie on the device.
#[derive(Clone, Debug)]
pub struct DeviceBatch {
    /// `[images, size, size, 3]`, whole numbers from 0 to 255.
    pub(crate) images: Tensor<4>,
    /// Targets and weights; no pixels.
    pub(crate) rows: Batch,
}

/// Images on a device.
#[derive(Debug)]
pub struct ImageCache {
    size_px: u32,
    device: Device,
    /// `[capacity, size · size · 3]`, 8 bit; none without capacity.
    pixels: Option<Tensor<2, Int>>,
    /// Rows of `pixels` by digest.
    slots: BTreeMap<String, usize>,
    capacity: usize,
    /// The first digest of those for which there was no room.
    first_without_room: Option<String>,
    /// Subsets whose images have all been here.
    complete: BTreeSet<String>,
    /// Images came augmented: what was asked for is not understood, and nothing more is asked for.
    is_misunderstood: bool,
}

impl ImageCache {
    /// Room for `images` squares of `size_px`, in at most `limit_bytes` of the device's memory, and in no more than there is.
    pub fn new(size_px: u32, images: usize, limit_bytes: u64, device: &Opened) -> Self {
        let bytes = bytes(size_px);
        let wanted = images.min(usize::try_from(limit_bytes).unwrap_or(usize::MAX) / bytes);
        let (pixels, capacity) = allocate(wanted, bytes, &device.device);
        Self {
            size_px,
            device: device.device.clone(),
            pixels,
            slots: BTreeMap::new(),
            capacity,
            first_without_room: None,
            complete: BTreeSet::new(),
            is_misunderstood: false,
        }
    }

    /// Images that lie on the device.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// No image at all.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Whether an image lies on the device.
    pub fn holds(&self, digest: &str) -> bool {
        self.slots.contains_key(digest)
    }

    /// Memory that was taken for them, bytes.
    pub fn bytes(&self) -> u64 {
        (self.capacity * bytes(self.size_px)) as u64
    }

    /// What to ask for in the column `held_below` of a [`Demand`](plugin_api::edges::Demand) for a subset: images whose digest sorts
    /// before it are here. Empty until [`Self::complete`].
    pub fn held_below(&self, subset: &str) -> &str {
        if self.is_misunderstood || !self.complete.contains(subset) {
            return "";
        }
        self.first_without_room.as_deref().unwrap_or(ALL_HELD)
    }

    /// All images of a subset have come by here, so that they need not be sent again as far as there was room.
    pub fn complete(&mut self, subset: &str) {
        self.complete.insert(subset.to_owned());
    }

    /// The batch of a message. Images that came with decisions are augmented on the device; those of a subset that is trained on that
    /// came without were augmented by whoever sent them.
    ///
    /// # Errors
    /// [`ModelError::BatchSize`], [`ModelError::Pixels`] and [`ModelError::Decision`] when a row is not what the edge promises;
    /// [`ModelError::NotHeld`] when it has no pixels and is not here; [`ModelError::EmptyBatch`].
    pub fn batch(&mut self, rows: &Batches, is_trained_on: bool) -> Result<DeviceBatch, ModelError> {
        let mut samples = Vec::with_capacity(rows.rows());
        for row in 0..rows.rows() {
            expect_size(rows, row, self.size_px)?;
            let (digest, numbers) = (rows.digest.value(row), list_row_f32(&rows.decisions, row));
            let decision = if numbers.is_empty() {
                Decision::NONE
            } else {
                let refused = |source| ModelError::Decision { digest: digest.to_owned(), source };
                Decision::from_numbers(&numbers, self.size_px, self.size_px).map_err(refused)?
            };
            let is_original = !is_trained_on || !numbers.is_empty();
            samples.push(Sample { digest, pixels: rows.pixels.value(row), decision, is_original });
        }
        self.batch_of(&samples, Batch::labels_of(rows, self.size_px))
    }

    /// The batch of some images; `labels` has their targets and weights.
    ///
    /// # Errors
    /// As [`Self::batch`].
    pub fn batch_of(&mut self, samples: &[Sample<'_>], labels: Batch) -> Result<DeviceBatch, ModelError> {
        Ok(DeviceBatch { images: self.images(samples)?, rows: labels })
    }

    /// Images of a batch, augmented: `[images, size, size, 3]`.
    fn images(&mut self, samples: &[Sample<'_>]) -> Result<Tensor<4>, ModelError> {
        if samples.is_empty() {
            return Err(ModelError::EmptyBatch);
        }
        let mut places = Vec::with_capacity(samples.len());
        let mut sent = Vec::new();
        let mut sent_count = 0;
        for Sample { digest, pixels, .. } in samples {
            if pixels.is_empty() {
                let slot =
                    self.slots.get(*digest).ok_or_else(|| ModelError::NotHeld { digest: (*digest).to_owned() })?;
                places.push(Place::Held(*slot));
            } else {
                expect_bytes(pixels, digest, self.size_px)?;
                sent.extend_from_slice(pixels);
                places.push(Place::Sent(sent_count));
                sent_count += 1;
            }
        }
        let sent = (sent_count > 0).then(|| upload::eight_bit(&sent, [sent_count, bytes(self.size_px)], &self.device));
        // What is sent may take the place of what is read.
        let held = self.held(&places);
        if let Some(sent) = &sent {
            self.keep(samples, &places, sent);
        }
        let side = self.size_px as usize;
        let images = self.together(&places, held, sent).reshape([samples.len(), side, side, 3]);
        let decisions: Vec<Decision> = samples.iter().map(|sample| sample.decision).collect();
        Ok(augment(images, &decisions))
    }

    /// Where an image is to be kept, if there is room and it is not here.
    fn room(&mut self, digest: &str) -> Option<usize> {
        if self.slots.contains_key(digest) {
            return None;
        }
        let slot = if self.slots.len() < self.capacity {
            self.slots.len()
        } else {
            let gives_way = self.slots.last_key_value().is_some_and(|(last, _)| digest < last.as_str());
            let last = if gives_way { self.slots.pop_last() } else { None };
            let (without, slot) = last.map_or_else(|| (digest.to_owned(), None), |(last, slot)| (last, Some(slot)));
            if self.first_without_room.as_ref().is_none_or(|first| without < *first) {
                self.first_without_room = Some(without);
            }
            slot?
        };
        self.slots.insert(digest.to_owned(), slot);
        Some(slot)
    }

    /// Copies what was sent and may be kept into the cache, neighbours together.
    fn keep(&mut self, samples: &[Sample<'_>], places: &[Place], sent: &Tensor<2, Int>) {
        let mut rows: Vec<(usize, usize)> = Vec::new();
        for (sample, place) in samples.iter().zip(places) {
            let Place::Sent(row) = place else { continue };
            if sample.is_original {
                rows.extend(self.room(sample.digest).map(|slot| (*row, slot)));
            } else {
                self.is_misunderstood = true;
            }
        }
        let Some(mut pixels) = self.pixels.take() else { return };
        for run in rows.chunk_by(|a, b| b.0 == a.0 + 1 && b.1 == a.1 + 1) {
            let (row, slot) = run[0];
            let values = sent.clone().narrow(0, row, run.len());
            // The tensor is nobody else's, so it is changed in place.
            pixels = pixels.slice_assign([slot..slot + run.len(), 0..bytes(self.size_px)], values);
        }
        self.pixels = Some(pixels);
    }

    /// A copy of those images of a batch that the cache has, in their order.
    fn held(&self, places: &[Place]) -> Option<Tensor<2, Int>> {
        let slot = |place: &Place| if let Place::Held(slot) = place { Some(*slot as f32) } else { None };
        let slots: Vec<f32> = places.iter().filter_map(slot).collect();
        let pixels = self.pixels.clone().filter(|_| !slots.is_empty())?;
        let count = slots.len();
        Some(pixels.select(0, upload::floats(slots, [count], &self.device).int()))
    }

    /// Images in the order of their places.
    fn together(&self, places: &[Place], held: Option<Tensor<2, Int>>, sent: Option<Tensor<2, Int>>) -> Tensor<2, Int> {
        match (held, sent) {
            (Some(all), None) | (None, Some(all)) => all,
            (Some(held), Some(sent)) => {
                let (mut next, held_count) = (0, held.dims()[0]);
                let mut row = |place: &Place| match place {
                    Place::Sent(row) => held_count + row,
                    Place::Held(_) => {
                        next += 1;
                        next - 1
                    }
                };
                let order: Vec<f32> = places.iter().map(|place| row(place) as f32).collect();
                let order = upload::floats(order, [places.len()], &self.device).int();
                Tensor::cat(vec![held, sent], 0).select(0, order)
            }
            // Every image has a place.
            (None, None) => upload::eight_bit(&[], [0, bytes(self.size_px)], &self.device),
        }
    }
}

/// Where an image of a batch is.
enum Place {
    /// In a slot of the cache.
    Held(usize),
    /// Among those that were sent, by number.
    Sent(usize),
}

/// Room for images, of fewer when there is not enough memory; and for how many.
fn allocate(mut images: usize, bytes: usize, device: &Device) -> (Option<Tensor<2, Int>>, usize) {
    while images > 0 {
        if let Some(room) = upload::room([images, bytes], device) {
            return (Some(room), images);
        }
        images /= 2;
    }
    (None, 0)
}

#[cfg(test)]
mod tests;
