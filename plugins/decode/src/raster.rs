//! PNG, WebP and GIF, by the image crate; BMP and smaller formats, by readers of our own.
//!
//! Orientation and profile are read by [`metadata`](crate::metadata), not by the image crate, which knows neither EXIF as
//! libvips writes it in WebP nor XMP.

mod bitmap;
mod frames;
mod netpbm;
mod qoi;
mod targa;

pub use frames::shows_something;

use crate::error::DecodeError;
use crate::finish::Raw;
use crate::limits::Limits;
use crate::metadata::{Metadata, png, webp};
use crate::{DecodedImage, depth, guard};
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader};
use std::error::Error;
use std::io::{Cursor, ErrorKind};

/// Decodes a file of a known format. Of an animation, the first frame that shows something.
pub fn decode(
    bytes: &[u8],
    format: ImageFormat,
    name: &'static str,
    limits: &Limits,
) -> Result<DecodedImage, DecodeError> {
    match format {
        ImageFormat::Bmp => bitmap::decode(bytes, limits),
        ImageFormat::Ico => bitmap::icon(bytes, limits),
        ImageFormat::Tga => targa::decode(bytes, limits),
        ImageFormat::Pnm => netpbm::decode(bytes, limits),
        ImageFormat::Qoi => qoi::decode(bytes, limits),
        ImageFormat::Gif => decode_as_is(&frames::with_palette(bytes), format, name, limits),
        _ => decode_as_is(bytes, format, name, limits),
    }
}

fn decode_as_is(
    bytes: &[u8],
    format: ImageFormat,
    name: &'static str,
    limits: &Limits,
) -> Result<DecodedImage, DecodeError> {
    let failed = |error| refused(name, limits, &error);
    whole_riff(bytes, format)?;
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(of_image(limits));
    let decoder = reader.into_decoder().map_err(failed)?;
    let (width, height) = decoder.dimensions();
    let pixels = limits.check_pixels(name, width, height)?;
    if decoder.total_bytes() > limits.alloc_bytes() {
        return Err(too_large(decoder.total_bytes(), limits));
    }
    let _turn = guard::turn(pixels);
    let metadata = metadata(bytes, format);
    let image = raw(DynamicImage::from_decoder(decoder).map_err(failed)?, &metadata).finish();
    if !shows_something(&image)
        && let Some(later) = frames::first_that_shows_something(bytes, format, limits, &metadata)
    {
        return Ok(later);
    }
    Ok(image)
}

fn metadata(bytes: &[u8], format: ImageFormat) -> Metadata<'_> {
    match format {
        ImageFormat::Png => png::read(bytes),
        ImageFormat::WebP => webp::read(bytes),
        _ => Metadata::default(),
    }
}

fn of_image(limits: &Limits) -> image::Limits {
    let mut of_image = image::Limits::no_limits();
    of_image.max_alloc = Some(limits.alloc_bytes());
    of_image
}

/// 8 bits, colour and transparency apart.
fn raw(image: DynamicImage, metadata: &Metadata) -> Raw {
    let (width, height) = (image.width(), image.height());
    let (rgb, alpha) = match image {
        DynamicImage::ImageRgb8(image) => (image.into_raw(), None),
        DynamicImage::ImageLuma8(image) => (tripled(image.as_raw()), None),
        DynamicImage::ImageLuma16(image) => (tripled(&depth::narrow(image.as_raw())), None),
        DynamicImage::ImageRgb16(image) => (depth::narrow(image.as_raw()), None),
        DynamicImage::ImageLumaA8(image) => {
            let (grey, alpha) = split::<1, 2, u8>(image.as_raw());
            (tripled(&grey), Some(alpha))
        }
        DynamicImage::ImageLumaA16(image) => {
            let (grey, alpha) = split::<1, 2, u16>(image.as_raw());
            (tripled(&depth::narrow(&grey)), Some(depth::narrow_within(&alpha, u16::MAX)))
        }
        DynamicImage::ImageRgba16(image) => {
            let (rgb, alpha) = split::<3, 4, u16>(image.as_raw());
            (depth::narrow(&rgb), Some(depth::narrow_within(&alpha, u16::MAX)))
        }
        other if !other.color().has_alpha() => (other.into_rgb8().into_raw(), None),
        other => {
            let (rgb, alpha) = split::<3, 4, u8>(other.into_rgba8().as_raw());
            (rgb, Some(alpha))
        }
    };
    Raw { width, height, rgb, alpha, profile: metadata.profile(), orientation: metadata.orientation() }
}

/// Grey as three channels.
pub fn tripled(grey: &[u8]) -> Vec<u8> {
    grey.iter().flat_map(|value| [*value; 3]).collect()
}

/// Colour channels and alpha apart; `ALL` is `COLOURS + 1`.
fn split<const COLOURS: usize, const ALL: usize, T: Copy>(samples: &[T]) -> (Vec<T>, Vec<T>) {
    let pixels = samples.as_chunks::<ALL>().0;
    let colours = pixels.iter().flat_map(|pixel| pixel[..COLOURS].iter().copied()).collect();
    (colours, pixels.iter().map(|pixel| pixel[COLOURS]).collect())
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
