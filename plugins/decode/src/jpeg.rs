//! JPEG: whole by zune-jpeg where that is right, at reduced size and of unusual kinds by [`planes`].
//!
//! Two things are done before the decoder sees the file, because on its own it answers a file that ends early with
//! grey instead of an error:
//! - [`structure`] walks the markers: dimensions, colour, completeness;
//! - [`clean`] hands the decoder a copy without what it has no use for, with bits that are no valid Huffman code at
//!   the end of the last scan, so that running out of data is an error there.

mod clean;
mod colour;
mod planes;
mod structure;

use crate::error::DecodeError;
use crate::limits::Limits;
use crate::metadata::{self, Metadata};
use crate::reduced::{Reduced, shrunk};
use crate::{DecodedImage, finish, guard};
use colour::Space;
use image::RgbImage;
use plugin_api::RejectReason;
use structure::Structure;
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;

const NAME: &str = "JPEG";
const ENDS_EARLY: &str = "the compressed data ends before the image does";

/// Decodes a JPEG file: sequential or progressive, grey, YCbCr, RGB, CMYK or YCCK, with its EXIF orientation applied.
///
/// Four-colour files are taken as inverted (255 is no ink), with and without Adobe's marker, as browsers and Pillow do; their inks go by
/// the ICC profile where there is one.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<DecodedImage, DecodeError> {
    whole(bytes, limits, &structure::read(bytes)?)
}

/// Decodes a JPEG file at the smallest of 1/8, 1/4 and 1/2 of its size whose shorter side has `least` pixels; whole where none
/// has. Kinds that are not read at reduced size are decoded whole and then made smaller.
pub fn reduced(bytes: &[u8], limits: &Limits, least: u32) -> Result<Reduced, DecodeError> {
    let structure = structure::read(bytes)?;
    let (width, height) = (u32::from(structure.width), u32::from(structure.height));
    limits.check_pixels(NAME, width, height)?;
    // Whether the last pass is whole is only seen when it is read.
    let last_pass_is_there = structure.ended || !structure.progressive;
    if let Some(eighths) = eighths(width, height, least).filter(|_| last_pass_is_there)
        && let metadata = metadata::jpeg::read(bytes)
        && let Some(image) = at_eighths(bytes, &structure, eighths, &metadata)
    {
        let turned = metadata.orientation().to_exif() > 4;
        let (source_width, source_height) = if turned { (height, width) } else { (width, height) };
        let image = finished(image, &metadata, &structure);
        return Ok(Reduced { source_width, source_height, image });
    }
    whole(bytes, limits, &structure).map(|image| shrunk(image, least))
}

/// The smallest scale, in eighths, whose shorter side has `least` pixels; None for the whole.
fn eighths(width: u32, height: u32, least: u32) -> Option<u32> {
    [1, 2, 4].into_iter().find(|eighths| u64::from(width.min(height) * eighths) >= u64::from(least) * 8)
}

/// The image as the file has it, at so many eighths of its size.
fn at_eighths(bytes: &[u8], structure: &Structure, eighths: u32, metadata: &Metadata<'_>) -> Option<RgbImage> {
    let space = Space::of(structure.components.len(), clean::transform(structure))?;
    let planes = planes::planes(bytes, structure, eighths as usize)?;
    let size = |pixels: u16| (u32::from(pixels) * eighths).div_ceil(8);
    let (width, height) = (size(structure.width), size(structure.height));
    let pixels = colour::rgb(planes, space, width as usize, height as usize, metadata.icc.as_deref())?;
    RgbImage::from_raw(width, height, pixels)
}

/// The image in sRGB and upright. The profile of a four-colour file was applied to its inks.
fn finished(image: RgbImage, metadata: &Metadata<'_>, structure: &Structure) -> DecodedImage {
    let (width, height) = image.dimensions();
    let mut rgb = image.into_raw();
    if structure.components.len() != 4 {
        crate::colour::apply(&mut rgb, &metadata.profile());
    }
    finish::upright(width, height, rgb, metadata.orientation())
}

fn whole(bytes: &[u8], limits: &Limits, structure: &Structure) -> Result<DecodedImage, DecodeError> {
    let (width, height) = (u32::from(structure.width), u32::from(structure.height));
    let pixels = limits.check_pixels(NAME, width, height)?;
    let _turn = guard::turn(pixels);
    let metadata = metadata::jpeg::read(bytes);
    let by_own = || at_eighths(bytes, structure, 8, &metadata);
    let image = if is_plain(structure) && !has_ink_profile(structure, &metadata) {
        match by_zune(bytes, structure) {
            // Without an end marker, the data may be whole and have anything behind it; and zune-jpeg refuses what others
            // read, such as identifiers that come twice.
            Err(error) => by_own().ok_or(error),
            // The missing end of a last pass is not seen by it.
            Ok(_) if structure.progressive && !structure.ended && by_own().is_none() => {
                Err(DecodeError::truncated(NAME, ENDS_EARLY))
            }
            image => image,
        }
    } else {
        by_own().ok_or_else(|| match by_zune(bytes, structure) {
            Err(error) if structure.ended && error.reason() != RejectReason::Unsupported => error,
            _ if structure.ended => DecodeError::corrupt(NAME, "the compressed data is not as its tables say"),
            _ => DecodeError::truncated(NAME, ENDS_EARLY),
        })
    }?;
    Ok(finished(image, &metadata, structure))
}

/// zune-jpeg gives RGB of inks, which is too late for a profile.
fn has_ink_profile(structure: &Structure, metadata: &Metadata<'_>) -> bool {
    structure.components.len() == 4 && metadata.icc.is_some()
}

/// Of a kind that zune-jpeg decodes rightly. Sequential files of several scans, brightness that is stored at a lower resolution than
/// colours, and other unusual factors it refuses or gets wrong (0.5.15).
fn is_plain(structure: &Structure) -> bool {
    let factors = match structure.sampling.as_slice() {
        [_] => true,
        [(1 | 2, 1 | 2), others @ ..] if others.len() == 2 => others.iter().all(|factors| *factors == (1, 1)),
        factors => factors.iter().all(|factors| *factors == (1, 1)),
    };
    factors && !structure.late_height && (structure.progressive || structure.scans == 1)
}

fn by_zune(bytes: &[u8], structure: &Structure) -> Result<RgbImage, DecodeError> {
    let file = clean::file(bytes, structure);
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(usize::from(u16::MAX))
        .set_max_height(usize::from(u16::MAX))
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(file.as_slice()), options);
    let decoded = decoder.decode().map_err(|error| refused(&error))?;
    RgbImage::from_raw(u32::from(structure.width), u32::from(structure.height), decoded)
        .ok_or_else(|| DecodeError::corrupt(NAME, "the decoder returned another size than the header names"))
}

/// Our error for zune's.
fn refused(error: &DecodeErrors) -> DecodeError {
    let detail = format!("{error:?}");
    match error {
        DecodeErrors::Unsupported(_) => DecodeError::unsupported(format!("this kind of JPEG ({detail})")),
        // The decoder ran into the bits that `clean` put at the end.
        DecodeErrors::ExhaustedData => DecodeError::truncated(NAME, ENDS_EARLY),
        _ if detail.contains("Bad Huffman Code 0xFFFF") => DecodeError::truncated(NAME, ENDS_EARLY),
        _ => DecodeError::corrupt(NAME, detail),
    }
}
