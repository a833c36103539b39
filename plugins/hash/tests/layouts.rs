//! Different images within one layout are no near-copies of each other, and images of one place are.

mod common;

use common::{jpeg, layouts, originals, seen};
use image::{RgbImage, imageops};
use plugin_hash::{NearCopies, Radii, Views};
use plugin_search::Union;
use std::path::{Path, PathBuf};

fn views(images: &[RgbImage]) -> Vec<Views> {
    images.iter().map(|image| seen(&jpeg(image, 90)).views).collect()
}

/// Connected components of near-copies, each sorted, as the data set has them.
fn groups(views: &[Views]) -> Vec<Vec<u32>> {
    let mut near = NearCopies::new(Radii::USUAL);
    let mut union = Union::new(views.len());
    for (at, views) in (0..).zip(views) {
        for other in near.find_groups(views, |id| Some(union.find(id))) {
            union.join(at, other);
        }
        near.insert(views);
    }
    union.groups()
}

/// Images that are in a group with others.
fn grouped(name: &str, views: &[Views]) -> usize {
    let groups = groups(views);
    let count = groups.iter().map(Vec::len).sum();
    eprintln!("{name}: {count} of {} in {} groups, {groups:?}", views.len(), groups.len());
    count
}

fn drawn(count: u64, of: impl Fn(u64) -> RgbImage) -> Vec<Views> {
    views(&(0..count).map(of).collect::<Vec<_>>())
}

#[test]
fn spectrograms_with_the_same_axes_are_different() {
    for (width, height) in [(160, 120), (640, 480)] {
        let views = drawn(60, |of| layouts::spectrogram(of, width, height));
        assert!(grouped("spectrograms", &views) <= 2, "{width} × {height}");
    }
}

#[test]
fn chest_x_rays_are_different() {
    assert_eq!(grouped("X-rays", &drawn(60, layouts::xray)), 0);
}

#[test]
fn letters_of_one_firm_are_different() {
    assert!(grouped("documents", &drawn(60, layouts::document)) <= 2);
}

#[test]
fn things_inside_one_frame_are_different() {
    let things: Vec<RgbImage> = originals(31).into_iter().map(|(_, image)| image).take(60).collect();
    for share in [0.35, 0.5] {
        let cards: Vec<RgbImage> = things.iter().map(|thing| layouts::shop_card(thing, share)).collect();
        assert!(grouped("shop cards", &views(&cards)) <= 2, "at {share}");
    }
}

#[test]
fn letters_b_d_p_q_make_no_large_group() {
    let views = drawn(120, layouts::letter);
    let largest = groups(&views).iter().map(Vec::len).max().unwrap_or_default();
    assert!(grouped("letters", &views) <= 40 && largest <= 8, "largest {largest}");
}

#[test]
fn small_things_on_white_are_different() {
    assert!(grouped("small things", &drawn(60, layouts::small_thing)) <= 8);
}

#[test]
fn red_and_green_apples_are_in_no_group_together() {
    let groups = groups(&drawn(60, layouts::apple));
    eprintln!("apples: {groups:?}");
    assert!(groups.iter().all(|group| group.iter().all(|id| id % 2 == group[0] % 2)), "{groups:?}");
}

#[test]
fn frames_of_a_fixed_camera_are_one_group() {
    let frames = drawn(60, layouts::frame);
    let largest = groups(&frames).iter().map(Vec::len).max().unwrap_or_default();
    grouped("frames", &frames);
    assert!(largest >= 40, "all without somebody: {largest}");
}

/// How an image is turned.
type Turn = (&'static str, fn(&RgbImage) -> RgbImage);

#[test]
fn turned_and_mirrored_images_are_found() {
    let images: Vec<RgbImage> = originals(40).into_iter().map(|(_, image)| image).collect();
    let mut near = NearCopies::new(Radii::USUAL);
    for views in views(&images) {
        near.insert(&views);
    }
    let turns: [Turn; 5] = [
        ("by 90°", imageops::rotate90),
        ("by 180°", imageops::rotate180),
        ("by 270°", imageops::rotate270),
        ("upside down", imageops::flip_vertical),
        ("by 90° and mirrored", |image| imageops::flip_horizontal(&imageops::rotate90(image))),
    ];
    for (name, turn) in turns {
        let turned: Vec<RgbImage> = images.iter().map(turn).collect();
        let found = (0..).zip(views(&turned)).filter(|(id, views)| near.find(views).contains(id)).count();
        assert!(found * 100 >= images.len() * 97, "{name}: {found} of {}", images.len());
    }
}

/// Images of a reported case, in order of their paths; empty where the cases are not at hand.
fn case(name: &str) -> Vec<Views> {
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let found = above.map(|folder| folder.join("shared/data/cases").join(name)).find(|at| at.is_dir());
    let Some(folder) = found else {
        eprintln!("SKIPPED: no folder shared/data/cases/{name} above this checkout");
        return Vec::new();
    };
    let mut paths = Vec::new();
    files_below(&folder.join("photos"), &mut paths);
    paths.sort();
    assert!(!paths.is_empty(), "no files of case {name}");
    paths.iter().flat_map(std::fs::read).map(|bytes| seen(&bytes).views).collect()
}

fn files_below(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            files_below(&entry.path(), paths);
        } else {
            paths.push(entry.path());
        }
    }
}

#[test]
fn reported_layouts_are_different_images() {
    for name in ["47-spectrograms", "49-documents", "51-shop-card"] {
        assert_eq!(grouped(name, &case(name)), 0, "{name}");
    }
}

/// White drawings on nothing are seen since they lie over a dark ground. Rings are like rings and stars like stars, but no ring
/// is a copy of a star.
#[test]
fn reported_white_icons_are_told_apart() {
    let views = case("23-white-icons");
    // The first 15 are rings.
    let groups = groups(&views);
    assert!(groups.iter().all(|group| group.iter().all(|id| (*id < 15) == (group[0] < 15))), "{groups:?}");
}

#[test]
fn reported_turned_images_are_found() {
    let views = case("22-turned");
    if views.is_empty() {
        return;
    }
    let groups = groups(&views);
    assert!(groups.len() == 6 && groups.iter().all(|group| group.len() == 3), "{groups:?}");
}
