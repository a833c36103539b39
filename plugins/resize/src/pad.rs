//! The whole image in its shape.

use crate::place::{Area, Placement};

/// Fits the whole image into the middle of the square, with white beside or above and below it.
pub fn place(width: u32, height: u32, size_px: u32) -> Placement {
    let longest = f64::from(width.max(height));
    let fit = |side: u32| ((f64::from(side) * f64::from(size_px) / longest).round() as u32).clamp(1, size_px);
    let (width_px, height_px) = (fit(width), fit(height));
    let to =
        Area { left: (size_px - width_px) / 2, top: (size_px - height_px) / 2, width: width_px, height: height_px };
    Placement { from: Area::whole(width, height), to }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shape_is_kept_and_the_image_is_in_the_middle() {
        let to = place(40, 20, 16).to;
        assert_eq!(to, Area { left: 0, top: 4, width: 16, height: 8 });
        assert_eq!(place(20, 40, 16).to, Area { left: 4, top: 0, width: 8, height: 16 });
        assert_eq!(place(1, 100_000, 16).to.width, 1);
    }
}
