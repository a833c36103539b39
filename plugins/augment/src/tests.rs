//! What holds for the pipeline and for every augmentation.

use super::*;
use clap::Parser;
use proptest::prelude::*;

use std::collections::BTreeSet;

#[derive(Debug, Parser)]
struct Config {
    #[command(flatten)]
    augment: AugmentOptions,
}

fn defaults() -> AugmentOptions {
    Config::parse_from(["x"]).augment
}

fn strong() -> AugmentOptions {
    AugmentOptions { rotation_degrees: 20.0, erase_probability: 0.5, ..defaults() }
}

fn image(side: u32) -> Vec<u8> {
    (0..side * side * 3).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

fn changed(options: &AugmentOptions, seed: u64, epoch: u64, digest: &str) -> Vec<u8> {
    let mut pixels = image(32);
    Pipeline::new(options, &Withheld::none()).apply(Key { seed, epoch, digest }, 32, 32, &mut pixels).unwrap();
    pixels
}

#[test]
fn names_are_unique_and_options_switch_on_and_off() {
    let names: BTreeSet<&str> = REGISTRY.iter().map(|e| e.name).collect();
    assert_eq!(names.len(), REGISTRY.len());
    assert!(REGISTRY.iter().all(|e| !e.about.is_empty()));
    assert_eq!(Pipeline::new(&AugmentOptions::NONE, &Withheld::none()).names(), Vec::<&str>::new());
    assert_eq!(Pipeline::new(&defaults(), &Withheld::none()).names(), ["crop", "flip", "colour"]);
    assert_eq!(Pipeline::new(&strong(), &Withheld::none()).names(), ["rotate", "crop", "flip", "colour", "erase"]);
    assert_eq!(changed(&AugmentOptions::NONE, 1, 2, "a"), image(32));
}

#[test]
fn withheld_ones_are_left_out_unless_they_are_on() {
    let names = |options: &AugmentOptions, withheld: &str| Pipeline::new(options, &withheld.parse().unwrap()).names();
    assert_eq!(names(&strong(), "flip,colour"), ["rotate", "crop", "erase"]);
    assert_eq!(names(&strong(), "all"), Vec::<&str>::new());
    let on = AugmentOptions { flip: Policy::On, jitter: Policy::Off, ..strong() };
    assert_eq!(names(&on, "flip,rotate"), ["crop", "flip", "erase"]);
    assert_eq!(names(&on, "all"), Vec::<&str>::new());
    assert_eq!((strong().undecided(), on.undecided()), (vec!["rotate", "flip", "colour"], vec!["rotate"]));
    assert_eq!(AugmentOptions::NONE.undecided(), Vec::<&str>::new());
}

#[test]
fn seed_epoch_and_digest_all_matter() {
    let all: BTreeSet<Vec<u8>> = [(1, 1, "a"), (2, 1, "a"), (1, 2, "a"), (1, 1, "b")]
        .into_iter()
        .map(|(seed, epoch, digest)| changed(&defaults(), seed, epoch, digest))
        .collect();
    assert_eq!(all.len(), 4);
}

#[test]
fn neither_order_nor_company_matters() {
    let pipeline = Pipeline::new(&strong(), &Withheld::none());
    let digests: Vec<String> = (0..40).map(|i| format!("{i:064x}")).collect();
    let batch = |order: &[usize]| -> Vec<(usize, Vec<u8>)> {
        let mut all: Vec<(usize, Vec<u8>)> = order
            .iter()
            .map(|&i| {
                let mut pixels = image(32);
                let key = Key { seed: 3, epoch: 5, digest: &digests[i] };
                pipeline.apply(key, 32, 32, &mut pixels).unwrap();
                (i, pixels)
            })
            .collect();
        all.sort();
        all
    };
    let forward: Vec<usize> = (0..40).collect();
    let backward: Vec<usize> = (0..40).rev().collect();
    let all = batch(&forward);
    assert_eq!(all, batch(&backward));
    assert_eq!(all[7..8], batch(&[7]));
}

#[test]
fn switching_one_off_leaves_the_others_alone() {
    // The rectangle is the last step: without it, the pixels outside of it are the same.
    let with = changed(&AugmentOptions { erase_probability: 1.0, ..defaults() }, 1, 1, "x");
    let without = changed(&defaults(), 1, 1, "x");
    let same = with.iter().zip(&without).filter(|(a, b)| a == b).count();
    assert!(same as f64 > 0.75 * with.len() as f64 && same < with.len(), "{same} of {}", with.len());
}

/// Pinned, so that a change of a library or of a step shows: runs would no longer be repeatable across versions.
#[test]
fn the_result_is_the_same_on_every_machine_and_day() {
    let digest = blake3::hash(&changed(&AugmentOptions { rotation_degrees: 0.0, ..strong() }, 1, 2, "pinned"));
    assert_eq!(digest.to_hex().as_str(), PINNED);
}

const PINNED: &str = "231291d7ba36acb2954ce6a0a75b9da2b8a70c8dad00c8d7ab16d86aeaeb133c";

#[test]
fn a_wrong_shape_is_refused_and_nothing_changed() {
    let mut pixels = vec![9; 11];
    let key = Key { seed: 1, epoch: 1, digest: "x" };
    assert!(Pipeline::new(&strong(), &Withheld::none()).apply(key, 2, 2, &mut pixels).is_err());
    assert_eq!(pixels, [9; 11]);
}

proptest! {
    #[test]
    fn any_shape_and_key_is_taken(width in 1_u32..20, height in 1_u32..20, seed in any::<u64>(), digest in ".*") {
        let mut pixels = vec![200; (width * height * 3) as usize];
        let key = Key { seed, epoch: 0, digest: &digest };
        Pipeline::new(&strong(), &Withheld::none()).apply(key, width, height, &mut pixels).unwrap();
    }
}
