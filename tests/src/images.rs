//! Real images to drop into class folders: the ones the demo uses.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The committed images: class and file, sorted.
pub fn demo() -> Vec<(String, PathBuf)> {
    of(&crate::checkout().join("tests/fixtures/openclipart8"))
}

/// Images below a folder of class folders, sorted.
pub fn of(folder: &Path) -> Vec<(String, PathBuf)> {
    let mut found = Vec::new();
    for class in std::fs::read_dir(folder).into_iter().flatten().flatten().filter(|e| e.path().is_dir()) {
        for file in std::fs::read_dir(class.path()).into_iter().flatten().flatten() {
            found.push((class.file_name().to_string_lossy().into_owned(), file.path()));
        }
    }
    found.sort();
    found
}

/// The first `each` images of every class.
pub fn first_of_each(images: Vec<(String, PathBuf)>, each: usize) -> Vec<(String, PathBuf)> {
    let mut taken = BTreeMap::<String, usize>::new();
    let mut keep = |class: &str| {
        let n = taken.entry(class.to_owned()).or_default();
        *n += 1;
        *n <= each
    };
    images.into_iter().filter(|(class, _)| keep(class)).collect()
}

/// The bytes of a PNG of one colour, 24 × 20 px. Some of its pixels are black and white by `number`, so that no two are equal.
pub fn coloured(colour: [u8; 3], number: u32) -> Vec<u8> {
    let mut image = image::RgbImage::from_pixel(24, 20, image::Rgb(colour));
    for bit in 0..16 {
        let tone = if number >> bit & 1 == 1 { 255 } else { 0 };
        image.put_pixel(bit, 0, image::Rgb([tone; 3]));
    }
    let mut bytes = std::io::Cursor::new(Vec::new());
    let _ = image.write_to(&mut bytes, image::ImageFormat::Png);
    bytes.into_inner()
}

/// Copies an image into a class folder of a workspace and returns its path as the catalog names it.
///
/// # Errors
/// Any error of the file system.
pub fn drop_into(photos: &Path, class: &str, file: &Path) -> std::io::Result<String> {
    let name = file.file_name().unwrap_or_default();
    let folder = photos.join(class);
    std::fs::create_dir_all(&folder)?;
    std::fs::copy(file, folder.join(name))?;
    Ok(format!("photos/{class}/{}", name.to_string_lossy()))
}
