//! What can go wrong with networks and weights.

use std::path::PathBuf;

/// What can go wrong with networks and weights.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// No such architecture.
    #[error("architecture {name:?} is not known; known are: {known}")]
    Architecture {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// A description of blocks is broken.
    #[error(transparent)]
    Blocks(#[from] plugin_blocks::BlocksError),
    /// The network cannot work on images of this size.
    #[error("architecture {architecture} takes images of {min} to {max} px, not {size_px} px")]
    Size {
        /// The architecture.
        architecture: String,
        /// Smallest side, pixels.
        min: u32,
        /// Largest side, pixels.
        max: u32,
        /// What was asked for, pixels.
        size_px: u32,
    },
    /// The network has other weights at a smaller size.
    #[error(
        "--progressive {share} with {architecture}: it has not the same weights at {first_px} px as at {size_px} px; accepted is 1, or a \
         network that ends with global-average-pooling, as the ResNets and efficientnet-lite0"
    )]
    Progressive {
        /// The value of the flag.
        share: f64,
        /// The architecture.
        architecture: String,
        /// Side at the start, pixels.
        first_px: u32,
        /// Side at the end, pixels.
        size_px: u32,
    },
    /// Fewer than one class.
    #[error("a network needs at least one class")]
    NoClasses,
    /// An image of a batch has another size than the network.
    #[error(
        "image {digest} is {width} × {height} px; the network takes {size_px} × {size_px} px (`--size` must be that of `resize`)"
    )]
    BatchSize {
        /// The image.
        digest: String,
        /// Its width, pixels.
        width: u32,
        /// Its height, pixels.
        height: u32,
        /// Side of the network's input, pixels.
        size_px: u32,
    },
    /// The columns of a batch do not fit together.
    #[error("image {digest} has {bytes} bytes of pixels; {width} × {height} × 3 would be {expected}")]
    Pixels {
        /// The image.
        digest: String,
        /// Bytes that came.
        bytes: usize,
        /// Width, pixels.
        width: u32,
        /// Height, pixels.
        height: u32,
        /// Bytes that should have come.
        expected: usize,
    },
    /// What is to be done to an image cannot be.
    #[error("image {digest}: {source}")]
    Decision {
        /// The image.
        digest: String,
        /// What came.
        source: plugin_augment::DecisionError,
    },
    /// An image came without pixels, and the device does not hold it.
    #[error("image {digest} came without pixels and is not on the device")]
    NotHeld {
        /// The image.
        digest: String,
    },
    /// A target is not one of the classes.
    #[error("target {target} of image {row} of the batch is not one of the {classes} classes")]
    Target {
        /// The target.
        target: u32,
        /// Row of the batch.
        row: usize,
        /// Classes of the network.
        classes: usize,
    },
    /// A batch without images.
    #[error("the batch holds no image")]
    EmptyBatch,
    /// The device that was asked for is not there.
    #[error("--device {asked}: {problem}; accepted here: {accepted}")]
    Device {
        /// The value of the flag.
        asked: String,
        /// What is wrong with it.
        problem: String,
        /// What would do.
        accepted: String,
    },
    /// A precision that the device does not have.
    #[error("--precision {asked}: {device} cannot do it; accepted here: {accepted}")]
    Precision {
        /// The value of the flag.
        asked: String,
        /// The device.
        device: String,
        /// What it has.
        accepted: String,
    },
    /// The device failed at work.
    #[error("the device failed: {0}")]
    Execution(String),
    /// Weights could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is there, but it does not hold these weights.
    #[error("{path}: {problem}")]
    Weights {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
}
