//! A batch of images with their targets, on the host.

use crate::error::ModelError;
use arrow::array::Array as _;
use plugin_api::Edge as _;
use plugin_api::edges::{Batches, list_row};

/// Images of one size with their targets.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// Side of the square images, pixels.
    pub size_px: u32,
    /// `[images, size_px, size_px, 3]`, 8 bit, sRGB, channels last.
    pub pixels: Vec<u8>,
    /// Class indices of each image; several share the image equally, none leaves it out of loss and accuracy.
    pub targets: Vec<Vec<u32>>,
    /// Weight of each image in the loss.
    pub weights: Vec<f32>,
}

impl Batch {
    /// Reads the message `dataset` and `augment` send.
    ///
    /// # Errors
    /// [`ModelError::BatchSize`] or [`ModelError::Pixels`] when an image is not `size_px` × `size_px` × 3 bytes.
    pub fn from_edge(rows: &Batches, size_px: u32) -> Result<Self, ModelError> {
        let mut batch = Self::labels_of(rows, size_px);
        batch.pixels.reserve(rows.rows() * bytes(size_px));
        for row in 0..rows.rows() {
            expect_size(rows, row, size_px)?;
            let pixels = rows.pixels.value(row);
            expect_bytes(pixels, rows.digest.value(row), size_px)?;
            batch.pixels.extend_from_slice(pixels);
        }
        Ok(batch)
    }

    /// The targets and weights of a message, without pixels.
    pub(crate) fn labels_of(rows: &Batches, size_px: u32) -> Self {
        let targets = |row| if rows.targets.is_null(row) { Vec::new() } else { list_row(&rows.targets, row) };
        Self {
            size_px,
            pixels: Vec::new(),
            targets: (0..rows.rows()).map(targets).collect(),
            weights: rows.weight.values().to_vec(),
        }
    }

    /// Images in the batch.
    pub fn len(&self) -> usize {
        self.targets.len()
    }

    /// No image at all.
    pub fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }
}

/// Of an image, with three channels of 8 bit.
pub(crate) fn bytes(size_px: u32) -> usize {
    size_px as usize * size_px as usize * 3
}

/// Refuses a row of another size.
pub(crate) fn expect_size(rows: &Batches, row: usize, size_px: u32) -> Result<(), ModelError> {
    let (width, height) = (rows.width.value(row), rows.height.value(row));
    if (width, height) == (size_px, size_px) {
        return Ok(());
    }
    Err(ModelError::BatchSize { digest: rows.digest.value(row).to_owned(), width, height, size_px })
}

/// Refuses pixels of another length.
pub(crate) fn expect_bytes(pixels: &[u8], digest: &str, size_px: u32) -> Result<(), ModelError> {
    let expected = bytes(size_px);
    if pixels.len() == expected {
        return Ok(());
    }
    let digest = digest.to_owned();
    Err(ModelError::Pixels { digest, bytes: pixels.len(), width: size_px, height: size_px, expected })
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Float32Array, LargeBinaryArray, StringArray, UInt32Array};
    use plugin_api::edges::{empty_lists_of_f32, lists_of_u32};

    fn message(side: u32, pixels: &[u8]) -> Batches {
        Batches {
            digest: StringArray::from(vec!["abc"]),
            group: StringArray::from(vec!["abc"]),
            path: StringArray::from(vec!["photos/a/b.jpg"]),
            targets: lists_of_u32([&[1_u32][..]]),
            weight: Float32Array::from(vec![0.5]),
            width: UInt32Array::from(vec![side]),
            height: UInt32Array::from(vec![side]),
            pixels: LargeBinaryArray::from_iter_values([pixels]),
            decisions: empty_lists_of_f32(1),
        }
    }

    #[test]
    fn a_message_becomes_a_batch() {
        let batch = Batch::from_edge(&message(2, &[7; 12]), 2).unwrap();
        assert_eq!((batch.len(), batch.pixels.len()), (1, 12));
        assert_eq!((&batch.targets[0][..], batch.weights[0]), (&[1][..], 0.5));
    }

    #[test]
    fn another_size_is_refused_and_both_are_named() {
        let error = Batch::from_edge(&message(2, &[7; 12]), 64).unwrap_err().to_string();
        assert!(error.contains("2 × 2") && error.contains("64 × 64") && error.contains("abc"), "{error}");
        assert!(Batch::from_edge(&message(2, &[7; 11]), 2).is_err());
    }
}
