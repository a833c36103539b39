//! Images in class folders, at the sizes that are wanted.

use crate::error::ExperimentError;
use plugin_api::ResizeMode;
use plugin_api::names::natural_order;
use plugin_decode::{Limits, Scale, decode_scaled};
use plugin_hash::{NearCopies, Radii, SIDE, Views, digest};
use plugin_resize::resize;
use plugin_search::Union;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// One image.
#[derive(Clone, Debug)]
pub struct Photo {
    /// BLAKE3 of the file.
    pub digest: String,
    /// One file that holds it.
    pub path: String,
    /// Index of its class.
    pub class: u32,
    /// Near-copies have the same number.
    pub group: u32,
    /// `size_px × size_px × 3` bytes, by the place of the size in what was asked for.
    pub squares: Vec<Vec<u8>>,
}

/// The images of a folder.
#[derive(Clone, Debug, Default)]
pub struct Photos {
    /// Names, sorted.
    pub classes: Vec<String>,
    /// One for each content, by digest.
    pub photos: Vec<Photo>,
    /// Files that hold what another of the same class holds.
    pub duplicates: usize,
    /// Images that stand in several classes; left out.
    pub conflicts: usize,
    /// Files that could not be read, and why; left out.
    pub broken: Vec<(PathBuf, String)>,
}

/// A file that was read.
struct Seen {
    digest: String,
    path: String,
    class: u32,
    views: Views,
    squares: Vec<Vec<u8>>,
}

impl Photos {
    /// Reads `folder/<class>/**`. Hidden files and files that are no images by their name's ending are left alone.
    ///
    /// # Errors
    /// [`ExperimentError::Photos`] when there are fewer than two classes with images.
    pub fn read(folder: &Path, sizes: &[u32], mode: ResizeMode, limits: &Limits) -> Result<Self, ExperimentError> {
        let mut files = BTreeMap::<String, Vec<PathBuf>>::new();
        for class in entries(folder)? {
            if class.is_dir() {
                let name = class.file_name().unwrap_or_default().to_string_lossy().into_owned();
                below(&class, files.entry(name).or_default())?;
            }
        }
        let mut files: Vec<(String, Vec<PathBuf>)> = files.into_iter().filter(|(_, files)| !files.is_empty()).collect();
        files.sort_by(|(a, _), (b, _)| natural_order(a, b));
        let classes: Vec<String> = files.iter().map(|(name, _)| name.clone()).collect();
        if classes.len() < 2 {
            let problem = format!("{} folders with images; two classes or more are needed", classes.len());
            return Err(ExperimentError::Photos { folder: folder.display().to_string(), problem });
        }
        let all: Vec<(u32, PathBuf)> = (0..)
            .zip(files.into_iter().map(|(_, files)| files))
            .flat_map(|(class, files)| files.into_iter().map(move |f| (class, f)))
            .collect();
        let seen: Vec<_> = all
            .into_par_iter()
            .map(|(class, file)| see(class, &file, sizes, mode, limits).map_err(|problem| (file, problem)))
            .collect();
        let mut found = Self { classes, ..Self::default() };
        let mut by_digest = BTreeMap::<String, Vec<Seen>>::new();
        for one in seen {
            match one {
                Ok(one) => by_digest.entry(one.digest.clone()).or_default().push(one),
                Err(broken) => found.broken.push(broken),
            }
        }
        let mut views = Vec::new();
        for mut same in by_digest.into_values() {
            if same.iter().any(|one| one.class != same[0].class) {
                found.conflicts += 1;
                continue;
            }
            found.duplicates += same.len() - 1;
            let Seen { digest, path, class, views: mine, squares } = same.swap_remove(0);
            found.photos.push(Photo { digest, path, class, group: 0, squares });
            views.push(mine);
        }
        for (photo, group) in found.photos.iter_mut().zip(groups(&views)) {
            photo.group = group;
        }
        Ok(found)
    }

    /// What was read, in a line.
    pub fn summary(&self) -> String {
        let groups = self.photos.iter().map(|p| p.group).collect::<std::collections::BTreeSet<_>>().len();
        let mut text =
            format!("{} images of {} classes in {groups} groups of near-copies", self.photos.len(), self.classes.len());
        for (count, what) in [
            (self.duplicates, "exact duplicates"),
            (self.conflicts, "images of several classes"),
            (self.broken.len(), "broken files"),
        ] {
            if count > 0 {
                text = format!("{text}; {count} {what} left out");
            }
        }
        text
    }
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, ExperimentError> {
    let named = |error| plugin_api::files::with_path(folder, &error);
    let found = fs::read_dir(folder).map_err(named)?.collect::<Result<Vec<_>, _>>().map_err(named)?;
    let mut paths: Vec<PathBuf> =
        found.iter().filter(|e| !e.file_name().to_string_lossy().starts_with('.')).map(fs::DirEntry::path).collect();
    paths.sort();
    Ok(paths)
}

const ENDINGS: [&str; 8] = ["jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff"];

fn below(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), ExperimentError> {
    for path in entries(folder)? {
        let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        if path.is_dir() {
            below(&path, files)?;
        } else if ENDINGS.contains(&&ending[..]) {
            files.push(path);
        }
    }
    Ok(())
}

/// As the graph decodes for the largest of the sizes.
fn scale_for(sizes: &[u32]) -> Scale {
    sizes.iter().max().map_or_else(Scale::default, |size_px| Scale::for_square(*size_px))
}

fn see(class: u32, file: &Path, sizes: &[u32], mode: ResizeMode, limits: &Limits) -> Result<Seen, String> {
    let bytes = fs::read(file).map_err(|e| e.to_string())?;
    let image = decode_scaled(&bytes, limits, scale_for(sizes)).map_err(|e| e.to_string())?.image;
    let square = |size_px, mode: ResizeMode| {
        resize(image.width, image.height, &image.pixels, size_px, mode).map_err(|e| e.to_string())
    };
    let views = Views::of(&square(SIDE as u32, ResizeMode::Stretch)?).ok_or("it has no views")?;
    let squares = sizes.iter().map(|size_px| square(*size_px, mode)).collect::<Result<_, _>>()?;
    Ok(Seen { digest: digest(&bytes), path: file.display().to_string(), class, views, squares })
}

/// A number for each, the same for near-copies and what hangs together by them.
fn groups(views: &[Views]) -> Vec<u32> {
    let mut near = NearCopies::new(Radii::USUAL);
    let mut union = Union::new(views.len());
    for (place, views) in (0..).zip(views) {
        for other in near.find_groups(views, |id| Some(union.find(id))) {
            union.join(place, other);
        }
        near.insert(views);
    }
    (0..views.len() as u32).map(|place| union.find(place)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_classes_and_unusable_files_are_counted() {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/openclipart8");
        let folder = tempfile::tempdir().unwrap();
        let mut classes = entries(&source).unwrap();
        classes.retain(|class| class.is_dir());
        for (name, from) in ["a", "b"].iter().zip(&classes) {
            let mut files = Vec::new();
            below(from, &mut files).unwrap();
            let to = folder.path().join(name);
            fs::create_dir_all(to.join("deeper")).unwrap();
            for (place, file) in files.iter().take(4).enumerate() {
                let ending = file.extension().unwrap().to_string_lossy();
                fs::copy(file, to.join("deeper").join(format!("{place}.{ending}"))).unwrap();
            }
            fs::copy(&files[0], to.join(format!("again.{}", files[0].extension().unwrap().to_string_lossy()))).unwrap();
            fs::copy(&files[5], folder.path().join(format!("{name}/same.jpg"))).unwrap();
        }
        fs::copy(folder.path().join("a/same.jpg"), folder.path().join("b/same.jpg")).unwrap();
        fs::write(folder.path().join("a/broken.jpg"), b"no").unwrap();
        fs::write(folder.path().join("a/note.txt"), b"no").unwrap();
        let photos = Photos::read(folder.path(), &[16, 32], ResizeMode::Stretch, &Limits::default()).unwrap();
        assert_eq!(photos.classes, ["a", "b"]);
        assert_eq!((photos.photos.len(), photos.duplicates, photos.conflicts), (8, 2, 1));
        assert_eq!(photos.broken.len(), 1);
        assert!(photos.broken[0].0.ends_with("broken.jpg"));
        assert!(photos.photos.iter().all(|p| p.squares[0].len() == 16 * 16 * 3 && p.squares[1].len() == 32 * 32 * 3));
        assert!(photos.summary().contains("1 images of several classes left out"), "{}", photos.summary());
    }

    #[test]
    fn one_class_is_too_few() {
        let folder = tempfile::tempdir().unwrap();
        let error =
            Photos::read(folder.path(), &[16], ResizeMode::Stretch, &Limits::default()).unwrap_err().to_string();
        assert!(error.contains("0 folders with images"), "{error}");
    }
}
