//! JPEG, by zune-jpeg.
//!
//! Two things are done before the decoder sees the file, because on its own it answers a file that ends early with
//! grey instead of an error:
//! - [`structure`] walks the markers: dimensions, colour, completeness;
//! - [`clean`] hands the decoder a copy without what it has no use for, with bits that are no valid Huffman code at
//!   the end of the last scan, so that running out of data is an error there.

mod clean;
mod reduced;
mod structure;

use crate::glance::{Glance, Luma};
use crate::{DecodeError, Limits, Picture, colour, guard, metadata};
use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, RgbImage};
use structure::Structure;
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;

const NAME: &str = "JPEG";
const ENDS_EARLY: &str = "the compressed data ends before the picture does";

/// Decodes a JPEG file: sequential or progressive, grey, YCbCr, RGB, CMYK or YCCK, with its EXIF orientation applied.
///
/// Four-colour files are taken as inverted (255 is no ink), with and without Adobe's marker, as browsers and Pillow do.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Picture, DecodeError> {
    whole(bytes, limits, &structure::read(bytes)?)
}

/// The brightness at the smallest of 1/8, 1/4 and 1/2 of the size that has `least` samples a side, or the whole
/// picture where none has, or the file is of a kind that is not read at reduced size.
pub fn glance(bytes: &[u8], limits: &Limits, least: u32) -> Result<Glance, DecodeError> {
    let structure = structure::read(bytes)?;
    let (width, height) = (u32::from(structure.width), u32::from(structure.height));
    limits.check_pixels(NAME, width, height)?;
    let brightness_is_first = structure.components.len() == 1 || clean::transform(&structure) == Some(1);
    let eighths = [1, 2, 4].into_iter().find(|eighths| width.min(height) * eighths >= least * 8);
    if let Some(eighths) = eighths.filter(|_| brightness_is_first)
        && let Some(plane) = reduced::plane(bytes, &structure, eighths as usize)
    {
        let (columns, rows) = (plane.columns as u32, plane.rows as u32);
        if let Some(samples) = GrayImage::from_raw(columns, rows, plane.samples) {
            let orientation = orientation(bytes, &structure);
            return Ok(Glance::Luma(Luma::new((width, height), eighths, samples, orientation)));
        }
    }
    whole(bytes, limits, &structure).map(Glance::Whole)
}

fn orientation(bytes: &[u8], _structure: &Structure) -> Orientation {
    metadata::jpeg::read(bytes).orientation()
}

fn whole(bytes: &[u8], limits: &Limits, structure: &Structure) -> Result<Picture, DecodeError> {
    let (width, height) = (u32::from(structure.width), u32::from(structure.height));
    let pixels = limits.check_pixels(NAME, width, height)?;
    let _turn = guard::turn(pixels);
    let file = clean::file(bytes, structure);
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(usize::from(u16::MAX))
        .set_max_height(usize::from(u16::MAX))
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(file.as_slice()), options);
    let mut decoded = decoder.decode().map_err(|error| refused(&error))?;
    if structure.components.len() != 4 {
        colour::apply(&mut decoded, &metadata::jpeg::read(bytes).profile());
    }
    let image = RgbImage::from_raw(width, height, decoded)
        .ok_or_else(|| DecodeError::corrupt(NAME, "the decoder returned another size than the header names"))?;
    let image = upright(image, orientation(bytes, structure));
    Ok(Picture { width: image.width(), height: image.height(), pixels: image.into_raw() })
}

fn upright(image: RgbImage, orientation: Orientation) -> RgbImage {
    if orientation == Orientation::NoTransforms {
        return image;
    }
    let mut image = DynamicImage::ImageRgb8(image);
    image.apply_orientation(orientation);
    image.into_rgb8()
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
