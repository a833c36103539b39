//! What the catalog says is labelled, read without changing it, while the pipeline may be running.

use crate::error::ExchangeError;
use plugin_api::Workspace;
use plugin_catalog::{Reader, Sample};
use std::path::Path;

/// A labelled image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labelled {
    /// BLAKE3 of the file, in hexadecimal digits.
    pub digest: String,
    /// Its class.
    pub label: String,
    /// A file that holds it, relative to the workspace.
    pub path: String,
    /// `train`, `validation` or `test`.
    pub split: String,
}

/// What is to be exported.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Ordered by class and path.
    pub images: Vec<Labelled>,
    /// Images left out because their very pixels stand in several classes.
    pub in_several_classes: usize,
}

/// Reads the labelled images of the catalog in `dataset/` of a workspace.
///
/// # Errors
/// [`ExchangeError::NoCatalog`] when there is none, [`ExchangeError::Catalog`] when it cannot be read.
pub fn read(workspace: &Path) -> Result<Selection, ExchangeError> {
    let workspace = Workspace::existing(workspace)?;
    let Some(catalog) = Reader::open(&workspace)? else {
        return Err(ExchangeError::NoCatalog(plugin_catalog::path(&workspace)));
    };
    Ok(select(catalog.live_samples()?))
}

/// Leaves out every image whose pixels stand in several classes, as training does.
fn select(live: Vec<Sample>) -> Selection {
    let live: Vec<Sample> = live.into_iter().filter(|row| row.path.starts_with("photos/")).collect();
    let mut selection = Selection::default();
    for rows in live.chunk_by(|a, b| a.sample == b.sample) {
        match rows {
            [row] => selection.images.push(Labelled {
                digest: row.digest.clone(),
                label: row.label.clone(),
                path: row.path.clone(),
                split: row.split.name().to_owned(),
            }),
            _ => selection.in_several_classes += 1,
        }
    }
    selection.images.sort_by(|a, b| a.label.cmp(&b.label).then_with(|| a.path.cmp(&b.path)));
    selection
}

#[cfg(test)]
mod tests {
    use super::*;
    use plugin_catalog::{Image, fixture};

    #[test]
    fn a_missing_catalog_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = read(folder.path()).unwrap_err().to_string();
        assert!(error.contains("dataset/catalog.sqlite is not there"), "{error}");
    }

    #[test]
    fn what_is_no_catalog_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::create(folder.path()).unwrap();
        std::fs::write(plugin_catalog::path(&workspace), "no database, only text").unwrap();
        let error = read(folder.path()).unwrap_err().to_string();
        assert!(error.contains("catalog.sqlite: ") && error.contains("not a database"), "{error}");
    }

    #[test]
    fn same_pixels_in_several_classes_are_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::create(folder.path()).unwrap();
        let group = |digest: &str| Image { group: "one group".to_owned(), ..fixture::image(digest) };
        let files = [("photos/cat/a", "a"), ("photos/cat/b", "b"), ("photos/dog/b", "b"), ("photos/dog/c", "c")];
        let files = files.map(|(path, digest)| (fixture::file(path, digest), group(digest)));
        fixture::add(&workspace, &files).unwrap();
        let selection = read(folder.path()).unwrap();
        let paths: Vec<&str> = selection.images.iter().map(|image| image.path.as_str()).collect();
        assert_eq!(paths, ["photos/cat/a", "photos/dog/c"], "near-copies are exported");
        assert_eq!(selection.in_several_classes, 1);
    }
}
