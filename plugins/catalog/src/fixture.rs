//! Catalogs for tests of those who read them: a few lines instead of tables of their own.

use crate::error::CatalogError;
use crate::open::Writer;
use crate::rows::{File, Image, Sample};
use plugin_api::{Split, Workspace};
use plugin_check::Scores;
use plugin_hash::Hashes;

/// An image of 200 × 150 pixels with good scores, whose hashes are made of its digest: a group and a sample of its own, trained
/// on.
pub fn image(digest: &str) -> Image {
    let hash = |seed: u64| digest.bytes().fold(seed, |hash, byte| hash.wrapping_mul(31).wrapping_add(u64::from(byte)));
    Image {
        digest: digest.to_owned(),
        pixel_digest: None,
        captured_ms: None,
        hashes: Hashes { ahash: hash(1), dhash: hash(2), phash: hash(3), whash: hash(4) },
        source: (200, 150),
        scores: Scores { dark: 0.9, bright: 0.9, blur: 0.9, information: 0.9 },
        group: digest.to_owned(),
        split: Split::Train,
        settled: true,
    }
}

/// A sample as a version gives it: a file, a digest and a group of its own, in train, not settled.
pub fn sample(sample: &str, label: &str) -> Sample {
    Sample {
        sample: sample.to_owned(),
        label: label.to_owned(),
        path: format!("photos/{label}/{sample}.jpg"),
        digest: sample.to_owned(),
        group: sample.to_owned(),
        split: Split::Train,
        given: None,
        captured_ms: None,
        settled: false,
    }
}

/// A file of an image: its class is the second folder, `photos/<class>/a.jpg`; none for `photos/a.jpg`.
pub fn file(path: &str, digest: &str) -> File {
    let parts: Vec<&str> = path.split('/').collect();
    File {
        path: path.to_owned(),
        label: (parts.len() > 2).then(|| parts[1].to_owned()),
        digest: digest.to_owned(),
        modified_ns: 1,
        changed_ns: 1,
        inode: 1,
        size_bytes: 10,
        given: None,
    }
}

/// Adds files with their images to the catalog of a workspace, making it when there is none; one change, one version. Returns
/// the version.
///
/// # Errors
/// As [`Writer::open`].
pub fn add(workspace: &Workspace, files: &[(File, Image)]) -> Result<u64, CatalogError> {
    let mut catalog = Writer::open(workspace)?;
    let mut change = catalog.change()?;
    for (file, image) in files {
        change.add_image(image)?;
        change.place(file)?;
    }
    change.commit()
}

/// The same for files with images of their own, by path and digest.
///
/// # Errors
/// As [`Writer::open`].
pub fn add_plain(workspace: &Workspace, files: &[(&str, &str)]) -> Result<u64, CatalogError> {
    let files: Vec<_> = files.iter().map(|(path, digest)| (file(path, digest), image(digest))).collect();
    add(workspace, &files)
}

/// Takes files away; one change, one version.
///
/// # Errors
/// As [`Writer::open`].
pub fn remove(workspace: &Workspace, paths: &[&str]) -> Result<u64, CatalogError> {
    let mut catalog = Writer::open(workspace)?;
    let mut change = catalog.change()?;
    paths.iter().try_for_each(|path| change.remove(path))?;
    change.commit()
}
