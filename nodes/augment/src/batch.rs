//! The work on one batch.

use arrow::array::LargeBinaryArray;
use arrow::buffer::{Buffer, OffsetBuffer};
use plugin_api::Edge;
use plugin_api::edges::{BatchHeader, Batches, lists_of_f32};
use plugin_augment::{Decision, Key, Pipeline, ShapeError, UnknownAugmentation};
use plugin_harness::HarnessError;
use rayon::prelude::*;

/// A batch that cannot be augmented.
#[derive(Debug, thiserror::Error)]
pub enum AugmentError {
    /// dora, or a message of another type.
    #[error(transparent)]
    Harness(#[from] HarnessError),
    /// An augmentation is withheld that there is not.
    #[error("a batch says in its header what is withheld: {0}")]
    Withheld(#[from] UnknownAugmentation),
    /// The options cannot be written down.
    #[error("the options of the augmentations cannot be told: {0}")]
    Options(#[from] serde_json::Error),
    /// An image has another number of bytes than its dimensions say.
    #[error("image {digest}: {source}")]
    Shape {
        /// The image's digest.
        digest: String,
        /// The dimensions and the bytes.
        source: ShapeError,
    },
}

/// Draws for every image of a batch what happens to it, as `seed` and `epoch` in the header and the image's digest say, for whoever asked
/// to do it. No column is copied.
pub fn decide(pipeline: &Pipeline, of: &BatchHeader, batch: Batches) -> Batches {
    let BatchHeader { seed, epoch, .. } = *of;
    let rows = (0..batch.rows()).map(|row| {
        let key = Key { seed, epoch, digest: batch.digest.value(row) };
        pipeline.decide(key, batch.width.value(row).max(1), batch.height.value(row).max(1)).to_numbers()
    });
    let rows: Vec<_> = rows.collect();
    let decisions = lists_of_f32(rows.iter().map(<[f32; Decision::LENGTH]>::as_slice));
    Batches { decisions, ..batch }
}

/// Changes every image of a batch, as `seed` and `epoch` in the header and the image's digest say. The other columns
/// are not copied.
///
/// # Errors
/// [`AugmentError::Shape`].
pub fn augment(pipeline: &Pipeline, of: &BatchHeader, batch: Batches) -> Result<Batches, AugmentError> {
    let BatchHeader { seed, epoch, .. } = *of;
    let lengths: Vec<usize> = (0..batch.rows()).map(|row| batch.pixels.value(row).len()).collect();
    // One copy, because a received message may not be written to.
    let mut bytes = Vec::with_capacity(lengths.iter().sum());
    for row in 0..batch.rows() {
        bytes.extend_from_slice(batch.pixels.value(row));
    }
    parts(&mut bytes, &lengths).into_par_iter().enumerate().try_for_each(|(row, pixels)| {
        let digest = batch.digest.value(row);
        pipeline
            .apply(Key { seed, epoch, digest }, batch.width.value(row), batch.height.value(row), pixels)
            .map_err(|source| AugmentError::Shape { digest: digest.to_owned(), source })
    })?;
    let pixels = LargeBinaryArray::new(OffsetBuffer::from_lengths(lengths), Buffer::from_vec(bytes), None);
    Ok(Batches { pixels, ..batch })
}

fn parts<'a>(mut bytes: &'a mut [u8], lengths: &[usize]) -> Vec<&'a mut [u8]> {
    let mut parts = Vec::with_capacity(lengths.len());
    for &length in lengths {
        let (part, rest) = bytes.split_at_mut(length);
        parts.push(part);
        bytes = rest;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Array, Float32Array, StringArray, UInt32Array};
    use clap::Parser;
    use plugin_api::Header;
    use plugin_api::edges::{empty_lists_of_f32, list_row, list_row_f32, lists_of_u32};
    use plugin_augment::{Image, Withheld};

    fn pipeline(args: &[&str]) -> Pipeline {
        Pipeline::new(&crate::Config::parse_from([&["augment"], args].concat()).augment, &Withheld::none())
    }

    fn image(digest: &str) -> Vec<u8> {
        (0..24 * 24 * 3).map(|i| (i * 31 + digest.len() * 7 + usize::from(digest.as_bytes()[0])) as u8).collect()
    }

    fn batch(digests: &[&str]) -> Batches {
        let side = UInt32Array::from_value(24, digests.len());
        Batches {
            digest: StringArray::from_iter_values(digests),
            group: StringArray::from_iter_values(digests),
            path: StringArray::from_iter_values(digests.iter().map(|d| format!("photos/a/{d}.jpg"))),
            targets: lists_of_u32(digests.iter().map(|_| &[1, 2][..])),
            weight: Float32Array::from_value(1.5, digests.len()),
            width: side.clone(),
            height: side,
            pixels: LargeBinaryArray::from_iter_values(digests.iter().map(|d| image(d))),
            decisions: empty_lists_of_f32(digests.len()),
        }
    }

    fn of() -> BatchHeader {
        BatchHeader { seed: 7, epoch: 2, ..BatchHeader::default() }
    }

    #[test]
    fn pixels_change_and_the_rest_stays() {
        let out = augment(&pipeline(&[]), &of(), batch(&["a", "bb", "c"])).unwrap();
        assert_eq!(out.digest, batch(&["a", "bb", "c"]).digest);
        assert_eq!(list_row(&out.targets, 2), [1, 2]);
        assert_eq!(out.weight.value(0), 1.5);
        assert_eq!(out.pixels.len(), 3);
        assert!((0..3).all(|row| out.pixels.value(row).len() == 24 * 24 * 3));
        assert_ne!(out.pixels.value(0), image("a"));
    }

    #[test]
    fn an_image_fares_the_same_in_any_company() {
        let pipeline = pipeline(&["--rotation-degrees", "10", "--erase-probability", "0.5"]);
        let many = augment(&pipeline, &of(), batch(&["a", "bb", "c", "dd"])).unwrap();
        let turned = augment(&pipeline, &of(), batch(&["dd", "c", "bb", "a"])).unwrap();
        let alone = augment(&pipeline, &of(), batch(&["c"])).unwrap();
        assert_eq!(many.pixels.value(2), alone.pixels.value(0));
        assert!((0..4).all(|row| many.pixels.value(row) == turned.pixels.value(3 - row)));
        // Part of a longer message, as Arrow may hand it over.
        let mut sliced = batch(&["x", "a", "bb", "c"]);
        sliced.digest = sliced.digest.slice(1, 3);
        sliced.path = sliced.path.slice(1, 3);
        sliced.targets = sliced.targets.slice(1, 3);
        sliced.weight = sliced.weight.slice(1, 3);
        (sliced.width, sliced.height) = (sliced.width.slice(1, 3), sliced.height.slice(1, 3));
        sliced.pixels = sliced.pixels.slice(1, 3);
        let sliced = augment(&pipeline, &of(), sliced).unwrap();
        assert!((0..3).all(|row| sliced.pixels.value(row) == many.pixels.value(row)));
    }

    #[test]
    fn whoever_does_as_decided_has_the_augmented_images() {
        let pipeline = pipeline(&["--rotation-degrees", "10", "--erase-probability", "0.5"]);
        let all = ["a", "bb", "c", "dd"];
        let (augmented, decided) = (augment(&pipeline, &of(), batch(&all)), decide(&pipeline, &of(), batch(&all)));
        let augmented = augmented.unwrap();
        assert_eq!(decided.pixels, batch(&all).pixels);
        assert_eq!(augmented.decisions, batch(&all).decisions);
        for (row, digest) in all.into_iter().enumerate() {
            let decision = Decision::from_numbers(&list_row_f32(&decided.decisions, row), 24, 24).unwrap();
            let mut pixels = image(digest);
            decision.apply(&mut Image::new(24, 24, &mut pixels).unwrap());
            assert_eq!(augmented.pixels.value(row), pixels);
        }
        let held = Batches { pixels: LargeBinaryArray::from_iter_values([[]; 4]), ..batch(&all) };
        assert_eq!(decide(&pipeline, &of(), held).decisions, decided.decisions);
    }

    #[test]
    fn the_epoch_matters_and_must_be_there() {
        let (all, pipeline) = (["a", "bb"], pipeline(&[]));
        let one = augment(&pipeline, &of(), batch(&all)).unwrap();
        let next = augment(&pipeline, &BatchHeader { epoch: 3, ..of() }, batch(&all)).unwrap();
        assert_ne!(one.pixels, next.pixels);
        let without = Header::new("run", 0).with_json("batch", r#"{"version": 1, "seed": 1}"#);
        let error = without.get::<BatchHeader>().unwrap_err().to_string();
        assert!(error.contains("epoch"), "{error}");
    }

    #[test]
    fn an_empty_batch_stays_empty_and_a_wrong_shape_is_named() {
        assert_eq!(augment(&pipeline(&[]), &of(), batch(&[])).unwrap().rows(), 0);
        let mut wrong = batch(&["a", "bb"]);
        wrong.width = UInt32Array::from(vec![24, 23]);
        let error = augment(&pipeline(&[]), &of(), wrong).unwrap_err().to_string();
        assert!(error.contains("bb") && error.contains("23"), "{error}");
    }
}
