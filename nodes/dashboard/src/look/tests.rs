//! A catalog with everything that may be the matter.

use super::*;
use plugin_api::Workspace;
use plugin_catalog::{Image, Reader, Writer, fixture};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// An empty catalog, which [`add`] fills.
pub(crate) fn catalog(workspace: &Workspace) -> Workspace {
    Writer::open(workspace).unwrap();
    workspace.clone()
}

/// The catalog, opened to be read.
pub(crate) fn reader(workspace: &Workspace) -> Reader {
    Reader::open(workspace).unwrap().unwrap()
}

/// Lets versions pass until the next is this one.
fn pass_until(workspace: &Workspace, version: u64) {
    let mut catalog = Writer::open(workspace).unwrap();
    while catalog.read().version().unwrap() + 1 < version {
        let mut change = catalog.change().unwrap();
        change.renew();
        change.commit().unwrap();
    }
}

/// Adds a file, in a version of its own and not before `added`: its image is 200 × 150 with good scores, unless it is there
/// already.
pub(crate) fn add(workspace: &Workspace, path: &str, digest: &str, group: &str, split: &str, added: u64) {
    pass_until(workspace, added);
    let image = Image { group: group.to_owned(), split: split.parse().unwrap(), ..fixture::image(digest) };
    fixture::add(workspace, &[(fixture::file(path, digest), image)]).unwrap();
}

fn workspace() -> (tempfile::TempDir, Workspace) {
    with(|image| image)
}

/// A workspace with 20 cats, which `edit` may change, and two dogs.
fn with(edit: impl Fn(Image) -> Image) -> (tempfile::TempDir, Workspace) {
    let folder = tempfile::tempdir().unwrap();
    let workspace = Workspace::create(&folder.path().join("home")).unwrap();
    let cat = |n: usize| {
        let (path, digest) = (format!("photos/cat/{n:02}.jpg"), format!("d{n}"));
        (fixture::file(&path, &digest), edit(fixture::image(&digest)))
    };
    fixture::add(&workspace, &(0..20).map(cat).collect::<Vec<_>>()).unwrap();
    add(&workspace, "photos/dog/a.jpg", "da", "da", "test", 2);
    add(&workspace, "photos/dog/b.jpg", "db", "db", "validation", 5);
    (folder, workspace)
}

fn paths(page: &Page) -> Vec<&str> {
    page.items.iter().map(|item| item.path.as_str()).collect()
}

fn flags(view: &CatalogView) -> HashMap<String, Vec<&'static str>> {
    view.items.iter().map(|item| (item.path.clone(), item.flags.names().collect())).collect()
}

#[test]
fn what_needs_eyes_comes_first_and_says_why() {
    let (_folder, workspace) = with(|mut image| {
        if image.digest == "d5" {
            image.scores.dark = 0.05;
        }
        image
    });
    // The same image in two classes; a copy in its own; one too dark; one suspected, one suspected before it was moved.
    add(&workspace, "photos/dog/again.jpg", "d3", "d3", "train", 1);
    add(&workspace, "photos/cat/copy.jpg", "d4", "d4", "train", 1);
    std::fs::create_dir_all(workspace.dataset().join("report")).unwrap();
    std::fs::write(
        workspace.dataset().join("report/label_errors.csv"),
        "path,class,suggested,probability_of_class,probability_of_suggested,digest,what_to_do\n\
         photos/cat/06.jpg,cat,dog,0.1,0.8,d6,x\nphotos/cat/07.jpg,bird,dog,0.1,0.8,d7,x\n",
    )
    .unwrap();
    let view = CatalogView::read(&reader(&workspace), Notes::read(&workspace), None).unwrap();
    let page = view.page(&Filter::default(), 1, &workspace);
    assert_eq!(page.total, 24);
    let first = ["photos/cat/03.jpg", "photos/dog/again.jpg", "photos/cat/06.jpg", "photos/cat/05.jpg"];
    assert_eq!(paths(&page)[..4], first);
    let flags = flags(&view);
    assert_eq!(flags["photos/dog/again.jpg"], ["conflict", "duplicate"]);
    assert_eq!(flags["photos/cat/04.jpg"], ["duplicate"]);
    assert_eq!(flags["photos/cat/05.jpg"], ["dark"]);
    assert_eq!(flags["photos/cat/06.jpg"], ["suspected"]);
    assert!(flags["photos/cat/07.jpg"].is_empty(), "it is in another class since");
    assert_eq!(page.items[2].suspect.as_ref().unwrap().suggested, "dog");
    // What was taken away is not there.
    fixture::remove(&workspace, &["photos/dog/again.jpg"]).unwrap();
    let view = CatalogView::read(&reader(&workspace), Notes::default(), None).unwrap();
    assert!(view.find("d3").unwrap().flags == Flags::default() && view.items.len() == 23);
}

#[test]
fn filters_and_pages_go_together() {
    let (_folder, workspace) = workspace();
    let view = CatalogView::read(&reader(&workspace), Notes::default(), None).unwrap();
    let ask = |text: &str| {
        let filter: Filter = serde_json::from_str(text).unwrap();
        view.page(&filter, 7, &workspace)
    };
    let cats = ask(r#"{"class": "cat", "count": 8}"#);
    assert_eq!((cats.total, cats.items.len(), cats.generation), (20, 8, 7));
    let rest = ask(r#"{"class": "cat", "count": 8, "from": 16}"#);
    assert_eq!(paths(&rest), ["photos/cat/16.jpg", "photos/cat/17.jpg", "photos/cat/18.jpg", "photos/cat/19.jpg"]);
    assert!(rest.choices.is_none() && ask(r#"{"from": 99}"#).items.is_empty());
    assert_eq!(paths(&ask(r#"{"split": "test"}"#)), ["photos/dog/a.jpg"]);
    assert_eq!(ask(r#"{"class": "bird"}"#).total + ask(r#"{"flag": "nonsense"}"#).total, 0);
    let choices = ask(r#"{"class": "dog"}"#).choices.unwrap();
    assert_eq!((choices.class["cat"], choices.class["dog"]), (20, 2));
    assert_eq!((choices.split["test"], choices.split["validation"], choices.split.get("train")), (1, 1, None));
    assert!(serde_json::from_str::<Filter>(r#"{"order": "by"}"#).is_err());
    assert_eq!(paths(&ask(r#"{"name": "DOG/A"}"#)), ["photos/dog/a.jpg"]);
    assert_eq!(
        (ask(r#"{"max_px": 149}"#).total, ask(r#"{"min_px": 150, "max_px": 150}"#).total),
        (0, 22),
        "the shorter side"
    );
    assert_eq!(paths(&ask(r#"{"sort": "newest", "count": 1}"#)), ["photos/dog/b.jpg"]);
    let by_name = ask(r#"{"sort": "name", "count": 3}"#);
    assert_eq!(paths(&by_name), ["photos/cat/00.jpg", "photos/cat/01.jpg", "photos/cat/02.jpg"]);
    assert_eq!(ask(r#"{"flag": "new,dark"}"#).total, 0, "all of them");
}

#[test]
fn files_are_found_by_when_they_came_or_were_taken() {
    let day = 86_400_000;
    let (_folder, workspace) = with(|mut image| {
        image.captured_ms = match image.digest.as_str() {
            "d1" => Some(3 * day),
            "d2" => Some(4 * day),
            _ => None,
        };
        image
    });
    let view = CatalogView::read(&reader(&workspace), Notes::default(), None).unwrap();
    let ask = |dated, since_ms, until_ms| {
        view.page(&Filter { dated, since_ms, until_ms, ..Filter::default() }, 1, &workspace)
    };
    let taken = |since, until| paths(&ask(Dated::Taken, since, until)).join(" ");
    assert!(taken(3 * day, 4 * day).ends_with("01.jpg") && taken(4 * day, 0).ends_with("02.jpg"));
    assert_eq!(
        (taken(5 * day, 0), taken(0, 3 * day)),
        (String::new(), String::new()),
        "a file without a date is in no span"
    );
    let came = view.items.iter().map(|item| item.arrived_ms).max().unwrap();
    assert_eq!(ask(Dated::Added, came + 1, 0).total, 0);
    assert!(ask(Dated::Added, came, came + 1).total > 0);
}

#[test]
fn confusion_cell_shows_its_images_and_champions() {
    let (_folder, workspace) = workspace();
    let report = workspace.runs().join("r1/report");
    std::fs::create_dir_all(&report).unwrap();
    std::fs::write(
        report.join("predictions.csv"),
        "path,digest,truth,prediction,probability,correct,p_cat,p_dog\n\
         photos/cat/01.jpg,d1,cat,dog,0.9,false,0.1,0.9\nphotos/cat/02.jpg,d2,cat,cat,0.55,true,0.55,0.45\n\
         photos/dog/a.jpg,da,dog,dog,0.99,true,0.01,0.99\n",
    )
    .unwrap();
    std::fs::create_dir_all(workspace.models().join("r1")).unwrap();
    std::os::unix::fs::symlink("r1", workspace.champion()).unwrap();
    let manifest = plugin_api::runs::RunManifest { version: 3, ..plugin_api::fixture::manifest("r1", &["cat", "dog"]) };
    plugin_api::runs::write_json(&workspace.runs().join("r1/run.json"), &manifest).unwrap();
    let view = CatalogView::read(&reader(&workspace), Notes::read(&workspace), None).unwrap();
    let flags = flags(&view);
    assert_eq!((&flags["photos/cat/01.jpg"][..], &flags["photos/cat/02.jpg"][..]), (&["wrong"][..], &["unsure"][..]));
    assert_eq!((&flags["photos/dog/b.jpg"][..], flags["photos/dog/a.jpg"].len()), (&["new"][..], 0));
    let cell = |truth: &str, prediction: &str| {
        let filter =
            Filter { run: "r1".into(), truth: truth.into(), prediction: prediction.into(), ..Filter::default() };
        view.page(&filter, 1, &workspace).total
    };
    assert_eq!((cell("cat", "dog"), cell("cat", ""), cell("", ""), cell("dog", "cat")), (1, 2, 3, 0));
}

#[test]
fn the_library_reads_again_when_something_changed_and_only_then() {
    let folder = tempfile::tempdir().unwrap();
    let workspace = Workspace::create(&folder.path().join("home")).unwrap();
    let mut library = Arc::new(Library::new(workspace.clone()));
    let (view, first) = library.view().unwrap();
    assert!(view.items.is_empty(), "no catalog yet");
    add(&workspace, "photos/cat/a.jpg", "d1", "d1", "train", 1);
    let wait = || std::thread::sleep(Duration::from_millis(750));
    wait();
    let (view, second) = library.renew().unwrap();
    assert!(view.items.len() == 1 && second > first);
    wait();
    assert_eq!(library.renew().unwrap().1, second);
    pass_until(&workspace, 3);
    assert_eq!(library.view().unwrap().1, second, "the one before, at once");
    wait();
    Arc::get_mut(&mut library).unwrap().fresh = Duration::ZERO;
    assert!(library.view().unwrap().1 > second, "it is of long ago, and nobody has renewed it");
}

#[test]
fn while_a_large_catalog_is_first_read_a_part_of_it_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let workspace = Workspace::create(&folder.path().join("home")).unwrap();
    add(&workspace, "photos/cat/0.jpg", "d", "d", "train", 1);
    assert!(Arc::new(Library::new(workspace.clone())).available().unwrap().is_whole(), "a small one is read at once");
    let more = |n: usize| (fixture::file(&format!("photos/cat/{n}.jpg"), "d"), fixture::image("d"));
    fixture::add(&workspace, &(1..=1500).map(more).collect::<Vec<_>>()).unwrap();
    let library = Arc::new(Library::new(workspace.clone()));
    let part = library.available().unwrap();
    let page = part.view.page(&Filter::default(), part.generation, &workspace);
    assert_eq!((part.is_whole(), page.whole, page.total, page.items.len()), (false, false, 1000, 100));
    assert_eq!(library.view().unwrap().0.items.len(), 1501, "who needs all of it waits");
    let whole = library.available().unwrap();
    assert_eq!((whole.is_whole(), whole.view.items.len(), library.is_opening()), (true, 1501, false));
}

#[test]
fn neighbours_by_hash_are_other_images_nearest_first() {
    let (_folder, workspace) = with(|mut image| {
        image.hashes.phash = match image.digest.as_str() {
            "d1" => 7,
            "d2" => 5,
            _ => image.hashes.phash | 0xff00,
        };
        image
    });
    let view = CatalogView::read(&reader(&workspace), Notes::default(), None).unwrap();
    let near: Vec<_> = view.near(7, 2).into_iter().map(|(item, bits)| (item.digest.as_str(), bits)).collect();
    assert_eq!(near, [("d1", 0), ("d2", 1)]);
}
