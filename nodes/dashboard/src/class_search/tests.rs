//! A workspace with an inbox, a pool and what the nodes have written down of them.

use super::*;
use crate::decide::Action;
use crate::image_renderer::ImageRenderer;
use crate::look::Library;
use crate::look::tests::{add, catalog};
use crate::model_cache::ModelCache;
use ::tests::champion::ByColour;
use plugin_decode::Limits;
use plugin_model::DeviceChoice;
use rusqlite::{Connection, params};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Writes a file down as `gather` does.
fn take_in(db: &Connection, workspace: &Workspace, path: &str, label: Option<&str>) {
    let meta = fs::metadata(workspace.root().join(path)).unwrap();
    let modified_ns = meta.mtime() * 1_000_000_000 + meta.mtime_nsec();
    db.execute("INSERT INTO files VALUES (?, ?, ?, ?, ?)", params![path, label, "d", modified_ns, meta.len()]).unwrap();
}

fn curation(path: &Path) -> Connection {
    let db = Connection::open(path).unwrap();
    db.pragma_update(None, "journal_mode", "WAL").unwrap();
    db.execute_batch(
        "CREATE TABLE files (path TEXT PRIMARY KEY, label TEXT, digest TEXT NOT NULL, modified_ns INTEGER NOT NULL,
           size_bytes INTEGER NOT NULL) WITHOUT ROWID;
         CREATE TABLE network (only INTEGER PRIMARY KEY CHECK (only = 0), name TEXT NOT NULL);
         INSERT INTO network VALUES (0, 'eyes');",
    )
    .unwrap();
    db
}

fn pool(workspace: &Workspace) -> Arc<Pool> {
    let models = Arc::new(ModelCache::new(workspace.clone(), DeviceChoice::Flex));
    let renderer = Arc::new(ImageRenderer::new(workspace.clone(), Limits::default()));
    Arc::new(Pool::new(workspace.clone(), Arc::new(Library::new(workspace.clone())), models, renderer))
}

/// Searched until the pool has been looked at.
fn found(workspace: &Workspace, pool: &Arc<Pool>, decider: &Decider, class: &str) -> Found {
    loop {
        let found = search(workspace, pool, decider, class, 0, 99);
        if !found.pool.busy {
            return search(workspace, pool, decider, class, 0, 99);
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

fn told(found: &Found) -> Vec<(&str, f32)> {
    found.items.iter().map(|one| (one.path.as_str(), one.probability)).collect()
}

#[test]
fn the_inbox_is_searched_most_certain_first() {
    let folder = tempfile::tempdir().unwrap();
    let workspace = Workspace::create(folder.path()).unwrap();
    let (pool, decider) = (pool(&workspace), Decider::new(workspace.clone()));
    let nothing = found(&workspace, &pool, &decider, "わくてか");
    assert_eq!((nothing.items.len(), nothing.classes.len(), nothing.inbox), (0, 0, 0));
    let table = "path,class,class_1,probability_1,class_2,probability_2,class_3,probability_3,margin,abstained,calibrated,model\n\
                 inbox/a.jpg,,きゅん,0.5,わくてか,0.4,,,0.1,true,true,m\n\
                 inbox/b.jpg,わくてか,わくてか,0.9,きゅん,0.1,,,0.8,false,true,m\n\
                 inbox/c.jpg,きゅん,きゅん,0.9,しょぼん,0.1,,,0.8,false,true,m\n";
    fs::write(workspace.inbox().join("predictions.csv"), table).unwrap();
    let found = found(&workspace, &pool, &decider, "わくてか");
    assert_eq!(told(&found), [("inbox/b.jpg", 0.9), ("inbox/a.jpg", 0.4)]);
    assert_eq!((found.classes, found.inbox), (vec!["きゅん".into(), "しょぼん".into(), "わくてか".into()], 3));
}

/// An image of one colour.
fn paint(workspace: &Workspace, path: &str, colour: [u8; 3]) -> String {
    let file = workspace.root().join(path);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    image::RgbImage::from_pixel(40, 30, image::Rgb(colour)).save(&file).unwrap();
    blake3::hash(&fs::read(&file).unwrap()).to_hex().to_string()
}

#[test]
fn the_pool_is_predicted_by_the_champion_and_decided_on() {
    let folder = tempfile::tempdir().unwrap();
    let workspace = Workspace::create(folder.path()).unwrap();
    let db = catalog(&workspace);
    let decider = Decider::new(workspace.clone());
    paint(&workspace, "pool/red.png", [250, 10, 10]);
    paint(&workspace, "pool/2024/夏/reddish.png", [160, 90, 40]);
    paint(&workspace, "pool/blue.png", [10, 20, 250]);
    fs::write(workspace.pool().join("broken.png"), "no image").unwrap();
    fs::write(workspace.pool().join("notes.txt"), "notes").unwrap();
    // What embed wrote down of a file that is another by now is not heeded.
    let curation = curation(&workspace.dataset().join("curation.sqlite"));
    take_in(&curation, &workspace, "pool/blue.png", None);
    paint(&workspace, "pool/blue.png", [10, 20, 200]);

    let nobody = found(&workspace, &pool(&workspace), &decider, "red");
    assert_eq!((nobody.total, nobody.pool), (0, PoolCounts { model: None, known: 0, unknown: 4, busy: false }));

    ByColour { run: "one", classes: ["red", "green", "blue"], scale: 10.0, temperature: None }
        .make_champion(&workspace)
        .unwrap();
    let reds = found(&workspace, &pool(&workspace), &decider, "red");
    let paths: Vec<&str> = reds.items.iter().map(|one| one.path.as_str()).collect();
    assert_eq!(paths, ["pool/red.png", "pool/2024/夏/reddish.png", "pool/blue.png"]);
    assert_eq!((reds.pool.model.as_deref(), reds.pool.known, reds.pool.unknown), (Some("one"), 3, 0));
    assert_eq!(reds.classes, ["blue", "green", "red"]);

    // Decided: gone at once, back when it is undone, and what is in photos/ is no longer searched for.
    let the_pool = pool(&workspace);
    found(&workspace, &the_pool, &decider, "red");
    let label = Action::Label { path: "pool/red.png".into(), class: "red".into() };
    decider.decide(&[label], &|_, _| None).unwrap();
    assert!(workspace.photos().join("red/red.png").exists() && !workspace.pool().join("red.png").exists());
    assert_eq!(found(&workspace, &the_pool, &decider, "red").total, 2);
    decider.undo().unwrap();
    assert_eq!(found(&workspace, &the_pool, &decider, "red").total, 3);
    let digest = blake3::hash(&fs::read(workspace.pool().join("red.png")).unwrap()).to_hex().to_string();
    add(&db, "photos/red/copy.png", &digest, "g", "train", 2);
    assert_eq!(found(&workspace, &pool(&workspace), &decider, "red").pool.known, 2);
}
