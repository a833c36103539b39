//! What goes from block to block: its shape, without the pictures of a batch.

use std::fmt;

/// Shape of what a block gives for one picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dims {
    /// Channels, height, width.
    Map([u64; 3]),
    /// Numbers in a row.
    Row(u64),
}

impl Dims {
    /// Channels of a map; the numbers of a row.
    pub fn channels(self) -> u64 {
        match self {
            Self::Map([channels, ..]) | Self::Row(channels) => channels,
        }
    }

    /// All its numbers.
    pub fn count(self) -> u64 {
        match self {
            Self::Map(sides) => sides.iter().product(),
            Self::Row(numbers) => numbers,
        }
    }
}

impl fmt::Display for Dims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Map([channels, height, width]) => write!(f, "{channels} × {height} × {width}"),
            Self::Row(numbers) => write!(f, "{numbers}"),
        }
    }
}

/// Zeros around a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// As many at each side.
    Pixels(u64),
    /// TensorFlow's: the output's side is the input's over the stride, rounded up.
    Same,
}

impl Padding {
    /// Zeros before and after a side.
    pub fn before_and_after(self, side: u64, kernel: u64, stride: u64) -> (u64, u64) {
        match self {
            Self::Pixels(pixels) => (pixels, pixels),
            Self::Same => {
                let all = ((side.div_ceil(stride).max(1) - 1) * stride + kernel).saturating_sub(side);
                (all / 2, all - all / 2)
            }
        }
    }
}

/// A square that goes over a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Its side, pixels.
    pub kernel: u64,
    /// Pixels from one place to the next.
    pub stride: u64,
    /// Around the map.
    pub padding: Padding,
    /// Pixels from one of its points to the next.
    pub dilation: u64,
}

impl Window {
    /// Places it has on a side of so many pixels.
    ///
    /// # Errors
    /// For a person: the window is larger than the map, and what would fit.
    pub fn places(&self, side: u64) -> Result<u64, String> {
        let Self { kernel, stride, padding, dilation } = *self;
        let Padding::Pixels(pixels) = padding else { return Ok(side.div_ceil(stride)) };
        let reach = (kernel - 1) * dilation + 1;
        let room = side + 2 * pixels;
        if reach > room {
            return Err(format!(
                "its window of {reach} px is larger than {side} px and {pixels} px of padding at each side: a kernel \
                 up to {}, more padding, or larger pictures would fit",
                (room.max(1) - 1) / dilation + 1
            ));
        }
        Ok((room - reach) / stride + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(kernel: u64, stride: u64, padding: Padding, dilation: u64, side: u64) -> Result<u64, String> {
        Window { kernel, stride, padding, dilation }.places(side)
    }

    /// Sizes as PyTorch's and TensorFlow's convolutions give them.
    #[test]
    fn places_are_counted_as_elsewhere() {
        for (kernel, stride, padding, dilation, side, expected) in [
            (7, 2, Padding::Pixels(3), 1, 224, 112),
            (3, 2, Padding::Pixels(1), 1, 112, 56),
            (3, 2, Padding::Pixels(0), 1, 7, 3),
            (3, 1, Padding::Pixels(2), 2, 9, 9),
            (5, 2, Padding::Same, 1, 33, 17),
            (2, 2, Padding::Pixels(0), 1, 5, 2),
            (1, 2, Padding::Pixels(0), 1, 1, 1),
        ] {
            assert_eq!(places(kernel, stride, padding, dilation, side), Ok(expected));
        }
        let error = places(5, 1, Padding::Pixels(0), 1, 3).unwrap_err();
        assert!(error.contains("5 px is larger than 3 px") && error.contains("up to 3,"), "{error}");
        assert!(places(3, 1, Padding::Pixels(0), 2, 4).unwrap_err().contains("up to 2,"));
    }

    #[test]
    fn the_odd_zero_goes_to_the_right_and_below() {
        assert_eq!(Padding::Same.before_and_after(224, 3, 2), (0, 1));
        assert_eq!(Padding::Same.before_and_after(5, 3, 1), (1, 1));
        assert_eq!(Padding::Same.before_and_after(5, 1, 2), (0, 0));
        assert_eq!(Padding::Pixels(2).before_and_after(5, 3, 1), (2, 2));
    }
}
