//! The whole picture, whatever its shape.

use crate::Mode;
use crate::place::{Area, Placement};

/// Fills the square with the whole picture; its shape is not kept.
#[derive(Clone, Copy, Debug)]
pub struct Stretch;

impl Mode for Stretch {
    fn name(&self) -> &'static str {
        "stretch"
    }

    fn about(&self) -> &'static str {
        "the whole picture fills the square; its shape is not kept"
    }

    fn place(&self, width: u32, height: u32, size_px: u32) -> Placement {
        Placement { from: Area::whole(width, height), to: Area::square(size_px) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_goes_everywhere() {
        let place = Stretch.place(30, 10, 16);
        assert_eq!((place.from, place.to), (Area::whole(30, 10), Area::square(16)));
    }
}
