//! Small JPEGs on disk by digest, made once: `<folder>/ab/ab12….jpg`.

use std::fs;
use std::path::{Path, PathBuf};

/// A folder of JPEGs. Everything in it can be made again, so nothing is synced and no failure to write is an error.
#[derive(Clone, Debug)]
pub struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// They lie in `folder`, which is made when it is needed.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The JPEG kept for a digest. One that a power cut left incomplete counts as none.
    pub fn get(&self, digest: &str) -> Option<Vec<u8>> {
        let jpeg = fs::read(self.path(digest)?).ok()?;
        (jpeg.starts_with(&[0xFF, 0xD8]) && jpeg.ends_with(&[0xFF, 0xD9])).then_some(jpeg)
    }

    /// Keeps a JPEG. Says whether it could.
    pub fn put(&self, digest: &str, jpeg: &[u8]) -> bool {
        let Some(path) = self.path(digest) else { return false };
        let part = path.with_extension(format!("{:?}.part", std::thread::current().id()));
        let write = |part: &Path| fs::write(part, jpeg).and_then(|()| fs::rename(part, &path));
        let folder = path.parent().is_some_and(|folder| fs::create_dir_all(folder).is_ok());
        let written = folder && write(&part).is_ok();
        if !written {
            let _ = fs::remove_file(&part);
        }
        written
    }

    /// None for what is no BLAKE3 in hexadecimal digits: no other name ever reaches the disk.
    fn path(&self, digest: &str) -> Option<PathBuf> {
        let is_digest = digest.len() == 64 && digest.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        is_digest.then(|| self.folder.join(&digest[..2]).join(format!("{digest}.jpg")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_kept_is_found_and_half_an_image_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path().join("thumbnails"));
        let digest = "ab".repeat(32);
        assert_eq!(cache.get(&digest), None);
        let jpeg = [0xFF, 0xD8, 1, 2, 0xFF, 0xD9];
        assert!(cache.put(&digest, &jpeg));
        assert_eq!(cache.get(&digest).as_deref(), Some(&jpeg[..]));
        assert_eq!(fs::read_dir(folder.path().join("thumbnails/ab")).unwrap().count(), 1, "no part is left");
        assert!(cache.put(&digest, &jpeg[..4]));
        assert_eq!(cache.get(&digest), None);
    }

    #[test]
    fn only_digests_are_names() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path().to_owned());
        for name in ["", "../../x", &"g".repeat(64), &"AB".repeat(32), &format!("{}/", "a".repeat(63))] {
            assert!(!cache.put(name, b"x") && cache.get(name).is_none(), "{name}");
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
