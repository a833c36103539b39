//! Small JPEGs as `data:` URIs, kept by digest from one report to the next.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use plugin_decode::{DecodedImage, Limits, Scale, decode_scaled};
use rayon::prelude::*;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Longer side, pixels.
const SIDE_PX: u32 = 120;
const QUALITY: u8 = 74;
/// Files decoded between two looks at whether the work is still wanted.
const AT_A_TIME: usize = 8;

/// Thumbnails by digest.
pub struct Thumbnails {
    root: PathBuf,
    limits: Limits,
    made: HashMap<String, String>,
}

impl Thumbnails {
    /// `root`: the workspace.
    pub fn new(root: &Path, limits: Limits) -> Self {
        Self { root: root.to_owned(), limits, made: HashMap::new() }
    }

    /// Makes those of the files given, path and digest, that are not there yet, and forgets all others. False when
    /// `wanted` says no on the way.
    pub fn make(&mut self, files: &[(&str, &str)], wanted: impl Fn() -> bool) -> bool {
        let known = std::mem::take(&mut self.made);
        let mut missing = Vec::new();
        for (path, digest) in files {
            match known.get(*digest) {
                Some(thumbnail) => drop(self.made.insert((*digest).to_owned(), thumbnail.clone())),
                None => missing.push((*path, *digest)),
            }
        }
        missing.sort_unstable_by_key(|(_, digest)| *digest);
        missing.dedup_by_key(|(_, digest)| *digest);
        for some in missing.chunks(AT_A_TIME) {
            if !wanted() {
                return false;
            }
            let thumbnails: Vec<Option<String>> = some.par_iter().map(|(path, _)| self.of_file(path)).collect();
            let named = some.iter().zip(thumbnails).filter_map(|((_, digest), t)| Some(((*digest).to_owned(), t?)));
            self.made.extend(named);
        }
        true
    }

    /// The thumbnail of an image, when there is one.
    pub fn get(&self, digest: &str) -> Option<&str> {
        self.made.get(digest).map(String::as_str)
    }

    /// None when the file has gone or cannot be read: the page then shows a blank.
    fn of_file(&self, path: &str) -> Option<String> {
        let bytes = read(&self.root.join(path), &self.limits)?;
        thumbnail(decode_scaled(&bytes, &self.limits, Scale::default()).ok()?.image)
    }
}

/// A file of the workspace within the limits.
fn read(path: &Path, limits: &Limits) -> Option<Vec<u8>> {
    let length = std::fs::metadata(path).ok()?.len();
    (length <= limits.max_bytes).then(|| std::fs::read(path).ok()).flatten()
}

fn thumbnail(image: DecodedImage) -> Option<String> {
    let jpeg = plugin_thumbnail::small(image, SIDE_PX, QUALITY)?;
    Some(format!("data:image/jpeg;base64,{}", STANDARD.encode(jpeg)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::RgbImage;

    #[test]
    fn thumbnails_are_small_and_missing_files_have_none() {
        let folder = tempfile::tempdir().unwrap();
        let red = RgbImage::from_pixel(400, 200, image::Rgb([200, 10, 10]));
        red.save(folder.path().join("a.png")).unwrap();
        std::fs::write(folder.path().join("b.png"), b"no image").unwrap();
        let mut thumbnails = Thumbnails::new(folder.path(), Limits::default());
        assert!(thumbnails.make(&[("a.png", "d1"), ("b.png", "d2"), ("c.png", "d3")], || true));
        assert!(thumbnails.get("d2").is_none() && thumbnails.get("d3").is_none());
        let uri = thumbnails.get("d1").unwrap();
        let jpeg = STANDARD.decode(uri.strip_prefix("data:image/jpeg;base64,").unwrap()).unwrap();
        assert_eq!(image::load_from_memory(&jpeg).unwrap().to_rgb8().dimensions(), (120, 60));
        std::fs::remove_file(folder.path().join("a.png")).unwrap();
        assert!(thumbnails.make(&[("a.png", "d1")], || true));
        assert!(thumbnails.get("d1").is_some(), "kept from before");
        assert!(!thumbnails.make(&[("a.png", "d9")], || false));
    }
}
