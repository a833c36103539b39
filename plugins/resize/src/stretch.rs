//! The whole image, whatever its shape.

use crate::place::{Area, Placement};

/// Fills the square with the whole image; its shape is not kept.
pub fn place(width: u32, height: u32, size_px: u32) -> Placement {
    Placement { from: Area::whole(width, height), to: Area::square(size_px) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_goes_everywhere() {
        let place = place(30, 10, 16);
        assert_eq!((place.from, place.to), (Area::whole(30, 10), Area::square(16)));
    }
}
