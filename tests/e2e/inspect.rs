//! The report of the data set: planted problems are all named, in the page and in the tables, and `inspect` can die.

use image::{DynamicImage, RgbImage, imageops};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tests::graph::{Failure, Graph};
use tests::{images, skipped};

/// No training: what is tested is the way from the folders to the report.
const QUICK: &[(&str, &str, &str)] = &[
    ("env", "WAKUTEKA_IMAGE_SIZE", "32"),
    ("train", "--min-train", "1000000"),
    ("evaluate", "--device", "flex"),
    ("inspect", "--debounce-seconds", "2"),
];

const MINUTES_5: Duration = Duration::from_mins(5);
/// With the planted ones these are enough for a head to learn two classes from.
const EACH: usize = 48;
/// What plainly is food, and will stand among the vehicles. How many of such are found is what the benchmark `planted`
/// measures; here, on a hundred images, at least one must reach the report.
const WRONG: [&str; 4] = ["0049_pizza_cheese.jpg", "0145_pancakes_berries.jpg", "0216_pie_apple.jpg", "0227_apple.jpg"];

fn save(image: &RgbImage, path: &Path) -> Result<(), Failure> {
    Ok(DynamicImage::from(image.clone()).save(path)?)
}

/// What was planted: table, and words that stand together in one of its lines.
type Planted = Vec<(&'static str, Vec<&'static str>)>;

fn plant(photos: &Path) -> Result<Planted, Failure> {
    let of = |class: &str| -> Vec<PathBuf> {
        images::demo().into_iter().filter(|(name, _)| name == class).map(|(_, file)| file).collect()
    };
    let (vehicles, food) = (of("transportation"), of("food"));
    let (a, b) = (photos.join("transportation"), photos.join("美味しい <food>"));
    std::fs::create_dir_all(&a)?;
    std::fs::create_dir_all(&b)?;
    for (n, file) in vehicles.iter().take(EACH).enumerate() {
        std::fs::copy(file, a.join(format!("a{n:02}.jpg")))?;
    }
    for (n, file) in food.iter().take(EACH).enumerate() {
        std::fs::copy(file, b.join(format!("f{n:02}.jpg")))?;
    }
    // Five further images, each spoilt in its own way.
    std::fs::copy(&vehicles[3], a.join("copy.jpg"))?;
    let near = image::open(&vehicles[5])?.to_rgb8();
    let larger = imageops::resize(&near, near.width() * 2, near.height() * 2, imageops::FilterType::Triangle);
    save(&larger, &a.join("near.png"))?;
    std::fs::copy(&vehicles[7], b.join("in two.jpg"))?;
    let dark = image::open(&vehicles[EACH])?.to_rgb8();
    save(
        &RgbImage::from_fn(dark.width(), dark.height(), |x, y| image::Rgb(dark[(x, y)].0.map(|v| v / 5))),
        &a.join("dark.png"),
    )?;
    save(&RgbImage::from_pixel(200, 150, image::Rgb([255; 3])), &a.join("white.png"))?;
    let slope = |x: u32, y: u32| image::Rgb([(x * 130 / 200 + y * 30 / 150 + 20) as u8; 3]);
    save(&RgbImage::from_fn(200, 150, slope), &a.join("blurred.png"))?;
    save(
        &RgbImage::from_fn(900, 90, |x, y| {
            image::Rgb([(x * 7 % 256) as u8, (y * 31 % 256) as u8, (x * y % 251) as u8])
        }),
        &a.join("strip.png"),
    )?;
    Ok(vec![
        ("duplicates.csv", vec!["exact", "photos/transportation/copy.jpg"]),
        ("duplicates.csv", vec!["near", "photos/transportation/a05.jpg"]),
        ("duplicates.csv", vec!["near", "photos/transportation/near.png"]),
        ("conflicts.csv", vec!["same_pixels", "photos/transportation/a07.jpg", "photos/美味しい <food>/in two.jpg"]),
        ("issues.csv", vec!["dark", "photos/transportation/dark.png"]),
        ("issues.csv", vec!["bright", "photos/transportation/white.png"]),
        ("issues.csv", vec!["blur", "photos/transportation/blurred.png"]),
        ("issues.csv", vec!["odd_aspect", "photos/transportation/strip.png"]),
        ("classes.csv", vec!["美味しい <food>"]),
    ])
}

fn read(graph: &Graph, name: &str) -> String {
    std::fs::read_to_string(graph.workspace.dataset().join(name)).unwrap_or_default()
}

/// The last word on the version that `dataset` has.
fn reported(graph: &Graph) -> bool {
    let version = |node: &str| graph.status(node).counters.get("version").copied();
    version("inspect").is_some()
        && version("inspect") == version("dataset")
        && graph.status("inspect").counters.get("done") == Some(&1)
}

#[test]
fn planted_problems_are_named_and_inspect_may_die() -> Result<(), Failure> {
    let root = tempfile::tempdir()?;
    let photos = root.path().join("home/photos");
    let planted = plant(&photos)?;
    let weights = tests::efficientnet_lite0();
    let mut options = QUICK.to_vec();
    let path = weights.as_ref().map(|w| w.to_string_lossy().into_owned());
    match &path {
        Some(path) => options.extend([("inspect", "--weights", &path[..]), ("inspect", "--device", "flex")]),
        None => skipped("no EfficientNet-Lite0 weights in ../shared/data/models: wrong labels are not looked for"),
    }
    // Images of food among the vehicles, that stand nowhere else.
    let of_food = tests::checkout().join("tests/fixtures/openclipart8/food");
    for name in WRONG {
        std::fs::copy(of_food.join(name), photos.join("transportation").join(name))?;
    }

    let mut graph = Graph::start(root.path(), &options)?;
    let files = (2 * EACH + 7 + WRONG.len()) as u64;
    let taken_in = |g: &Graph| g.status("dataset").counters.get("files") == Some(&files);
    graph.wait("every image in the catalog", MINUTES_5, taken_in)?;
    graph.wait("the report", MINUTES_5, reported)?;
    let page = read(&graph, "report.html");
    for (table, words) in &planted {
        let text = read(&graph, &format!("report/{table}"));
        assert!(text.lines().any(|line| words.iter().all(|w| line.contains(w))), "{table}: {words:?} in\n{text}");
        for word in words.iter().filter(|w| w.starts_with("photos/")) {
            let escaped = word.replace('<', "&lt;").replace('>', "&gt;");
            assert!(page.contains(&escaped), "{escaped} is not in the page");
        }
    }
    assert!(!page.contains("://") && !page.contains("<food>"), "self-contained, and names escaped");
    assert!(page.contains("data:image/jpeg;base64,"), "no thumbnails");
    let suspects = read(&graph, "report/label_errors.csv");
    if weights.is_some() {
        let found = WRONG.iter().filter(|name| suspects.contains(&format!("photos/transportation/{name}"))).count();
        eprintln!("{found} of {} wrong labels found", WRONG.len());
        assert!(found > 0, "none of {} in\n{suspects}", WRONG.len());
    } else {
        assert!(page.contains("cargo wakuteka weights efficientnet-lite0"));
    }

    // Killed, it comes back and goes on with what has changed; nobody else notices.
    let pids = ["watch", "decode", "hash", "resize", "dataset", "train"].map(|n| graph.pid(n));
    let before = graph.pid("inspect");
    graph.signal("inspect", "KILL")?;
    graph.wait("inspect to come back", MINUTES_5, |g| g.pid("inspect").is_some() && g.pid("inspect") != before)?;
    std::fs::remove_file(photos.join("美味しい <food>/in two.jpg"))?;
    graph.wait("the catalog to follow", MINUTES_5, |g| {
        g.status("dataset").counters.get("files") == Some(&(files - 1))
    })?;
    graph.wait("the report to follow", MINUTES_5, |g| {
        reported(g) && !read(g, "report/conflicts.csv").contains("in two")
    })?;
    assert_eq!(
        ["watch", "decode", "hash", "resize", "dataset", "train"].map(|n| graph.pid(n)),
        pids,
        "another node was started again"
    );
    graph.end()
}
