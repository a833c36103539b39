//! The edge types, as `dataflows/types/imagery/v1.yml` declares them for `dora validate`.

mod arriving;
mod content;
mod crossing;
mod headers;
mod learning;

pub use arriving::{
    Committed, DecodedImages, Embedded, HashedImages, ImageFiles, Inventory, InventoryRequest, Pixels, Rejects, Removed,
};
pub use crossing::{FileParts, ImagePixels, OfferedFiles, Statuses, WantedParts, WantedPixels};
pub use headers::{
    Acknowledgement, AugmentationHeader, BatchHeader, DemandHeader, EmbeddingHeader, ImagesHeader, MachineHeader,
    ProfileHeader, SubsetHeader,
};
pub use learning::{ALL_HELD, Batches, Checkpoints, Demand, Metrics, Proposals, Records, Snapshot, Stops, Verdicts};

use crate::edge::Edge;
use arrow::array::{Float32Array, LargeListArray, UInt32Array};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, Fields};
use std::sync::Arc;

/// Name and columns of an edge type.
pub type EdgeType = (&'static str, fn() -> Fields);

/// Every edge type, in the order of the graph: what the contract test holds against `dataflows/types`.
pub const REGISTRY: &[EdgeType] = &[
    (ImageFiles::NAME, ImageFiles::fields),
    (DecodedImages::NAME, DecodedImages::fields),
    (HashedImages::NAME, HashedImages::fields),
    (Pixels::NAME, Pixels::fields),
    (Embedded::NAME, Embedded::fields),
    (Removed::NAME, Removed::fields),
    (Rejects::NAME, Rejects::fields),
    (InventoryRequest::NAME, InventoryRequest::fields),
    (Inventory::NAME, Inventory::fields),
    (Committed::NAME, Committed::fields),
    (Snapshot::NAME, Snapshot::fields),
    (Demand::NAME, Demand::fields),
    (Batches::NAME, Batches::fields),
    (Records::NAME, Records::fields),
    (Metrics::NAME, Metrics::fields),
    (Checkpoints::NAME, Checkpoints::fields),
    (Verdicts::NAME, Verdicts::fields),
    (WantedPixels::NAME, WantedPixels::fields),
    (ImagePixels::NAME, ImagePixels::fields),
    (OfferedFiles::NAME, OfferedFiles::fields),
    (WantedParts::NAME, WantedParts::fields),
    (FileParts::NAME, FileParts::fields),
    (Statuses::NAME, Statuses::fields),
    (Proposals::NAME, Proposals::fields),
    (Stops::NAME, Stops::fields),
];

/// Builds a list column, one list a row.
pub fn lists_of_u32<'a>(rows: impl IntoIterator<Item = &'a [u32]>) -> LargeListArray {
    let (mut values, mut lengths) = (Vec::new(), Vec::new());
    for row in rows {
        values.extend_from_slice(row);
        lengths.push(row.len());
    }
    let item = Arc::new(Field::new("item", DataType::UInt32, true));
    LargeListArray::new(item, OffsetBuffer::from_lengths(lengths), Arc::new(UInt32Array::from(values)), None)
}

/// One row of a list column made by [`lists_of_u32`].
pub fn list_row(column: &LargeListArray, row: usize) -> Vec<u32> {
    use arrow::array::Array as _;
    column.value(row).as_any().downcast_ref::<UInt32Array>().map(|v| v.values().to_vec()).unwrap_or_default()
}

/// Builds a list column, one list a row.
pub fn lists_of_f32<'a>(rows: impl IntoIterator<Item = &'a [f32]>) -> LargeListArray {
    let (mut values, mut lengths) = (Vec::new(), Vec::new());
    for row in rows {
        values.extend_from_slice(row);
        lengths.push(row.len());
    }
    let item = Arc::new(Field::new("item", DataType::Float32, true));
    LargeListArray::new(item, OffsetBuffer::from_lengths(lengths), Arc::new(Float32Array::from(values)), None)
}

/// A list column of empty lists.
pub fn empty_lists_of_f32(rows: usize) -> LargeListArray {
    lists_of_f32(std::iter::repeat_n(&[][..], rows))
}

/// One row of a list column made by [`lists_of_f32`].
pub fn list_row_f32(column: &LargeListArray, row: usize) -> Vec<f32> {
    use arrow::array::Array as _;
    column.value(row).as_any().downcast_ref::<Float32Array>().map(|v| v.values().to_vec()).unwrap_or_default()
}
