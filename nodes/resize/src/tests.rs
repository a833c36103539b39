//! The stage on rasters.

use super::*;
use arrow::array::{ArrayRef, Float32Array, Int64Array, StringArray, UInt64Array};
use clap::Parser;
use std::sync::Arc;

/// Rasters of `width × height` pixels, red above left, else blue.
fn batch(sizes: &[(u32, u32)]) -> HashedImages {
    let raster = |&(width, height): &(u32, u32)| -> Vec<u8> {
        let pixel =
            |at: u32| if at % width < width / 2 && at / width < height / 2 { [220, 30, 40] } else { [20, 30, 240] };
        (0..width * height).flat_map(pixel).collect()
    };
    let rows = sizes.len();
    let counted = |from: u64| UInt64Array::from_iter_values((0..rows as u64).map(|row| row + from));
    let text = |from: &str| StringArray::from_iter_values((0..rows).map(|row| format!("{from}{row}")));
    let score = |from: f32| Float32Array::from_iter_values((0..rows).map(|row| row as f32 + from));
    HashedImages {
        path: text("photos/cats/"),
        label: (0..rows).map(|row| (row > 0).then_some("cats")).collect(),
        split: (0..rows).map(|_| None::<&str>).collect(),
        modified_ns: Int64Array::from_iter_values((0..rows as i64).map(|row| row + 1)),
        changed_ns: Int64Array::from_iter_values((0..rows as i64).map(|row| row + 2)),
        inode: counted(7),
        size_bytes: counted(1000),
        digest: text("digest"),
        pixel_digest: text("pixels"),
        captured_ms: Int64Array::from_iter_values((0..rows as i64).map(|row| row + 3)),
        source_width: UInt32Array::from_value(4000, rows),
        source_height: UInt32Array::from_value(3000, rows),
        ahash: counted(100),
        dhash: counted(200),
        phash: counted(300),
        whash: counted(400),
        signature: LargeBinaryArray::from_iter_values((0..rows).map(|row| [row as u8])),
        dark: score(0.1),
        bright: score(0.2),
        blur: score(0.3),
        information: score(0.4),
        width: UInt32Array::from_iter_values(sizes.iter().map(|size| size.0)),
        height: UInt32Array::from_iter_values(sizes.iter().map(|size| size.1)),
        raster: LargeBinaryArray::from_iter_values(sizes.iter().map(raster)),
    }
}

fn process(args: &[&str], batch: HashedImages) -> Answer<Pixels> {
    let config = Config::parse_from([&["resize"], args].concat());
    ResizeStage { resize: config.resize }.process(&Header::new("s", 0), batch)
}

#[test]
fn rows_keep_their_columns_and_order() {
    let input = batch(&[(48, 32), (5, 300), (64, 64)]);
    let Answer { out, rejects } = process(&["--size", "32"], input.clone());
    assert_eq!((out.rows(), rejects.len()), (3, 0));
    assert_eq!((&out.path, &out.label, &out.digest), (&input.path, &input.label, &input.digest));
    assert_eq!((&out.pixel_digest, &out.captured_ms), (&input.pixel_digest, &input.captured_ms));
    assert_eq!(
        (&out.ahash, &out.dhash, &out.phash, &out.whash),
        (&input.ahash, &input.dhash, &input.phash, &input.whash)
    );
    assert_eq!((&out.dark, &out.bright, &out.blur), (&input.dark, &input.bright, &input.blur));
    assert_eq!((&out.information, &out.signature), (&input.information, &input.signature));
    assert_eq!((out.source_width.value(2), out.source_height.value(2)), (4000, 3000));
    assert_eq!((out.width.value(0), out.height.value(0), out.channels.value(0)), (32, 32, 3));
    assert!((0..3).all(|row| out.pixels.value(row).len() == 32 * 32 * 3));
}

#[test]
fn a_raster_of_another_length_is_refused_alone() {
    let mut input = batch(&[(48, 32), (8, 8)]);
    input.height = vec![33, 8].into();
    let answer = process(&[], input);
    assert_eq!((answer.out.rows(), answer.rejects[0].reason.name()), (1, "not_resized"));
}

#[test]
fn the_mode_decides_what_is_in_the_corner() {
    // 48 × 32: red above left.
    let corner = |mode: &str| {
        let out = process(&["--size", "24", "--mode", mode], batch(&[(48, 32)])).out;
        <[u8; 3]>::try_from(&out.pixels.value(0)[..3]).unwrap()
    };
    assert_eq!((corner("stretch"), corner("crop"), corner("pad")), ([220, 30, 40], [220, 30, 40], [255, 255, 255]));
}

#[test]
fn an_empty_message_is_answered_with_an_empty_message() {
    let answer = process(&[], batch(&[]));
    assert_eq!(answer.rejects.len(), 0);
    let array: ArrayRef = Arc::new(answer.out.into_array());
    assert_eq!(Pixels::from_array(&array).unwrap().rows(), 0);
}

#[test]
fn options_are_checked() {
    for (args, says) in
        [(["--size", "8"], "16..=512"), (["--mode", "zoom"], "stretch, crop, pad"), (["--max-pixels", "0"], "1..=")]
    {
        let error = Config::try_parse_from([&["resize"], &args[..]].concat()).unwrap_err().to_string();
        assert!(error.contains(says) && error.contains(args[0]) && error.contains(args[1]), "{error}");
    }
}
