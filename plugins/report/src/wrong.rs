//! The most confidently wrong images: often it is the label that is wrong.

use super::Words;
use super::format::link;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image::codecs::jpeg::JpegEncoder;
use image::error::{ParameterError, ParameterErrorKind};
use image::{ImageError, ImageResult, RgbImage, imageops};
use maud::{Markup, html};

/// How many are kept.
pub const MAX_WRONG: usize = 48;
/// Thumbnails are at most this wide and high.
const THUMBNAIL_PX: u32 = 160;
const JPEG_QUALITY: u8 = 82;

/// A mistake.
#[derive(Clone, Debug, PartialEq)]
pub struct Wrong {
    /// One file that holds the image, relative to the workspace.
    pub path: String,
    /// Name of its class.
    pub truth: String,
    /// Name of the class it was called.
    pub prediction: String,
    /// How sure the model was of that, 0 to 1.
    pub probability: f32,
    /// A `data:` URI.
    thumbnail: String,
}

/// The surest mistakes seen so far, at most [`MAX_WRONG`], surest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WrongImages(Vec<Wrong>);

impl WrongImages {
    /// Considers a mistake with its pixels (`width_px × height_px × 3`, row after row, sRGB).
    ///
    /// # Errors
    /// When the pixels don't fit the size or can't be encoded.
    pub fn offer(
        &mut self,
        [path, truth, prediction]: [&str; 3],
        probability: f32,
        pixels: &[u8],
        [width_px, height_px]: [u32; 2],
    ) -> ImageResult<()> {
        let place = self.0.partition_point(|w| {
            w.probability > probability || (w.probability == probability && w.path.as_str() < path)
        });
        if place < MAX_WRONG {
            let thumbnail = thumbnail(pixels, width_px, height_px)?;
            let [path, truth, prediction] = [path, truth, prediction].map(str::to_owned);
            self.0.insert(place, Wrong { path, truth, prediction, probability, thumbnail });
            self.0.truncate(MAX_WRONG);
        }
        Ok(())
    }

    /// The mistakes, surest first.
    pub fn all(&self) -> &[Wrong] {
        &self.0
    }
}

/// A JPEG as a `data:` URI.
fn thumbnail(pixels: &[u8], width_px: u32, height_px: u32) -> ImageResult<String> {
    let mismatch = || ParameterError::from_kind(ParameterErrorKind::DimensionMismatch);
    let expected = width_px as usize * height_px as usize * 3;
    let image = RgbImage::from_raw(width_px, height_px, pixels.to_vec())
        .filter(|_| pixels.len() == expected)
        .ok_or_else(|| ImageError::Parameter(mismatch()))?;
    let longest = width_px.max(height_px);
    let small = if longest > THUMBNAIL_PX {
        let scaled = |side: u32| (side * THUMBNAIL_PX / longest).max(1);
        imageops::thumbnail(&image, scaled(width_px), scaled(height_px))
    } else {
        image
    };
    let mut jpeg = Vec::new();
    small.write_with_encoder(JpegEncoder::new_with_quality(&mut jpeg, JPEG_QUALITY))?;
    Ok(format!("data:image/jpeg;base64,{}", STANDARD.encode(jpeg)))
}

/// The path inside the class folder: the class is told already. The whole path is in the link.
fn inside<'a>(path: &'a str, class: &str) -> &'a str {
    path.strip_prefix("photos/").and_then(|p| p.strip_prefix(class)).and_then(|p| p.strip_prefix('/')).unwrap_or(path)
}

pub fn section(wrong: &WrongImages, w: Words) -> Markup {
    html! {
        section {
            h2 { (w.t("mistakes")) }
            @if wrong.0.is_empty() {
                p.note { (w.t("no_mistakes")) }
            } @else {
                p.note { (w.t("mistakes_how")) }
                ul.wrong {
                    @for one in &wrong.0 {
                        li {
                            a href=(link(&one.path)) title=(one.path) {
                                img src=(one.thumbnail) alt=(w.with("called_as", [("truth", (&one.truth).into()), ("prediction", (&one.prediction).into())])) loading="lazy";
                                span.pair { (one.truth) " → " strong { (one.prediction) } }
                                span.sure { (w.percent(f64::from(one.probability))) }
                                span.path { (inside(&one.path, &one.truth)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_surest_are_kept_in_order() {
        let mut wrong = WrongImages::default();
        for i in 0..100_u16 {
            let p = f32::from((i * 37) % 100) / 100.0;
            wrong.offer([&format!("photos/a/{i}.jpg"), "a", "b"], p, &[i as u8; 12], [2, 2]).unwrap();
        }
        let kept: Vec<f32> = wrong.all().iter().map(|w| w.probability).collect();
        assert_eq!(kept.len(), MAX_WRONG);
        assert_eq!((kept[0], kept[47]), (0.99, 0.52));
        assert!(kept.is_sorted_by(|a, b| a >= b));
    }

    #[test]
    fn a_thumbnail_is_a_small_jpeg_of_the_pixels() {
        let red: Vec<u8> = [200, 10, 10].repeat(320 * 160);
        let uri = thumbnail(&red, 320, 160).unwrap();
        let jpeg = STANDARD.decode(uri.strip_prefix("data:image/jpeg;base64,").unwrap()).unwrap();
        let back = image::load_from_memory(&jpeg).unwrap().to_rgb8();
        assert_eq!(back.dimensions(), (160, 80));
        assert!(back.get_pixel(80, 40).0[0] > 190 && back.get_pixel(80, 40).0[1] < 20);
        assert!(thumbnail(&red, 100, 100).is_err());
    }

    #[test]
    fn paths_are_told_from_the_class_folder_on() {
        assert_eq!(inside("photos/きゅん/trip/a.jpg", "きゅん"), "trip/a.jpg");
        assert_eq!(inside("photos/buses/a.jpg", "bus"), "photos/buses/a.jpg");
    }

    #[test]
    fn names_are_escaped() {
        let mut wrong = WrongImages::default();
        wrong.offer(["photos/a/<b>.jpg", "<i>", "きゅん"], 0.9, &[0; 3], [1, 1]).unwrap();
        let text = section(&wrong, Words::default()).into_string();
        assert!(text.contains("&lt;i&gt;") && !text.contains("<i>") && text.contains("きゅん"));
        assert!(text.contains("photos/a/%3Cb%3E.jpg"));
    }
}
