//! What is sent.

use crate::delivery::outbox::Row;
use arrow::array::{Int64Array, StringArray, UInt64Array};
use plugin_api::edges::{ImageFiles, InventoryRequest, Removed};
use plugin_api::layout::Place;
use plugin_api::{Header, Split};

/// A message to send, with its header.
#[derive(Debug)]
pub enum Outgoing {
    /// The question for the inventory.
    InventoryRequest(Header, InventoryRequest),
    /// Image files.
    Images(Header, Box<ImageFiles>),
    /// Paths without an image.
    Removed(Header, Removed),
}

/// Image files with their classes and splits.
pub(crate) fn image_files(rows: &[Row], places: &[Place]) -> ImageFiles {
    ImageFiles {
        path: StringArray::from_iter_values(rows.iter().map(|row| &row.path)),
        label: places.iter().map(|place| place.class.as_deref()).collect(),
        split: places.iter().map(|place| place.split.map(Split::name)).collect(),
        modified_ns: Int64Array::from_iter_values(rows.iter().map(|row| row.version.modified_ns)),
        changed_ns: Int64Array::from_iter_values(rows.iter().map(|row| row.version.changed_ns)),
        inode: UInt64Array::from_iter_values(rows.iter().map(|row| row.version.inode)),
        size_bytes: UInt64Array::from_iter_values(rows.iter().map(|row| row.version.size_bytes)),
    }
}

/// Paths without an image.
pub(crate) fn removed(rows: &[Row]) -> Removed {
    Removed { path: StringArray::from_iter_values(rows.iter().map(|row| &row.path)) }
}

/// The question for the inventory.
pub(crate) fn inventory_request() -> InventoryRequest {
    InventoryRequest { asker: StringArray::from_iter_values(["watch"]) }
}
