#!/bin/sh
# notify 8.2.2: PollWatcher, which its manual gives as the way out for network drives and containers, compares
# the time of a file in whole seconds and nothing else: not its length. What is written within the second in which a poll has seen the
# file is never reported, at no later poll either: a photo that is half copied at the time of the poll is announced as created, and its second
# half is not announced at all, however short the interval. A file that is replaced by an older one (mv, cp -p, rsync -t, unzip) is not reported
# either, as the time must have grown. with_compare_contents(true), which is said to be about "changed files", finds both; it reads every file each time.
# Seen, events of a new file, of 1,000 bytes more 0.8 s later, of its replacement by a file a year older, of 1,000 bytes more in the next second:
# 1 0 0 1, with contents 1 1 1 1. Needs cargo. Exits other than 0 if that changes.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir src
cat > Cargo.toml <<'TOML'
[package]
name = "poll"
version = "0.0.0"
edition = "2024"

[dependencies]
notify = "=8.2.2"
TOML
cat > src/main.rs <<'RUST'
use notify::{Config, Event, PollWatcher, RecursiveMode, Watcher};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::sync::mpsc;
use std::thread::sleep;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A whole second, and these milliseconds more.
fn at(milliseconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(1_790_000_000_000 + milliseconds)
}

/// Appends 1,000 bytes, as if at that time.
fn append(path: &std::path::Path, time: SystemTime) {
    let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
    file.write_all(&[7; 1000]).unwrap();
    file.set_modified(time).unwrap();
}

/// Number of events of: a new file, its second half in the same second, its replacement by an older file, an appendix a second later.
fn events(contents: bool) -> [usize; 4] {
    let root = std::env::current_dir().unwrap().join(format!("photos-{contents}"));
    fs::create_dir(&root).unwrap();
    let (send, receive) = mpsc::channel();
    let mut watcher = PollWatcher::new(
        move |event: notify::Result<Event>| send.send(event.unwrap()).unwrap(),
        Config::default().with_manual_polling().with_compare_contents(contents),
    )
    .unwrap();
    watcher.watch(&root, RecursiveMode::Recursive).unwrap();
    let photo = root.join("photo.jpg");
    let poll = || {
        let mut seen = 0;
        for _ in 0..3 {
            watcher.poll().unwrap();
            sleep(Duration::from_millis(100));
            seen += receive.try_iter().filter(|event| event.paths.contains(&photo)).count();
        }
        seen
    };
    append(&photo, at(100));
    let created = poll();
    append(&photo, at(900));
    assert_eq!(fs::metadata(&photo).unwrap().len(), 2000);
    let grown = poll();
    let older = root.join("../older");
    fs::write(&older, b"another photo").unwrap();
    File::options().write(true).open(&older).unwrap().set_modified(at(0) - Duration::from_secs(31_536_000)).unwrap();
    fs::rename(&older, &photo).unwrap();
    let replaced = poll();
    append(&photo, at(1500));
    let appended = poll();
    [created, grown, replaced, appended]
}

fn main() {
    let (times, contents) = (events(false), events(true));
    println!("created, grown in the same second, replaced by an older one, grown later: {times:?}, with contents {contents:?}");
    assert_eq!((times, contents), ([1, 0, 0, 1], [1, 1, 1, 1]));
}
RUST
cargo run --quiet
