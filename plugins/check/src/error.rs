//! What is wrong with what was given.

/// An image that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an image of {width} × {height} pixels in {found} bytes cannot be checked")]
pub struct CheckError {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Bytes there were.
    pub found: usize,
}
