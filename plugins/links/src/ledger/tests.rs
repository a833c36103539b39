//! Links over real files and a real table, killed after every step.

use super::*;
use crate::folder::link_name;
use crate::inspection::CONFIRM;
use crate::photos::PhotosIndex;
use std::fs;

/// A workspace with an inbox, and the ledger over it.
struct Workspace {
    folder: tempfile::TempDir,
    db: Connection,
    ledger: Ledger,
}

impl Workspace {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("inbox")).unwrap();
        let db = Connection::open(folder.path().join("ledger.sqlite")).unwrap();
        db.execute_batch(table::SCHEMA).unwrap();
        let ledger = Ledger::read(&db, folder.path().to_path_buf()).unwrap();
        Self { folder, db, ledger }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn put(&self, name: &str, content: &str) -> String {
        let item = format!("inbox/{name}");
        fs::write(self.at(&item), content).unwrap();
        item
    }

    /// The file of an item as it is now.
    fn sources(&self) -> impl Fn(&Link) -> Vec<Source> + use<> {
        let root = self.folder.path().to_path_buf();
        move |link| {
            let path = root.join(&link.item);
            let Ok(meta) = fs::metadata(&path) else { return Vec::new() };
            let modified_ns = meta.mtime() * 1_000_000_000 + meta.mtime_nsec();
            vec![Source { path, size_bytes: meta.len(), modified_ns }]
        }
    }

    fn create(&mut self, links: Vec<Link>) -> usize {
        let sources = self.sources();
        self.ledger.create(&mut self.db, links, sources).unwrap()
    }

    /// The node is killed and started again.
    fn restart(&mut self) {
        self.ledger = Ledger::read(&self.db, self.folder.path().to_path_buf()).unwrap();
        let sources = self.sources();
        self.ledger.recover(&mut self.db, sources).unwrap();
    }

    fn list(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.at(folder)).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn link(view: &str, item: &str, folder: &str, name: &str) -> Link {
    Link {
        view: view.to_owned(),
        item: item.to_owned(),
        folder: folder.to_owned(),
        name: name.to_owned(),
        inode: 0,
        origin: "run".to_owned(),
        state: LinkState::Pending,
    }
}

#[test]
fn links_last_and_the_table_says_the_same() {
    let mut workspace = Workspace::new();
    let a = workspace.put("a.jpg", "one");
    let gone = "inbox/gone.jpg";
    let made = workspace.create(vec![
        link("sorted", &a, "sorted/きゅん", "a.jpg"),
        link("review", &a, "review", &link_name("0.100", &a)),
        link("review", gone, "review", "0.200_gone.jpg"),
    ]);
    assert_eq!(made, 2, "of a file that is gone there is no link");
    assert_eq!(
        (workspace.list("review"), workspace.list("sorted/きゅん")),
        (vec!["0.100_a.jpg".to_owned()], vec!["a.jpg".to_owned()])
    );
    let known: Vec<Link> = workspace.ledger.iter().cloned().collect();
    workspace.restart();
    assert_eq!(workspace.ledger.iter().cloned().collect::<Vec<_>>(), known);
    assert_eq!(table::read(&workspace.db).unwrap(), known);
    assert_eq!(workspace.ledger.of_item(&a).map(|link| link.view.as_str()).collect::<Vec<_>>(), ["review", "sorted"]);

    workspace.ledger.remove(&mut workspace.db, known).unwrap();
    assert!(workspace.list("review").is_empty() && workspace.list("sorted/きゅん").is_empty());
    assert!(workspace.ledger.is_empty() && table::read(&workspace.db).unwrap().is_empty());
    assert_eq!(fs::read_to_string(workspace.at(&a)).unwrap(), "one");
}

/// A link is written down, made, written down; written down, removed, forgotten. Killed after each step, it is made or gone as its
/// state says, and the table knows every link that is there.
#[test]
fn a_kill_after_any_step_is_finished() {
    use LinkState::{Pending, Removing, Replaced};
    for (state, is_made) in
        [(Pending, false), (Pending, true), (Removing, true), (Removing, false), (Replaced, true), (Replaced, false)]
    {
        for name in ["a.jpg", "a (2).jpg"] {
            let mut workspace = Workspace::new();
            let item = workspace.put("a.jpg", "one");
            fs::create_dir(workspace.at("review")).unwrap();
            if name != "a.jpg" {
                fs::write(workspace.at("review/a.jpg"), "a person's").unwrap();
            }
            if is_made {
                fs::hard_link(workspace.at(&item), workspace.at("review").join(name)).unwrap();
            }
            // While it is pending, it is not known yet which name is free.
            let is_pending = state == Pending;
            let written = if is_pending { "a.jpg" } else { name };
            let inode = if is_pending { 0 } else { fs::metadata(workspace.at(&item)).unwrap().ino() };
            table::put(&workspace.db, &Link { inode, state, ..link("review", &item, "review", written) }).unwrap();
            workspace.restart();
            let mine = workspace
                .list("review")
                .into_iter()
                .filter(|of| is_pending || of == name)
                .filter(|of| fs::read_to_string(workspace.at("review").join(of)).unwrap() == "one");
            assert_eq!(mine.count(), usize::from(is_pending && is_made), "{state:?} {is_made} {name}");
            let expected: Vec<&str> = if is_pending && is_made { vec![name] } else { Vec::new() };
            let known = table::read(&workspace.db).unwrap();
            assert_eq!(known.iter().map(|link| link.name.as_str()).collect::<Vec<_>>(), expected);
            assert!(known.iter().all(|link| link.state == LinkState::Linked && link.inode > 0));
            assert_eq!(workspace.ledger.len(), known.len());
        }
    }
}

#[test]
fn the_last_name_stays_unless_its_owner_replaced_it() {
    let mut workspace = Workspace::new();
    for (name, state) in [("deleted.jpg", LinkState::Removing), ("replaced.jpg", LinkState::Replaced)] {
        let item = workspace.put(name, name);
        workspace.create(vec![link("sorted", &item, "sorted", name), link("review", &item, "review", name)]);
        fs::remove_file(workspace.at(&item)).unwrap();
        let leaving: Vec<Link> = workspace.ledger.of_item(&item).map(|link| Link { state, ..link.clone() }).collect();
        let mut reversed = leaving.clone();
        reversed.reverse();
        LinkChanges { removed: Vec::new(), put: leaving }.write(&workspace.db).unwrap();
        workspace.ledger.finish_removing(&mut workspace.db, reversed).unwrap();
    }
    assert_eq!((workspace.list("sorted"), workspace.list("review")), (vec!["deleted.jpg".to_owned()], Vec::new()));
    assert!(workspace.ledger.is_empty(), "it is a person's from now on");
}

#[test]
fn taken_is_what_is_missing_for_long_enough() {
    let mut workspace = Workspace::new();
    let items = ["a.jpg", "b.jpg", "c.jpg", "d.jpg"].map(|name| workspace.put(name, name));
    let [a, b, c, d] = &items;
    let folders = ["one", "one", "one", "two"];
    let links = items.iter().zip(folders).map(|(item, folder)| link("v", item, folder, &item[6..])).collect();
    assert_eq!(workspace.create(links), 4);
    let now = Instant::now();
    assert_eq!(workspace.ledger.inspect("v", &[], now), crate::Inspection::default());

    fs::remove_file(workspace.at("one/a.jpg")).unwrap();
    fs::rename(workspace.at("one/b.jpg"), workspace.at("one/best.jpg")).unwrap();
    fs::write(workspace.at("one/note.txt"), "mine").unwrap();
    fs::remove_dir_all(workspace.at("two")).unwrap();
    let of = |links: &[Link]| -> Vec<String> { links.iter().map(|link| link.item.clone()).collect() };
    let seen = workspace.ledger.inspect("v", &["three"], now);
    assert!(seen.taken.is_empty() && !seen.is_unchanged());
    assert_eq!((of(&seen.renamed), seen.renamed[0].name.as_str()), (vec![b.clone()], "best.jpg"));
    assert_eq!(
        (of(&seen.folder_gone), seen.folder_gone.clone()),
        (vec![d.clone()], workspace.ledger.with_folder_gone())
    );
    let others: Vec<&str> = seen.others["one"].values().map(String::as_str).collect();
    assert_eq!((seen.others.len(), others), (1, vec!["note.txt"]));
    let is_missing =
        |workspace: &Workspace, item: &str| workspace.ledger.is_missing(workspace.ledger.get("v", item).unwrap());
    assert!(is_missing(&workspace, a) && !is_missing(&workspace, c));

    // Put back in time, it was never taken; the next time counts from its own beginning.
    fs::hard_link(workspace.at(a), workspace.at("one/a.jpg")).unwrap();
    assert!(workspace.ledger.inspect("v", &[], now + CONFIRM).taken.is_empty());
    assert!(!is_missing(&workspace, a));
    fs::remove_file(workspace.at("one/a.jpg")).unwrap();
    assert!(workspace.ledger.inspect("v", &[], now + CONFIRM).taken.is_empty());
    assert_eq!(of(&workspace.ledger.inspect("v", &[], now + 2 * CONFIRM).taken), std::slice::from_ref(a));
}

#[test]
fn states_of_earlier_tables_are_read() {
    let workspace = Workspace::new();
    for (old, new) in [
        ("coming", LinkState::Pending),
        ("there", LinkState::Linked),
        ("by hand", LinkState::ByHand),
        ("taken", LinkState::Taken),
        ("leaving", LinkState::Removing),
        ("replaced", LinkState::Replaced),
        ("of a later version", LinkState::Removing),
    ] {
        table::put(&workspace.db, &link("v", "a", "v", "a.jpg")).unwrap();
        workspace.db.execute("UPDATE links SET state = ?", [old]).unwrap();
        workspace.db.execute_batch(table::RENAME_STATES).unwrap();
        assert_eq!(table::read(&workspace.db).unwrap()[0].state, new, "{old}");
    }
}

#[test]
fn a_link_moved_to_photos_is_found_there() {
    let mut workspace = Workspace::new();
    let item = workspace.put("a.jpg", "one");
    workspace.create(vec![link("v", &item, "v", "a.jpg")]);
    fs::create_dir(workspace.at("photos")).unwrap();
    fs::rename(workspace.at("v/a.jpg"), workspace.at("photos/cat.jpg")).unwrap();
    let mut photos = PhotosIndex::new(workspace.at("photos"));
    assert!(photos.scan(&[3].into()) && photos.digests().contains(blake3::hash(b"one").to_hex().as_str()));
}
