//! A disk that is full for a while: nodes wait and say so, nothing is lost or half-written, and all goes on when there is space.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tests::graph::{Failure, Graph, SMALL};
use tests::reader::{Reader, look};
use tests::{catalog, images};

const MINUTES_3: Duration = Duration::from_mins(3);
/// For how long the disk is full: longer than a node that ends at once could be started again and again.
const FULL: Duration = Duration::from_secs(25);

/// A file system of a few megabytes.
struct Small(PathBuf);

impl Small {
    /// None where this may not be done.
    fn mount(at: &Path) -> Option<Self> {
        std::fs::create_dir_all(at).ok()?;
        let done = Command::new("mount").args(["-t", "tmpfs", "-o", "size=32m", "tmpfs"]).arg(at).output().ok()?;
        done.status.success().then(|| Self(at.to_path_buf()))
    }

    /// Writes until nothing more fits.
    fn fill(&self) -> std::io::Result<PathBuf> {
        let path = self.0.join("ballast");
        let mut file = File::create(&path)?;
        while file.write(&[1; 4096]).is_ok_and(|bytes| bytes > 0) {}
        Ok(path)
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_costs_time_and_nothing_else() -> Result<(), Failure> {
    let root = tempfile::tempdir()?;
    let Some(disk) = Small::mount(&root.path().join("home")) else {
        tests::skipped("no small file system can be mounted here, so a full disk is not tested");
        return Ok(());
    };
    let photos = root.path().join("home/photos");
    let all = images::first_of_each(images::demo(), 22);
    let first = images::first_of_each(all.clone(), 15);
    let mut expected = BTreeMap::new();
    for (class, file) in &first {
        expected.insert(images::drop_into(&photos, class, file)?, class.clone());
    }
    let mut graph = Graph::start(root.path(), SMALL)?;
    graph.wait("the first verdict", MINUTES_3, |g| g.verdicts().len() == 1)?;
    let reader = Reader::start(graph.workspace.clone());

    // Images are there and nothing else fits any more.
    for (class, file) in all.iter().filter(|(_, file)| !first.iter().any(|(_, f)| f == file)) {
        expected.insert(images::drop_into(&photos, class, file)?, class.clone());
    }
    let ballast = disk.fill()?;
    graph.wait("a node to say so", MINUTES_3, |g| g.whole_log().contains("the disk is full"))?;
    std::thread::sleep(FULL);
    let log = graph.whole_log();
    let ends = log.matches("ends with an error").count();
    eprintln!("the disk is full: nodes ended {ends} times in {FULL:?}");
    assert!(catalog::files(&graph.workspace).len() < expected.len(), "all went in although nothing fits");
    look(&graph.workspace)?;

    // There is space again.
    std::fs::remove_file(ballast)?;
    graph.wait("every image in the catalog once", MINUTES_3, |g| catalog::files(&g.workspace) == expected)?;
    graph.wait("a verdict on all of them", MINUTES_3, |g| g.verdicts().len() >= 2)?;
    let looks = reader.end()?;
    assert!(looks > 50, "{looks} looks say little");
    assert_eq!(catalog::quarantined(&graph.workspace), Vec::<String>::new());
    for (class, file) in &all {
        let copies = std::fs::read_dir(photos.join(class))?.flatten();
        let there = copies.filter_map(|entry| std::fs::read(entry.path()).ok());
        let original = std::fs::read(file)?;
        assert!(there.into_iter().any(|bytes| bytes == original), "{} is lost", file.display());
    }
    graph.end()
}
