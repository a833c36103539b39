//! From a decoded image to a small JPEG.

use image::codecs::jpeg::JpegEncoder;
use image::{RgbImage, imageops};
use plugin_decode::DecodedImage;

/// The image as a JPEG whose longer side is `side_px` at most, in `quality` 1 to 100. Smaller ones keep their size. None
/// when its pixels are not those of its size, or it has none.
pub fn small(image: DecodedImage, side_px: u32, quality: u8) -> Option<Vec<u8>> {
    let (width, height) = (image.width, image.height);
    let image = RgbImage::from_raw(width, height, image.pixels)?;
    let longest = width.max(height);
    if longest <= side_px {
        return encode(&image, quality);
    }
    let scaled = |side: u32| (u64::from(side) * u64::from(side_px) / u64::from(longest)).max(1) as u32;
    encode(&imageops::thumbnail(&image, scaled(width), scaled(height)), quality)
}

/// Pixels as a JPEG; none when they cannot be one.
pub fn encode(image: &RgbImage, quality: u8) -> Option<Vec<u8>> {
    let mut jpeg = Vec::new();
    image.write_with_encoder(JpegEncoder::new_with_quality(&mut jpeg, quality)).ok()?;
    Some(jpeg)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grey(width: u32, height: u32) -> DecodedImage {
        DecodedImage { width, height, pixels: vec![90; (width * height * 3) as usize] }
    }

    #[test]
    fn the_longer_side_is_what_was_asked_for_and_no_side_vanishes() {
        for (width, height, expected) in
            [(400, 200, (120, 60)), (200, 400, (60, 120)), (50, 40, (50, 40)), (5000, 2, (120, 1))]
        {
            let jpeg = small(grey(width, height), 120, 74).unwrap();
            assert_eq!(image::load_from_memory(&jpeg).unwrap().to_rgb8().dimensions(), expected);
        }
        let odd = DecodedImage { width: 9, height: 9, pixels: vec![0; 3] };
        assert!(small(odd, 120, 74).is_none());
    }
}
