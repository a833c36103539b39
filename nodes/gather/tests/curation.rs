//! What a person sees of `gather`: folders of candidates, lists, and that answers count.
#![cfg(test)]

use arrow::array::{Int64Array, StringArray, UInt32Array, UInt64Array};
use node_gather::GatherError;
use node_gather::gatherer::{Gatherer, Rules};
use node_gather::measure::{Metric, Reach};
use node_gather::store::Store;
use plugin_api::Workspace;
use plugin_api::edges::{Embedded, lists_of_f32};
use plugin_links::{CONFIRM, Link, LinkChanges, LinkState, table};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::Instant;

const RULES: Rules =
    Rules { metric: Metric::Phash, reach: Reach::Bits(10), k: 1, max_candidates: 50, multi_class: false };

/// A workspace and the node over it.
struct Fixture {
    _folder: tempfile::TempDir,
    workspace: Workspace,
    rules: Rules,
    gatherer: Gatherer,
    now: Instant,
}

fn fixture(rules: Rules) -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let workspace = Workspace::create(folder.path()).unwrap();
    let gatherer = Gatherer::open(&workspace, rules).unwrap();
    Fixture { _folder: folder, workspace, rules, gatherer, now: Instant::now() }
}

/// A message of one image.
fn message(workspace: &Workspace, path: &str, phash: u64, embedding: &[f32]) -> Embedded {
    let at = workspace.root().join(path);
    let meta = fs::metadata(&at).unwrap();
    let label = path.strip_prefix("seeds/").and_then(|path| path.split_once('/')).map(|(class, _)| class);
    let hash = |value: u64| UInt64Array::from(vec![value]);
    Embedded {
        path: StringArray::from(vec![path]),
        label: StringArray::from(vec![label]),
        modified_ns: Int64Array::from(vec![meta.mtime() * 1_000_000_000 + meta.mtime_nsec()]),
        size_bytes: hash(meta.len()),
        digest: StringArray::from(vec![blake3::hash(&fs::read(&at).unwrap()).to_hex().to_string()]),
        ahash: hash(0),
        dhash: hash(0),
        phash: hash(phash),
        whash: hash(0),
        width: UInt32Array::from(vec![8]),
        height: UInt32Array::from(vec![8]),
        embedding: lists_of_f32([embedding]),
    }
}

impl Fixture {
    fn at(&self, path: &str) -> PathBuf {
        self.workspace.root().join(path)
    }

    /// A file comes, whose perceptual hash is this.
    fn put(&mut self, path: &str, phash: u64) {
        fs::create_dir_all(self.at(path).parent().unwrap()).unwrap();
        fs::write(self.at(path), format!("{path} {phash}")).unwrap();
        let message = message(&self.workspace, path, phash, &[]);
        self.gatherer.take_in(&[("", &message)]).unwrap();
    }

    fn remove(&mut self, path: &str) {
        let _ = fs::remove_file(self.at(path));
        self.gatherer.take_away([path].into_iter()).unwrap();
    }

    /// Time passes and the node works.
    fn work(&mut self) {
        for _ in 0..3 {
            self.now += CONFIRM;
            self.gatherer.review(self.now).unwrap();
            self.gatherer.look_through_photos();
            if self.gatherer.is_dirty() {
                self.gatherer.arrange().unwrap();
            }
        }
    }

    /// The node is killed and started again.
    fn restart(&mut self) {
        self.gatherer = Gatherer::open(&self.workspace, self.rules).unwrap();
        self.gatherer.look_through_photos();
    }

    /// The candidates of a class, by name.
    fn candidates(&self, class: &str) -> Vec<String> {
        let list = fs::read_dir(self.at("candidates").join(class)).into_iter().flatten().flatten();
        let mut names: Vec<String> = list.map(|entry| entry.file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn list(&self, name: &str) -> Vec<BTreeMap<String, String>> {
        let mut rows = csv::Reader::from_path(self.at("candidates").join(name)).unwrap();
        rows.deserialize().map(Result::unwrap).collect()
    }

    /// Two classes and five images: three cats, one dog, one neither.
    fn fill(&mut self) {
        self.put("seeds/cat/s.jpg", 0);
        self.put("seeds/dog/s.jpg", 0xFFF);
        self.put("pool/near.jpg", 0b1);
        self.put("pool/far.jpg", 0b11);
        self.put("pool/sub/both.jpg", 0b1_1111);
        self.put("pool/dog.jpg", 0xFFE);
        self.put("pool/none.jpg", 0xFFFF_FFFF_0000_0000);
        self.work();
    }
}

#[test]
fn look_alikes_are_linked_nearest_first_and_listed() {
    let mut fixture = fixture(RULES);
    fixture.fill();
    assert_eq!(fixture.candidates("cat"), ["01_near.jpg", "02_far.jpg", "05_both.jpg"]);
    assert_eq!(fixture.candidates("dog"), ["01_dog.jpg"]);
    let inode = |path: &str| fs::metadata(fixture.at(path)).unwrap().ino();
    assert_eq!(inode("candidates/cat/05_both.jpg"), inode("pool/sub/both.jpg"));
    assert_eq!(fs::metadata(fixture.at("pool/sub/both.jpg")).unwrap().nlink(), 2);

    let rows = fixture.list("candidates.csv");
    let column = |name: &str| rows.iter().map(|row| row[name].clone()).collect::<Vec<_>>();
    assert_eq!(column("path"), ["pool/near.jpg", "pool/far.jpg", "pool/sub/both.jpg", "pool/dog.jpg"]);
    assert_eq!(column("rank"), ["1", "2", "3", "1"]);
    assert_eq!(column("distance"), ["01", "02", "05", "01"]);
    assert_eq!(column("candidate")[2], "candidates/cat/05_both.jpg");
    assert_eq!(column("claimed_by")[2], "cat 05; dog 07");
    let multi_class = fixture.list("claimed-by-several.csv");
    assert_eq!(multi_class.len(), 2, "{multi_class:?}");
    let both = multi_class.iter().find(|row| row["path"] == "pool/sub/both.jpg").unwrap();
    assert_eq!((both["classes"].as_str(), both["candidate_of"].as_str()), ("2", "cat"));
}

#[test]
fn several_classes_may_have_the_same_image() {
    let mut fixture = fixture(Rules { multi_class: true, ..RULES });
    fixture.fill();
    assert_eq!(fixture.candidates("dog"), ["01_dog.jpg", "07_both.jpg", "10_far.jpg"]);
    // Refused by one, it stays with the other.
    fs::remove_file(fixture.at("candidates/dog/07_both.jpg")).unwrap();
    fixture.work();
    assert_eq!(fixture.candidates("dog"), ["01_dog.jpg", "10_far.jpg"]);
    assert!(fixture.candidates("cat").contains(&"05_both.jpg".to_owned()));
}

#[test]
fn refused_is_refused_for_that_class_whatever_is_started_again() {
    let mut fixture = fixture(RULES);
    fixture.fill();
    fs::remove_file(fixture.at("candidates/cat/05_both.jpg")).unwrap();
    fs::remove_file(fixture.at("candidates/cat/01_near.jpg")).unwrap();
    fixture.work();
    assert_eq!(fixture.candidates("cat"), ["02_far.jpg"]);
    assert_eq!(fixture.candidates("dog"), ["01_dog.jpg", "07_both.jpg"], "the next class may have it");
    for _ in 0..2 {
        fixture.restart();
        fixture.work();
        assert_eq!(fixture.candidates("cat"), ["02_far.jpg"]);
    }
    // The same bytes under another name are the same image.
    fs::rename(fixture.at("pool/near.jpg"), fixture.at("pool/again.jpg")).unwrap();
    fixture.remove("pool/near.jpg");
    let again = message(&fixture.workspace, "pool/again.jpg", 0b1, &[]);
    fixture.gatherer.take_in(&[("", &again)]).unwrap();
    fixture.work();
    assert_eq!(fixture.candidates("cat"), ["02_far.jpg"]);
    assert_eq!(fixture.gatherer.counts(), [5, 2, 3, 2, 0]);
}

#[test]
fn refused_while_nothing_ran_is_refused() {
    let mut fixture = fixture(RULES);
    fixture.fill();
    fs::remove_file(fixture.at("candidates/cat/01_near.jpg")).unwrap();
    fixture.restart();
    fixture.work();
    assert_eq!(fixture.candidates("cat"), ["02_far.jpg", "05_both.jpg"]);
}

#[test]
fn accepted_is_not_proposed_again_and_the_pool_keeps_its_file() {
    let mut fixture = fixture(RULES);
    fixture.fill();
    fs::create_dir_all(fixture.at("photos/cat")).unwrap();
    fs::rename(fixture.at("candidates/cat/01_near.jpg"), fixture.at("photos/cat/nice.jpg")).unwrap();
    // Dragged across drives it is a copy, and the link goes.
    fs::copy(fixture.at("candidates/cat/05_both.jpg"), fixture.at("photos/cat/both.jpg")).unwrap();
    fs::remove_file(fixture.at("candidates/cat/05_both.jpg")).unwrap();
    fixture.work();
    assert_eq!(fixture.gatherer.counts(), [5, 2, 2, 0, 2]);
    assert_eq!(
        (fixture.candidates("cat"), fixture.candidates("dog")),
        (vec!["02_far.jpg".to_owned()], vec!["01_dog.jpg".to_owned()])
    );
    for path in ["pool/near.jpg", "pool/sub/both.jpg"] {
        assert!(fixture.at(path).exists(), "{path}");
    }
    fixture.restart();
    fixture.work();
    assert_eq!(fixture.candidates("cat"), ["02_far.jpg"]);
    // An image that a person puts into photos/ himself is no candidate either.
    fs::copy(fixture.at("pool/far.jpg"), fixture.at("photos/cat/far.jpg")).unwrap();
    fixture.work();
    assert!(fixture.candidates("cat").is_empty());
    // Taken out of photos/ again, what was accepted by its class does not come back there.
    fs::remove_file(fixture.at("photos/cat/both.jpg")).unwrap();
    fixture.work();
    assert_eq!((fixture.candidates("cat").len(), fixture.candidates("dog").len()), (0, 2));
}

#[test]
fn a_folder_deleted_as_a_whole_refuses_nothing() {
    let mut fixture = fixture(RULES);
    fixture.fill();
    // In the middle of deleting it, file by file, the node looks.
    fs::remove_file(fixture.at("candidates/cat/01_near.jpg")).unwrap();
    fixture.gatherer.review(fixture.now).unwrap();
    fs::remove_dir_all(fixture.at("candidates/cat")).unwrap();
    fixture.work();
    assert_eq!(fixture.candidates("cat"), ["01_near.jpg", "02_far.jpg", "05_both.jpg"]);
    fs::rename(fixture.at("candidates"), fixture.at("elsewhere")).unwrap();
    fixture.work();
    assert_eq!(fixture.candidates("cat").len(), 3);
    assert_eq!(fixture.list("candidates.csv").len(), 4, "the list is written again");
    // An image that needs the folder comes before anybody has noticed.
    fs::remove_dir_all(fixture.at("candidates/cat")).unwrap();
    fixture.put("pool/new.jpg", 0b111);
    fixture.gatherer.arrange().unwrap();
    fixture.work();
    assert_eq!(fixture.candidates("cat"), ["01_near.jpg", "02_far.jpg", "03_new.jpg", "05_both.jpg"]);
    assert_eq!(fixture.gatherer.counts()[3], 0);
    // Emptied after what was good had been moved to photos/.
    fs::create_dir_all(fixture.at("photos/cat")).unwrap();
    fs::rename(fixture.at("candidates/cat/01_near.jpg"), fixture.at("photos/cat/near.jpg")).unwrap();
    fs::remove_dir_all(fixture.at("candidates/cat")).unwrap();
    fixture.work();
    assert_eq!(fixture.candidates("cat"), ["02_far.jpg", "03_new.jpg", "05_both.jpg"]);
    assert_eq!(fixture.gatherer.counts()[3..], [0, 1]);
}

#[test]
fn what_a_person_renames_moves_and_puts_back_is_understood() {
    let mut fixture = fixture(RULES);
    fixture.fill();
    // Renamed: still a candidate.
    fs::rename(fixture.at("candidates/cat/01_near.jpg"), fixture.at("candidates/cat/best.jpg")).unwrap();
    // Moved to another class: that class's, and refused by the first.
    fs::rename(fixture.at("candidates/cat/02_far.jpg"), fixture.at("candidates/dog/far.jpg")).unwrap();
    fixture.work();
    assert_eq!(fixture.candidates("cat"), ["05_both.jpg", "best.jpg"]);
    assert_eq!(fixture.candidates("dog"), ["01_dog.jpg", "far.jpg"]);
    assert_eq!(fixture.gatherer.counts(), [5, 2, 4, 1, 0]);
    // Put back: not refused any more, and it stays.
    fs::rename(fixture.at("candidates/cat/best.jpg"), fixture.at("kept.jpg")).unwrap();
    fixture.work();
    assert_eq!(fixture.gatherer.counts()[3], 2);
    fs::rename(fixture.at("kept.jpg"), fixture.at("candidates/cat/best.jpg")).unwrap();
    fixture.work();
    assert_eq!(fixture.gatherer.counts()[3], 1);
    fixture.restart();
    fixture.work();
    assert_eq!(fixture.candidates("cat"), ["05_both.jpg", "best.jpg"]);
    // A file of a person's own is left alone.
    fs::write(fixture.at("candidates/cat/mine.txt"), "a note").unwrap();
    fixture.remove("seeds/cat/s.jpg");
    fixture.work();
    assert_eq!(fixture.candidates("cat"), ["best.jpg", "mine.txt"]);
}

#[test]
fn seeds_and_images_come_and_go() {
    let mut fixture = fixture(RULES);
    fixture.fill();
    fixture.remove("seeds/cat/s.jpg");
    fixture.work();
    assert!(!fixture.at("candidates/cat").exists());
    assert_eq!(fixture.candidates("dog"), ["01_dog.jpg", "07_both.jpg", "10_far.jpg"]);
    fixture.put("seeds/きゅん/new.jpg", 0xFFFF_FFFF_0000_0001);
    fixture.work();
    assert_eq!(fixture.candidates("きゅん"), ["01_none.jpg"]);
    fixture.put("pool/late.jpg", 0xFFFF_FFFF_0000_0001);
    fixture.work();
    assert_eq!(fixture.candidates("きゅん"), ["00_late.jpg", "01_none.jpg"]);
    // A nearer class takes it.
    fixture.put("seeds/cat/s.jpg", 0b1_1111);
    fixture.work();
    assert_eq!(fixture.candidates("cat"), ["00_both.jpg", "03_far.jpg", "04_near.jpg"]);
    assert_eq!(fixture.candidates("dog"), ["01_dog.jpg"]);
    // Without its pool file a candidate would be the last of its image: it stays for a person to decide.
    fixture.remove("pool/dog.jpg");
    fixture.work();
    assert_eq!(fixture.candidates("dog"), ["01_dog.jpg"]);
    assert_eq!(fixture.gatherer.counts()[2], 5);
    // A class without a seed of its own says nothing; its folder with a file in it stays.
    fixture.remove("seeds/dog/s.jpg");
    fixture.work();
    assert_eq!(fixture.candidates("dog"), ["01_dog.jpg"]);
    // A seed that also lies in the pool is no candidate.
    fs::create_dir_all(fixture.at("seeds/cat")).unwrap();
    fs::copy(fixture.at("pool/far.jpg"), fixture.at("seeds/cat/far.jpg")).unwrap();
    let seed = message(&fixture.workspace, "seeds/cat/far.jpg", 0b11, &[]);
    fixture.gatherer.take_in(&[("", &seed)]).unwrap();
    fixture.work();
    assert_eq!(fixture.candidates("cat"), ["00_both.jpg", "01_near.jpg"].map(|n| n.replace("01_near", "04_near")));
}

#[test]
fn a_full_folder_keeps_the_nearest() {
    let mut fixture = fixture(Rules { max_candidates: 2, ..RULES });
    fixture.fill();
    assert_eq!(fixture.candidates("cat"), ["01_near.jpg", "02_far.jpg"]);
    fixture.put("pool/nearest.jpg", 0);
    fixture.work();
    assert_eq!(fixture.candidates("cat"), ["00_nearest.jpg", "01_near.jpg"]);
    fs::remove_file(fixture.at("candidates/cat/01_near.jpg")).unwrap();
    fixture.work();
    assert_eq!(fixture.candidates("cat"), ["00_nearest.jpg", "02_far.jpg"], "another comes");
    assert_eq!(fixture.gatherer.counts()[3], 1, "what gave way was not refused");
}

#[test]
fn killed_at_any_step_nothing_is_lost_and_nothing_refused() {
    for (state, linked) in [
        (LinkState::Pending, false),
        (LinkState::Pending, true),
        (LinkState::Removing, true),
        (LinkState::Removing, false),
    ] {
        let mut fixture = fixture(RULES);
        fixture.fill();
        let mut store = Store::open(&fixture.at("dataset/curation.sqlite")).unwrap();
        let links = table::read(store.connection()).unwrap();
        let link = links.into_iter().find(|link| link.name == "01_near.jpg").unwrap();
        if !linked {
            fs::remove_file(fixture.at("candidates/cat/01_near.jpg")).unwrap();
        }
        let inode = if state == LinkState::Pending { 0 } else { link.inode };
        let change = store.change().unwrap();
        change.put_links(&LinkChanges { removed: Vec::new(), put: vec![Link { state, inode, ..link }] }).unwrap();
        change.commit().unwrap();
        fixture.restart();
        fixture.work();
        assert_eq!(fixture.candidates("cat"), ["01_near.jpg", "02_far.jpg", "05_both.jpg"], "{state:?} {linked}");
        assert_eq!(fixture.gatherer.counts(), [5, 2, 4, 0, 0], "{state:?} {linked}");
    }
}

#[test]
fn an_overwritten_file_is_another_image() {
    let mut fixture = fixture(RULES);
    fixture.fill();
    // The same file with other bytes: what lies in the folder of cats is no cat any more.
    fixture.put("pool/near.jpg", 0xFFFF_0000_FFFF_0000);
    fixture.work();
    assert_eq!(fixture.candidates("cat"), ["02_far.jpg", "05_both.jpg"]);
    assert_eq!(fixture.gatherer.counts()[3], 0);
}

#[test]
fn embeddings_are_of_one_network() {
    let rules = Rules { metric: Metric::Embedding, reach: Reach::Cosine(0.5), ..RULES };
    let mut fixture = fixture(rules);
    for path in ["seeds/cat/s.jpg", "pool/a.jpg", "pool/b.jpg"] {
        fs::create_dir_all(fixture.at(path).parent().unwrap()).unwrap();
        fs::write(fixture.at(path), path).unwrap();
    }
    let seed = message(&fixture.workspace, "seeds/cat/s.jpg", 0, &[1.0, 0.0]);
    let a = message(&fixture.workspace, "pool/a.jpg", 0, &[0.8, 0.6]);
    let b = message(&fixture.workspace, "pool/b.jpg", 0, &[0.0, 1.0]);
    let without = message(&fixture.workspace, "pool/b.jpg", 0, &[]);
    fixture.gatherer.take_in(&[("one", &seed), ("one", &a), ("one", &b)]).unwrap();
    fixture.work();
    assert_eq!(fixture.candidates("cat"), ["0.200_a.jpg"]);
    let error = fixture.gatherer.take_in(&[("one", &without)]).unwrap_err();
    assert!(matches!(&error, GatherError::NoEmbedding { path } if path == "pool/b.jpg"));
    assert!(error.to_string().contains("cargo wakuteka weights efficientnet-lite0"));
    fixture.restart();
    assert_eq!(fixture.gatherer.inventory().count(), 3);
    // Another network: what the first said is worth nothing, and everything is asked for again.
    let error = fixture.gatherer.take_in(&[("two", &a)]).unwrap_err();
    assert!(matches!(&error, GatherError::OtherNetwork { before, now } if before == "one" && now == "two"));
    fixture.restart();
    assert_eq!(fixture.gatherer.inventory().count(), 0);
    fixture.gatherer.take_in(&[("two", &seed), ("two", &a)]).unwrap();
    fixture.work();
    assert_eq!(fixture.candidates("cat"), ["0.200_a.jpg"]);
    assert_eq!(fixture.gatherer.counts()[3], 0);
}

#[test]
fn a_class_cannot_lead_out_of_the_folder() {
    let mut fixture = fixture(RULES);
    fixture.put("pool/a.jpg", 1);
    fixture.put("seeds/cat/s.jpg", 0);
    let mut evil = message(&fixture.workspace, "seeds/cat/s.jpg", 1, &[]);
    evil.label = StringArray::from(vec![Some("..")]);
    fixture.gatherer.take_in(&[("", &evil)]).unwrap();
    fixture.work();
    assert!(!fixture.at("01_a.jpg").exists() && !fixture.at("00_a.jpg").exists());
}
