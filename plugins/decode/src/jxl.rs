//! JPEG XL, by jxl-oxide: codestreams and containers, lossy and lossless, all depths, first frame of animations.
//!
//! The decoder hands out upright pixels: the orientation is in the codestream, and what EXIF says of it beside is not
//! gone by. Colour that was coded independent of a profile (XYB) comes as sRGB, other colour by its profile.

use crate::colour::Profile;
use crate::error::DecodeError;
use crate::finish::Raw;
use crate::limits::Limits;
use crate::{DecodedImage, ground, guard, raster};
use image::metadata::Orientation;
use jxl_oxide::{AllocTracker, EnumColourEncoding, JxlImage, RenderingIntent};
use std::io::ErrorKind;

const NAME: &str = "JPEG XL";

/// Bytes a pixel that decoding may take: samples are 32-bit floats, and filters and patches hold copies.
const BYTES_A_PIXEL: u64 = 96;
/// Frames that are looked at for one that shows something.
const MAX_FRAMES: usize = 100;

/// Decodes a file.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<DecodedImage, DecodeError> {
    // Held against the header's size as soon as that is known; until then profiles and tables have 64 MiB.
    let most = limits.max_pixels.saturating_mul(BYTES_A_PIXEL).saturating_add(64 << 20);
    let tracker = AllocTracker::with_limit(usize::try_from(most).unwrap_or(usize::MAX));
    let mut image = JxlImage::builder()
        .pool(jxl_oxide::JxlThreadPool::none())
        .alloc_tracker(tracker)
        .read(bytes)
        .map_err(|error| refused(error.as_ref()))?;
    let pixels = limits.check_pixels(NAME, image.width(), image.height())?;
    let _turn = guard::turn(pixels);
    if !image.is_loading_done() && image.num_loaded_keyframes() == 0 {
        return Err(DecodeError::truncated(NAME, "it ends before its first frame does"));
    }
    let format = image.pixel_format();
    if format.has_black() {
        return Err(DecodeError::unsupported("JPEG XL with four inks (CMYK)"));
    }
    let is_grey = format.is_grayscale();
    let srgb = if is_grey {
        EnumColourEncoding::gray_srgb(RenderingIntent::Relative)
    } else {
        EnumColourEncoding::srgb(RenderingIntent::Relative)
    };
    // Without a profile of its own the image's colour is known by name, and the decoder turns it into sRGB.
    if image.original_icc().is_none() || image.image_header().metadata.xyb_encoded {
        image.request_color_encoding(srgb);
    }
    let profile = match image.original_icc() {
        Some(icc) if !image.image_header().metadata.xyb_encoded => Profile::Icc(icc.to_vec()),
        _ => Profile::Srgb,
    };
    let most_frames = usize::try_from(limits.max_pixels * 2 / pixels).unwrap_or(1).clamp(1, MAX_FRAMES);
    let mut first = None;
    for frame in 0..image.num_loaded_keyframes().min(most_frames) {
        let rendered = decode_frame(&image, frame, profile.clone(), limits);
        let is_seen = rendered.as_ref().is_ok_and(raster::shows_something);
        if is_seen {
            return rendered;
        }
        let is_error = rendered.is_err();
        first = first.or(Some(rendered));
        if is_error {
            break;
        }
    }
    first.unwrap_or_else(|| Err(DecodeError::truncated(NAME, "it ends before its first frame does")))
}

/// One frame, finished.
fn decode_frame(
    image: &JxlImage,
    frame: usize,
    profile: Profile,
    limits: &Limits,
) -> Result<DecodedImage, DecodeError> {
    let render = image.render_frame(frame).map_err(|error| refused(error.as_ref()))?;
    let format = image.pixel_format();
    let mut stream = render.stream();
    let (width, height, channels) = (stream.width(), stream.height(), stream.channels() as usize);
    limits.check_pixels(NAME, width, height)?;
    let mut samples = vec![0_u8; width as usize * height as usize * channels];
    stream.write_to_buffer(&mut samples);
    let colours = if format.is_grayscale() { 1 } else { 3 };
    let all = samples.chunks_exact(channels.max(1));
    let channel = |pixel: &[u8], n: usize| pixel.get(n.min(colours - 1)).copied().unwrap_or(0);
    let mut rgb: Vec<u8> = all.clone().flat_map(|pixel| [0, 1, 2].map(|n| channel(pixel, n))).collect();
    let alpha =
        format.has_alpha().then(|| all.map(|pixel| pixel.get(colours).copied().unwrap_or(255)).collect::<Vec<_>>());
    let is_multiplied = image.image_header().metadata.ec_info.iter().any(|info| info.alpha_associated() == Some(true));
    if let (Some(alpha), true) = (&alpha, is_multiplied) {
        for (pixel, &alpha) in rgb.as_chunks_mut::<3>().0.iter_mut().zip(alpha) {
            *pixel = pixel.map(|value| ground::divided(value, alpha));
        }
    }
    let raw = Raw { width, height, rgb, alpha, profile, orientation: Orientation::NoTransforms };
    Ok(raw.finish())
}

/// Our error for jxl-oxide's.
fn refused(error: &(dyn std::error::Error + 'static)) -> DecodeError {
    let text = error.to_string();
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.downcast_ref::<std::io::Error>().is_some_and(|io| io.kind() == ErrorKind::UnexpectedEof) {
            return DecodeError::truncated(NAME, text);
        }
        cause = error.source();
    }
    if text.contains("unexpected end") || text.contains("EOF") {
        return DecodeError::truncated(NAME, text);
    }
    DecodeError::corrupt(NAME, text)
}
