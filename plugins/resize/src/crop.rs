//! The middle of the image.

use crate::place::{Area, Placement};

/// Fills the square with the largest square in the middle of the image; what sticks out is lost.
pub fn place(width: u32, height: u32, size_px: u32) -> Placement {
    let side = width.min(height);
    let from = Area {
        left: f64::from(width - side) / 2.0,
        top: f64::from(height - side) / 2.0,
        width: f64::from(side),
        height: f64::from(side),
    };
    Placement { from, to: Area::square(size_px) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_is_taken() {
        let from = place(31, 10, 16).from;
        assert_eq!(from, Area { left: 10.5, top: 0.0, width: 10.0, height: 10.0 });
        assert_eq!(place(10, 30, 16).from.top, 10.0);
    }
}
