//! Which part of an image goes where.

/// A rectangle, pixels. In the source it may begin and end between two pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Area<T> {
    /// Left edge.
    pub left: T,
    /// Upper edge.
    pub top: T,
    /// Width, more than 0.
    pub width: T,
    /// Height, more than 0.
    pub height: T,
}

/// A part of the image and the part of the square that takes it. What is left of the square is white.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Placement {
    /// In the image.
    pub from: Area<f64>,
    /// In the square.
    pub to: Area<u32>,
}

impl Area<f64> {
    /// A whole image.
    pub fn whole(width: u32, height: u32) -> Self {
        Self { left: 0.0, top: 0.0, width: f64::from(width), height: f64::from(height) }
    }
}

impl Area<u32> {
    /// A whole square.
    pub const fn square(size_px: u32) -> Self {
        Self { left: 0, top: 0, width: size_px, height: size_px }
    }
}
