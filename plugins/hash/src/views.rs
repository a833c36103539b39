//! An image as its near-copies may show it: mirrored, turned, without its edges, brighter.

mod axis;
mod turn;

use crate::confirm::{Affine, Pose};
use crate::distance;
use crate::grey::Grey;
use crate::symmetry::Symmetry;
use crate::thumbnail::{SIDE, Thumbnail};
use axis::Axis;
use std::sync::LazyLock;
use turn::{Turn, transformed};

/// Brightness, row after row.
type Square = [f32; SIDE * SIDE];

/// Turned by so many degrees each way.
const DEGREES: f64 = 3.0;
/// Share of each side that is left out of a turned image, once more.
const TURNED_INSET: f64 = 0.04;
/// So much brighter.
const BRIGHTER: f32 = 1.3;
const BRIGHTEST: f32 = 255.0;

/// Shares of a side that are left out: left, right, top, bottom.
const INSETS: [[f64; 4]; 7] = [
    [0.025, 0.025, 0.025, 0.025],
    [0.05, 0.05, 0.05, 0.05],
    [0.08, 0.08, 0.08, 0.08],
    [0.08, 0.0, 0.08, 0.0],
    [0.0, 0.08, 0.08, 0.0],
    [0.08, 0.0, 0.0, 0.08],
    [0.0, 0.08, 0.0, 0.08],
];

/// Structure below which an image is near to nothing.
const LEAST: u32 = 6;
/// Bits that may differ, as a share of the structure.
const SHARE: (u32, u32) = (1, 2);

/// Views of the image turned by 3°: each way, with and without its edges.
const TURNED: usize = 4;
/// Views of the image as it stands, cropped or brighter.
const EDITED: usize = INSETS.len() + 1;
/// Views of the image mirrored and turned by 90°, 180° and 270°.
const SYMMETRIC: usize = Symmetry::OTHERS.len();

/// What is to be seen of an image, in four hashes of 64 bits. They are made like the hashes of the same kind, but for the
/// last bit of their numbers: where an image is plain, its rounding would decide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signature {
    /// Which of 8 × 8 fields are brighter than the mean.
    pub means: u64,
    /// Where brightness grows from left to right.
    pub across: u64,
    /// Where brightness grows from top to bottom.
    pub down: u64,
    /// Which of the 8 × 8 lowest frequencies are above their median.
    pub waves: u64,
}

impl Signature {
    /// Bits in which the four hashes differ, 0 to 256.
    pub const fn distance(&self, other: &Self) -> u32 {
        distance(self.means, other.means)
            + distance(self.across, other.across)
            + distance(self.down, other.down)
            + distance(self.waves, other.waves)
    }

    /// How much there is to be seen: bits of the fields' hashes that are not what most are, 0 to 96. An image of one colour
    /// has none, a small figure on a white page some, a photo many.
    pub fn structure(&self) -> u32 {
        [self.means, self.across, self.down].iter().map(|hash| hash.count_ones().min(hash.count_zeros())).sum()
    }

    /// Whether two show the same, by so many bits of the waves and of all four hashes. What shows little may differ in less,
    /// or all small figures on a white page would be one; and what shows next to nothing is the same as nothing.
    pub fn is_near(&self, other: &Self, waves: u32, all: u32) -> bool {
        let structure = self.structure().min(other.structure());
        let all = all.min(structure * SHARE.0 / SHARE.1);
        structure >= LEAST && distance(self.waves, other.waves) <= waves && self.distance(other) <= all
    }
}

/// An image as it is, and as its near-copies may look. [`NearCopies`](crate::NearCopies) finds who is who with them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Views {
    /// As it is.
    pub plain: Signature,
    /// In this order: mirrored, turned by 90°, 180°, 270°, and both.
    pub symmetric: [Signature; SYMMETRIC],
    /// Turned by 3° each way, then so without its edges.
    pub turned: [Signature; TURNED],
    /// Without its edges: all of them, or two. Then brighter.
    pub edited: [Signature; EDITED],
    /// The image itself, small: candidates are confirmed with it.
    pub thumbnail: Thumbnail,
}

/// What all images are looked at through.
struct Transforms {
    whole: Axis,
    turned: Axis,
    turns: [Turn; 2],
    /// Every pair of shares in [`INSETS`] once.
    axes: Vec<Axis>,
    /// By inset: the axis of its rows, that of its columns.
    insets: [[usize; 2]; INSETS.len()],
}

static TRANSFORMS: LazyLock<Transforms> = LazyLock::new(|| {
    let mut pairs: Vec<[f64; 2]> = Vec::new();
    let mut place = |pair: [f64; 2]| {
        pairs.iter().position(|known| *known == pair).unwrap_or_else(|| {
            pairs.push(pair);
            pairs.len() - 1
        })
    };
    let insets = INSETS.map(|[left, right, top, bottom]| [place([left, right]), place([top, bottom])]);
    Transforms {
        whole: Axis::new(0.0, 0.0),
        turned: Axis::new(TURNED_INSET, TURNED_INSET),
        turns: [Turn::new(DEGREES), Turn::new(-DEGREES)],
        axes: pairs.into_iter().map(|[before, after]| Axis::new(before, after)).collect(),
        insets,
    }
});

impl Views {
    /// Bytes of [`Self::to_bytes`].
    pub const BYTES: usize = (1 + SYMMETRIC + TURNED + EDITED) * SIGNATURE_BYTES + Thumbnail::BYTES;

    /// The views of an image of 64 × 64 × 3 bytes RGB, to which it has been stretched whatever its shape. `None` for
    /// another number of bytes. It costs about 0.15 milliseconds.
    pub fn of(rgb: &[u8]) -> Option<Self> {
        let luma = Grey::from_rgb(SIDE as u32, SIDE as u32, rgb)?;
        let grey: &[u8; SIDE * SIDE] = luma.pixels().try_into().ok()?;
        let square = Box::new(grey.map(f32::from));
        let Transforms { whole, turned, turns, axes, insets } = &*TRANSFORMS;
        let signature = |through: &Axis, square: &Square| through.across(&through.down(square));
        let [one, other] = turns.each_ref().map(|turn| turn.of(&square));
        let brighter = Box::new(square.map(|value| (value * BRIGHTER).min(BRIGHTEST)));
        let columns: Vec<_> = axes.iter().map(|axis| axis.down(&square)).collect();
        let mut edited = [signature(whole, &brighter); EDITED];
        for (signature, [rows, down]) in edited.iter_mut().zip(insets) {
            *signature = axes[*rows].across(&columns[*down]);
        }
        Some(Self {
            plain: signature(whole, &square),
            symmetric: Symmetry::OTHERS.map(|symmetry| signature(whole, &transformed(&square, symmetry))),
            turned: [
                signature(whole, &one),
                signature(whole, &other),
                signature(turned, &one),
                signature(turned, &other),
            ],
            edited,
            thumbnail: Thumbnail::new(rgb, &luma),
        })
    }

    /// All hashes in a row, then the thumbnail, to be kept: [`Self::BYTES`] bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let each = [&[self.plain][..], &self.symmetric, &self.turned, &self.edited].concat();
        let hashes = each.iter().flat_map(|l| [l.means, l.across, l.down, l.waves]).flat_map(u64::to_le_bytes);
        hashes.chain(self.thumbnail.to_bytes()).collect()
    }

    /// What [`Self::to_bytes`] gave. `None` for another number of bytes, as an earlier version stored it.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (signatures, thumbnail) = bytes.split_at_checked(Self::BYTES - Thumbnail::BYTES)?;
        let signatures: Vec<Signature> =
            signatures.as_chunks::<SIGNATURE_BYTES>().0.iter().map(Signature::from_bytes).collect();
        let (plain, rest) = signatures.split_first()?;
        let (symmetric, rest) = rest.split_first_chunk()?;
        let (turned, edited) = rest.split_first_chunk()?;
        Some(Self {
            plain: *plain,
            symmetric: *symmetric,
            turned: *turned,
            edited: *edited.first_chunk()?,
            thumbnail: Thumbnail::from_bytes(thumbnail)?,
        })
    }

    /// The views of an image that is looked for, but for the plain one, each with how it came about.
    pub(crate) fn posed(&self) -> impl Iterator<Item = (&Signature, Pose)> {
        let symmetric = self.symmetric.iter().zip(Symmetry::OTHERS);
        let symmetric = symmetric.map(|(signature, symmetry)| (signature, Pose { symmetry, ..Pose::default() }));
        let turns = [(DEGREES, 0.0), (-DEGREES, 0.0), (DEGREES, TURNED_INSET), (-DEGREES, TURNED_INSET)];
        let turned = self.turned.iter().zip(turns).map(|(signature, (degrees, inset))| {
            (signature, Pose { affine: Affine::turned(degrees, inset), turned: true, ..Pose::default() })
        });
        let edited = (0..).zip(&self.edited).map(|(place, signature)| (signature, Self::edited_pose(place)));
        symmetric.chain(turned).chain(edited)
    }

    /// How an edited view came about.
    pub(crate) fn edited_pose(place: usize) -> Pose {
        let affine = INSETS.get(place).map_or(Affine::IDENTITY, |inset| Affine::inset(*inset));
        Pose { affine, brighter: place >= INSETS.len(), ..Pose::default() }
    }
}

/// Bytes of the four hashes.
const SIGNATURE_BYTES: usize = 32;

impl Signature {
    fn from_bytes(bytes: &[u8; SIGNATURE_BYTES]) -> Self {
        let number = |at: usize| {
            let mut part = [0; 8];
            part.copy_from_slice(&bytes[at * 8..at * 8 + 8]);
            u64::from_le_bytes(part)
        };
        Self { means: number(0), across: number(1), down: number(2), waves: number(3) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rgb(of: impl Fn(usize, usize) -> u8) -> Vec<u8> {
        (0..SIDE * SIDE).flat_map(|i| [of(i % SIDE, i / SIDE); 3]).collect()
    }

    /// Waves that no mirror or turn leaves as they are.
    fn some(x: f64, y: f64) -> u8 {
        (128.0 + 60.0 * (x / 7.0 + y / 31.0).sin() + 60.0 * (y / 9.0 - x * x / 900.0).cos()) as u8
    }

    #[test]
    fn views_are_kept_and_read_back() {
        let views = Views::of(&rgb(|x, y| some(x as f64, y as f64))).unwrap();
        let bytes = views.to_bytes();
        assert_eq!((bytes.len(), Views::from_bytes(&bytes)), (Views::BYTES, Some(views)));
        assert_eq!(Views::from_bytes(&bytes[1..]), None);
        assert_eq!(Views::of(&[]), None);
    }

    #[test]
    fn each_view_is_what_its_copy_looks_like() {
        let views = Views::of(&rgb(|x, y| some(x as f64, y as f64))).unwrap();
        let plain = |of: &dyn Fn(f64, f64) -> u8| Views::of(&rgb(|x, y| of(x as f64, y as f64))).unwrap().plain;
        assert_eq!(views.symmetric[0], plain(&|x, y| some(63.0 - x, y)), "mirrored");
        for turned in [plain(&|x, y| some(y, 63.0 - x)), plain(&|x, y| some(63.0 - x, 63.0 - y))] {
            assert_eq!(
                views.symmetric.iter().filter(|signature| **signature == turned).count(),
                1,
                "by 90° and by 180°"
            );
        }
        let near = |signature: &Signature, copy: Signature| {
            let bits = signature.distance(&copy);
            assert!(bits <= 6 && views.plain.distance(&copy) > bits + 6, "{bits} {}", views.plain.distance(&copy));
        };
        let turned = |degrees: f64| {
            let (sin, cos) = degrees.to_radians().sin_cos();
            plain(&|x, y| some(cos * (x - 31.5) - sin * (y - 31.5) + 31.5, sin * (x - 31.5) + cos * (y - 31.5) + 31.5))
        };
        near(&views.turned[0], turned(3.0));
        near(&views.turned[1], turned(-3.0));
        let inset = |[left, right, top, bottom]: [f64; 4]| {
            let part =
                |at: f64, before: f64, after: f64| (before + (at + 0.5) / 64.0 * (1.0 - before - after)) * 64.0 - 0.5;
            plain(&|x, y| some(part(x, left, right), part(y, top, bottom)))
        };
        for (signature, shares) in views.edited.iter().zip(INSETS).skip(1) {
            near(signature, inset(shares));
        }
    }

    #[test]
    fn what_shows_little_may_differ_in_less() {
        let plain = |of: &dyn Fn(usize, usize) -> u8| Views::of(&rgb(of)).unwrap().plain;
        let one_colour = plain(&|_, _| 255);
        assert!(one_colour.structure() == 0 && !one_colour.is_near(&one_colour, 64, 256), "all clear skies");
        let rich = plain(&|x, y| some(x as f64, y as f64));
        assert!(rich.structure() > 60 && rich.is_near(&rich, 0, 0));
        let figure =
            |top: usize| plain(&move |x, y| if (28..36).contains(&x) && (top..top + 9).contains(&y) { 0 } else { 255 });
        let (one, other) = (figure(8), figure(15));
        assert!(one.is_near(&one, 0, 0) && !one.is_near(&other, 64, 256), "small figures at other places");
    }
}
