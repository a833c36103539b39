//! The hashes of real images, decoded at full size, held against imagehash's, which `tests/peers/imagehash_vectors.py`
//! wrote.

#![cfg(test)]

use plugin_decode::Limits;
use std::path::Path;

/// Hashes as the table has them: ahash, dhash, phash, whash.
fn four(row: &csv::StringRecord, from: usize) -> [u64; 4] {
    [0, 1, 2, 3].map(|i| u64::from_str_radix(&row[from + i], 16).unwrap())
}

#[test]
fn real_images_have_the_hashes_that_imagehash_gives_them() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut table = csv::Reader::from_path(folder.join("tests/imagehash.csv")).unwrap();
    assert_eq!(
        table.headers().unwrap().iter().collect::<Vec<_>>().join(" "),
        "path width height ahash dhash phash whash pillow_ahash pillow_dhash pillow_phash pillow_whash apart differing"
    );
    let (mut compared, mut end_to_end) = (0, [0; 4]);
    for row in table.records() {
        let row = row.unwrap();
        let bytes = std::fs::read(folder.join("../../tests/fixtures/openclipart8").join(&row[0])).unwrap();
        let found = plugin_hash::exact(&bytes, &Limits::default()).unwrap();
        assert_eq!((found.width.to_string(), found.height.to_string()), (row[1].to_owned(), row[2].to_owned()));
        let hashes = [found.hashes.ahash, found.hashes.dhash, found.hashes.phash, found.hashes.whash];
        // From the same pixels: every bit.
        assert_eq!(hashes, four(&row, 3), "{}", &row[0]);
        // From the pixels that another decoder reads: a bit that hangs on a grey level may turn.
        for ((of, ours), theirs) in end_to_end.iter_mut().zip(hashes).zip(four(&row, 7)) {
            *of += usize::from(ours == theirs);
        }
        compared += 1;
    }
    eprintln!("{compared} images; from Pillow's own pixels, hashes are equal bit for bit in {end_to_end:?}");
    assert!(compared >= 500, "{compared}");
    assert!(end_to_end.iter().all(|&of| of * 100 >= compared * LEAST_PERCENT), "{end_to_end:?}");
}

/// Of images that have every bit of a hash from Pillow's pixels too.
const LEAST_PERCENT: usize = 85;
