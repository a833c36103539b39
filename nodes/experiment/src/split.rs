//! Parts of the pictures, each group of near-copies wholly in one of them.

use crate::photos::Photo;
use std::collections::BTreeMap;

/// For each picture its part, 0 to `parts - 1`. Each part has about as many of each class; the seed decides which.
pub fn parts(photos: &[Photo], parts: u32, seed: u64) -> Vec<u32> {
    let mut groups = BTreeMap::<u32, Vec<usize>>::new();
    for (place, photo) in photos.iter().enumerate() {
        groups.entry(photo.group).or_default().push(place);
    }
    let mut groups: Vec<Vec<usize>> = groups.into_values().collect();
    // In an order that knows nothing of the pictures: by size, say, one part would have all the large groups.
    groups.sort_by_cached_key(|group| {
        let name = format!("{seed} {}", photos[group[0]].digest);
        blake3::hash(name.as_bytes()).to_hex().to_string()
    });
    let mut filled = BTreeMap::<(u32, u32), usize>::new();
    let mut of = vec![0; photos.len()];
    for group in groups {
        let class = photos[group[0]].class;
        let emptiest = (0..parts).min_by_key(|part| {
            let total: usize = filled.iter().filter(|((p, _), _)| p == part).map(|(_, n)| n).sum();
            (filled.get(&(*part, class)).copied().unwrap_or_default(), total, *part)
        });
        let part = emptiest.unwrap_or_default();
        for place in group {
            of[place] = part;
            *filled.entry((part, photos[place].class)).or_default() += 1;
        }
    }
    of
}

/// The pictures to learn and those to judge: about `test_percent` of them.
pub fn train_and_test(photos: &[Photo], test_percent: u32, seed: u64) -> (Vec<usize>, Vec<usize>) {
    let of = parts(photos, 100 / test_percent.clamp(1, 50), seed);
    (0..photos.len()).partition(|place| of[*place] != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn photos() -> Vec<Photo> {
        let photo = |i: u32| Photo { digest: format!("{i}"), class: i % 3, group: i / 2, squares: Vec::new() };
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
