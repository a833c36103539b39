//! Times a draw of 100,000 images: alone, in bursts of ten, and all in one group of ten classes.

use plugin_splits::{Image, Shares, draw, folds};
use std::time::Instant;

#[expect(clippy::print_stdout, reason = "what it is for")]
fn main() {
    const IMAGES: usize = 100_000;
    let keys: Vec<String> =
        (0..IMAGES as u64).map(|i| format!("{:016x}{i:048x}", i.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
    let paths: Vec<String> = (0..IMAGES).map(|i| format!("class-{}/IMG_2026_{}.jpg", i % 10, i)).collect();
    let classes: Vec<[u32; 1]> = (0..IMAGES as u32).map(|i| [i % 10]).collect();
    for (what, per_group) in [("alone", 1), ("bursts of 10", 10), ("one group", IMAGES)] {
        let groups: Vec<String> = (0..IMAGES).map(|i| keys[i / per_group * per_group].clone()).collect();
        let mut images: Vec<Image> = (0..IMAGES)
            .map(|i| Image {
                key: &keys[i],
                classes: &classes[i],
                group: &groups[i],
                captured_ms: None,
                path: &paths[i],
                given: None,
                settled: None,
            })
            .collect();
        let start = Instant::now();
        let drawn = draw(&images, Shares { validation: 15, test: 15 });
        let first = start.elapsed();
        for (image, split) in images.iter_mut().zip(&drawn.splits) {
            image.settled = Some(*split);
        }
        let start = Instant::now();
        draw(&images, Shares { validation: 15, test: 15 });
        let again = start.elapsed();
        let start = Instant::now();
        folds(&images, 5, 0);
        println!(
            "{what}: drawn in {first:.2?}, again {again:.2?}, 5 folds {:.2?}, {} groups cut",
            start.elapsed(),
            drawn.cut.len()
        );
    }
}
