//! Sidecars as other programs read and change them: ExifTool, exiv2 (which digiKam uses) and darktable.
//!
//! On Debian: `apt-get install libimage-exiftool-perl exiv2 darktable`. A program that is not there is skipped, loudly.
#![cfg(test)]

use plugin_sidecar::{Outcome, packet, packet_by_hand, write};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a program finds: keywords, and the rating when there is one.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    keywords: BTreeSet<String>,
    rating: Option<i64>,
}

/// An image and its sidecar.
struct Pair {
    folder: tempfile::TempDir,
}

impl Pair {
    fn new(sidecar: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let image = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/formats/p3.jpg");
        fs::copy(image, folder.path().join("a.jpg")).unwrap();
        fs::write(folder.path().join("a.jpg.xmp"), sidecar).unwrap();
        Self { folder }
    }

    fn image(&self) -> PathBuf {
        self.folder.path().join("a.jpg")
    }

    fn sidecar(&self) -> PathBuf {
        self.folder.path().join("a.jpg.xmp")
    }
}

fn is_there(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok();
    if !found {
        eprintln!("\n=== SKIPPED: {program} is not there: what it makes of sidecars is not tested ===\n");
    }
    found
}

fn run(program: &str, arguments: &[&str], path: &Path) -> String {
    let output = Command::new(program).args(arguments).arg(path).output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What ExifTool finds in a file, by property.
fn by_exiftool(path: &Path) -> [Seen; 3] {
    let text =
        run("exiftool", &["-j", "-charset", "UTF8", "-Subject", "-TagsList", "-HierarchicalSubject", "-Rating"], path);
    let all: Value = serde_json::from_str(&text).unwrap();
    let rating = all[0]["Rating"].as_i64();
    let texts = |value: &Value| match value {
        Value::Array(items) => items.iter().map(|item| item.as_str().unwrap().to_owned()).collect(),
        Value::Null => BTreeSet::new(),
        one => BTreeSet::from([one.as_str().map_or_else(|| one.to_string(), str::to_owned)]),
    };
    ["Subject", "TagsList", "HierarchicalSubject"].map(|name| Seen { keywords: texts(&all[0][name]), rating })
}

fn by_exiv2(path: &Path) -> [Seen; 3] {
    // One line a property: `Xmp.dc.subject cat, dog`.
    let text = run("exiv2", &["-PXkv"], path);
    let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)).map(str::trim);
    let rating = value("Xmp.xmp.Rating ").and_then(|text| text.parse().ok());
    ["Xmp.dc.subject ", "Xmp.digiKam.TagsList ", "Xmp.lr.hierarchicalSubject "].map(|key| {
        let keywords = value(key).into_iter().flat_map(|text| text.split(", ")).map(str::to_owned).collect();
        Seen { keywords, rating }
    })
}

/// What darktable takes for the tags of an image: it writes them into the image that it exports.
fn by_darktable(pair: &Pair) -> Seen {
    let at = |name: &str| pair.folder.path().join(name);
    let _ = fs::remove_file(at("out.jpg"));
    let done = Command::new("darktable-cli")
        .arg(pair.image())
        .arg(at("out.jpg"))
        .args(["--core", "--library", ":memory:", "--configdir"])
        .arg(at("config"))
        .arg("--cachedir")
        .arg(at("cache"))
        .env("HOME", pair.folder.path())
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let [seen, ..] = by_exiftool(&at("out.jpg"));
    seen
}

fn seen(keywords: &[&str], rating: Option<i64>) -> Seen {
    Seen { keywords: keywords.iter().map(|keyword| (*keyword).to_owned()).collect(), rating }
}

fn words(all: &[&str]) -> Vec<String> {
    all.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn keywords_are_read_by_other_programs() {
    let names = ["きゅん", "R&B <loud>", "a|b"];
    let pair = Pair::new(&packet(&words(&names), "20261128-1", 0.9));
    let flat = ["きゅん", "R&B <loud>", "a｜b"];
    if is_there("exiftool") {
        assert_eq!(by_exiftool(&pair.sidecar()), [seen(&names, None), seen(&names, None), seen(&flat, None)]);
    }
    if is_there("exiv2") {
        assert_eq!(by_exiv2(&pair.sidecar()), [seen(&names, None), seen(&names, None), seen(&flat, None)]);
    }
    if is_there("darktable-cli") && is_there("exiftool") {
        assert_eq!(by_darktable(&pair).keywords, seen(&flat, None).keywords, "`|` is no level");
    }
}

/// Rates the image and adds a tag of its own.
type Rate = fn(&Path);

#[test]
fn ratings_and_tags_of_other_programs_are_kept() {
    let exiftool: Rate = |path| {
        let more = ["-TagsList+=holiday", "-HierarchicalSubject+=holiday", "-Subject+=holiday"];
        run("exiftool", &[&["-q", "-overwrite_original", "-Rating=4"], &more[..]].concat(), path);
    };
    let exiv2: Rate = |path| {
        let set = ["set Xmp.xmp.Rating 4", "set Xmp.dc.subject holiday", "set Xmp.lr.hierarchicalSubject holiday"];
        let set = [&set[..], &["set Xmp.digiKam.TagsList holiday"]].concat();
        let words: Vec<&str> = set.iter().flat_map(|command| ["-M", *command]).collect();
        run("exiv2", &words, path);
    };
    for (program, rate) in [("exiftool", exiftool), ("exiv2", exiv2)] {
        if !is_there(program) {
            continue;
        }
        let pair = Pair::new(&packet(&words(&["cat"]), "20261128-1", 0.9));
        rate(&pair.sidecar());
        // Nothing is known of it but what it says itself, as when it was moved.
        let now = words(&["dog"]);
        assert_eq!(write(&pair.sidecar(), &packet_by_hand(&now), Some(&[]), &now).unwrap(), Outcome::Done, "{program}");
        let text = fs::read_to_string(pair.sidecar()).unwrap();
        let expected = || seen(&["dog", "holiday"], Some(4));
        if is_there("exiftool") {
            assert_eq!(by_exiftool(&pair.sidecar()), [expected(), expected(), expected()], "{program}: {text}");
        }
        if is_there("exiv2") {
            assert_eq!(by_exiv2(&pair.sidecar()), [expected(), expected(), expected()], "{program}: {text}");
        }
        if is_there("darktable-cli") && is_there("exiftool") {
            assert_eq!(by_darktable(&pair), expected(), "{program}: {text}");
        }
    }
}

#[test]
fn tag_that_stood_in_one_property_alone_is_not_hidden() {
    // As a program leaves it that knows dc:subject alone: darktable and digiKam would not look there any more.
    let pair = Pair::new(
        "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\"><rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\
         <rdf:Description rdf:about=\"\" xmlns:dc=\"http://purl.org/dc/elements/1.1/\"><dc:subject><rdf:Bag>\
         <rdf:li>holiday</rdf:li></rdf:Bag></dc:subject></rdf:Description></rdf:RDF></x:xmpmeta>",
    );
    let now = words(&["dog"]);
    assert_eq!(write(&pair.sidecar(), &packet_by_hand(&now), Some(&[]), &now).unwrap(), Outcome::Done);
    let expected = || seen(&["dog", "holiday"], None);
    if is_there("exiftool") {
        assert_eq!(by_exiftool(&pair.sidecar()), [expected(), expected(), expected()]);
    }
    if is_there("darktable-cli") && is_there("exiftool") {
        assert_eq!(by_darktable(&pair).keywords, expected().keywords);
    }
}
