//! How much room blocks take.

use crate::graph::Part;

/// Width and height of a block, pixels.
pub(super) const BOX: Size = Size { width: 232.0, height: 22.0 };
/// From one block to the next: the length of an arrow.
pub(super) const GAP: f64 = 13.0;
/// Between branches, and between a block and the shortcut around it.
pub(super) const BESIDE: f64 = 18.0;
/// Inside the frame of a group.
pub(super) const INSIDE: f64 = 10.0;
/// For the title of a group.
pub(super) const TITLE: f64 = 15.0;
/// Height of the sign in which a shortcut ends.
pub(super) const SIGN: f64 = 18.0;

/// Pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Size {
    pub width: f64,
    pub height: f64,
}

/// Blocks one below the other.
pub(super) fn column(parts: &[Part]) -> Size {
    let sizes: Vec<Size> = parts.iter().map(size).collect();
    let gaps = GAP * sizes.len().saturating_sub(1) as f64;
    Size {
        width: sizes.iter().map(|s| s.width).fold(0.0, f64::max),
        height: sizes.iter().map(|s| s.height).sum::<f64>() + gaps,
    }
}

/// One part with all that is in it.
pub(super) fn size(part: &Part) -> Size {
    match part {
        Part::One(_) | Part::From(_) => BOX,
        Part::Group { parts, .. } => {
            let inner = column(parts);
            Size { width: inner.width + 2.0 * INSIDE, height: inner.height + 2.0 * INSIDE + TITLE }
        }
        Part::Branches { branches, .. } => {
            let sizes: Vec<Size> = branches.iter().map(|b| column(b)).collect();
            let height = sizes.iter().map(|s| s.height).fold(0.0, f64::max);
            Size { width: total(&sizes), height: height + 2.0 * GAP + SIGN }
        }
    }
}

fn total(sizes: &[Size]) -> f64 {
    match sizes {
        // A shortcut that is only a line goes around; as much is left at the other side, so that the blocks stay in the
        // middle.
        [body, Size { height, .. }] if *height == 0.0 => body.width + 2.0 * BESIDE,
        sizes => sizes.iter().map(|s| s.width).sum::<f64>() + BESIDE * sizes.len().saturating_sub(1) as f64,
    }
}

/// Middles of branches, from the middle of all.
pub(super) fn middles(branches: &[Vec<Part>]) -> Vec<f64> {
    let sizes: Vec<Size> = branches.iter().map(|b| column(b)).collect();
    if let [body, Size { height, .. }] = sizes[..]
        && height == 0.0
    {
        return vec![0.0, body.width / 2.0 + BESIDE * 0.7];
    }
    let mut left = -total(&sizes) / 2.0;
    sizes
        .iter()
        .map(|size| {
            let middle = left + size.width / 2.0;
            left += size.width + BESIDE;
            middle
        })
        .collect()
}
