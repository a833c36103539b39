//! Photos in, evaluated model out: the main graph over real images, as a person uses it.

use plugin_api::runs::{RunFolder, RunManifest, Verdict};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;
use tests::graph::{Failure, Graph};
use tests::{catalog, images};

/// Small and quick: what is tested is the way, not the accuracy.
const QUICK: &[(&str, &str, &str)] = &[
    ("env", "WAKUTEKA_IMAGE_SIZE", "32"),
    ("train", "--model", "small-cnn"),
    ("train", "--epochs", "3"),
    ("train", "--cross-validate", "off"),
    ("train", "--batch-size", "16"),
    ("train", "--debounce-seconds", "3"),
    // A class comes and one run goes on from the champion all the same: its classes are matched by name.
    ("train", "--full-when-classes-change", "off"),
    ("train", "--device", "flex"),
    ("evaluate", "--device", "flex"),
    ("watch", "--rescan-seconds", "5"),
    ("watch", "--arriving-seconds", "1"),
];

const MINUTES_3: Duration = Duration::from_mins(3);

fn latest(graph: &Graph) -> Option<(RunManifest, Verdict)> {
    RunFolder::all(&graph.workspace.runs()).into_iter().rev().find_map(|run| Some((run.manifest()?, run.verdict()?)))
}

fn settled(graph: &Graph, expected: &BTreeMap<String, String>) -> bool {
    catalog::files(&graph.workspace) == *expected
}

#[test]
fn photos_lead_to_verdicts_and_nothing_is_done_twice() -> Result<(), Failure> {
    let root = tempfile::tempdir()?;
    let photos = root.path().join("home/photos");
    let mut expected = BTreeMap::new();
    let all = images::first_of_each(images::demo(), 34);
    assert!(all.len() > 200, "the demo's images are missing: {}", all.len());
    // A class folder with a Japanese name, and images in sub-folders of a class.
    let class = |name: &str| if name == "animals" { "きゅんきゅん".to_owned() } else { name.to_owned() };
    let (later, first): (Vec<_>, Vec<_>) = all.into_iter().enumerate().partition(|(at, _)| at % 10 == 0);
    for (_, (name, file)) in &first {
        expected.insert(images::drop_into(&photos, &class(name), file)?, class(name));
    }
    let refused = drop_what_must_be_refused(&photos)?;

    let mut graph = Graph::start(root.path(), QUICK)?;
    graph.wait("the catalog to hold every image once", MINUTES_3, |g| settled(g, &expected))?;
    graph.wait("the refused files in quarantine", MINUTES_3, |g| catalog::quarantined(&g.workspace) == refused)?;
    graph.wait("the first verdict", MINUTES_3, |g| latest(g).is_some())?;
    let (manifest, verdict) = latest(&graph).ok_or("no verdict")?;
    assert_eq!(verdict.decision.name(), "promoted", "{}", verdict.reason);
    assert!(manifest.parent.is_none());
    assert!(verdict.images > 0 && verdict.confusion.iter().flatten().sum::<u64>() == verdict.images);
    assert_eq!(std::fs::read_link(graph.workspace.champion())?, Path::new(&verdict.run));
    let report = std::fs::read_to_string(graph.workspace.root().join(&verdict.report))?;
    assert!(report.contains("きゅんきゅん"), "the report does not name the class");
    assert!(!report.contains("http://") && !report.contains("https://"), "the report is not self-contained");
    let splits = catalog::splits(&graph.workspace);

    // What people do: add a burst, move one to another class, delete one, rename one, overwrite one.
    for (_, (name, file)) in &later {
        expected.insert(images::drop_into(&photos, &class(name), file)?, class(name));
    }
    assert!(later.len() >= 20, "{} images make no burst", later.len());
    let mut of_food = expected.iter().filter(|(_, label)| *label == "food").map(|(path, _)| path.clone());
    let mut next = || of_food.next().ok_or("no image of food is left");
    let (moved, deleted, renamed, overwritten) = (next()?, next()?, next()?, next()?);
    drop(of_food);
    let at = |path: &str| graph.workspace.root().join(path);
    std::fs::create_dir_all(photos.join("new class/sub"))?;
    std::fs::rename(at(&moved), photos.join("new class/sub/moved.jpg"))?;
    std::fs::remove_file(at(&deleted))?;
    std::fs::rename(at(&renamed), photos.join("food/renamed.jpg"))?;
    std::fs::copy(&later[0].1.1, at(&overwritten))?;
    for gone in [&moved, &deleted, &renamed] {
        expected.remove(gone);
    }
    expected.insert("photos/new class/sub/moved.jpg".into(), "new class".into());
    expected.insert("photos/food/renamed.jpg".into(), "food".into());
    graph.wait("the catalog to follow the folders", MINUTES_3, |g| settled(g, &expected))?;
    let is_new = |g: &Graph| latest(g).is_some_and(|(m, _)| m.id != manifest.id && m.classes.len() == 9);
    graph.wait("a verdict without a command", MINUTES_3, is_new)?;
    // On a slow machine a burst may come in two parts, and the second has a run of its own.
    graph.wait("nothing more to learn", MINUTES_3, |g| {
        let version = g.status("dataset").counters.get("version").copied().unwrap_or_default();
        g.status("train").state == format!("up to date with version {version}")
    })?;
    let (second, _) = latest(&graph).ok_or("no second verdict")?;
    let promoted = |v: &Verdict| v.decision.is_promoted() && v.run != second.id;
    let champions: Vec<String> = graph.verdicts().into_iter().filter(promoted).map(|v| v.run).collect();
    assert!(second.parent.as_ref().is_some_and(|id| champions.contains(id)), "not from a champion's weights");
    assert!(second.reason.contains("1 relabelled") || second.reason.contains("new in"), "{}", second.reason);
    let runs = RunFolder::all(&graph.workspace.runs()).len();
    assert!(runs <= 3, "a burst of drops made {} runs", runs - 1);
    let after = catalog::splits(&graph.workspace);
    // Only an image that joins two groups moves one of them, and never out of the test set.
    let strictness = |split: &String| ["train", "validation", "test"].iter().position(|name| name == split);
    let kept = |(digest, before): (&String, &String)| {
        // Those that were deleted and overwritten are in no split.
        after.get(digest).is_none_or(|now| strictness(now) >= strictness(before))
    };
    let less_strict: Vec<_> =
        splits.iter().filter(|one| !kept(*one)).map(|(digest, before)| (digest, before, after.get(digest))).collect();
    assert!(
        less_strict.is_empty(),
        "an image moved to a less strict split: {less_strict:?}, {moved} moved to another class"
    );
    let moved = splits.iter().filter(|(digest, split)| after.get(*digest) != Some(split)).count();
    assert!(moved * 20 <= splits.len(), "{moved} of {} images changed their split", splits.len());

    // The whole graph again: nothing is hashed or trained that need not be.
    let verdicts = graph.verdicts().len();
    let mut graph = graph.restart(QUICK)?;
    graph.wait("watch to be idle", MINUTES_3, |g| {
        g.status("watch").counters.get("pictures_found") == Some(&(expected.len() as u64))
    })?;
    std::thread::sleep(Duration::from_secs(8));
    let hashed = graph.status("hash").counters.get("pictures_in").copied().unwrap_or_default();
    assert_eq!(hashed, 0, "hashed again after a restart");
    assert_eq!(RunFolder::all(&graph.workspace.runs()).len(), runs, "trained again after a restart");
    assert_eq!(graph.verdicts().len(), verdicts);
    assert!(settled(&graph, &expected));
    graph.end()
}

/// Files that are no images, or broken ones; returns where they must end up, sorted.
fn drop_what_must_be_refused(photos: &Path) -> Result<Vec<String>, Failure> {
    let folder = photos.join("tools");
    std::fs::create_dir_all(&folder)?;
    let whole = std::fs::read(&images::demo()[0].1)?;
    std::fs::write(folder.join("half.jpg"), &whole[..whole.len() / 2])?;
    std::fs::write(folder.join("empty.png"), b"")?;
    std::fs::write(folder.join("letter.jpg"), b"Dear photos, I am no image at all.")?;
    let mut refused: BTreeSet<String> =
        ["half.jpg", "empty.png", "letter.jpg"].map(|n| format!("quarantine/tools/{n}")).into();
    if let Some(shared) = tests::shared() {
        for name in ["invalid.1.gif", "bug793470-crasher.png", "colormap-image-without-colormap.tga"] {
            std::fs::copy(shared.join("data/odd-images/fail").join(name), folder.join(name))?;
            refused.insert(format!("quarantine/tools/{name}"));
        }
    }
    // Hidden and temporary files are nobody's images: they stay where they are.
    std::fs::write(folder.join(".hidden.jpg"), &whole)?;
    std::fs::write(folder.join("download.jpg.part"), &whole[..10])?;
    Ok(refused.into_iter().collect())
}
