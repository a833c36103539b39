//! A square turned around its middle, or mirrored.

use super::Square;
use crate::symmetry::Symmetry;
use crate::thumbnail::SIDE;

/// Where the pixels of a turned square come from.
pub struct Turn(Vec<From>);

/// The upper left of four pixels, and the shares of the four.
struct From {
    at: usize,
    shares: [f32; 4],
}

impl Turn {
    /// By degrees, bilinear. Beyond its edge the square goes on as at the edge.
    pub fn new(degrees: f64) -> Self {
        let (sin, cos) = degrees.to_radians().sin_cos();
        let middle = (SIDE - 1) as f64 / 2.0;
        let place = |index: usize| {
            let (u, v) = ((index % SIDE) as f64 - middle, (index / SIDE) as f64 - middle);
            let inside = |value: f64| (value + middle).clamp(0.0, (SIDE - 1) as f64);
            let (x, y) = (inside(cos * u - sin * v), inside(sin * u + cos * v));
            let (left, top) = ((x as usize).min(SIDE - 2), (y as usize).min(SIDE - 2));
            let (fx, fy) = (x - left as f64, y - top as f64);
            let shares = [(1.0 - fx) * (1.0 - fy), fx * (1.0 - fy), (1.0 - fx) * fy, fx * fy];
            From { at: top * SIDE + left, shares: shares.map(|share| share as f32) }
        };
        Self((0..SIDE * SIDE).map(place).collect())
    }

    /// The square, turned.
    pub fn of(&self, square: &Square) -> Box<Square> {
        let mut turned = Box::new([0.0; SIDE * SIDE]);
        for (pixel, from) in turned.iter_mut().zip(&self.0) {
            let four = [0, 1, SIDE, SIDE + 1].map(|step| square[from.at + step]);
            *pixel = four.iter().zip(from.shares).map(|(value, share)| value * share).sum();
        }
        turned
    }
}

/// The square, mirrored or turned by a multiple of 90°.
pub fn transformed(square: &Square, symmetry: Symmetry) -> Box<Square> {
    let mut transformed = Box::new([0.0; SIDE * SIDE]);
    for (at, pixel) in transformed.iter_mut().enumerate() {
        *pixel = square[symmetry.source(at, SIDE)];
    }
    transformed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square() -> Square {
        std::array::from_fn(|i| (i * i % 251) as f32)
    }

    #[test]
    fn turning_goes_around_the_middle_and_back() {
        assert_eq!(*Turn::new(0.0).of(&square()), square());
        let half = Turn::new(180.0).of(&square());
        assert!(half.iter().rev().zip(&square()).all(|(a, b)| (a - b).abs() < 1e-3));
    }

    #[test]
    fn a_quarter_turn_moves_the_top_to_the_left() {
        let mut bright = [0.0; SIDE * SIDE];
        bright[10 * SIDE + 31] = 100.0;
        let turned = Turn::new(90.0).of(&bright);
        let at = turned.iter().position(|v| *v > 50.0).unwrap();
        assert_eq!((at % SIDE, at / SIDE), (10, 32));
    }

    #[test]
    fn a_mirrored_square_is_itself_when_mirrored_again() {
        let mirrored = transformed(&square(), Symmetry::OTHERS[0]);
        assert_eq!(mirrored[..3], [square()[63], square()[62], square()[61]]);
        assert_eq!(*transformed(&mirrored, Symmetry::OTHERS[0]), square());
    }
}
