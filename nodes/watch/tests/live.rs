//! The whole node but for dora: a real folder, the kernel's events, real time.
#![cfg(test)]

mod common;

use clap::Parser;
use common::{Answer, Model};
use node_watch::delivery::outgoing::Outgoing;
use node_watch::delivery::transport::{IncomingEvent, Transport};
use node_watch::fs::roots::{Folder, Roots};
use node_watch::fs::scan::walk;
use node_watch::{Config, WatchError, run_with};
use plugin_api::Workspace;
use plugin_api::status::{StatusFile, read_all};
use std::collections::{BTreeMap, VecDeque};
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

/// Seconds.
const HOUR: u32 = 3600;

/// Answers at once from the model.
struct Graph {
    model: Arc<Mutex<Model>>,
    answers: VecDeque<Answer>,
    status: StatusFile,
    stop: Arc<AtomicBool>,
}

impl Transport for Graph {
    fn receive(&mut self, timeout: Duration) -> Result<IncomingEvent, WatchError> {
        self.status.tick();
        if self.stop.load(Ordering::Relaxed) {
            return Ok(IncomingEvent::Stop);
        }
        let Some(answer) = self.answers.pop_front() else {
            sleep(timeout);
            return Ok(IncomingEvent::Nothing);
        };
        Ok(match answer {
            Answer::Committed(header, listed) => IncomingEvent::Committed(header, listed),
            Answer::Rejects(header, rejects) => IncomingEvent::Rejects(header, rejects),
            Answer::Inventory(header, rows) => IncomingEvent::Inventory(header, rows),
        })
    }

    fn send(&mut self, message: Outgoing) -> Result<(), WatchError> {
        self.answers.extend(self.model.lock().unwrap().take(&message));
        Ok(())
    }

    fn status(&mut self) -> &mut StatusFile {
        &mut self.status
    }
}

/// A running node.
struct Live {
    folder: tempfile::TempDir,
    model: Arc<Mutex<Model>>,
    stop: Arc<AtomicBool>,
    node: Option<JoinHandle<()>>,
}

impl Live {
    /// With scans every `rescan_seconds`. An hour means that what is found is found by the kernel's events.
    fn start(rescan_seconds: u32, settle_ms: u32, prepare: impl FnOnce(&Path)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::create(folder.path()).unwrap();
        prepare(&workspace.photos());
        let model = Model::of(workspace.root());
        let (model, stop) = (Arc::new(Mutex::new(model)), Arc::new(AtomicBool::new(false)));
        let (settle, rescan) = (settle_ms.to_string(), rescan_seconds.to_string());
        let flags = ["watch", "--settle-ms", &settle, "--rescan-seconds", &rescan, "--arriving-seconds", "1"];
        let config = Config::try_parse_from(flags).unwrap();
        let status = StatusFile::new(&workspace.status(), "watch");
        let mut graph = Graph { model: Arc::clone(&model), answers: VecDeque::new(), status, stop: Arc::clone(&stop) };
        let node = std::thread::spawn(move || run_with(&config, &workspace, &mut graph).unwrap());
        let live = Self { folder, model, stop, node: Some(node) };
        live.wait("the first scan", || !live.state().is_empty() && !live.state().starts_with("asking"));
        // The first scan may still be under way.
        sleep(Duration::from_millis(300));
        live
    }

    fn photos(&self) -> PathBuf {
        self.folder.path().join("photos")
    }

    fn put(&self, path: &str, content: &str) {
        let at = self.photos().join(path);
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        fs::write(at, content).unwrap();
    }

    fn state(&self) -> String {
        read_all(&self.folder.path().join("status")).remove("watch").map(|s| s.state.to_string()).unwrap_or_default()
    }

    fn disk(&self) -> BTreeMap<String, Vec<u8>> {
        let scan = walk(&Roots::one(Folder::Photos, self.photos()), "photos");
        scan.files.into_iter().map(|(p, _)| (p.clone(), fs::read(self.folder.path().join(p)).unwrap())).collect()
    }

    fn held(&self) -> BTreeMap<String, Vec<u8>> {
        self.model.lock().unwrap().contents()
    }

    fn came(&self) -> usize {
        self.model.lock().unwrap().came.len()
    }

    fn wait(&self, what: &str, done: impl Fn() -> bool) {
        let end = Instant::now() + Duration::from_secs(30);
        while !done() {
            assert!(Instant::now() < end, "{what}: {} held, {} on disk", self.held().len(), self.disk().len());
            sleep(Duration::from_millis(20));
        }
    }

    fn wait_same(&self, what: &str) {
        self.wait(what, || self.held() == self.disk());
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let stopped = self.node.take().map(JoinHandle::join);
        assert!(std::thread::panicking() || matches!(stopped, Some(Ok(()))));
    }
}

#[test]
fn a_day_in_the_life_of_a_folder() {
    let live = Live::start(HOUR, 100, |photos| {
        fs::create_dir_all(photos.join("cat")).unwrap();
        fs::write(photos.join("cat/first.jpg"), "first").unwrap();
    });
    live.wait("there at the start", || live.held().len() == 1);

    live.put("きゅんきゅん/夏/a.jpg", "a new class, and a folder in it");
    live.wait_same("a new class");

    fs::rename(live.photos().join("cat/first.jpg"), live.photos().join("cat/second.jpg")).unwrap();
    live.wait_same("renamed");

    fs::rename(live.photos().join("cat/second.jpg"), live.photos().join("きゅんきゅん/second.jpg")).unwrap();
    live.wait_same("moved to another class");

    live.put("きゅんきゅん/second.jpg", "overwritten");
    live.wait_same("overwritten");

    // As browsers and editors do: written under a passing name, then renamed.
    live.put("cat/b.jpg.part", "from a browser");
    sleep(Duration::from_millis(300));
    assert_eq!(live.held().len(), 2);
    fs::rename(live.photos().join("cat/b.jpg.part"), live.photos().join("cat/b.jpg")).unwrap();
    live.wait_same("renamed from a passing name");
    assert!(live.held().contains_key("photos/cat/b.jpg"));

    fs::rename(live.photos().join("きゅんきゅん"), live.photos().join("dog")).unwrap();
    live.wait_same("a class renamed");
    live.put("dog/夏/c.jpg", "in a folder that has moved");
    live.wait_same("the renamed folder is watched");

    fs::remove_file(live.photos().join("cat/b.jpg")).unwrap();
    live.wait_same("deleted");
    fs::remove_dir_all(live.photos().join("dog")).unwrap();
    live.wait("a class deleted", || live.held().is_empty());

    // Moved in from elsewhere, all at once.
    let outside = live.folder.path().join("outside");
    fs::create_dir_all(outside.join("deep")).unwrap();
    for n in 0..20 {
        fs::write(outside.join(format!("deep/{n}.jpg")), n.to_string()).unwrap();
    }
    fs::rename(outside, live.photos().join("bird")).unwrap();
    live.wait_same("a folder moved in");
    assert_eq!(live.held().len(), 20);
}

#[test]
fn three_thousand_copied_at_once_come_once_each() {
    let live = Live::start(HOUR, 100, |_| {});
    for n in 0..3000 {
        live.put(&format!("class{}/{n}.jpg", n % 7), &format!("image {n}"));
    }
    live.wait("all", || live.held().len() == 3000);
    live.wait_same("all as they are");
    sleep(Duration::from_millis(500));
    assert_eq!(live.came(), 3000);
    live.wait("idle", || live.state() == "idle");
}

#[test]
fn a_file_written_slowly_comes_once_and_whole() {
    let live = Live::start(HOUR, 1500, |photos| fs::create_dir_all(photos.join("cat")).unwrap());
    let mut file = File::create(live.photos().join("cat/slow.jpg")).unwrap();
    for _ in 0..100 {
        file.write_all(&[b'x'; 1000]).unwrap();
        sleep(Duration::from_millis(30));
    }
    drop(file);
    live.wait_same("whole");
    assert_eq!(live.came(), 1);
}

/// As a copy over a network does: it pauses, then goes on through the descriptor that is still open.
#[test]
fn a_copy_that_pauses_is_taken_in_once_it_is_whole() {
    let live = Live::start(1, 100, |photos| fs::create_dir_all(photos.join("cat")).unwrap());
    let mut copy = File::create(live.photos().join("cat/slow.jpg")).unwrap();
    copy.write_all(b"bad, as it is cut off").unwrap();
    live.wait("refused", || live.came() == 1);
    sleep(Duration::from_secs(4));
    assert!(live.photos().join("cat/slow.jpg").exists(), "it stays in its place");
    copy.write_all_at(b"all", 0).unwrap();
    drop(copy);
    live.wait("taken in", || live.held() == live.disk() && live.held().len() == 1);
    assert_eq!(fs::read_dir(live.folder.path().join("quarantine")).unwrap().count(), 0);
}

#[test]
fn a_refused_file_is_moved_aside_and_a_good_one_stays() {
    let live = Live::start(HOUR, 100, |_| {});
    live.put("cat/bad.jpg", "bad");
    live.put("cat/good.jpg", "good");
    let aside = live.folder.path().join("quarantine/cat/bad.jpg");
    live.wait("moved aside", || aside.exists());
    live.wait_same("the good one");
    assert_eq!(fs::read_to_string(&aside).unwrap(), "bad");
    assert!(fs::read_to_string(aside.with_extension("jpg.json")).unwrap().contains("not_an_image"));
    assert_eq!(live.held().len(), 1);
}

#[test]
fn what_the_kernel_does_not_tell_is_found_by_the_scan() {
    let live = Live::start(1, 100, |photos| {
        fs::create_dir_all(photos.join("cat")).unwrap();
        fs::write(photos.join("cat/a.jpg"), "a").unwrap();
    });
    live.wait_same("the first");
    // The watch stays with the folder that is moved away; nothing is told of the new one.
    fs::rename(live.photos(), live.folder.path().join("old")).unwrap();
    fs::create_dir_all(live.photos().join("dog")).unwrap();
    live.put("dog/b.jpg", "b");
    live.wait_same("another folder in its place");
    live.put("dog/c.jpg", "c");
    live.wait_same("and it is watched");
    assert_eq!(live.held().len(), 2);
}

#[test]
fn photos_may_be_a_link_to_another_place() {
    let live = Live::start(HOUR, 100, |photos| {
        let elsewhere = photos.with_file_name("elsewhere");
        fs::rename(photos, &elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, photos).unwrap();
    });
    live.put("cat/a.jpg", "a");
    live.wait("the image", || live.held().contains_key("photos/cat/a.jpg"));
    fs::remove_file(live.photos().join("cat/a.jpg")).unwrap();
    live.wait("gone", || live.held().is_empty());
}
