//! The eight symmetries of a square: mirrored, and turned by 90°, 180° and 270°.

/// How an image was mirrored and turned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Symmetry {
    transposed: bool,
    left_right: bool,
    upside_down: bool,
}

impl Symmetry {
    /// All but the identity; mirrored left to right is the first.
    pub const OTHERS: [Self; 7] = [
        Self::new(false, true, false),
        Self::new(false, false, true),
        Self::new(false, true, true),
        Self::new(true, false, false),
        Self::new(true, true, false),
        Self::new(true, false, true),
        Self::new(true, true, true),
    ];

    const fn new(transposed: bool, left_right: bool, upside_down: bool) -> Self {
        Self { transposed, left_right, upside_down }
    }

    /// Index in the original of the pixel at `index` of the result; both are squares of `side`, row after row.
    pub const fn source(self, index: usize, side: usize) -> usize {
        let place = [index % side, index / side];
        let [x, y] = if self.transposed { [place[1], place[0]] } else { place };
        let x = if self.left_right { side - 1 - x } else { x };
        let y = if self.upside_down { side - 1 - y } else { y };
        y * side + x
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn symmetries_are_all_different_permutations() {
        let of = |symmetry: Symmetry| (0..9).map(|at| symmetry.source(at, 3)).collect::<Vec<_>>();
        let all: BTreeSet<Vec<usize>> = Symmetry::OTHERS.into_iter().chain([Symmetry::default()]).map(of).collect();
        assert_eq!(all.len(), 8);
        for each in &all {
            assert_eq!(each.iter().collect::<BTreeSet<_>>().len(), 9);
        }
        assert_eq!(of(Symmetry::default()), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(of(Symmetry::OTHERS[0]), [2, 1, 0, 5, 4, 3, 8, 7, 6], "mirrored");
        assert!(all.contains(&vec![6, 3, 0, 7, 4, 1, 8, 5, 2]), "turned by 90°");
    }
}
