//! Maps of numbers, and windows that go over them.

/// Sides of a map, whose channels of a pixel lie beside each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Map {
    /// Pixels.
    pub height: usize,
    /// Pixels.
    pub width: usize,
    /// Numbers of a pixel.
    pub channels: usize,
}

impl Map {
    /// Numbers in it.
    pub const fn len(self) -> usize {
        self.height * self.width * self.channels
    }

    /// Whether there are none.
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }
}

/// How a window goes over a map. Pairs are height and width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Its sides.
    pub kernel: [usize; 2],
    /// Pixels from one place to the next.
    pub stride: usize,
    /// Pixels from one of its points to the next.
    pub dilation: usize,
    /// Zeros before and after each side.
    pub padding: [(usize, usize); 2],
}

impl Window {
    /// Sides of what comes out; `None` when the window is larger than the map.
    pub(crate) fn over(&self, map: Map) -> Option<[usize; 2]> {
        let side = |length: usize, side: usize| {
            let (before, after) = self.padding[side];
            let reach = self.dilation * (self.kernel[side] - 1) + 1;
            Some((length + before + after).checked_sub(reach)? / self.stride + 1)
        };
        Some([side(map.height, 0)?, side(map.width, 1)?])
    }

    /// Whether it is one pixel that goes over all of them.
    pub(crate) fn is_pixel(&self) -> bool {
        *self == Self { kernel: [1, 1], stride: 1, dilation: self.dilation, padding: [(0, 0); 2] }
    }
}
