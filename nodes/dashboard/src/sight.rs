//! Images for the eye: always decoded and encoded anew, never the file itself.

use crate::look::Album;
use crate::safe;
use plugin_api::Home;
use plugin_decode::{DecodedImage, Limits, Scale, decode_scaled};
use plugin_thumbnail::{Cache, small};
use std::io;

/// Longer side of a thumbnail, pixels.
const THUMBNAIL_PX: u32 = 200;
/// Longer side of an image that is looked at by itself.
const LARGE_PX: u32 = 1024;
const QUALITY: u8 = 78;

/// How large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// As a thumbnail, kept on disk.
    Thumbnail,
    /// To look at.
    Large,
}

/// Makes images for the eye.
pub struct Sight {
    home: Home,
    limits: Limits,
    cache: Cache,
}

impl Sight {
    /// Thumbnails are kept in `dataset/thumbnails/` of the workspace; the folder may be deleted at any time.
    pub fn new(home: Home, limits: Limits) -> Self {
        let cache = Cache::new(home.dataset().join("thumbnails"));
        Self { home, limits, cache }
    }

    /// The bytes of an image's file, if one still holds them: what has changed since is another image.
    ///
    /// # Errors
    /// Not found, or too large.
    pub fn bytes(&self, album: &Album, digest: &str) -> io::Result<Vec<u8>> {
        let gone = || io::Error::new(io::ErrorKind::NotFound, "there is no such image");
        let mut files = album.find(digest).into_iter().chain(album.files(digest));
        let read = |path: &str| safe::read(self.home.root(), path, self.limits.max_bytes);
        let is_it = |bytes: &Vec<u8>| blake3::hash(bytes).to_hex().as_str() == digest;
        files.find_map(|item| read(&item.path).ok().filter(is_it)).ok_or_else(gone)
    }

    /// The bytes of a file the page may show.
    ///
    /// # Errors
    /// As [`safe::read`].
    pub fn file(&self, path: &str) -> io::Result<Vec<u8>> {
        safe::read(self.home.root(), path, self.limits.max_bytes)
    }

    /// An image of the album as a JPEG.
    ///
    /// # Errors
    /// Not found, too large, or no image.
    pub fn of_digest(&self, album: &Album, digest: &str, size: Size) -> io::Result<Vec<u8>> {
        if let Some(jpeg) = self.cache.get(digest).filter(|_| size == Size::Thumbnail) {
            return Ok(jpeg);
        }
        self.encode(&self.bytes(album, digest)?, digest, size)
    }

    /// The file of a path as a JPEG.
    ///
    /// # Errors
    /// Not found, too large, or no image.
    pub fn of_path(&self, path: &str, size: Size) -> io::Result<Vec<u8>> {
        let bytes = self.file(path)?;
        let digest = blake3::hash(&bytes).to_hex().to_string();
        if let Some(jpeg) = self.cache.get(&digest).filter(|_| size == Size::Thumbnail) {
            return Ok(jpeg);
        }
        self.encode(&bytes, &digest, size)
    }

    /// The bytes of an image as a JPEG to look at; nothing is kept.
    ///
    /// # Errors
    /// When it is no image, or costs too much.
    pub fn of_bytes(&self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        self.encode(bytes, "", Size::Large)
    }

    /// Decodes within the limits, at a scale.
    ///
    /// # Errors
    /// When it is no image, or costs too much.
    pub fn image(&self, bytes: &[u8], scale: Scale) -> io::Result<DecodedImage> {
        let raster = decode_scaled(bytes, &self.limits, scale);
        raster.map(|raster| raster.image).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))
    }

    fn encode(&self, bytes: &[u8], digest: &str, size: Size) -> io::Result<Vec<u8>> {
        let (side_px, scale) = match size {
            Size::Thumbnail => (THUMBNAIL_PX, Scale::default()),
            // Not smaller than what is shown, whatever the image's shape.
            Size::Large => (LARGE_PX, Scale { min_side: LARGE_PX, max_pixels: u32::MAX }),
        };
        let none = || io::Error::new(io::ErrorKind::InvalidData, "it has no pixels");
        let jpeg = small(self.image(bytes, scale)?, side_px, QUALITY).ok_or_else(none)?;
        if size == Size::Thumbnail {
            self.cache.put(digest, &jpeg);
        }
        Ok(jpeg)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::look::Notes;
    use crate::look::tests::{add, catalog, reader};

    #[test]
    fn thumbnails_are_made_once_and_only_of_what_the_digest_names() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::create(folder.path()).unwrap();
        let db = catalog(&home);
        std::fs::create_dir(home.photos().join("cat")).unwrap();
        let path = home.photos().join("cat/a.png");
        image::RgbImage::from_pixel(800, 400, image::Rgb([200, 10, 10])).save(&path).unwrap();
        let digest = blake3::hash(&std::fs::read(&path).unwrap()).to_hex().to_string();
        add(&db, "photos/cat/a.png", &digest, "g", "train", 1);
        let album = Album::read(&reader(&db), Notes::default(), None).unwrap();
        let sight = Sight::new(home, Limits::default());
        let side = |jpeg: &[u8]| image::load_from_memory(jpeg).unwrap().to_rgb8().dimensions();
        assert_eq!(side(&sight.of_digest(&album, &digest, Size::Large).unwrap()), (800, 400));
        let small = sight.of_digest(&album, &digest, Size::Thumbnail).unwrap();
        assert_eq!((side(&small), &small[..2]), ((200, 100), &[0xFF, 0xD8][..]));
        // From the cache, though the file is another by now; a new look at the file itself is refused.
        std::fs::write(&path, b"another file").unwrap();
        assert_eq!(sight.of_digest(&album, &digest, Size::Thumbnail).unwrap(), small);
        assert_eq!(sight.of_digest(&album, &digest, Size::Large).unwrap_err().kind(), io::ErrorKind::NotFound);
        let error = sight.of_path("photos/cat/a.png", Size::Thumbnail).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{error}");
        assert!(sight.of_path("dataset/catalog.sqlite", Size::Large).is_err());
    }
}
