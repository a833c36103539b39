//! Whether two images show the same, compared as thumbnails: the second stage behind the hashes.
//!
//! Hashes of 64 bits see the layout. Scanned letters of one firm, plots with the same axes, or products inside one shop's
//! frame agree in it and yet are different images. So the two thumbnails are aligned ([`align`]), and what remains is
//! compared with the detail that is there, block by block: a copy agrees everywhere, another image within the same layout
//! fails in the few blocks that tell it apart. Dividing by the detail makes the test strict where an image is smooth (an
//! X-ray) and lenient where resampling costs most (line art). Where as good as nothing remains of the whole, single blocks count
//! less. Chroma must agree too, unless one of the two has none.

mod align;

use crate::symmetry::Symmetry;
use crate::thumbnail::{CHROMA_SIDE, LUMA_SIDE, Thumbnail};
pub use align::Affine;
use align::{Overlay, Plane};
use std::ops::RangeInclusive;

/// Pixels of a side of a block, and blocks of a side.
const BLOCK: usize = 4;
const BLOCKS: usize = LUMA_SIDE / BLOCK;
/// Pixels of a block that have to be seen in both images for it to count.
const LEAST_PIXELS: u32 = 6;
/// The detail of the whole image counts in every block with this factor.
const SHARED_DETAIL: f32 = 0.3;
/// Variance that is taken for noise, levels².
const NOISE: f32 = 1.0;
/// Blocks that may differ: a date stamp, a corner that a turn cut off.
const IGNORED_BLOCKS: usize = 1;
/// Pixels at the edge that are not compared: what is beyond them is not known. More of a turned image, which has foreign
/// corners.
const RIM: usize = 1;
const TURNED_RIM: usize = 2;

/// Chroma up to which an image is colourless, levels.
const COLOURLESS: f32 = 9.0;
/// Chroma from which on an image has colours at half its brightness, too.
const COLOURFUL: f32 = 2.0 * COLOURLESS;
/// Saturation of a copy, as a factor.
const SATURATION: (f32, f32) = (0.5, 1.7);
/// Difference of a chroma cell that is tolerated: levels, and as a share of the cell's own chroma.
const CHROMA_LEVELS: f32 = 16.0;
const CHROMA_SHARE: f32 = 0.3;
/// Cells that may differ in chroma.
const IGNORED_CELLS: usize = 1;

/// How one image is laid over another before the alignment is refined.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pose {
    /// How the image that is looked for was mirrored or turned.
    pub symmetry: Symmetry,
    /// Where the pixels come from, a crop or a small turn.
    pub affine: Affine,
    /// The known image is the one that is laid over, without symmetry: it is the copy's original.
    pub reversed: bool,
    /// Whether the affine map turns.
    pub turned: bool,
    /// Whether one of the two was made brighter, as in the view of that kind.
    pub brighter: bool,
}

impl Pose {
    /// Neither mirrored nor turned nor cropped; perhaps brighter.
    fn is_as_it_is(&self) -> bool {
        self.symmetry == Symmetry::default() && self.affine == Affine::IDENTITY
    }
}

/// What the hashes say of two images.
#[derive(Clone, Copy, Debug)]
pub struct Hint {
    /// Bits in which they differ in the pose, 0 to 256.
    pub bits: u32,
    /// Bits in which they differ as they are, 0 to 256.
    pub plain_bits: u32,
    /// How much there is to be seen on the one with less of it: [`crate::Signature::structure`].
    pub structure: u32,
}

impl Hint {
    /// Bits in which the pose differs, as a share of the structure.
    fn share(&self) -> f32 {
        self.bits as f32 / self.structure.max(1) as f32
    }

    /// Bits that the pose brings against the images as they are, as a share of the structure.
    fn advantage(&self) -> f32 {
        self.plain_bits.saturating_sub(self.bits) as f32 / self.structure.max(1) as f32
    }
}

/// How much more may remain where the hashes hardly differ.
struct Leniency {
    /// Bits as a share of the structure from which on nothing is added.
    share: f32,
    /// What is added where no bit differs, as a factor of what may remain.
    most: f32,
}

/// For an image as it is, mirrored, turned by 90° or brighter. X-rays differ in few bits, too.
const AS_IT_IS: Leniency = Leniency { share: 0.2, most: 4.0 };
/// For one that is cropped or turned a little: it had to be resampled, and images of one layout lie together uncropped.
const RESAMPLED: Leniency = Leniency { share: 0.3, most: 6.0 };
/// The same for a fitted map.
const FITTED: f32 = 2.0;
/// The same for chroma.
const CHROMA_LENIENCY: f32 = 0.3;
/// Structure from which on hashes that hardly differ say much: not those of a letter or an apple.
const TELLING: f32 = 40.0;
/// Structure below which less may remain, in proportion: small things on a plain ground.
const SPARSE: f32 = 30.0;

/// How much more may remain where the hashes of the pose agree and those of the images as they are do not: images of one
/// layout are as near as they are. A letter in another size is as near as that to a cropped one, so all but a few bits of a
/// crop have to agree.
struct Advantage {
    /// Bits of the pose as a share of the structure from which on nothing is added.
    share: f32,
    /// What is added where no bit of the pose differs, as a factor of what may remain.
    most: f32,
}

impl Advantage {
    /// By how much more may remain, 1 and up.
    fn factor(&self, hint: Hint) -> f32 {
        let advantage = hint.advantage() / FULL_ADVANTAGE;
        let closeness = (1.0 - hint.share() / self.share).max(0.0);
        1.0 + self.most * advantage.min(1.0) * closeness
    }
}

/// Of an image made brighter.
const BRIGHTER_ADVANTAGE: Advantage = Advantage { share: 0.3, most: 8.0 };
const CROPPED_ADVANTAGE: Advantage = Advantage { share: 0.2, most: 12.0 };
const TURNED_ADVANTAGE: Advantage = Advantage { share: 0.35, most: 8.0 };
/// Of an image mirrored or turned by 90°: as it is, it always differs.
const NO_ADVANTAGE: Advantage = Advantage { share: 1.0, most: 0.0 };
/// Bits that a pose brings, as a share of the structure, from which on they count in full.
const FULL_ADVANTAGE: f32 = 0.3;
/// Structure from which on hashes say so much that more may remain of an image as it is, and by which factor.
const RICH: u32 = 65;
const RICH_FACTOR: f32 = 1.15;

/// So much less may remain, as a factor, of an image that was mirrored or turned by 90°, 180° or 270°: this changes no pixel.
const SYMMETRIC: f32 = 0.5;

/// What may remain of a block over its detail, and the difference of chroma over what is tolerated.
struct Tolerance {
    expected: f32,
    refined: f32,
    chroma: f32,
}

impl Tolerance {
    fn new(residual: f32, hint: Hint, pose: &Pose) -> Self {
        let structure = hint.structure as f32;
        let Leniency { share, most } = if pose.affine == Affine::IDENTITY { AS_IT_IS } else { RESAMPLED };
        let is_telling = structure >= TELLING;
        let closeness = if is_telling { (1.0 - hint.bits as f32 / (structure * share)).max(0.0) } else { 0.0 };
        let is_upright = pose.symmetry == Symmetry::default();
        let advantage = match () {
            () if !is_upright => NO_ADVANTAGE,
            () if pose.turned => TURNED_ADVANTAGE,
            () if pose.affine == Affine::IDENTITY => BRIGHTER_ADVANTAGE,
            () => CROPPED_ADVANTAGE,
        };
        let is_rich = pose.is_as_it_is() && hint.structure >= RICH;
        let residual = residual * (structure / SPARSE).min(1.0);
        let residual = residual * if is_upright { 1.0 } else { SYMMETRIC } * if is_rich { RICH_FACTOR } else { 1.0 };
        Self {
            expected: residual * (1.0 + most * closeness) * advantage.factor(hint),
            refined: residual * (1.0 + FITTED * closeness),
            chroma: 1.0 + CHROMA_LENIENCY * closeness,
        }
    }

    fn of(&self, map: Map) -> f32 {
        match map {
            Map::Expected => self.expected,
            Map::Refined => self.refined,
        }
    }
}

/// Shares of the whole image's detail that may remain for one to be explained by the other: everywhere, where the hashes agree
/// in a small turn alone, and so that more may remain in the worst block.
const EXPLAINED: f32 = 0.05;
const EXPLAINED_TURNED: f32 = 0.3;
const EXPLAINED_MOSTLY: f32 = 0.1;
/// What may remain of the worst block then, over its detail.
const EXPLAINED_BLOCK: f32 = 0.15;
/// Chroma's difference, over what is tolerated, up to which that holds.
const EXPLAINED_CHROMA: f32 = 0.5;
/// Advantage of a turned pose from which on its hashes say so much, and the share of bits in which they may differ.
const TELLING_TURN: (f32, f32) = (0.3, 0.35);
/// How much more may remain of the worst block of a mostly explained image: of a crop, of an image as it is.
const MORE_OF_A_CROP: f32 = 1.3;
const MORE_AS_IT_IS: f32 = 2.5;
/// Bits as a share of the structure, and blocks that hold the detail, for an image as it is: what compression does to it.
const COMPRESSED: (f32, f32) = (0.2, 25.0);

/// Whether one image explains the other as a whole. Single blocks of a small thing on a plain ground, or of a copy that was
/// compressed much, may be off by more than [`Tolerance`] leaves them; of images of one layout, one block at least shows little of
/// the other. Mirroring and turning by 90° changes no pixel, so nothing is granted there.
fn is_explained(pose: &Pose, hint: Hint, chroma: f32, remains: &Remainder) -> bool {
    if pose.symmetry != Symmetry::default() || chroma > EXPLAINED_CHROMA {
        return false;
    }
    let is_telling_turn = pose.turned && hint.advantage() >= TELLING_TURN.0 && hint.share() <= TELLING_TURN.1;
    remains.whole <= EXPLAINED && remains.largest <= EXPLAINED_BLOCK
        || is_telling_turn && remains.whole <= EXPLAINED_TURNED
}

/// How much more may remain of the worst block, as a factor, where little remains of the whole.
fn explained_factor(pose: &Pose, hint: Hint, remains: &Remainder) -> f32 {
    if pose.symmetry != Symmetry::default() || pose.turned || pose.brighter || remains.whole > EXPLAINED_MOSTLY {
        return 1.0;
    }
    match () {
        () if pose.affine != Affine::IDENTITY => MORE_OF_A_CROP,
        () if hint.share() <= COMPRESSED.0 && remains.evidence >= COMPRESSED.1 => MORE_AS_IT_IS,
        () => 1.0,
    }
}

/// Factors of brightness for which the brighter view speaks, which is 1.3 times as bright: less of it where white is clipped.
const BRIGHTER_VIEW: RangeInclusive<f32> = 1.115..=1.4;
/// Of an image that is less brighter, what may remain of the whole, over its detail.
const SLIGHTLY_BRIGHTER: f32 = 0.02;

/// Whether the brighter view may have found a brighter copy: others are different images, of which one has a little more white.
fn is_brighter_view(factor: f32, remains: &Remainder) -> bool {
    BRIGHTER_VIEW.contains(&factor) || factor < *BRIGHTER_VIEW.start() && remains.whole <= SLIGHTLY_BRIGHTER
}

/// Factor of brightness from which on the darker image is brought to the brighter one channel by channel.
const BRIGHTER: f32 = 1.05;

/// Whether two thumbnails show the same: little remains, and chroma agrees.
///
/// `residual` is the mean square of what may remain of a block, over the local detail, when the image had to be resampled
/// and the hashes are just near enough.
pub fn agree(wanted: &Thumbnail, known: &Thumbnail, pose: &Pose, hint: Hint, residual: f32) -> bool {
    let tolerance = Tolerance::new(residual, hint, pose);
    let wanted = wanted.transformed(pose.symmetry);
    let (moving, fixed) = if pose.reversed { (known, &wanted) } else { (&wanted, known) };
    let pair = Pair::new(moving, fixed, if pose.turned { TURNED_RIM } else { RIM });
    if pair.laying.is_recoloured(&pose.affine) {
        return false;
    }
    let (chroma, remains) = (chroma(moving, fixed, &pose.affine), pair.laying.remainder(&pose.affine, Map::Expected));
    if pose.brighter && !is_brighter_view(brightness_factor(moving, fixed), &remains) {
        return false;
    }
    let expected = tolerance.expected * explained_factor(pose, hint, &remains);
    if chroma <= tolerance.chroma && remains.worst <= expected || is_explained(pose, hint, chroma, &remains) {
        return true;
    }
    if pose.affine == Affine::IDENTITY && is_brighter(moving, fixed, pose, &tolerance) {
        return true;
    }
    // Mirroring or turning by 90° leaves nothing to fit.
    if pose.symmetry != Symmetry::default() {
        return false;
    }
    // Fitting costs most, and cannot make one of two images that have little in common.
    chroma <= FITTABLE_CHROMA
        && remains.worst <= if pose.is_as_it_is() { FITTABLE_AS_IT_IS } else { FITTABLE } * tolerance.expected
        && pair.agrees(&pair.laying.refined(&pose.affine), Map::Refined, &tolerance)
}

/// How much more may remain before a map is fitted, as a factor, and what of chroma.
const FITTABLE: f32 = 20.0;
/// The same for an image as it is, of which there are most: nothing but a turn by a degree is to be fitted.
const FITTABLE_AS_IT_IS: f32 = 4.0;
const FITTABLE_CHROMA: f32 = 1.5;

/// Whether one of two images is a brighter copy of the other. Its colours were clipped one by one, which no gain of luma
/// says; so the darker one is made brighter in the same way.
fn is_brighter(one: &Thumbnail, other: &Thumbnail, pose: &Pose, tolerance: &Tolerance) -> bool {
    if pose.symmetry != Symmetry::default() {
        return false;
    }
    let (dark, bright) = by_brightness(one, other);
    let factor = dark.factor_to(bright);
    factor >= BRIGHTER && Pair::new(&dark.brighter(factor), bright, RIM).agrees(&pose.affine, Map::Expected, tolerance)
}

/// The darker one first.
fn by_brightness<'a>(one: &'a Thumbnail, other: &'a Thumbnail) -> (&'a Thumbnail, &'a Thumbnail) {
    if one.brightness() <= other.brightness() { (one, other) } else { (other, one) }
}

/// By how much the brighter of two is brighter, 1 to 2.
fn brightness_factor(one: &Thumbnail, other: &Thumbnail) -> f32 {
    let (dark, bright) = by_brightness(one, other);
    dark.factor_to(bright)
}

/// Two thumbnails of which one is laid over the other.
struct Pair<'a> {
    moving: &'a Thumbnail,
    fixed: &'a Thumbnail,
    laying: Laying,
}

impl<'a> Pair<'a> {
    fn new(moving: &'a Thumbnail, fixed: &'a Thumbnail, rim: usize) -> Self {
        let laying = Laying {
            moving: moving.luma.map(f32::from),
            fixed: fixed.luma.map(f32::from),
            rim,
            is_grey_copy: is_colourless(moving) != is_colourless(fixed),
            is_colourful: most_chroma(moving).max(most_chroma(fixed)) > COLOURFUL,
        };
        Self { moving, fixed, laying }
    }

    fn agrees(&self, affine: &Affine, map: Map, tolerance: &Tolerance) -> bool {
        chroma(self.moving, self.fixed, affine) <= tolerance.chroma
            && self.laying.remainder(affine, map).worst <= tolerance.of(map)
    }
}

/// Where a map comes from.
#[derive(Clone, Copy)]
enum Map {
    /// That of the view which was found.
    Expected,
    /// Fitted to the two images.
    Refined,
}

impl Map {
    /// By how much what remains counts more where so many blocks as good as hold all the detail. Fitted maps bring letters
    /// and small things on a plain ground to one place and size, where little is left to tell them apart.
    fn strictness(self, evidence: f32) -> f32 {
        match self {
            Self::Expected => (EXPECTED_EVIDENCE / evidence).max(1.0),
            Self::Refined => (REFINED_EVIDENCE / evidence).max(1.0).powi(2),
        }
    }
}

/// Two images of which one is laid over the other.
struct Laying {
    moving: Plane,
    fixed: Plane,
    rim: usize,
    /// One has colours and the other has none.
    is_grey_copy: bool,
    /// One has so much colour that a darker copy of it would have some.
    is_colourful: bool,
}

impl Laying {
    /// Whether one has no colours and yet is not the grey copy of the other, as it is much brighter or darker: a black figure
    /// and the same one in red.
    fn is_recoloured(&self, affine: &Affine) -> bool {
        self.is_grey_copy
            && self.is_colourful
            && !GREY_GAIN.contains(&Overlay::new(&self.moving, &self.fixed, affine, self.rim).gain)
    }

    fn refined(&self, start: &Affine) -> Affine {
        align::refine(&binomial(&self.moving), &binomial(&self.fixed), start, self.rim)
    }

    /// What remains when one is laid over the other.
    fn remainder(&self, affine: &Affine, map: Map) -> Remainder {
        let overlay = Overlay::new(&self.moving, &self.fixed, affine, self.rim);
        let mut remains = Remainder::new(&overlay.predicted, &self.fixed, &overlay, map);
        if affine.0.iter().zip(Affine::IDENTITY.0).any(|(value, of)| (value - of).abs() > UNMOVED) {
            return remains;
        }
        remains.worst *= UNMOVED_FACTOR;
        if (overlay.gain - 1.0).abs() > SAME_GAIN || self.is_grey_copy {
            let locally = locally_fitted(&overlay.predicted, &self.fixed);
            let locally = Remainder::new(&locally, &self.fixed, &overlay, map).worst;
            remains.worst = remains.worst.min(BRIGHTER_FACTOR * locally);
        }
        remains
    }
}

/// Coordinates within which a map leaves an image where it is.
const UNMOVED: f32 = 0.03;
/// What remains counts more where nothing had to be resampled.
const UNMOVED_FACTOR: f32 = 1.8;
/// Another gain than this apart from 1 says that one is a brighter copy. Then colours are clipped one by one, which luma does
/// not show, and a grey copy may have been mixed otherwise than luma: brightness and contrast are fitted once more in every
/// place, and what remains counts less.
const SAME_GAIN: f32 = 0.08;
const BRIGHTER_FACTOR: f32 = 0.64;
/// Gain of a grey copy: more or less that of luma.
const GREY_GAIN: RangeInclusive<f32> = 0.8..=1.25;
/// Blocks that have to hold the detail for what remains to count as it is: for the map of a view, for a fitted one.
const EXPECTED_EVIDENCE: f32 = 16.0;
const REFINED_EVIDENCE: f32 = 24.0;

/// What remains of an image when another is laid over it: mean squares over the detail that is there.
struct Remainder {
    /// Of the worst block but some, by [`Map::strictness`]; infinite where nothing is to be seen.
    worst: f32,
    /// Of the worst block of all, as it is.
    largest: f32,
    /// Of the whole image.
    whole: f32,
    /// So many blocks as good as hold all the detail: few for a letter on a plain ground, many for a photo.
    evidence: f32,
}

impl Remainder {
    /// Nothing can be said.
    const UNKNOWN: Self =
        Self { worst: f32::INFINITY, largest: f32::INFINITY, whole: f32::INFINITY, evidence: f32::MIN_POSITIVE };

    /// Of a prediction of the fixed image.
    fn new(predicted: &Plane, fixed: &Plane, overlay: &Overlay, map: Map) -> Self {
        let (smooth_predicted, smooth_fixed) = (binomial(predicted), binomial(fixed));
        let (mean_predicted, mean_fixed) = (box_mean(predicted), box_mean(fixed));
        let mut blocks = [Block::default(); BLOCKS * BLOCKS];
        for at in (0..LUMA_SIDE * LUMA_SIDE).filter(|at| overlay.seen[*at]) {
            let residual = if overlay.censored[at] { 0.0 } else { smooth_fixed[at] - smooth_predicted[at] };
            let detail = (predicted[at] - mean_predicted[at]).powi(2).max((fixed[at] - mean_fixed[at]).powi(2));
            let block = &mut blocks[at / LUMA_SIDE / BLOCK * BLOCKS + at % LUMA_SIDE / BLOCK];
            block.pixels += 1;
            block.residual += residual * residual;
            block.detail += detail;
        }
        let counted: Vec<Block> = blocks.into_iter().filter(|block| block.pixels >= LEAST_PIXELS).collect();
        let pixels: u32 = counted.iter().map(|block| block.pixels).sum();
        let detail: f32 = counted.iter().map(|block| block.detail).sum();
        if detail <= 0.0 {
            return Self::UNKNOWN;
        }
        let squares: f32 = counted.iter().map(|block| block.detail * block.detail).sum();
        let evidence = detail.powi(2) / squares.max(NOISE);
        let mean_detail = detail / pixels as f32;
        let mut ratios: Vec<f32> = counted.iter().map(|block| block.ratio(mean_detail)).collect();
        Self {
            largest: ratios.iter().copied().fold(0.0, f32::max),
            worst: map.strictness(evidence) * worst_but(IGNORED_BLOCKS, &mut ratios),
            whole: counted.iter().map(|block| block.residual).sum::<f32>() / detail,
            evidence,
        }
    }
}

/// The prediction brought to the brightness and contrast that the other has around each pixel, in 7 × 7 of them.
fn locally_fitted(predicted: &Plane, fixed: &Plane) -> Plane {
    let mean = |of: &dyn Fn(usize) -> f32| wide_mean(&std::array::from_fn(of));
    let (mean_predicted, mean_fixed) = (wide_mean(predicted), wide_mean(fixed));
    let square = mean(&|at| predicted[at] * predicted[at]);
    let product = mean(&|at| predicted[at] * fixed[at]);
    std::array::from_fn(|at| {
        let variance = square[at] - mean_predicted[at] * mean_predicted[at];
        let covariance = product[at] - mean_predicted[at] * mean_fixed[at];
        let gain = (covariance / (variance.max(0.0) + NOISE)).clamp(0.0, MOST_CONTRAST);
        mean_fixed[at] + gain * (predicted[at] - mean_predicted[at])
    })
}

/// Contrast that a part of a brighter copy may have gained, as a factor.
const MOST_CONTRAST: f32 = 3.0;

/// Sums over the pixels of a block.
#[derive(Clone, Copy, Default)]
struct Block {
    pixels: u32,
    residual: f32,
    detail: f32,
}

impl Block {
    fn ratio(&self, mean_detail: f32) -> f32 {
        let pixels = self.pixels as f32;
        self.residual / pixels / (self.detail / pixels + SHARED_DETAIL * mean_detail + NOISE)
    }
}

/// The largest but `ignored`; infinite when there are no more than that.
fn worst_but(ignored: usize, values: &mut [f32]) -> f32 {
    if values.len() <= ignored {
        return f32::INFINITY;
    }
    let place = values.len() - 1 - ignored;
    *values.select_nth_unstable_by(place, f32::total_cmp).1
}

/// Chroma's largest difference but some, over what is tolerated.
fn chroma(moving: &Thumbnail, fixed: &Thumbnail, affine: &Affine) -> f32 {
    let warped: [[f32; 2]; CHROMA_SIDE * CHROMA_SIDE] = std::array::from_fn(|at| {
        let centre = |index: usize| (index as f32 + 0.5) * 2.0 / CHROMA_SIDE as f32 - 1.0;
        sample_chroma(moving, affine.apply([centre(at % CHROMA_SIDE), centre(at / CHROMA_SIDE)]))
    });
    if is_colourless(moving) || is_colourless(fixed) {
        return 0.0;
    }
    let fixed = fixed.chroma.map(|cell| cell.map(f32::from));
    let dot = |a: &[[f32; 2]], b: &[[f32; 2]]| -> f32 {
        a.as_flattened().iter().zip(b.as_flattened()).map(|(a, b)| a * b).sum()
    };
    let saturation = (dot(&warped, &fixed) / dot(&warped, &warped).max(1.0)).clamp(SATURATION.0, SATURATION.1);
    let mut differences: Vec<f32> = warped
        .iter()
        .zip(&fixed)
        .map(|(warped, fixed)| {
            let warped = warped.map(|value| value * saturation);
            let tolerated = CHROMA_LEVELS + CHROMA_SHARE * norm(warped).max(norm(*fixed));
            norm([warped[0] - fixed[0], warped[1] - fixed[1]]) / tolerated
        })
        .collect();
    worst_but(IGNORED_CELLS, &mut differences)
}

fn is_colourless(thumbnail: &Thumbnail) -> bool {
    most_chroma(thumbnail) <= COLOURLESS
}

/// Chroma of the cell with most of it, levels.
fn most_chroma(thumbnail: &Thumbnail) -> f32 {
    thumbnail.chroma.iter().map(|cell| norm(cell.map(f32::from))).fold(0.0, f32::max)
}

fn norm([a, b]: [f32; 2]) -> f32 {
    a.hypot(b)
}

/// Chroma at a place, bilinear; beyond the edge it goes on as at the edge.
fn sample_chroma(thumbnail: &Thumbnail, [x, y]: [f32; 2]) -> [f32; 2] {
    let place = |value: f32| ((value + 1.0) * (CHROMA_SIDE as f32 / 2.0) - 0.5).clamp(0.0, (CHROMA_SIDE - 1) as f32);
    let (x, y) = (place(x), place(y));
    let (left, top) = ((x as usize).min(CHROMA_SIDE - 2), (y as usize).min(CHROMA_SIDE - 2));
    let (fx, fy) = (x - left as f32, y - top as f32);
    let shares = [(1.0 - fx) * (1.0 - fy), fx * (1.0 - fy), (1.0 - fx) * fy, fx * fy];
    let corners = [0, 1, CHROMA_SIDE, CHROMA_SIDE + 1].map(|step| thumbnail.chroma[top * CHROMA_SIDE + left + step]);
    [0, 1].map(|k| corners.iter().zip(shares).map(|(cell, share)| f32::from(cell[k]) * share).sum())
}

/// The plane smoothed by 1, 2, 1 in both directions; at the edge it goes on as at the edge.
fn binomial(plane: &Plane) -> Plane {
    separable(plane, [0.25, 0.5, 0.25])
}

/// The mean of 3 × 3 pixels.
fn box_mean(plane: &Plane) -> Plane {
    separable(plane, [1.0 / 3.0; 3])
}

/// The mean of 7 × 7 pixels.
fn wide_mean(plane: &Plane) -> Plane {
    separable(plane, [1.0 / 7.0; 7])
}

/// Weighted sums over an odd number of pixels in both directions; beyond the edge it goes on as at the edge.
fn separable<const N: usize>(plane: &Plane, weights: [f32; N]) -> Plane {
    let reach = N / 2;
    let inside = |index: usize, step: usize| (index + step).saturating_sub(reach).min(LUMA_SIDE - 1);
    let mut rows = [0.0; LUMA_SIDE * LUMA_SIDE];
    for (out, row) in rows.as_chunks_mut::<LUMA_SIDE>().0.iter_mut().zip(plane.as_chunks::<LUMA_SIDE>().0) {
        let mut padded = [0.0; LUMA_SIDE + 6];
        for (at, value) in padded[..LUMA_SIDE + N - 1].iter_mut().enumerate() {
            *value = row[inside(0, at)];
        }
        for (step, weight) in weights.iter().enumerate() {
            for (sum, value) in out.iter_mut().zip(&padded[step..]) {
                *sum += weight * value;
            }
        }
    }
    let mut all = [0.0; LUMA_SIDE * LUMA_SIDE];
    for (y, out) in all.as_chunks_mut::<LUMA_SIDE>().0.iter_mut().enumerate() {
        for (step, weight) in weights.iter().enumerate() {
            for (sum, value) in out.iter_mut().zip(&rows.as_chunks::<LUMA_SIDE>().0[inside(y, step)]) {
                *sum += weight * value;
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::thumbnail::SIDE;
    use crate::views::Views;

    fn thumbnail(of: impl Fn(usize, usize) -> [u8; 3]) -> Thumbnail {
        let rgb: Vec<u8> = (0..SIDE * SIDE).flat_map(|at| of(at % SIDE, at / SIDE)).collect();
        Views::of(&rgb).unwrap().thumbnail
    }

    /// Fields of many colours, some of them bright.
    fn colourful(x: usize, y: usize) -> [u8; 3] {
        let field = (x / 16 * 7 + y / 8 * 13) as u64;
        [0, 1, 2].map(|channel| ((field * 3 + channel + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8)
    }

    const FAR: Hint = Hint { bits: 24, plain_bits: 24, structure: 60 };
    const CLOSE: Hint = Hint { bits: 1, plain_bits: 1, structure: 60 };

    #[test]
    fn colourful_images_agree_when_made_brighter() {
        let one = thumbnail(colourful);
        let brighter = |by: f32| thumbnail(|x, y| colourful(x, y).map(|v| (f32::from(v) * by).min(255.0) as u8));
        for other in [one, brighter(1.15), brighter(1.3)] {
            assert!(agree(&one, &other, &Pose::default(), FAR, 0.1) && agree(&other, &one, &Pose::default(), FAR, 0.1));
        }
        let another = thumbnail(|x, y| if (30..42).contains(&x) && y > 40 { [0; 3] } else { colourful(x, y) });
        assert!(!agree(&one, &another, &Pose::default(), FAR, 0.1), "in a few blocks another image");
    }

    #[test]
    fn a_compressed_small_thing_is_explained() {
        // A small cross, with a few levels of noise around its edges as compression leaves it.
        let cross = |noise: usize, part: usize| {
            thumbnail(move |x, y| {
                let inside = x.abs_diff(32) < 3 && y.abs_diff(30) < 9 || y.abs_diff(30) < 3 && x.abs_diff(32) < part;
                let near = x.abs_diff(32) < 12 && y.abs_diff(30) < 12;
                let off = if near { (x * 7 + y * 13) % 5 * noise } else { 0 };
                [if inside { 20 + off as u8 } else { 255 - off as u8 }; 3]
            })
        };
        let sparse = Hint { bits: 2, plain_bits: 2, structure: 14 };
        let agrees = |other: &Thumbnail| agree(&cross(0, 9), other, &Pose::default(), sparse, 0.15);
        assert!(agrees(&cross(9, 9)));
        assert!(!agrees(&cross(0, 4)), "a shorter arm");
    }

    #[test]
    fn the_brighter_view_wants_a_brighter_image() {
        let one = thumbnail(colourful);
        let brighter = |by: f32| thumbnail(|x, y| colourful(x, y).map(|v| (f32::from(v) * by).min(255.0) as u8));
        let view = Pose { brighter: true, ..Pose::default() };
        let agrees = |by: f32| agree(&one, &brighter(by), &view, FAR, 0.1);
        assert!(agrees(1.3) && agrees(1.05) && !agrees(1.7));
        let remains = |whole: f32| Remainder { worst: 0.0, largest: 0.0, whole, evidence: 30.0 };
        assert!(is_brighter_view(1.2, &remains(0.5)) && is_brighter_view(1.05, &remains(0.01)));
        assert!(!is_brighter_view(1.05, &remains(0.1)), "a card with a little more white");
        assert!(agree(&one, &brighter(1.7), &Pose::default(), FAR, 0.1), "the test tests something");
    }

    #[test]
    fn a_grey_copy_agrees_and_a_black_figure_is_no_red_one() {
        // A cross on white, or a part of one.
        let figure = |colour: [u8; 3]| {
            thumbnail(move |x, y| {
                let inside = x.abs_diff(32) < 10 || y.abs_diff(30) < 8 || (x + 2 * y) % 23 < 4;
                if inside { colour } else { [255; 3] }
            })
        };
        let red = figure([210, 30, 40]);
        let agrees = |other: Thumbnail| {
            agree(&red, &other, &Pose::default(), FAR, 0.15) && agree(&other, &red, &Pose::default(), FAR, 0.15)
        };
        let luma = red.luma.iter().copied().min().unwrap();
        assert!(agrees(figure([luma; 3])), "mixed as luma");
        assert!(agrees(figure([luma + 12; 3])), "mixed otherwise");
        assert!(!agrees(figure([0; 3])));
        // A warm image whose chroma is below the limit when it is darker is the same image.
        let warm = |by: f32| {
            thumbnail(move |x, y| {
                let value = f32::from(colourful(x, y)[0]) * 0.6 + 60.0;
                [15.0, -7.0, -7.0].map(|tint| ((value + tint) * by) as u8)
            })
        };
        let (one, darker) = (warm(1.0), warm(0.7));
        assert!(!is_colourless(&one) && is_colourless(&darker), "the test tests something");
        assert!(agree(&one, &darker, &Pose::default(), FAR, 0.15));
    }

    #[test]
    fn tolerance_grows_as_bits_fall_and_with_structure() {
        let of = |hint: Hint, pose: &Pose| Tolerance::new(0.1, hint, pose);
        let cropped = Pose { affine: Affine::inset([0.05; 4]), ..Pose::default() };
        let (far, close) = (of(FAR, &Pose::default()), of(CLOSE, &Pose::default()));
        assert!(
            (far.expected - 0.1).abs() < 1e-6 && close.expected > 0.4 && close.refined > 0.25,
            "{}",
            close.expected
        );
        assert!((far.chroma - 1.0).abs() < 1e-6 && close.chroma > 1.2);
        assert!(of(CLOSE, &cropped).expected > close.expected);
        let sparse = of(Hint { bits: 0, plain_bits: 0, structure: 15 }, &Pose::default());
        assert!((sparse.expected - 0.05).abs() < 1e-6, "a small thing");
        let rich = of(Hint { structure: 90, ..FAR }, &Pose::default());
        assert!((rich.expected - 0.115).abs() < 1e-6);
    }

    #[test]
    fn tolerance_grows_where_a_pose_alone_agrees() {
        let expected = |hint: Hint, pose: &Pose| Tolerance::new(0.1, hint, pose).expected;
        let crop = Pose { affine: Affine::inset([0.05; 4]), ..Pose::default() };
        let turned = Pose { affine: Affine::turned(3.0, 0.0), turned: true, ..Pose::default() };
        let mirrored = Pose { symmetry: Symmetry::OTHERS[0], ..Pose::default() };
        let hint = |bits: u32, plain_bits: u32| Hint { bits, plain_bits, structure: 38 };
        for pose in [Pose::default(), crop, turned] {
            let (layout, copy) = (expected(hint(4, 4), &pose), expected(hint(4, 24), &pose));
            assert!(copy > 3.0 * layout, "{copy} {layout}");
            assert!(expected(hint(4, 8), &pose) < copy, "the more it brings the more");
            assert!((expected(hint(16, 30), &pose) - layout).abs() < 1e-6, "near in neither");
        }
        assert!((expected(hint(4, 30), &mirrored) - expected(hint(4, 4), &mirrored)).abs() < 1e-6);
    }
}
