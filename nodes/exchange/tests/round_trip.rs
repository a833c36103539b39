//! Out and in again: the same classes, the same pixels up to resizing; faults leave nothing behind.
#![cfg(test)]

use clap::Parser;
use node_exchange::{Cli, run};
use plugin_api::Workspace;
use plugin_catalog::{Image, fixture};
use plugin_decode::{DecodedImage, Limits, decode};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A workspace with a catalog.
struct TestWorkspace {
    folder: tempfile::TempDir,
    workspace: Workspace,
}

impl TestWorkspace {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::create(folder.path()).unwrap();
        fixture::add(&workspace, &[]).unwrap();
        Self { folder, workspace }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Puts a file into a class folder and into the catalog.
    fn add(&self, class: &str, name: &str, split: &str, bytes: &[u8]) {
        let path = format!("photos/{class}/{name}");
        fs::create_dir_all(self.path("photos").join(class)).unwrap();
        fs::write(self.path(&path), bytes).unwrap();
        let digest = blake3::hash(bytes).to_hex().to_string();
        let image = Image { split: split.parse().unwrap(), ..fixture::image(&digest) };
        fixture::add(&self.workspace, &[(fixture::file(&path, &digest), image)]).unwrap();
    }

    fn exchange(&self, words: &[&str]) -> Result<String, String> {
        let root = self.folder.path().to_str().unwrap();
        let all = [&["exchange"], words, &["--home", root]].concat();
        run(Cli::try_parse_from(all).unwrap()).map_err(|error| error.to_string())
    }
}

/// An image of one colour with a corner of another.
fn png(seed: u8, size_px: u32) -> Vec<u8> {
    let corner = |x: u32, y: u32| if x < size_px / 2 && y < size_px / 2 { 255 - seed } else { seed };
    let image = image::RgbImage::from_fn(size_px, size_px, |x, y| image::Rgb([seed, corner(x, y), 7]));
    let mut bytes = std::io::Cursor::new(Vec::new());
    image.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

fn pixels(path: &Path) -> DecodedImage {
    decode(&fs::read(path).unwrap(), &Limits::default()).unwrap()
}

/// Every file below a folder, by its path there.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(at) = folders.pop() {
        for entry in fs::read_dir(&at).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                found.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    found
}

fn filled() -> TestWorkspace {
    let workspace = TestWorkspace::new();
    for seed in 0..6 {
        let split = ["train", "train", "validation", "test"][seed as usize % 4];
        workspace.add("猫", &format!("{seed}.png"), split, &png(seed * 9, 40));
        workspace.add("dog, big", &format!("{seed}.png"), split, &png(100 + seed * 9, 24));
    }
    workspace
}

#[test]
fn what_went_out_comes_in_again() {
    let workspace = filled();
    let out = workspace.path("out");
    let said = workspace.exchange(&["export-nnc", out.to_str().unwrap(), "--size", "32"]).unwrap();
    assert!(said.starts_with("12 images of 2 classes (8 train, 2 validation, 2 test) in "), "{said}");

    let index = fs::read_to_string(out.join("index.csv")).unwrap();
    assert!(index.starts_with("x:image,y:label\n./data/00.png,0\n"), "{index}");
    assert_eq!(index.lines().count(), 13);
    let lines = |name: &str| fs::read_to_string(out.join(name)).unwrap().lines().skip(1).map(str::to_owned).collect();
    let parts: Vec<Vec<String>> = ["train.csv", "validation.csv", "test.csv"].map(lines).to_vec();
    let mut together = parts.concat();
    together.sort();
    let mut all: Vec<String> = lines("index.csv");
    all.sort();
    assert_eq!(together, all);
    assert_eq!(lines("classes.csv"), ["0,\"dog, big\"", "1,猫"]);
    assert_eq!(lines("sources.csv")[11], "./data/11.png,photos/猫/5.png,猫,train");

    let other = TestWorkspace::new();
    let said = other.exchange(&["import-nnc", out.to_str().unwrap()]).unwrap();
    assert!(said.starts_with("12 images copied"), "{said}");
    for (at, seed) in (0..6_u8).enumerate() {
        for (class, number, base, size_px) in [("dog, big", at, 100, 24), ("猫", at + 6, 0, 40)] {
            let came = pixels(&other.path("photos").join(class).join(format!("{number:02}.png")));
            let source = decode(&png(base + seed * 9, size_px), &Limits::default()).unwrap();
            let mode = plugin_api::ResizeMode::Stretch;
            let expected = plugin_resize::resize(source.width, source.height, &source.pixels, 32, mode).unwrap();
            assert!((came.width, came.height) == (32, 32) && came.pixels == expected, "{class} {number}");
        }
    }
}

#[test]
fn class_numbers_stay_numbers() {
    // Labels 0 to 11 without names; 5 is missing.
    let set = tempfile::tempdir().unwrap();
    fs::create_dir(set.path().join("data")).unwrap();
    let mut index = vec!["x:image,y:label\n".to_owned()];
    let numbers: Vec<u32> = (0..12).filter(|number| *number != 5).collect();
    for number in &numbers {
        fs::write(set.path().join(format!("data/{number:02}.png")), png(*number as u8 * 9, 16)).unwrap();
        index.push(format!("./data/{number:02}.png,{number}\n"));
    }
    fs::write(set.path().join("index.csv"), index.concat()).unwrap();
    let workspace = TestWorkspace::new();
    let said = workspace.exchange(&["import-nnc", set.path().to_str().unwrap()]).unwrap();
    let listed: Vec<&str> = said.lines().skip(1).map(|line| line.split_whitespace().last().unwrap()).collect();
    assert_eq!(listed, numbers.iter().map(|number| format!("class-{number}")).collect::<Vec<_>>(), "{said}");
    for (path, bytes) in files(&workspace.path("photos")) {
        let (class, name) = path.split_once('/').unwrap();
        workspace.add(class, name, "train", &bytes);
    }
    let out = workspace.path("out");
    workspace.exchange(&["export-nnc", out.to_str().unwrap(), "--size", "16"]).unwrap();
    let index = fs::read_to_string(out.join("index.csv")).unwrap();
    let labels: Vec<u32> = index.lines().skip(1).map(|line| line.split(',').nth(1).unwrap().parse().unwrap()).collect();
    assert_eq!(labels, numbers);
    for (row, number) in numbers.iter().enumerate() {
        let exported = pixels(&out.join(format!("data/{row:02}.png")));
        assert_eq!(exported.pixels, pixels(&set.path().join(format!("data/{number:02}.png"))).pixels, "{number}");
    }
    let classes = fs::read_to_string(out.join("classes.csv")).unwrap();
    assert!(classes.contains("\n10,class-10\n") && !classes.contains("class-5"), "{classes}");
}

#[test]
fn in_out_and_in_again_is_the_identity() {
    let workspace = filled();
    let (out, again) = (workspace.path("out"), workspace.path("again"));
    workspace.exchange(&["export-nnc", out.to_str().unwrap(), "--size", "16"]).unwrap();
    let first = TestWorkspace::new();
    first.exchange(&["import-nnc", out.to_str().unwrap()]).unwrap();
    for (path, bytes) in files(&first.path("photos")) {
        let (class, name) = path.split_once('/').unwrap();
        first.add(class, name, "train", &bytes);
    }
    first.exchange(&["export-nnc", again.to_str().unwrap(), "--size", "16"]).unwrap();
    let second = TestWorkspace::new();
    second.exchange(&["import-nnc", again.to_str().unwrap()]).unwrap();
    let of = |workspace: &TestWorkspace| -> BTreeMap<String, Vec<u8>> {
        let all = files(&workspace.path("photos"));
        all.into_keys().map(|path| (path.clone(), pixels(&workspace.path("photos").join(path)).pixels)).collect()
    };
    assert_eq!(of(&first).len(), 12);
    assert_eq!(of(&first), of(&second));
}

#[test]
fn what_cannot_be_exported_is_left_out_and_named() {
    let workspace = filled();
    workspace.add("猫", "both.png", "train", &png(200, 20));
    workspace.add("dog, big", "both.png", "train", &png(200, 20));
    workspace.add("猫", "gone.png", "train", &png(201, 20));
    fs::remove_file(workspace.path("photos/猫/gone.png")).unwrap();
    workspace.add("猫", "changed.png", "train", &png(202, 20));
    fs::write(workspace.path("photos/猫/changed.png"), png(203, 20)).unwrap();
    workspace.add("猫", "broken.png", "train", b"\x89PNG\r\n\x1a\nbroken");
    let gone: Vec<String> = ["猫", "dog, big"].map(|class| format!("photos/{class}/0.png")).into();
    fixture::remove(&workspace.workspace, &gone.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
    let out = workspace.path("out");
    let said = workspace.exchange(&["export-nnc", out.to_str().unwrap()]).unwrap();
    assert!(said.starts_with("10 images of 2 classes"), "{said}");
    assert!(said.contains("1 images left out: they stand in several classes"), "{said}");
    for (name, reason) in [("gone", "No such file"), ("changed", "not taken in anew"), ("broken", "PNG")] {
        let line = said.lines().find(|line| line.contains(&format!("photos/猫/{name}.png"))).unwrap();
        assert!(line.starts_with("left out: ") && line.contains(reason), "{line}");
    }
}

#[test]
fn nothing_is_replaced_unasked_and_nothing_is_left_of_a_failure() {
    let workspace = TestWorkspace::new();
    let out = workspace.path("out");
    let names =
        || -> BTreeSet<_> { fs::read_dir(workspace.folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect() };
    let before = names();
    let error = workspace.exchange(&["export-nnc", out.to_str().unwrap()]).unwrap_err();
    assert!(error.contains("no labelled image"), "{error}");
    assert_eq!(names(), before);

    workspace.add("cat", "a.png", "train", &png(1, 20));
    workspace.exchange(&["export-nnc", out.to_str().unwrap()]).unwrap();
    let error = workspace.exchange(&["export-nnc", out.to_str().unwrap()]).unwrap_err();
    assert!(error.contains("--force"), "{error}");
    workspace.add("cat", "b.png", "train", &png(2, 20));
    workspace.exchange(&["export-nnc", out.to_str().unwrap(), "--force"]).unwrap();
    assert_eq!(fs::read_dir(out.join("data")).unwrap().count(), 2);
}

/// A data set of three images, as Windows writes it.
fn data_set(folder: &Path, index: &str) {
    for (name, seed) in [("0/a.png", 1), ("1/a.png", 2), ("1/b.png", 3)] {
        fs::create_dir_all(folder.join(name).parent().unwrap()).unwrap();
        fs::write(folder.join(name), png(seed, 20)).unwrap();
    }
    fs::write(folder.join("index.csv"), index).unwrap();
}

#[test]
fn foreign_data_sets_are_imported_once() {
    let set = tempfile::tempdir().unwrap();
    data_set(set.path(), "\u{feff}x:image,y:label\r\n.\\0\\a.png,0\r\n.\\1\\a.png,0\r\n.\\1\\b.png,1\r\n");
    let workspace = TestWorkspace::new();
    let from = set.path().to_str().unwrap();
    workspace.exchange(&["import-nnc", from]).unwrap();
    let photos = files(&workspace.path("photos"));
    assert_eq!(photos.keys().collect::<Vec<_>>(), ["class-0/a-2.png", "class-0/a.png", "class-1/b.png"]);
    assert_eq!(photos["class-0/a-2.png"], png(2, 20));
    let said = workspace.exchange(&["import-nnc", from]).unwrap();
    assert!(said.contains("0 images copied") && said.contains("3 rows name images that are there"), "{said}");
    assert_eq!(files(&workspace.path("photos")), photos);
    assert_eq!(files(set.path()).len(), 4, "the data set itself is as it was");

    let into = workspace.path("elsewhere");
    let index = set.path().join("index.csv");
    let words = ["import-nnc", index.to_str().unwrap(), "--into", into.to_str().unwrap(), "--classes", "cat,dog"];
    workspace.exchange(&words).unwrap();
    assert_eq!(files(&into).keys().collect::<Vec<_>>(), ["cat/a-2.png", "cat/a.png", "dog/b.png"]);
}

#[test]
fn one_bad_row_and_nothing_is_imported() {
    let header = "x:image,y:label\n./0/a.png,0\n./1/a.png,1\n";
    for (row, expected) in [
        ("./1/c.png,1", "line 4, column 1: \"./1/c.png\" cannot be read: No such file"),
        ("../x.png,1", "line 4, column 1: \"../x.png\" leads out of"),
        ("/etc/hostname,1", "line 4, column 1: \"/etc/hostname\" is an absolute path"),
        ("./index.csv,1", "line 4, column 1: \"./index.csv\": "),
        ("./1/b.png,cat", "line 4, column 2: \"cat\" is no class number"),
        ("./1/b.png", "line 4, column 2: the row has 1 columns"),
        ("./1/b.png,2", "line 4, column 2: class 2 has no name; there are names for 2 classes"),
    ] {
        let set = tempfile::tempdir().unwrap();
        data_set(set.path(), &format!("{header}{row}\n"));
        fs::write(set.path().join("classes.csv"), "index,class\n0,cat\n1,dog\n").unwrap();
        let workspace = TestWorkspace::new();
        let error = workspace.exchange(&["import-nnc", set.path().to_str().unwrap()]).unwrap_err();
        assert!(error.contains(&format!("index.csv, {expected}")), "{row}: {error}");
        assert!(files(&workspace.path("photos")).is_empty(), "{row}");
    }
    let set = tempfile::tempdir().unwrap();
    let workspace = TestWorkspace::new();
    let import = || workspace.exchange(&["import-nnc", set.path().to_str().unwrap()]).unwrap_err();
    assert!(import().contains("holds neither index.csv nor train.csv"));
    data_set(set.path(), "x:image,y:label\n");
    assert!(import().contains("lists no image"));
    let error = workspace.exchange(&["import-nnc", "/no/such/place"]).unwrap_err();
    assert!(error.contains("/no/such/place"), "{error}");
}

#[test]
fn train_and_validation_are_taken_when_there_is_no_index() {
    let set = tempfile::tempdir().unwrap();
    data_set(set.path(), "");
    fs::remove_file(set.path().join("index.csv")).unwrap();
    fs::write(set.path().join("train.csv"), "x:image,y:label;cat;dog\n0/a.png,0\n1/a.png,1\n").unwrap();
    fs::write(set.path().join("validation.csv"), "x:image,y:label;cat;dog\n1/b.png,1\n").unwrap();
    let workspace = TestWorkspace::new();
    workspace.exchange(&["import-nnc", set.path().to_str().unwrap()]).unwrap();
    let photos = files(&workspace.path("photos"));
    assert_eq!(photos.keys().collect::<Vec<_>>(), ["cat/a.png", "dog/a.png", "dog/b.png"]);
}

/// A file of the crate that reads projects and models.
fn nnc_file(name: &str) -> String {
    format!("{}/../../plugins/nnc/tests/{name}", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn projects_and_models_become_files() {
    let workspace = TestWorkspace::new();
    let into = workspace.path("networks");
    let words = |file: &str| ["import-nnc".to_owned(), nnc_file(file), "--into".to_owned(), into.display().to_string()];
    let import = |file: &str| {
        let words = words(file);
        workspace.exchange(&words.each_ref().map(String::as_str))
    };
    let said = import("projects/everything.sdcproj").unwrap();
    assert!(said.contains("24 px, 7 classes") && said.contains("data set Training: train.csv"), "{said}");
    assert!(said.contains("UpdateInterval=2") && said.contains("everything.options.yml"), "{said}");
    let said = import("models/nnabla.nnp").unwrap();
    assert!(said.contains("16 px, 4 outputs") && said.contains("--weights nnabla.safetensors"), "{said}");
    let names: Vec<String> = files(&into).into_keys().collect();
    assert_eq!(names, ["everything.options.yml", "everything.yml", "nnabla.safetensors", "nnabla.yml"]);
    assert!(import("models/nnabla.nnp").unwrap_err().contains("is there already"));
    let error = import("refused/regression.sdcproj").unwrap_err();
    assert!(error.contains("regression.sdcproj") && error.contains("Distance (SquaredError)"), "{error}");
    assert_eq!(files(&into).len(), 4, "nothing is written of what is refused");
}
