use super::*;
use crate::device::DeviceChoice;
use arrow::array::{Float32Array, LargeBinaryArray, StringArray, UInt32Array};
use plugin_api::edges::{lists_of_f32, lists_of_u32};

const SIDE: u32 = 8;

fn device() -> Opened {
    let name = crate::device::available().into_iter().rfind(|name| !name.contains("cuda")).unwrap();
    name.parse::<DeviceChoice>().unwrap().open().unwrap()
}

fn cache(room: usize) -> ImageCache {
    ImageCache::new(SIDE, 100, (room * bytes(SIDE)) as u64 + 5, &device())
}

fn pixels(digest: &str) -> Vec<u8> {
    (0..bytes(SIDE)).map(|at| (at as u8).wrapping_mul(31) ^ digest.as_bytes()[0]).collect()
}

/// As they come: those that sort before `held_below` without pixels, all with a decision that mirrors the first.
fn rows(digests: &[&str], held_below: &str) -> Batches {
    let decision = |row: usize| Decision { mirrored: row == 0, ..Decision::NONE }.to_numbers();
    let decisions: Vec<_> = (0..digests.len()).map(decision).collect();
    let side = UInt32Array::from_value(SIDE, digests.len());
    let sent = |digest: &&str| if *digest < held_below { Vec::new() } else { pixels(digest) };
    Batches {
        digest: StringArray::from_iter_values(digests),
        path: StringArray::from_iter_values(digests),
        group: StringArray::from_iter_values(digests),
        targets: lists_of_u32(digests.iter().map(|_| &[1][..])),
        weight: Float32Array::from_value(0.5, digests.len()),
        width: side.clone(),
        height: side,
        pixels: LargeBinaryArray::from_iter_values(digests.iter().map(sent)),
        decisions: lists_of_f32(decisions.iter().map(<[f32; Decision::LENGTH]>::as_slice)),
    }
}

fn expected(digests: &[&str]) -> Vec<f32> {
    let mut all = Vec::new();
    for (row, digest) in digests.iter().enumerate() {
        let mut pixels = pixels(digest);
        let mut image = plugin_augment::Image::new(SIDE, SIDE, &mut pixels).unwrap();
        Decision { mirrored: row == 0, ..Decision::NONE }.apply(&mut image);
        all.extend(pixels.into_iter().map(f32::from));
    }
    all
}

/// The images of a batch are those that were asked for, whatever is held.
fn check(cache: &mut ImageCache, digests: &[&str], held_below: &str) {
    let batch = cache.batch(&rows(digests, held_below), true).unwrap();
    assert_eq!(batch.images.into_data().try_to_vec::<f32>().unwrap(), expected(digests), "{digests:?}");
    assert_eq!((batch.rows.len(), batch.rows.weights[0], &batch.rows.targets[0][..]), (digests.len(), 0.5, &[1][..]));
}

#[test]
fn images_come_once_where_there_is_room() {
    let mut cache = cache(10);
    check(&mut cache, &["c", "a", "e"], "");
    assert_eq!(cache.held_below("train"), "", "the epoch is not over");
    check(&mut cache, &["d", "b", "c"], "");
    cache.complete("train");
    assert_eq!((cache.len(), cache.held_below("train"), cache.held_below("validation")), (5, ALL_HELD, ""));
    for digests in [&["a", "b", "c"][..], &["e"], &["d", "e", "a", "c", "b"]] {
        check(&mut cache, digests, ALL_HELD);
    }
    assert_eq!(cache.bytes(), 10 * 192);
}

#[test]
fn the_first_digests_stay_and_the_others_are_streamed() {
    let mut cache = cache(3);
    check(&mut cache, &["d", "f", "b", "e"], "");
    check(&mut cache, &["a", "g", "c"], "");
    cache.complete("train");
    let held: Vec<&str> = cache.slots.keys().map(String::as_str).collect();
    assert_eq!((held, cache.held_below("train")), (vec!["a", "b", "c"], "d"));
    check(&mut cache, &["f", "a", "c", "d", "b", "g", "e"], "d");
    // Those of another split take room from the others, and what is asked for follows.
    check(&mut cache, &["aa", "z"], "");
    cache.complete("validation");
    assert_eq!((cache.held_below("train"), cache.held_below("validation")), ("c", "c"));
    check(&mut cache, &["g", "c", "a", "d", "b"], "c");
    check(&mut cache, &["z", "aa"], "c");
}

#[test]
fn an_image_that_gives_way_is_read_before() {
    let mut cache = cache(2);
    check(&mut cache, &["b", "x"], "");
    let (held, sent) = (rows(&["x"], ALL_HELD), rows(&["a"], ""));
    let of = |rows: &Batches| (rows.digest.value(0).to_owned(), rows.pixels.value(0).to_owned());
    let both: Vec<_> = [of(&sent), of(&held)].into();
    let sample = |(digest, pixels)| Sample { digest, pixels, decision: Decision::NONE, is_original: true };
    let samples: Vec<_> = both.iter().map(|(digest, pixels)| sample((&digest[..], &pixels[..]))).collect();
    let images = cache.images(&samples).unwrap().into_data().try_to_vec::<f32>().unwrap();
    let expected: Vec<f32> = ["a", "x"].iter().flat_map(|digest| pixels(digest)).map(f32::from).collect();
    assert_eq!((images, cache.holds("x"), cache.holds("a")), (expected, false, true));
}

#[test]
fn without_room_everything_is_streamed() {
    let mut cache = cache(0);
    for _ in 0..2 {
        check(&mut cache, &["b", "a"], "");
        cache.complete("train");
        assert_eq!((cache.len(), cache.held_below("train")), (0, "a"));
    }
}

#[test]
fn augmented_images_are_used_and_never_kept() {
    let mut cache = cache(9);
    let plain =
        |digests: &[&str]| Batches { decisions: lists_of_f32(digests.iter().map(|_| &[][..])), ..rows(digests, "") };
    let batch = cache.batch(&plain(&["a", "b"]), true).unwrap();
    let as_sent: Vec<f32> = ["a", "b"].iter().flat_map(|digest| pixels(digest)).map(f32::from).collect();
    assert_eq!(batch.images.into_data().try_to_vec::<f32>().unwrap(), as_sent);
    cache.complete("train");
    assert_eq!(
        (cache.len(), cache.held_below("train")),
        (0, ""),
        "whoever sends them does not know what was asked for"
    );
    // Those of other splits are never augmented.
    let mut cache = self::cache(9);
    cache.batch(&plain(&["a", "b"]), false).unwrap();
    cache.complete("validation");
    assert_eq!((cache.len(), cache.held_below("validation")), (2, ALL_HELD));
}

#[test]
fn what_is_not_here_or_wrong_is_refused_by_name() {
    let mut cache = cache(9);
    let error = |cache: &mut ImageCache, rows: Batches| cache.batch(&rows, true).unwrap_err().to_string();
    assert!(error(&mut cache, rows(&["abc"], ALL_HELD)).contains("abc"));
    assert!(matches!(cache.batch(&rows(&[], ""), true), Err(ModelError::EmptyBatch)));
    let short = Batches { pixels: LargeBinaryArray::from_iter_values([[7; 11]]), ..rows(&["abc"], "") };
    assert!(error(&mut cache, short).contains("11 bytes"));
    let wide = Batches { width: UInt32Array::from_value(9, 1), ..rows(&["abc"], "") };
    assert!(error(&mut cache, wide).contains("9 × 8"));
    let nonsense = Batches { decisions: lists_of_f32([&[1.0][..]]), ..rows(&["abc"], "") };
    assert!(error(&mut cache, nonsense).contains("abc"));
}

#[cfg(feature = "libtorch")]
#[test]
fn images_are_kept_in_place() {
    let mut cache = cache(50);
    let address = |cache: &ImageCache| {
        crate::native::bridge::to_torch_int(cache.pixels.clone().unwrap()).unwrap().data_ptr() as usize
    };
    let first = address(&cache);
    check(&mut cache, &["a", "b"], "");
    check(&mut cache, &["c", "a"], "");
    check(&mut cache, &["c", "a"], ALL_HELD);
    assert_eq!(address(&cache), first, "the whole cache was copied");
}
