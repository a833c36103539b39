//! Parts of the images: folds by group of near-copies, stratified by class.

use crate::photos::Photo;
use plugin_splits::{Image, folds};

/// For each image its part, 0 to `parts - 1`. Each part has about as many of each class; the seed decides which.
pub fn parts(photos: &[Photo], parts: u32, seed: u64) -> Vec<u32> {
    let groups: Vec<String> = photos.iter().map(|photo| photo.group.to_string()).collect();
    let classes: Vec<[u32; 1]> = photos.iter().map(|photo| [photo.class]).collect();
    let images: Vec<Image> = photos
        .iter()
        .zip(&groups)
        .zip(&classes)
        .map(|((photo, group), classes)| Image {
            key: &photo.digest,
            classes,
            group,
            captured_ms: None,
            path: &photo.path,
            given: None,
            settled: None,
        })
        .collect();
    folds(&images, parts, seed).of
}

/// The images to learn and those to evaluate on: about `test_percent` of them.
pub fn train_and_test(photos: &[Photo], test_percent: u32, seed: u64) -> (Vec<usize>, Vec<usize>) {
    let of = parts(photos, 100 / test_percent.clamp(1, 50), seed);
    (0..photos.len()).partition(|place| of[*place] != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn photos() -> Vec<Photo> {
        let photo = |i: u32| Photo {
            digest: format!("{i}"),
            path: format!("{i}.jpg"),
            class: i % 3,
            group: i / 2,
            squares: Vec::new(),
        };
        (0..300).map(photo).collect()
    }

    #[test]
    fn groups_stay_together_and_classes_are_even() {
        let photos = photos();
        let of = parts(&photos, 5, 1);
        assert!((0..300).step_by(2).all(|i| of[i] == of[i + 1]));
        for part in 0..5 {
            for class in 0..3 {
                let count = photos.iter().zip(&of).filter(|(p, o)| p.class == class && **o == part).count();
                assert!((14..=26).contains(&count), "{count} of class {class} in part {part}");
            }
        }
        assert_eq!(of, parts(&photos, 5, 1));
        assert_ne!(of, parts(&photos, 5, 2));
    }

    #[test]
    fn the_test_set_has_its_share() {
        let (train, test) = train_and_test(&photos(), 20, 3);
        assert_eq!(train.len() + test.len(), 300);
        assert!((50..=70).contains(&test.len()), "{}", test.len());
    }
}
