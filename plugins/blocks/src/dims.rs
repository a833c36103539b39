//! What goes from block to block: its shape, without the images of a batch.

use std::fmt;

/// Shape of what a block gives for one image.
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
    /// As many before as after: height, width.
    Pixels([u64; 2]),
    /// TensorFlow's: the output's side is the input's over the stride, rounded up.
    Same,
}

/// A rectangle that goes over a map. Pairs are height and width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Its sides, pixels.
    pub kernel: [u64; 2],
    /// Pixels from one place to the next.
    pub stride: [u64; 2],
    /// Around the map.
    pub padding: Padding,
    /// Pixels from one of its points to the next.
    pub dilation: [u64; 2],
    /// Whether places are left out in which it reaches beyond the padding, as in PyTorch. Otherwise there is one for each
    /// stride of the map and of the padding before it, as in nnabla with `ignore_border=False`: more than PyTorch's
    /// `ceil_mode` has where the stride is smaller than the kernel.
    pub ignore_border: bool,
}

impl Window {
    /// Places it has on a map of this height and width.
    ///
    /// # Errors
    /// For a person: the window is larger than the map, and what would fit.
    pub fn places(&self, sides: [u64; 2]) -> Result<[u64; 2], String> {
        Ok([self.along(0, sides[0])?, self.along(1, sides[1])?])
    }

    fn along(&self, axis: usize, side: u64) -> Result<u64, String> {
        let [kernel, stride, dilation] = [self.kernel, self.stride, self.dilation].map(|pair| pair[axis]);
        let Padding::Pixels(pixels) = self.padding else { return Ok(side.div_ceil(stride)) };
        let pixels = pixels[axis];
        let reach = (kernel - 1) * dilation + 1;
        let room = side + 2 * pixels;
        if reach > room {
            return Err(format!(
                "its window of {reach} px is larger than {side} px and {pixels} px of padding at each side: a kernel \
                 up to {}, more padding, or larger images would fit",
                (room.max(1) - 1) / dilation + 1
            ));
        }
        Ok(if self.ignore_border { (room - reach) / stride + 1 } else { (side + pixels).div_ceil(stride) })
    }

    /// Pixels before and after the map that the window reaches: above and below, left and right.
    pub fn around(&self, sides: [u64; 2]) -> [(u64, u64); 2] {
        std::array::from_fn(|axis| {
            let [side, kernel, stride] = [sides, self.kernel, self.stride].map(|pair| pair[axis]);
            match self.padding {
                Padding::Pixels(pixels) => {
                    let pixels = pixels[axis];
                    let last = ((side + pixels).div_ceil(stride).max(1) - 1) * stride + kernel;
                    let beyond = if self.ignore_border { 0 } else { last.saturating_sub(side + pixels) };
                    (pixels, pixels.max(beyond))
                }
                Padding::Same => {
                    let all = ((side.div_ceil(stride).max(1) - 1) * stride + kernel).saturating_sub(side);
                    (all / 2, all - all / 2)
                }
            }
        })
    }

    /// For each of its places, row after row, its pixels over those that count in a mean: of the map, or of the map and the
    /// padding.
    pub fn factors(&self, sides: [u64; 2], including_pad: bool) -> Vec<f32> {
        let padding = if let Padding::Pixels(pixels) = self.padding { pixels } else { [0, 0] };
        let places = self.places(sides).unwrap_or([0, 0]);
        let counted = |axis: usize| {
            let (side, before) = (sides[axis], padding[axis]);
            // Positions are counted from the first pixel of the padding.
            let (first, end) = if including_pad { (0, side + 2 * before) } else { (before, before + side) };
            let of_place = move |place: u64| {
                let from = place * self.stride[axis];
                (from + self.kernel[axis]).min(end).saturating_sub(from.max(first)).max(1)
            };
            (0..places[axis]).map(of_place).collect::<Vec<u64>>()
        };
        let (rows, columns, area) = (counted(0), counted(1), self.area() as f32);
        let row = |row: &u64| columns.iter().map(|column| area / (row * column) as f32).collect::<Vec<f32>>();
        rows.iter().flat_map(row).collect()
    }

    /// Pixels under it.
    pub fn area(&self) -> u64 {
        self.kernel[0].saturating_mul(self.kernel[1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(kernel: u64, stride: u64, padding: Padding, dilation: u64) -> Window {
        let [kernel, stride, dilation] = [kernel, stride, dilation].map(|number| [number; 2]);
        Window { kernel, stride, padding, dilation, ignore_border: true }
    }

    fn places(kernel: u64, stride: u64, padding: Padding, dilation: u64, side: u64) -> Result<u64, String> {
        window(kernel, stride, padding, dilation).places([side; 2]).map(|[height, _]| height)
    }

    fn pixels(pixels: u64) -> Padding {
        Padding::Pixels([pixels; 2])
    }

    /// Sizes as PyTorch's and TensorFlow's convolutions give them.
    #[test]
    fn places_are_counted_as_elsewhere() {
        for (kernel, stride, padding, dilation, side, expected) in [
            (7, 2, pixels(3), 1, 224, 112),
            (3, 2, pixels(1), 1, 112, 56),
            (3, 2, pixels(0), 1, 7, 3),
            (3, 1, pixels(2), 2, 9, 9),
            (5, 2, Padding::Same, 1, 33, 17),
            (2, 2, pixels(0), 1, 5, 2),
            (1, 2, pixels(0), 1, 1, 1),
        ] {
            assert_eq!(places(kernel, stride, padding, dilation, side), Ok(expected));
        }
        let error = places(5, 1, pixels(0), 1, 3).unwrap_err();
        assert!(error.contains("5 px is larger than 3 px") && error.contains("up to 3,"), "{error}");
        assert!(places(3, 1, pixels(0), 2, 4).unwrap_err().contains("up to 2,"));
        let tall = Window { kernel: [7, 1], padding: Padding::Pixels([3, 0]), ..window(1, 1, pixels(0), 1) };
        assert_eq!((tall.places([17, 17]), tall.around([17, 17])), (Ok([17, 17]), [(3, 3), (0, 0)]));
    }

    /// Sizes that nnabla 1.39.0 gives with `ignore_border=False`.
    #[test]
    fn partial_windows_are_counted_as_in_nnabla() {
        for (side, kernel, stride, padding, expected, after) in [
            (5, 3, 2, 0, 3, 2),
            (7, 3, 2, 0, 4, 2),
            (6, 3, 2, 1, 4, 2),
            (112, 3, 2, 0, 56, 1),
            (112, 3, 2, 1, 57, 2),
            (8, 7, 7, 0, 2, 6),
            (7, 7, 7, 0, 1, 0),
            (28, 2, 2, 0, 14, 0),
        ] {
            let window = Window { ignore_border: false, ..window(kernel, stride, pixels(padding), 1) };
            assert_eq!(window.places([side; 2]), Ok([expected; 2]), "{side} {kernel}");
            assert_eq!(window.around([side; 2]), [(padding, after); 2], "{side} {kernel}");
        }
    }

    #[test]
    fn the_odd_zero_goes_to_the_right_and_below() {
        let around = |side, kernel, stride, padding| window(kernel, stride, padding, 1).around([side; 2])[0];
        assert_eq!(around(224, 3, 2, Padding::Same), (0, 1));
        assert_eq!(around(5, 3, 1, Padding::Same), (1, 1));
        assert_eq!(around(5, 1, 2, Padding::Same), (0, 0));
        assert_eq!(around(5, 3, 1, pixels(2)), (2, 2));
    }
}
