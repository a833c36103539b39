//! What was drawn for an image, apart from the image.

use crate::colour::Factors;
use crate::crop::Shift;
use crate::erase::Rectangle;
use crate::image::Image;
use crate::options::Fill;
use crate::{colour, crop, erase, flip, rotate};

/// The parameters of every augmentation of one image. [`Decision::NONE`] changes nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decision {
    /// Angle of the rotation about the centre, radians.
    pub angle: f32,
    /// Where the crop lies.
    pub shift: Shift,
    /// Whether left and right are exchanged.
    pub mirrored: bool,
    /// What colours are multiplied by.
    pub colour: Factors,
    /// What is covered.
    pub erased: Option<Rectangle>,
}

/// Numbers that are no decision about an image of that size.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{numbers:?} say nothing that can be done to an image of {width} × {height} pixels")]
pub struct DecisionError {
    numbers: Vec<f32>,
    width: u32,
    height: u32,
}

/// Whole numbers up to this are exact in 32-bit floats.
const EXACT: f32 = 16_777_216.0;

impl Decision {
    /// Nothing happens.
    pub const NONE: Self =
        Self { angle: 0.0, shift: Shift::NONE, mirrored: false, colour: Factors::NONE, erased: None };
    /// Numbers of [`Self::to_numbers`].
    pub const LENGTH: usize = 12;

    /// Rotates, crops, mirrors, changes colours and covers, in this order; after the first and the fourth, channels are rounded to 8
    /// bit. A rectangle must lie in the image.
    pub fn apply(&self, image: &mut Image<'_>) {
        rotate::apply(image, self.angle);
        crop::apply(image, self.shift);
        if self.mirrored {
            flip::apply(image);
        }
        colour::apply(image, self.colour);
        if let Some(rectangle) = self.erased {
            erase::apply(image, rectangle);
        }
    }

    /// As the column `decisions` of `Batches` has it: angle; shift to the right and down, 1 for [`Fill::Edge`], else 0; 1 when mirrored,
    /// else 0; brightness, contrast, saturation; left, top, width and height of the rectangle, all 0 without one.
    pub fn to_numbers(&self) -> [f32; Self::LENGTH] {
        let Self { angle, shift: Shift { right, down, fill }, mirrored, colour, erased } = *self;
        let Factors { brightness, contrast, saturation } = colour;
        let is = |yes: bool| if yes { 1.0 } else { 0.0 };
        let [left, top, width, height] =
            erased.map_or([0; 4], |r| [r.left, r.top, r.width, r.height]).map(|n| n as f32);
        let (fill, mirrored) = (is(fill == Fill::Edge), is(mirrored));
        [angle, right as f32, down as f32, fill, mirrored, brightness, contrast, saturation, left, top, width, height]
    }

    /// Reads what [`Self::to_numbers`] made for an image of that size.
    ///
    /// # Errors
    /// [`DecisionError`] when they are not as many, not finite, or a rectangle lies outside the image.
    pub fn from_numbers(numbers: &[f32], width: u32, height: u32) -> Result<Self, DecisionError> {
        Self::read(numbers, width, height).ok_or_else(|| DecisionError { numbers: numbers.to_vec(), width, height })
    }

    fn read(numbers: &[f32], width: u32, height: u32) -> Option<Self> {
        let numbers: [f32; Self::LENGTH] = numbers.try_into().ok()?;
        if numbers.iter().any(|number| !number.is_finite() || number.abs() > EXACT) {
            return None;
        }
        let [angle, right, down, edge, mirrored, brightness, contrast, saturation, rectangle @ ..] = numbers;
        // A cast to u32 clamps.
        let [left, top, wide, high] = rectangle.map(|number| number as u32);
        if left + wide > width || top + high > height {
            return None;
        }
        let fill = if edge == 0.0 { Fill::Reflect } else { Fill::Edge };
        Some(Self {
            angle,
            shift: Shift { right: right as i32, down: down as i32, fill },
            mirrored: mirrored != 0.0,
            colour: Factors { brightness, contrast, saturation },
            erased: (wide > 0 && high > 0).then_some(Rectangle { left, top, width: wide, height: high }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: Decision = Decision {
        angle: -0.3,
        shift: Shift { right: -7, down: 12, fill: Fill::Edge },
        mirrored: true,
        colour: Factors { brightness: 1.1, contrast: 0.8, saturation: 1.2 },
        erased: Some(Rectangle { left: 3, top: 0, width: 13, height: 5 }),
    };

    #[test]
    fn decisions_survive_the_round_trip() {
        for decision in [Decision::NONE, ALL, Decision { mirrored: false, erased: None, ..ALL }] {
            assert_eq!(Decision::from_numbers(&decision.to_numbers(), 16, 16), Ok(decision));
        }
    }

    #[test]
    fn what_cannot_be_done_is_refused() {
        let numbers = ALL.to_numbers();
        assert!(Decision::from_numbers(&numbers[1..], 16, 16).is_err());
        let error = Decision::from_numbers(&numbers, 15, 16).unwrap_err().to_string();
        assert!(error.contains("15 × 16") && error.contains("13"), "{error}");
        for wrong in [f32::NAN, f32::INFINITY, 1e9] {
            for place in 0..Decision::LENGTH {
                let mut numbers = numbers;
                numbers[place] = wrong;
                assert!(Decision::from_numbers(&numbers, 16, 16).is_err(), "{place} {wrong}");
            }
        }
    }

    proptest! {
        #[test]
        fn whatever_is_read_can_be_done(
            numbers in proptest::array::uniform12(-40.0_f32..40.0), width in 1_u32..20, height in 1_u32..20,
        ) {
            if let Ok(decision) = Decision::from_numbers(&numbers, width, height) {
                let mut pixels = vec![100; (width * height * 3) as usize];
                decision.apply(&mut Image::new(width, height, &mut pixels).unwrap());
            }
        }
    }
}
