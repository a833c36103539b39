//! A workspace with an inbox, a pool and what the nodes have written down of them.

use super::*;
use crate::decide::Act;
use crate::look::Library;
use crate::look::tests::{add, catalog};
use plugin_embed::Cache;
use rusqlite::{Connection, params};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

fn digest(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex().to_string()
}

fn write(home: &Home, path: &str) {
    let file = home.root().join(path);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, path).unwrap();
}

/// Writes a file down as `gather` does.
fn take_in(db: &Connection, home: &Home, path: &str, label: Option<&str>) {
    let meta = fs::metadata(home.root().join(path)).unwrap();
    let modified_ns = meta.mtime() * 1_000_000_000 + meta.mtime_nsec();
    db.execute("INSERT INTO files VALUES (?, ?, ?, ?, ?)", params![path, label, digest(path), modified_ns, meta.len()])
        .unwrap();
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

fn heap(home: &Home) -> Arc<Heap> {
    Arc::new(Heap::new(home.clone(), Arc::new(Library::new(home.clone()))))
}

/// Searched until the pool has been looked at.
fn found(home: &Home, heap: &Arc<Heap>, decider: &Decider, class: &str) -> Found {
    loop {
        let found = search(home, heap, decider, class, 0, 99);
        if !found.pool.busy {
            return search(home, heap, decider, class, 0, 99);
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
    let home = Home::create(folder.path()).unwrap();
    let (heap, decider) = (heap(&home), Decider::new(home.clone()));
    let nothing = found(&home, &heap, &decider, "わくてか");
    assert_eq!((nothing.items.len(), nothing.classes.len(), nothing.inbox), (0, 0, 0));
    let table = "path,class,class_1,probability_1,class_2,probability_2,class_3,probability_3,margin,abstained,calibrated,model\n\
                 inbox/a.jpg,,きゅん,0.5,わくてか,0.4,,,0.1,true,true,m\n\
                 inbox/b.jpg,わくてか,わくてか,0.9,きゅん,0.1,,,0.8,false,true,m\n\
                 inbox/c.jpg,きゅん,きゅん,0.9,しょぼん,0.1,,,0.8,false,true,m\n";
    fs::write(home.inbox().join("predictions.csv"), table).unwrap();
    let found = found(&home, &heap, &decider, "わくてか");
    assert_eq!(told(&found), [("inbox/b.jpg", 0.9), ("inbox/a.jpg", 0.4)]);
    assert_eq!((found.classes, found.inbox), (vec!["きゅん".into(), "しょぼん".into(), "わくてか".into()], 3));
}

#[test]
fn the_pool_is_judged_by_what_was_accepted_and_decided_on() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::create(folder.path()).unwrap();
    let db = catalog(&home);
    let mut cache = Cache::open(&home, "eyes", 2).unwrap();
    let mut put = |path: &str, row: [f32; 2]| cache.put(&digest(path), &row).unwrap();
    for path in ["photos/cat/1.jpg", "photos/dog/1.jpg"] {
        add(&db, path, &digest(path), path, "train", 1);
        put(path, if path.contains("cat") { [1.0, 0.0] } else { [0.0, 1.0] });
    }
    let curation = curation(&home.dataset().join("curation.sqlite"));
    for (path, row) in [
        ("pool/cat-like.jpg", Some([0.96, 0.28])),
        ("pool/2024/夏/in between.jpg", Some([0.8, 0.6])),
        ("pool/dog-like.jpg", Some([0.28, 0.96])),
        ("pool/no embedding.jpg", None),
        ("pool/changed.jpg", Some([1.0, 0.0])),
    ] {
        write(&home, path);
        take_in(&curation, &home, path, None);
        if let Some(row) = row {
            put(path, row);
        }
    }
    fs::write(home.pool().join("changed.jpg"), "another picture by now").unwrap();
    write(&home, "pool/new.jpg");
    write(&home, "pool/notes.txt");
    let decider = Decider::new(home.clone());
    let cats = found(&home, &heap(&home), &decider, "cat");
    let paths: Vec<&str> = cats.items.iter().map(|one| one.path.as_str()).collect();
    assert_eq!(paths, ["pool/cat-like.jpg", "pool/2024/夏/in between.jpg", "pool/dog-like.jpg"]);
    assert_eq!((cats.pool.known, cats.pool.unknown, cats.classes.len()), (3, 3, 2));
    assert_eq!(cats.pool.by.map(|by| (by.kind, by.learnt)), Some(("means", 2)));

    // Decided: gone at once, back when it is undone, and an accepted one is no longer searched for.
    let heap_ = heap(&home);
    found(&home, &heap_, &decider, "cat");
    let label = Act::Label { path: "pool/cat-like.jpg".into(), class: "cat".into() };
    decider.decide(&[label], &|_, _| None).unwrap();
    assert!(home.photos().join("cat/cat-like.jpg").exists() && !home.pool().join("cat-like.jpg").exists());
    assert_eq!(found(&home, &heap_, &decider, "cat").total, 2);
    decider.undo().unwrap();
    assert_eq!(found(&home, &heap_, &decider, "cat").total, 3);
    add(&db, "photos/cat/copy.jpg", &digest("pool/cat-like.jpg"), "g", "train", 2);
    assert_eq!(found(&home, &heap(&home), &decider, "cat").pool.known, 2);
}

#[test]
fn seeds_are_enough_to_judge_by_and_without_anything_it_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::create(folder.path()).unwrap();
    let decider = Decider::new(home.clone());
    write(&home, "pool/a.jpg");
    let found_ = found(&home, &heap(&home), &decider, "cat");
    assert_eq!(found_.pool, Pool { by: None, known: 0, unknown: 1, busy: false });
    let curation = curation(&home.dataset().join("curation.sqlite"));
    let mut cache = Cache::open(&home, "eyes", 2).unwrap();
    for (path, label, row) in [
        ("seeds/cat/s.jpg", Some("cat"), [1.0, 0.0]),
        ("seeds/dog/s.jpg", Some("dog"), [0.0, 1.0]),
        ("pool/a.jpg", None, [0.6, 0.8]),
    ] {
        write(&home, path);
        take_in(&curation, &home, path, label);
        cache.put(&digest(path), &row).unwrap();
    }
    let found = found(&home, &heap(&home), &decider, "dog");
    assert_eq!((found.total, found.pool.known, found.pool.unknown), (1, 1, 0));
    assert!(found.items[0].probability > 0.5);
}
