//! Classes that are each other's mirror image are not mirrored.

use image::{Rgb, RgbImage};
use plugin_api::runs::{RunFolder, RunManifest};
use rand::{RngExt as _, SeedableRng as _};
use std::path::Path;
use std::time::Duration;
use tests::graph::{Failure, Graph, SMALL};

const MINUTES_3: Duration = Duration::from_mins(3);
const SIDE: u32 = 48;

/// An arrow of some size and colour, somewhere, on some ground.
fn arrow(to_the_left: bool, seed: u64) -> RgbImage {
    let mut rng = rand_pcg::Pcg64Mcg::seed_from_u64(seed);
    let (size, left, up) =
        (rng.random_range(0.5..0.8_f32), rng.random_range(-0.2..0.2_f32), rng.random_range(-0.3..0.3_f32));
    let ink = [0; 3].map(|_: u8| rng.random_range(0..110_u8));
    let ground = [0; 3].map(|_: u8| rng.random_range(150..=255_u8));
    RgbImage::from_fn(SIDE, SIDE, |x, y| {
        let place = |v: u32| v as f32 / (SIDE as f32 / 2.0) - 1.0;
        let x = if to_the_left { -place(x) } else { place(x) };
        let (x, y) = ((x - left) / size, (place(y) - up) / size);
        let shaft = (-1.0..0.3).contains(&x) && y.abs() < 0.12;
        let head = (0.2..1.0).contains(&x) && y.abs() < (1.0 - x) * 0.7;
        Rgb(if shaft || head { ink } else { ground }.map(|v| v.saturating_sub(rng.random_range(0..20))))
    })
}

fn draw(photos: &Path) -> Result<(), Failure> {
    for (class, to_the_left) in [("left", true), ("right", false)] {
        std::fs::create_dir_all(photos.join(class))?;
        for number in 0..24 {
            arrow(to_the_left, number * 2 + u64::from(to_the_left))
                .save(photos.join(class).join(format!("{number}.png")))?;
        }
    }
    Ok(())
}

fn finished(graph: &Graph) -> Option<RunManifest> {
    RunFolder::all(&graph.workspace.runs()).into_iter().rev().find(|run| run.finished().is_some())?.manifest()
}

#[test]
fn arrows_are_not_mirrored_and_the_run_says_so() -> Result<(), Failure> {
    let root = tempfile::tempdir()?;
    draw(&root.path().join("home/photos"))?;
    let mut graph = Graph::start(root.path(), SMALL)?;
    graph.wait("the run to end", MINUTES_3, |g| finished(g).is_some())?;
    let run = finished(&graph).ok_or("no run")?;
    let said = "mirroring off: mirrored images of '";
    assert!(run.reason.contains(said) && run.reason.contains("' are taken for '"), "{}", run.reason);
    let findings = &run.options["augmentation"]["decision"]["findings"];
    assert_eq!(findings[0]["augmentation"], "flip", "{findings}");
    // Status files are written a few times a second, so the last batches may be missing in one.
    let counted = |g: &Graph, name: &str| g.status("augment").counters.get(name).is_some_and(|count| *count > 0);
    graph.wait("both kinds of batches", MINUTES_3, |g| {
        ["batches_passed", "batches_augmented"].iter().all(|name| counted(g, name))
    })?;

    // Somebody who wants them mirrored gets it, on the device.
    let mirrored = [
        ("augment", "--flip", "on"),
        ("train", "--seed", "2"),
        ("train", "--device", "libtorch"),
        ("train", "--augment-on", "device"),
    ];
    let mirrored: Vec<_> =
        SMALL.iter().copied().filter(|one| *one != ("train", "--device", "flex")).chain(mirrored).collect();
    let mut graph = graph.restart(&mirrored)?;
    graph.wait("the next run to end", MINUTES_3, |g| finished(g).is_some_and(|next| next.id != run.id))?;
    let next = finished(&graph).ok_or("no run")?;
    assert!(!next.reason.contains("mirroring off"), "{}", next.reason);
    assert_eq!((&next.device[..], &next.options["augmentation"]["options"]["flip"]), ("libtorch", &"on".into()));
    graph.wait("batches that were decided", MINUTES_3, |g| counted(g, "batches_decided"))?;
    let on_device = |g: &Graph| g.status("train").gauges.get("images_on_device").is_some_and(|images| *images > 20.0);
    graph.wait("images on the device", MINUTES_3, on_device)?;
    graph.end()
}
