//! Animations that begin with a blank frame: the first frame that shows something.

use super::{of_image, raw};
use crate::DecodedImage;
use crate::limits::Limits;
use crate::metadata::Metadata;
use image::codecs::gif::GifDecoder;
use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;
use image::{AnimationDecoder, DynamicImage, Frames, ImageDecoder, ImageFormat};
use std::borrow::Cow;
use std::io::Cursor;

/// Levels between the darkest and the brightest value of a channel from which an image shows something.
const SHOWS: u8 = 48;
/// Frames that are looked at.
const MOST: u64 = 200;

/// A GIF file whose images all have a palette: one that has none for all of them gets shades of grey, as Pillow and libvips take
/// it. Source: GIF89a specification, section 18.
pub fn with_palette(bytes: &[u8]) -> Cow<'_, [u8]> {
    const HEADER: usize = 13;
    const HAS_PALETTE: u8 = 0x80;
    match bytes.split_at_checked(HEADER) {
        Some((header, images)) if header[10] & HAS_PALETTE == 0 => {
            let mut file = header.to_vec();
            file[10] |= HAS_PALETTE | 7;
            file.extend((0..=255).flat_map(|level| [level; 3]));
            file.extend_from_slice(images);
            Cow::Owned(file)
        }
        _ => Cow::Borrowed(bytes),
    }
}

/// Whether there is more to be seen than one plain colour.
pub fn shows_something(image: &DecodedImage) -> bool {
    let pixels = image.pixels.as_chunks::<3>().0;
    let Some(first) = pixels.first() else { return false };
    let (mut low, mut high) = (*first, *first);
    // Rows are looked at in pieces, so that most images cost a few.
    pixels.chunks(1024).any(|piece| {
        for pixel in piece {
            for channel in 0..3 {
                low[channel] = low[channel].min(pixel[channel]);
                high[channel] = high[channel].max(pixel[channel]);
            }
        }
        low.iter().zip(high).any(|(low, high)| high - low >= SHOWS)
    })
}

/// The first frame of an animation that shows something; `None` for files without more frames, and where none does. No more
/// frames are decoded than make up twice the pixels that one image may have.
pub fn first_that_shows_something(
    bytes: &[u8],
    format: ImageFormat,
    limits: &Limits,
    metadata: &Metadata,
) -> Option<DecodedImage> {
    let cursor = Cursor::new(bytes);
    let (frames, size): (Frames, _) = match format {
        ImageFormat::Gif => {
            let mut decoder = GifDecoder::new(cursor).ok()?;
            decoder.set_limits(of_image(limits)).ok()?;
            let size = decoder.dimensions();
            (decoder.into_frames(), size)
        }
        ImageFormat::WebP => {
            let decoder = WebPDecoder::new(cursor).ok()?;
            if !decoder.has_animation() {
                return None;
            }
            let size = decoder.dimensions();
            (decoder.into_frames(), size)
        }
        ImageFormat::Png => {
            let decoder = PngDecoder::with_limits(cursor, of_image(limits)).ok()?;
            if !decoder.is_apng().ok()? {
                return None;
            }
            let size = decoder.dimensions();
            (decoder.apng().ok()?.into_frames(), size)
        }
        _ => return None,
    };
    let most = (limits.max_pixels * 2 / (u64::from(size.0) * u64::from(size.1)).max(1)).clamp(1, MOST);
    let frames = frames.take(most as usize).map_while(Result::ok);
    let images = frames.map(|frame| raw(DynamicImage::ImageRgba8(frame.into_buffer()), metadata).finish());
    images.into_iter().find(shows_something)
}
