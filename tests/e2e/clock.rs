//! A clock that jumps: a day ahead, then two days back. Runs keep their order, and each learns on from the one before.

use plugin_api::runs::{RunFolder, RunManifest};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tests::graph::{Failure, Graph, SMALL};
use tests::reader::{Reader, look};
use tests::{catalog, images};

const MINUTES_3: Duration = Duration::from_mins(3);
const DAY_MS: u64 = 86_400_000;

/// libfaketime of the distribution (package `faketime`), which shifts what programs take for the time of day.
fn shifting_library() -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib").ok()?.flatten().map(|entry| entry.path());
    folders.map(|folder| folder.join("faketime/libfaketime.so.1")).find(|path| path.is_file())
}

/// Runs that have ended, in the order of their names.
fn ended(graph: &Graph) -> Vec<RunManifest> {
    let runs = RunFolder::all(&graph.workspace.runs());
    runs.iter().filter(|run| run.verdict().is_some()).filter_map(RunFolder::manifest).collect()
}

/// The last run that has ended, when it was trained on all that is in the catalog. A slow machine may see a part of the images
/// alone first, and learn from that.
fn of_all(graph: &Graph) -> Option<RunManifest> {
    let images = catalog::splits(&graph.workspace).len() as u64;
    ended(graph).pop().filter(|run| run.counts.iter().flatten().sum::<u64>() >= images)
}

fn set(clock: &Path, shift: &str) -> std::io::Result<()> {
    plugin_api::files::write_atomically(clock, shift.as_bytes())
}

#[test]
fn a_clock_that_jumps_changes_nothing_but_what_is_said_of_time() -> Result<(), Failure> {
    let Some(library) = shifting_library() else {
        tests::skipped("libfaketime (package faketime) is not there, so a clock that jumps is not tested");
        return Ok(());
    };
    let root = tempfile::tempdir()?;
    let photos = root.path().join("home/photos");
    let clock = root.path().join("clock");
    set(&clock, "+0")?;
    let (library, file) = (library.display().to_string(), clock.display().to_string());
    let env = [
        ("LD_PRELOAD", &library[..]),
        ("FAKETIME_TIMESTAMP_FILE", &file[..]),
        ("FAKETIME_CACHE_DURATION", "1"),
        ("DONT_FAKE_MONOTONIC", "1"),
        // Files keep the times they have.
        ("NO_FAKE_STAT", "1"),
    ];
    let all = images::first_of_each(images::demo(), 19);
    let parts = [15, 17, 19].map(|each| images::first_of_each(all.clone(), each));
    let mut expected = BTreeMap::new();
    let mut graph = Graph::start_in(root.path(), SMALL, &env)?;
    let (mut reader, mut runs) = (None, Vec::new());
    for (part, shift) in parts.iter().zip(["+0", "+1d", "-1d"]) {
        set(&clock, shift)?;
        std::thread::sleep(Duration::from_secs(2));
        for (class, file) in part {
            expected.insert(images::drop_into(&photos, class, file)?, class.clone());
        }
        graph.wait("every image in the catalog once", MINUTES_3, |g| catalog::files(&g.workspace) == expected)?;
        graph.wait("a verdict on all of them", MINUTES_3, |g| {
            of_all(g).is_some() && g.status("train").state.starts_with("up to date")
        })?;
        runs.extend(of_all(&graph));
        reader.get_or_insert_with(|| Reader::start(graph.workspace.clone()));
    }
    let looks = reader.map_or(Ok(0), Reader::end)?;
    assert!(looks > 50, "{looks} looks say little");

    let said: Vec<_> = runs.iter().map(|run| (&run.id[..], &run.reason[..], run.parent.as_deref())).collect();
    eprintln!("{said:#?}");
    // The clock did jump, and the third run came after the second all the same.
    assert!(runs[1].started_ms > runs[0].started_ms + DAY_MS / 2);
    assert!(ended(&graph).is_sorted_by_key(|run| run.started_ms));
    for pair in runs.windows(2) {
        assert!(pair[0].counts.iter().flatten().sum::<u64>() <= pair[1].counts.iter().flatten().sum::<u64>());
        assert!(pair[1].reason.contains("new in"), "{}", pair[1].reason);
    }
    look(&graph.workspace)?;
    assert_eq!(catalog::quarantined(&graph.workspace), Vec::<String>::new());
    graph.end()
}
