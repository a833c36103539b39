//! Every format but JPEG, by the image crate.

use crate::{DecodeError, Limits, Picture, guard};
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader};
use std::error::Error;
use std::io::{Cursor, ErrorKind};

/// Decodes a file of a known format.
pub fn decode(bytes: &[u8], format: ImageFormat, name: &'static str, limits: &Limits) -> Result<Picture, DecodeError> {
    let failed = |error| refused(name, limits, &error);
    whole_riff(bytes, format)?;
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut image_limits = image::Limits::no_limits();
    image_limits.max_alloc = Some(limits.alloc_bytes());
    reader.limits(image_limits);
    let mut decoder = reader.into_decoder().map_err(failed)?;
    let (width, height) = decoder.dimensions();
    let pixels = limits.check_pixels(name, width, height)?;
    if decoder.total_bytes() > limits.alloc_bytes() {
        return Err(too_large(decoder.total_bytes(), limits));
    }
    let _turn = guard::turn(pixels);
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut image = opaque(DynamicImage::from_decoder(decoder).map_err(failed)?);
    image.apply_orientation(orientation);
    let image = image.into_rgb8();
    Ok(Picture { width: image.width(), height: image.height(), pixels: image.into_raw() })
}

/// RGB of 8 bit, transparency laid over white.
fn opaque(image: DynamicImage) -> DynamicImage {
    if !image.color().has_alpha() {
        return DynamicImage::ImageRgb8(image.into_rgb8());
    }
    let image = image.into_rgba8();
    let (width, height) = image.dimensions();
    let over_white = |colour: u8, alpha: u8| {
        let (colour, alpha) = (u32::from(colour), u32::from(alpha));
        ((colour * alpha + 255 * (255 - alpha) + 127) / 255) as u8
    };
    let pixels = image
        .into_raw()
        .as_chunks::<4>()
        .0
        .iter()
        .flat_map(|&[r, g, b, a]| [r, g, b].map(|c| over_white(c, a)))
        .collect();
    image::RgbImage::from_raw(width, height, pixels).map_or_else(DynamicImage::default, DynamicImage::ImageRgb8)
}

/// A WebP file names its length; the decoder says nothing clear when it is shorter.
fn whole_riff(bytes: &[u8], format: ImageFormat) -> Result<(), DecodeError> {
    if format != ImageFormat::WebP {
        return Ok(());
    }
    let claimed = bytes.get(4..8).and_then(|b| b.try_into().ok()).map_or(0, u32::from_le_bytes);
    let there = bytes.len() as u64;
    // The length is even by the standard; some writers leave the last padding byte out.
    if u64::from(claimed) + 8 > there + 1 {
        return Err(DecodeError::truncated("WebP", format!("{there} of {} bytes are there", u64::from(claimed) + 8)));
    }
    Ok(())
}

const fn too_large(size: u64, limits: &Limits) -> DecodeError {
    DecodeError::TooLarge {
        what: "the memory the decoder asks for",
        size,
        unit: "bytes",
        limit: limits.alloc_bytes(),
        option: "set by --max-pixels",
    }
}

/// Our error for the image crate's.
fn refused(format: &'static str, limits: &Limits, error: &ImageError) -> DecodeError {
    let detail = error.to_string();
    match error {
        ImageError::Limits(_) => too_large(limits.alloc_bytes().saturating_add(1), limits),
        ImageError::Unsupported(_) => DecodeError::unsupported(format!("this kind of {format} ({detail})")),
        _ if ends_early(error) => DecodeError::truncated(format, detail),
        _ => DecodeError::corrupt(format, detail),
    }
}

fn ends_early(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<std::io::Error>()
            && io.kind() == ErrorKind::UnexpectedEof
        {
            return true;
        }
        let text = error.to_string().to_lowercase();
        // Some decoders keep the text of the error, but not the error.
        if ["unexpected end", "unexpectedeof", "failed to fill whole buffer"].iter().any(|t| text.contains(t)) {
            return true;
        }
        cause = error.source();
    }
    false
}
