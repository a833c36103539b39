//! Files that are still arriving, that change unnoticed, or that go away with their drive.
#![cfg(test)]

mod common;

use clap::Parser;
use common::Bench;
use node_watch::Config;
use std::fs::{self, File};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// The clock of the file system moves on every few milliseconds.
const TICK: Duration = Duration::from_millis(20);

fn modified_ns(path: &Path) -> u64 {
    let time = fs::metadata(path).unwrap().modified().unwrap();
    time.duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64
}

#[test]
fn a_file_with_a_writer_is_never_moved() {
    let mut bench = Bench::new(&[]);
    bench.settle();
    fs::create_dir_all(bench.at("photos/cat")).unwrap();
    let copy = File::create(bench.at("photos/cat/a.jpg")).unwrap();
    copy.write_all_at(b"bad, cut off", 0).unwrap();
    for _ in 0..60 {
        bench.pass(SECOND * 10);
        bench.deliver();
    }
    assert_eq!(bench.state.counts().rejected, 1, "sent once while it stays the same");
    assert!(bench.at("photos/cat/a.jpg").exists() && bench.in_quarantine().is_empty());
    assert_eq!(bench.notices()[0].kind, "arriving");
    copy.write_all_at(b"all", 0).unwrap();
    drop(copy);
    bench.settle();
    bench.assert_same();
    assert!(bench.in_quarantine().is_empty() && bench.notices().is_empty());
}

#[test]
fn a_file_of_the_last_minute_is_not_moved() {
    let mut bench = Bench::new(&[]);
    bench.settle();
    bench.put("photos/cat/a.jpg", "bad");
    bench.pass(SECOND);
    bench.deliver();
    bench.pass(SECOND * 50);
    assert!(bench.at("photos/cat/a.jpg").exists());
    bench.pass(SECOND * 15);
    assert_eq!(bench.quarantined(), ["cat/a.jpg"]);
}

#[test]
fn a_file_made_whole_in_quarantine_comes_back() {
    let mut bench = Bench::new(&[]);
    bench.put("photos/cat/a.jpg", "bad");
    bench.put("photos/cat/b.jpg", "bad");
    bench.settle();
    assert_eq!(bench.quarantined(), ["cat/a.jpg", "cat/b.jpg"]);
    bench.restart_watch();
    bench.put("quarantine/cat/a.jpg", "whole");
    bench.settle();
    bench.settle();
    bench.assert_same();
    assert_eq!(bench.model.contents()["photos/cat/a.jpg"], b"whole");
    assert_eq!(bench.in_quarantine(), ["cat/b.jpg", "cat/b.jpg.json"], "the note is withdrawn");

    // Another file has taken its name: neither is overwritten.
    bench.put("photos/cat/b.jpg", "new");
    bench.put("quarantine/cat/b.jpg", "whole");
    bench.settle();
    bench.settle();
    let contents = bench.model.contents();
    assert_eq!(
        (&contents["photos/cat/b.jpg"][..], &contents["photos/cat/b (2).jpg"][..]),
        (&b"new"[..], &b"whole"[..])
    );
    assert!(bench.in_quarantine().is_empty());
}

#[test]
fn a_file_still_written_in_quarantine_waits_for_its_writer() {
    let mut bench = Bench::new(&[]);
    bench.put("photos/cat/a.jpg", "bad");
    bench.settle();
    let copy = File::options().write(true).open(bench.at("quarantine/cat/a.jpg")).unwrap();
    copy.write_all_at(b"all of it", 0).unwrap();
    bench.pass(SECOND * 30);
    assert_eq!(bench.quarantined(), ["cat/a.jpg"]);
    drop(copy);
    bench.settle();
    bench.settle();
    assert_eq!(bench.model.contents()["photos/cat/a.jpg"], b"all of it");
    assert!(bench.in_quarantine().is_empty());
}

#[test]
fn a_change_with_size_and_date_kept_is_sent() {
    for restart in [false, true] {
        let mut bench = Bench::new(&[]);
        bench.put("photos/cat/a.jpg", "four");
        bench.settle();
        let date = modified_ns(&bench.at("photos/cat/a.jpg"));
        if restart {
            bench.restart_watch();
        }
        sleep(TICK);
        fs::write(bench.at("photos/cat/a.jpg"), "five").unwrap();
        bench.touch("photos/cat/a.jpg", date);
        bench.settle();
        bench.assert_same();
        assert_eq!(bench.model.came.len(), 2, "restart: {restart}");
    }
}

#[test]
fn a_hard_link_sends_nothing_and_new_permissions_once() {
    let mut bench = Bench::new(&[]);
    bench.put("photos/cat/a.jpg", "a");
    bench.settle();
    sleep(TICK);
    fs::create_dir_all(bench.at("review")).unwrap();
    fs::hard_link(bench.at("photos/cat/a.jpg"), bench.at("review/a.jpg")).unwrap();
    bench.settle();
    fs::remove_file(bench.at("review/a.jpg")).unwrap();
    bench.settle();
    assert_eq!(bench.model.came.len(), 1);
    fs::set_permissions(bench.at("photos/cat/a.jpg"), fs::Permissions::from_mode(0o600)).unwrap();
    bench.settle();
    bench.settle();
    assert_eq!(bench.model.came.len(), 2, "its content is looked at once more");
}

#[test]
fn an_older_catalog_is_believed_and_completed() {
    let mut bench = Bench::new(&[]);
    let paths = ["photos/cat/a.jpg", "photos/cat/b.jpg", "photos/cat/c.jpg"];
    for path in paths {
        bench.put(path, path);
    }
    bench.settle();
    bench.model.came.clear();
    // A catalog that keeps neither change time nor inode of any file.
    bench.model.older = paths.map(str::to_owned).to_vec();
    bench.restart_watch();
    bench.settle();
    assert!(bench.model.came.is_empty(), "nothing is sent again");
    // One that keeps them of files that came since.
    bench.model.older.pop();
    bench.restart_watch();
    bench.settle();
    assert_eq!(bench.model.came, paths[..2]);
    bench.assert_same();
}

#[test]
fn a_deleted_class_folder_counts_at_once() {
    let mut bench = Bench::new(&[]);
    for name in ["a", "b", "c"] {
        bench.put(&format!("photos/cat/{name}.jpg"), name);
        bench.put(&format!("photos/dog/{name}.jpg"), format!("dog {name}"));
    }
    bench.settle();
    fs::remove_dir_all(bench.at("photos/cat")).unwrap();
    // One file less is no reason to wait.
    fs::remove_file(bench.at("photos/dog/a.jpg")).unwrap();
    bench.pass(SECOND * 3);
    bench.deliver();
    bench.assert_same();
    assert!(bench.notices().is_empty());
}

#[test]
fn a_class_moved_into_another_counts_at_once() {
    let mut bench = Bench::new(&[]);
    for name in ["a", "b", "c"] {
        bench.put(&format!("photos/cat/{name}.jpg"), name);
    }
    bench.settle();
    for name in ["a", "b", "c"] {
        bench.rename(&format!("photos/cat/{name}.jpg"), &format!("photos/dog/{name}.jpg"));
    }
    assert!(bench.at("photos/cat").exists());
    bench.pass(SECOND * 3);
    bench.deliver();
    bench.pass(SECOND * 3);
    bench.deliver();
    bench.assert_same();
    assert!(bench.notices().is_empty());
}

#[test]
fn an_emptied_class_is_held_and_then_counts_as_deleted() {
    for restart in [false, true] {
        let mut bench = Bench::new(&["--away-seconds", "60"]);
        for name in ["a", "b", "c"] {
            bench.put(&format!("photos/cat/{name}.jpg"), name);
            bench.put(&format!("photos/dog/{name}.jpg"), format!("dog {name}"));
        }
        bench.settle();
        for name in ["a", "b", "c"] {
            fs::remove_file(bench.at(&format!("photos/cat/{name}.jpg"))).unwrap();
        }
        bench.pass(SECOND * 20);
        bench.deliver();
        assert_eq!(bench.model.catalog.len(), 6);
        let notices = bench.notices();
        assert_eq!((notices.len(), notices[0].kind.as_str(), notices[0].count), (1, "away:photos/cat", 3));
        assert!(notices[0].reason.contains("photos/cat") && notices[0].advice.contains("60 s"), "{notices:?}");
        if restart {
            bench.restart_watch();
            bench.settle();
            assert_eq!((bench.model.catalog.len(), bench.notices().len()), (6, 1));
        }
        bench.pass(SECOND * 62);
        bench.settle();
        bench.assert_same();
        assert!(bench.notices().is_empty());
        // The next time is held as the first.
        for name in ["a", "b", "c"] {
            bench.put(&format!("photos/cat/{name}.jpg"), name);
        }
        bench.settle();
        bench.settle();
        for name in ["a", "b", "c"] {
            fs::remove_file(bench.at(&format!("photos/cat/{name}.jpg"))).unwrap();
        }
        bench.pass(SECOND * 20);
        bench.deliver();
        assert_eq!((bench.model.catalog.len(), bench.notices().len()), (6, 1));
    }
}

#[test]
fn an_emptied_class_that_is_filled_again_is_not_sent_again() {
    let mut bench = Bench::new(&[]);
    for name in ["a", "b", "c"] {
        bench.put(&format!("photos/cat/{name}.jpg"), name);
    }
    bench.settle();
    fs::create_dir(bench.at("elsewhere")).unwrap();
    for name in ["a", "b", "c"] {
        bench.rename(&format!("photos/cat/{name}.jpg"), &format!("elsewhere/{name}.jpg"));
    }
    bench.pass(SECOND * 20);
    bench.deliver();
    assert_eq!(bench.notices().len(), 1);
    for name in ["a", "b", "c"] {
        bench.rename(&format!("elsewhere/{name}.jpg"), &format!("photos/cat/{name}.jpg"));
    }
    bench.settle();
    bench.pass(SECOND * 2);
    assert!(bench.notices().is_empty());
    bench.pass(SECOND * 1200);
    bench.settle();
    bench.assert_same();
}

/// Runs the test `name` of this file in a mount namespace of its own; true in there.
fn in_own_namespace(name: &str) -> bool {
    if std::env::var_os("WAKUTEKA_OWN_NAMESPACE").is_some() {
        return true;
    }
    let own = std::env::current_exe().unwrap();
    let flags: &[&str] = if rustix::process::geteuid().is_root() { &["-m"] } else { &["-r", "-m"] };
    if !Command::new("unshare").args(flags).arg("true").status().is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED: {name} needs unshare(1) and mounts");
        return false;
    }
    let run = Command::new("unshare")
        .args(flags)
        .arg(own)
        .args([name, "--exact", "--nocapture"])
        .env("WAKUTEKA_OWN_NAMESPACE", "1")
        .status()
        .unwrap();
    assert!(run.success(), "{name} failed in its own namespace");
    false
}

fn mount(args: &[&str], at: &Path) {
    assert!(Command::new("mount").args(args).arg(at).status().unwrap().success(), "mount {args:?}");
}

fn unmount(at: &Path) {
    assert!(Command::new("umount").arg(at).status().unwrap().success(), "umount {}", at.display());
}

/// A workspace where `photos/stick` is a drive of its own, with three images, beside a class that is not.
struct Stick {
    bench: Bench,
    drive: String,
}

impl Stick {
    fn plugged_in() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for path in ["drive", "photos/stick"] {
            fs::create_dir_all(folder.path().join(path)).unwrap();
        }
        let drive = folder.path().join("drive");
        mount(&["-t", "tmpfs", "tmpfs"], &drive);
        let drive = drive.to_str().unwrap().to_owned();
        let config = Config::try_parse_from(["watch", "--away-seconds", "300"]).unwrap();
        let mut stick = Self { bench: Bench::over(folder, config), drive };
        stick.plug_in();
        for name in ["a", "b", "c"] {
            stick.bench.put(&format!("photos/stick/{name}.jpg"), name);
            stick.bench.put(&format!("photos/dog/{name}.jpg"), format!("dog {name}"));
        }
        stick.bench.settle();
        assert_eq!(stick.bench.model.catalog.len(), 6);
        stick.bench.model.came.clear();
        stick
    }

    fn plug_in(&self) {
        fs::create_dir_all(self.bench.at("photos/stick")).unwrap();
        mount(&["--bind", &self.drive], &self.bench.at("photos/stick"));
    }

    fn pull_out(&self) {
        unmount(&self.bench.at("photos/stick"));
    }

    fn pass(&mut self, seconds: u32) {
        self.bench.pass(SECOND * seconds);
        self.bench.deliver();
        self.bench.settle();
    }

    /// Kept, said, and nothing sent.
    fn assert_held(&mut self) {
        assert_eq!(self.bench.model.catalog.len(), 6);
        let notices = self.bench.notices();
        assert!(notices.len() == 1 && notices[0].kind == "away:photos/stick" && notices[0].count == 3, "{notices:?}");
        assert!(self.bench.model.came.is_empty());
    }
}

impl Drop for Stick {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.bench.at("photos/stick")).status();
        let _ = Command::new("umount").arg(&self.drive).status();
    }
}

#[test]
fn a_stick_pulled_out_and_back_loses_nothing() {
    if !in_own_namespace("a_stick_pulled_out_and_back_loses_nothing") {
        return;
    }
    let mut stick = Stick::plugged_in();
    stick.pull_out();
    stick.pass(100);
    stick.assert_held();
    stick.bench.restart_watch();
    stick.pass(100);
    stick.assert_held();
    // What a person does meanwhile counts.
    fs::remove_file(stick.bench.at("photos/dog/a.jpg")).unwrap();
    stick.pass(2);
    assert_eq!(stick.bench.model.catalog.len(), 5);
    stick.plug_in();
    stick.pass(1000);
    stick.bench.assert_same();
    assert!(stick.bench.model.came.is_empty() && stick.bench.notices().is_empty(), "nothing is sent again");
}

#[test]
fn a_stick_whose_folder_vanishes_is_away_too() {
    if !in_own_namespace("a_stick_whose_folder_vanishes_is_away_too") {
        return;
    }
    let mut stick = Stick::plugged_in();
    stick.pull_out();
    // As desktops do with the folder that they made for it.
    fs::remove_dir(stick.bench.at("photos/stick")).unwrap();
    stick.pass(100);
    stick.assert_held();
    stick.plug_in();
    stick.pass(1000);
    stick.bench.assert_same();
    assert!(stick.bench.model.came.is_empty() && stick.bench.notices().is_empty());
}

#[test]
fn a_stick_pulled_out_before_the_start_is_away() {
    if !in_own_namespace("a_stick_pulled_out_before_the_start_is_away") {
        return;
    }
    let mut stick = Stick::plugged_in();
    stick.pull_out();
    stick.bench.restart_watch();
    stick.pass(100);
    stick.assert_held();
    // Until its time is up. That counts while the node is not running, too.
    let kept = stick.bench.at("dataset/folders-photos.json");
    let text = fs::read_to_string(&kept).unwrap();
    let since = text.lines().find(|line| line.contains("away_since_ms")).unwrap().trim().to_owned();
    fs::write(&kept, text.replace(&since, "\"away_since_ms\": 1000")).unwrap();
    stick.bench.restart_watch();
    stick.pass(5);
    stick.bench.assert_same();
    assert!(stick.bench.notices().is_empty());
}

#[test]
fn a_broken_file_in_a_read_only_folder_is_noted_once() {
    if !in_own_namespace("a_broken_file_in_a_read_only_folder_is_noted_once") {
        return;
    }
    let mut bench = Bench::new(&[]);
    bench.put("photos/cat/broken.jpg", "bad");
    bench.put("photos/cat/good.jpg", "good");
    let photos = bench.at("photos");
    mount(&["--bind", photos.to_str().unwrap()], &photos);
    mount(&["-o", "remount,bind,ro"], &photos);
    let mut note = None;
    for start in 0..3 {
        bench.settle();
        assert_eq!(bench.in_quarantine(), ["cat/broken.jpg.json"], "start {start}");
        let text = fs::read_to_string(bench.at("quarantine/cat/broken.jpg.json")).unwrap();
        assert!(text.contains("left in its place"), "{text}");
        assert_eq!(note.get_or_insert_with(|| text.clone()), &text, "written once");
        assert_eq!(bench.model.contents().len(), 1);
        bench.restart_watch();
    }
    unmount(&photos);
}
