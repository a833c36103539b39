//! HEIC and AVIF: still images in the HEIF container.
//!
//! The container is read by heifer-isobmff, coded images by heifer-hevc-dec (HEVC, behind the feature `heif`) and re_rav1d
//! (AV1). What is derived from them is done here, once for both: grids, overlays, alpha, crop, and the rotation and mirror of
//! `irot` and `imir`, each exactly once. What EXIF says about orientation does not count in this container (ISO/IEC
//! 23008-12, 6.5.10 and annex A.2.2).
//!
//! Only the primary image is decoded. An image's parts are decoded one after the other, so that a grid of 48 tiles needs
//! the memory of one tile beside the canvas.

mod av1;
mod canvas;
#[cfg(feature = "heif")]
mod hevc;
mod planes;

use crate::colour::{Cicp, Profile};
use crate::error::DecodeError;
use crate::finish::Raw;
use crate::limits::Limits;
use crate::{DecodedImage, guard};
use canvas::Canvas;
use heifer_isobmff::boxes::{ColorInfo, Property};
use heifer_isobmff::{HeifFile, ItemId};
use image::metadata::Orientation;
use planes::{Colours, Planes};
use std::cell::Cell;

/// How deep derived images may be made of derived images.
const MAX_DEPTH: u32 = 4;

/// Parts of a grid or an overlay that are accepted.
const MAX_PARTS: usize = 4096;

/// Images that are derived or decoded for one file.
const MAX_IMAGES: u32 = 10_000;

/// Decodes the primary image of a file. `name` is the format for people: HEIC or AVIF.
pub fn decode(bytes: &[u8], limits: &Limits, name: &'static str) -> Result<DecodedImage, DecodeError> {
    let file = HeifFile::parse(bytes).map_err(|error| broken(name, &error))?;
    let reader = Reader { file: &file, limits, name, spent: Cell::new(0), images: Cell::new(0) };
    let primary = file.primary_id;
    if let Some((width, height)) = file.image_size(primary).map_err(|error| broken(name, &error))? {
        limits.check_pixels(name, width, height)?;
    }
    let _turn = guard::turn(reader.claimed_pixels(primary));
    let mut image = reader.item(primary, 0)?;
    let profile = reader.profile(primary, image.coded)?;
    if reader.is_multiplied(primary) {
        image.canvas.divide_by_alpha();
    }
    let Canvas { width, height, rgb, alpha } = image.canvas;
    limits.check_pixels(name, width, height)?;
    Ok(Raw { width, height, rgb, alpha, profile, orientation: Orientation::NoTransforms }.finish())
}

/// The EXIF block of the primary image.
pub fn exif(bytes: &[u8]) -> Option<Vec<u8>> {
    let file = HeifFile::parse(bytes).ok()?;
    file.exif(file.primary_id).ok()?
}

/// A decoded item.
struct Image {
    canvas: Canvas,
    /// What its bitstream says of its colours.
    coded: Option<Cicp>,
}

struct Reader<'a> {
    file: &'a HeifFile<'a>,
    limits: &'a Limits,
    name: &'static str,
    /// Pixels of coded and derived images so far.
    spent: Cell<u64>,
    /// Images so far.
    images: Cell<u32>,
}

impl Reader<'_> {
    fn broken(&self, error: &heifer_isobmff::Error) -> DecodeError {
        broken(self.name, error)
    }

    fn corrupt(&self, detail: impl Into<String>) -> DecodeError {
        DecodeError::corrupt(self.name, detail)
    }

    fn claimed_pixels(&self, id: ItemId) -> u64 {
        let size = self.file.image_size(id).ok().flatten();
        size.map_or(0, |(width, height)| u64::from(width) * u64::from(height))
    }

    /// An item with its alpha and transforms.
    fn item(&self, id: ItemId, depth: u32) -> Result<Image, DecodeError> {
        let mut image = self.untransformed(id, depth)?;
        self.attach_alpha(id, depth, &mut image.canvas)?;
        let properties = self.file.item_properties(id).map_err(|error| self.broken(&error))?;
        for property in properties {
            match *property {
                Property::CleanAperture { width, height, horiz_offset, vert_offset } => {
                    let area = aperture(&image.canvas, [width, height], [horiz_offset, vert_offset]);
                    if let Some((left, top, width, height)) = area {
                        image.canvas = image.canvas.cropped(left, top, width, height);
                    }
                }
                Property::Rotation(quarters) => {
                    image.canvas = image.canvas.turned(match quarters {
                        1 => Orientation::Rotate270,
                        2 => Orientation::Rotate180,
                        3 => Orientation::Rotate90,
                        _ => Orientation::NoTransforms,
                    });
                }
                Property::Mirror(top_and_bottom) => {
                    let orientation =
                        if top_and_bottom { Orientation::FlipVertical } else { Orientation::FlipHorizontal };
                    image.canvas = image.canvas.turned(orientation);
                }
                _ => {}
            }
        }
        Ok(image)
    }

    /// An item as it is stored.
    fn untransformed(&self, id: ItemId, depth: u32) -> Result<Image, DecodeError> {
        self.images.set(self.images.get() + 1);
        if depth > MAX_DEPTH || self.images.get() > MAX_IMAGES {
            return Err(self.corrupt("images are derived from images too often"));
        }
        let kind = self.file.item(id).map_err(|error| self.broken(&error))?.item_type;
        match &kind.0 {
            b"hvc1" | b"hev1" | b"av01" => {
                let (planes, coded) = self.coded(id, kind.0)?;
                let (mut width, mut height) = (planes.width, planes.height);
                // The container's size counts; the codec may have coded a little more.
                if let Some(size) = self.file.image_size(id).map_err(|error| self.broken(&error))? {
                    (width, height) = (width.min(size.0), height.min(size.1));
                }
                let colours = self.colours(id, coded);
                let canvas = Canvas { width, height, rgb: planes.to_rgb(width, height, colours), alpha: None };
                Ok(Image { canvas, coded: coded.map(|coded| coded.cicp) })
            }
            b"grid" => self.grid(id, depth),
            b"iovl" => self.overlay(id, depth),
            b"iden" => match *self.file.referenced_items(id, b"dimg") {
                [source] => self.item(source, depth + 1),
                _ => Err(self.corrupt("an identity item without a source")),
            },
            b"jpeg" => {
                let data = self.file.item_data(id).map_err(|error| self.broken(&error))?;
                let DecodedImage { width, height, pixels } = crate::jpeg::decode(&data, self.limits)?;
                Ok(Image { canvas: Canvas { width, height, rgb: pixels, alpha: None }, coded: None })
            }
            other => {
                let kind = String::from_utf8_lossy(other);
                Err(DecodeError::unsupported(format!("{} whose image is coded as '{kind}'", self.name)))
            }
        }
    }

    /// The planes of a coded item.
    fn coded(&self, id: ItemId, kind: [u8; 4]) -> Result<(Planes, Option<Coded>), DecodeError> {
        self.spend(self.claimed_pixels(id))?;
        let decoded = self.decode_item(id, kind)?;
        // The codec may have coded more than the container claims.
        let coded = u64::from(decoded.0.width) * u64::from(decoded.0.height);
        self.spend(coded.saturating_sub(self.claimed_pixels(id)))?;
        Ok(decoded)
    }

    /// Counts pixels. Tiles beyond the edge, alpha and parts of overlays come on top of those of the image.
    fn spend(&self, pixels: u64) -> Result<(), DecodeError> {
        let spent = self.spent.get().saturating_add(pixels);
        self.spent.set(spent);
        let most = self.limits.max_pixels.saturating_mul(4);
        if spent > most { Err(too_many_pixels(spent, most)) } else { Ok(()) }
    }

    fn decode_item(&self, id: ItemId, kind: [u8; 4]) -> Result<(Planes, Option<Coded>), DecodeError> {
        if kind == *b"av01" {
            let data = self.file.item_data(id).map_err(|error| self.broken(&error))?;
            return av1::decode(&data, self.limits, self.name);
        }
        #[cfg(feature = "heif")]
        {
            hevc::decode(self.file, id, self.limits, self.name)
        }
        #[cfg(not(feature = "heif"))]
        {
            Err(DecodeError::unsupported("HEIC, in a build without the feature `heif`,"))
        }
    }

    /// How samples become RGB: by the item's own colour box, else by its bitstream.
    fn colours(&self, id: ItemId, coded: Option<Coded>) -> Colours {
        match self.nclx(id) {
            Some((_, colours)) => colours,
            None => coded.map_or(Colours { matrix: 6, full_range: false }, |coded| coded.colours),
        }
    }

    fn nclx(&self, id: ItemId) -> Option<(Cicp, Colours)> {
        self.file.item_properties(id).ok()?.find_map(|property| match *property {
            Property::Color(ColorInfo::Nclx { primaries, transfer, matrix, full_range }) => {
                Some((Cicp { primaries, transfer }, Colours { matrix, full_range }))
            }
            _ => None,
        })
    }

    /// The colour space of an item: its ICC profile, its code points, or those of its bitstream. A grid that says nothing
    /// has those of its first tile.
    fn profile(&self, id: ItemId, coded: Option<Cicp>) -> Result<Profile, DecodeError> {
        let mut items = vec![id];
        items.extend(self.file.referenced_items(id, b"dimg").first());
        for id in items {
            if let Some(icc) = self.file.icc_profile(id).map_err(|error| self.broken(&error))? {
                return Ok(Profile::Icc(icc.to_vec()));
            }
            if let Some((cicp, _)) = self.nclx(id) {
                return Ok(Profile::Cicp(cicp));
            }
        }
        Ok(coded.map_or(Profile::Srgb, Profile::Cicp))
    }

    /// Whether the colours were multiplied by alpha.
    fn is_multiplied(&self, id: ItemId) -> bool {
        !self.file.referenced_items(id, b"prem").is_empty()
    }

    fn grid(&self, id: ItemId, depth: u32) -> Result<Image, DecodeError> {
        let grid = self.file.grid(id).map_err(|error| self.broken(&error))?;
        let tiles = self.file.referenced_items(id, b"dimg");
        let columns = usize::from(grid.columns);
        if tiles.is_empty() || tiles.len() != usize::from(grid.rows) * columns {
            return Err(self.corrupt("its grid has another number of tiles than it says"));
        }
        if tiles.len() > MAX_PARTS {
            return Err(self.corrupt("its grid has too many tiles"));
        }
        self.spend(self.limits.check_pixels(self.name, grid.output_width, grid.output_height)?)?;
        let mut canvas = Canvas::filled(grid.output_width, grid.output_height, [0; 3]);
        let mut coded = None;
        let mut size = None;
        for (n, tile) in tiles.iter().enumerate() {
            let image = self.item(*tile, depth + 1)?;
            let (width, height) = *size.get_or_insert((image.canvas.width, image.canvas.height));
            if (image.canvas.width, image.canvas.height) != (width, height) {
                return Err(self.corrupt("the tiles of its grid have different sizes"));
            }
            let at = |index: usize, side: u32| i64::from(side) * index as i64;
            canvas.place(&image.canvas, at(n % columns, width), at(n / columns, height));
            coded = coded.or(image.coded);
        }
        Ok(Image { canvas, coded })
    }

    /// Images laid over each other. Source: ISO/IEC 23008-12, 6.6.2.2.
    fn overlay(&self, id: ItemId, depth: u32) -> Result<Image, DecodeError> {
        let data = self.file.item_data(id).map_err(|error| self.broken(&error))?;
        let parts = self.file.referenced_items(id, b"dimg");
        let size = if data.get(1).is_some_and(|flags| flags & 1 == 1) { 4 } else { 2 };
        let field = |n: usize| -> Option<i64> {
            let field = data.get(10 + n * size..10 + (n + 1) * size)?;
            Some(match *field {
                [a, b] if n < 2 => i64::from(u16::from_be_bytes([a, b])),
                [a, b] => i64::from(i16::from_be_bytes([a, b])),
                [a, b, c, d] if n < 2 => i64::from(u32::from_be_bytes([a, b, c, d])),
                [a, b, c, d] => i64::from(i32::from_be_bytes([a, b, c, d])),
                _ => return None,
            })
        };
        let side = |n: usize| field(n).and_then(|value| u32::try_from(value).ok());
        let (Some(width), Some(height)) = (side(0), side(1)) else {
            return Err(self.corrupt("its overlay is cut off"));
        };
        if parts.len() > MAX_PARTS {
            return Err(self.corrupt("its overlay has too many parts"));
        }
        self.spend(self.limits.check_pixels(self.name, width, height)?)?;
        // The fill has 16 bits a channel.
        let fill = [2, 4, 6].map(|at| data.get(at).copied().unwrap_or(0));
        let mut canvas = Canvas::filled(width, height, fill);
        let mut coded = None;
        for (n, part) in parts.iter().enumerate() {
            let image = self.item(*part, depth + 1)?;
            let (Some(left), Some(top)) = (field(2 + n * 2), field(3 + n * 2)) else {
                return Err(self.corrupt("its overlay is cut off"));
            };
            canvas.blend(&image.canvas, left, top);
            coded = coded.or(image.coded);
        }
        Ok(Image { canvas, coded })
    }

    /// Adds an item's alpha, which is an image of its own.
    fn attach_alpha(&self, id: ItemId, depth: u32, canvas: &mut Canvas) -> Result<(), DecodeError> {
        let auxiliary = self.file.referencing_items(id, b"auxl");
        let Some(alpha) = auxiliary.into_iter().find(|id| self.is_alpha(*id)) else { return Ok(()) };
        let kind = self.file.item(alpha).map_err(|error| self.broken(&error))?.item_type;
        let alpha = if matches!(&kind.0, b"hvc1" | b"hev1" | b"av01") {
            let (planes, coded) = self.coded(alpha, kind.0)?;
            let full_range = self.nclx(alpha).map(|(_, colours)| colours).or(coded.map(|coded| coded.colours));
            let full_range = full_range.is_none_or(|colours| colours.full_range);
            planes.brightness(full_range)
        } else {
            let image = self.untransformed(alpha, depth + 1)?.canvas;
            let levels = image.rgb.as_chunks::<3>().0.iter().map(|pixel| pixel[1]).collect();
            planes::Plane8 { width: image.width, height: image.height, levels }
        };
        canvas.alpha = Some(alpha.scaled(canvas.width, canvas.height));
        Ok(())
    }

    fn is_alpha(&self, id: ItemId) -> bool {
        const NAMES: [&str; 2] = ["urn:mpeg:hevc:2015:auxid:1", "urn:mpeg:mpegB:cicp:systems:auxiliary:alpha"];
        self.file.item_properties(id).is_ok_and(|mut properties| {
            properties
                .any(|property| matches!(property, Property::AuxiliaryType(name) if NAMES.contains(&name.as_str())))
        })
    }
}

/// What a bitstream says of its own colours.
#[derive(Clone, Copy)]
struct Coded {
    cicp: Cicp,
    colours: Colours,
}

/// Left, top, width and height of the clean aperture, whose centre is given from the image's centre (ISO/IEC 14496-12,
/// 12.1.4); `None` where it is no part of the image.
fn aperture(canvas: &Canvas, size: [(u32, u32); 2], offset: [(i32, u32); 2]) -> Option<(u32, u32, u32, u32)> {
    let whole = [canvas.width, canvas.height];
    let mut area = [(0, 0); 2];
    for axis in 0..2 {
        let length = f64::from(size[axis].0) / f64::from(size[axis].1);
        let centre = f64::from(offset[axis].0) / f64::from(offset[axis].1) + (f64::from(whole[axis]) - 1.0) / 2.0;
        let start = (centre - (length - 1.0) / 2.0).round();
        let is_inside = length >= 1.0 && start >= 0.0 && start + length.round() <= f64::from(whole[axis]);
        is_inside.then_some(())?;
        area[axis] = (start as u32, length.round() as u32);
    }
    Some((area[0].0, area[1].0, area[0].1, area[1].1))
}

const fn too_many_pixels(size: u64, limit: u64) -> DecodeError {
    DecodeError::TooLarge {
        what: "the image with its parts",
        size,
        unit: "pixels",
        limit,
        option: "set by --max-pixels",
    }
}

fn broken(name: &'static str, error: &heifer_isobmff::Error) -> DecodeError {
    let text = error.to_string();
    let ends_early = ["unexpected end", "truncated", "out of bounds", "end of"].iter().any(|part| text.contains(part));
    if ends_early { DecodeError::truncated(name, text) } else { DecodeError::corrupt(name, text) }
}
