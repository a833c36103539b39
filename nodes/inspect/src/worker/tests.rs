//! The thread over files on disk.

use super::*;
use crate::record::tests::record;
use clap::Parser as _;

fn workspace() -> (tempfile::TempDir, Workspace) {
    let folder = tempfile::tempdir().unwrap();
    let workspace = Workspace::create(folder.path()).unwrap();
    (folder, workspace)
}

fn job(version: u64) -> Job {
    let records = (0..12).map(|i| record(&format!("photos/a/{i}.jpg"), &format!("d{}", i / 2))).collect();
    Job { version, labels: Labels::Single, records }
}

fn worker(workspace: &Workspace) -> Worker {
    Worker::start(Config::parse_from(["inspect", "--label-errors", "off"]), workspace.clone()).unwrap()
}

fn written(worker: &Worker) -> (u64, u64, bool) {
    loop {
        if let WorkerEvent::Written(version, findings, last) =
            worker.news.recv_timeout(Duration::from_secs(20)).unwrap()
        {
            return (version, findings, last);
        }
    }
}

#[test]
fn page_and_tables_are_written() {
    let (_folder, workspace) = workspace();
    let worker = worker(&workspace);
    worker.give(job(3));
    assert_eq!(written(&worker), (3, 6, true));
    let page = std::fs::read_to_string(workspace.dataset().join("report.html")).unwrap();
    assert!(page.contains("version 3"));
    for table in TABLES {
        assert!(workspace.dataset().join("report").join(table).is_file(), "{table}");
    }
    let start = Instant::now();
    worker.end();
    assert!(start.elapsed() < FAREWELL);
}

#[test]
fn what_is_overtaken_is_not_written() {
    let (_folder, workspace) = workspace();
    let worker = worker(&workspace);
    // Nobody waits for the first: by the time it is looked at, or soon after, the second is wanted.
    worker.give(job(3));
    worker.overtaken(4);
    worker.give(job(4));
    let mut last = written(&worker);
    while last.0 != 4 {
        last = written(&worker);
    }
    assert!(std::fs::read_to_string(workspace.dataset().join("report.html")).unwrap().contains("version 4"));
    assert!(!worker.is_gone());
    worker.end();
}

#[test]
fn a_full_disk_or_a_folder_in_the_way_is_told_and_survived() {
    let (_folder, workspace) = workspace();
    std::fs::write(workspace.dataset().join("report"), b"in the way").unwrap();
    let worker = worker(&workspace);
    worker.give(job(3));
    let told = std::iter::from_fn(|| worker.news.recv_timeout(Duration::from_secs(20)).ok())
        .find_map(|news| match news {
            WorkerEvent::Busy(what) if what.to_string().contains("no report") => Some(what.to_string()),
            _ => None,
        })
        .unwrap();
    assert!(told.contains("dataset/report"), "{told}");
    std::fs::remove_file(workspace.dataset().join("report")).unwrap();
    worker.give(job(4));
    assert_eq!(written(&worker).0, 4);
    worker.end();
}
