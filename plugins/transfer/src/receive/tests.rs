use super::*;
use crate::offers::Offers;
use crate::options::tests::options;
use plugin_api::runs::{Finished, RunRequest, write_json};
use std::os::unix::fs::symlink;
use std::time::Duration;

/// A workspace with both sides of a mirror.
struct Machine {
    workspace: Workspace,
    offers: Offers,
    receiver: Receiver,
    _folder: tempfile::TempDir,
}

fn machine(role: Role, name: &str, now: Instant) -> Machine {
    let folder = tempfile::tempdir().unwrap();
    let workspace = Workspace::create(folder.path()).unwrap();
    let line = options("--message-bytes 16384 --window-bytes 49152");
    let offers = Offers::new(workspace.clone(), role, line.clone());
    let receiver = Receiver::new(workspace.clone(), role, line, name.to_owned(), now);
    Machine { workspace, offers, receiver, _folder: folder }
}

fn both(now: Instant) -> (Machine, Machine) {
    (machine(Role::Training, "t", now), machine(Role::Files, "f", now))
}

/// One look by `from`, and all that `to` asks of it; every `lose`th answer is lost. Returns answers that came.
fn pull(from: &mut Machine, to: &mut Machine, now: Instant, lose: usize) -> usize {
    let mut answers = 0;
    from.offers.look();
    while let Some(offers) = from.offers.due(now) {
        to.receiver.offered(&Header::new("offers", 0), &offers);
        loop {
            let requests = to.receiver.requests(now).unwrap();
            if requests.is_empty() {
                break;
            }
            for (header, wanted) in requests {
                let Some(parts) = from.offers.answer(&wanted).unwrap() else { continue };
                answers += 1;
                if lose == 0 || answers % lose != 0 {
                    to.receiver.parts(&header, &parts, now).unwrap();
                }
            }
        }
    }
    answers
}

fn write(workspace: &Workspace, path: &str, content: &[u8]) {
    let path = workspace.root().join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn read(workspace: &Workspace, path: &str) -> Option<Vec<u8>> {
    fs::read(workspace.root().join(path)).ok()
}

/// A run that has ended and become champion.
fn make_champion(workspace: &Workspace, run: &str, weights: &[u8]) {
    let uri = format!("runs/{run}/checkpoints/epoch-0001.safetensors");
    write(workspace, &format!("runs/{run}/run.json"), b"{}");
    write(workspace, &format!("runs/{run}/metrics.jsonl"), b"{}\n");
    write(workspace, &format!("runs/{run}/checkpoints/epoch-0000.safetensors"), b"for train alone");
    write(workspace, &uri, weights);
    let digest = blake3::hash(weights).to_hex().to_string();
    let finished = Finished { uri, digest, epochs: 2, steps: 2, samples: 2, seconds: 1.0 };
    write_json(&workspace.runs().join(run).join("finished.json"), &finished).unwrap();
    write(workspace, &format!("runs/{run}/report/index.html"), b"<html>");
    write(workspace, &format!("models/{run}/model.safetensors"), weights);
    write(workspace, &format!("models/{run}/model.json"), run.as_bytes());
    choose(workspace, run);
    write(workspace, &format!("runs/{run}/verdict.json"), b"{}");
}

fn choose(workspace: &Workspace, model: &str) {
    let _ = fs::remove_file(workspace.champion());
    symlink(model, workspace.champion()).unwrap();
}

fn champion(machine: &Machine) -> Option<String> {
    plugin_champion::champion(&machine.workspace)
}

#[test]
fn a_run_and_its_model_cross_and_the_weights_once() {
    let now = Instant::now();
    let (mut training, mut files) = both(now);
    let weights: Vec<u8> = (0..100_000_u32).map(|at| (at * 7 % 251) as u8).collect();
    make_champion(&training.workspace, "1", &weights);
    pull(&mut training, &mut files, now, 0);
    for path in ["runs/1/run.json", "runs/1/report/index.html", "runs/1/verdict.json", "models/1/model.json"] {
        assert_eq!(read(&files.workspace, path), read(&training.workspace, path), "{path}");
    }
    assert_eq!(read(&files.workspace, "runs/1/checkpoints/epoch-0001.safetensors").unwrap(), weights);
    assert_eq!(read(&files.workspace, "models/1/model.safetensors").unwrap(), weights);
    assert_eq!(read(&files.workspace, "runs/1/checkpoints/epoch-0000.safetensors"), None);
    assert_eq!(champion(&files).as_deref(), Some("1"));
    let small = files.receiver.bytes - weights.len() as u64;
    assert!(small < 1000, "the weights crossed once: {small}");
    assert_eq!(training.offers.lacking(), 0);
    assert_eq!(pull(&mut training, &mut files, now, 0), 0, "nothing is new");
    write(&training.workspace, "runs/1/metrics.jsonl", b"{}\n{}\n");
    assert_eq!(pull(&mut training, &mut files, now, 0), 1);
    assert_eq!(read(&files.workspace, "runs/1/metrics.jsonl").unwrap(), b"{}\n{}\n");
}

#[test]
fn answers_that_are_lost_are_asked_for_again() {
    let now = Instant::now();
    let (mut training, mut files) = both(now);
    let weights: Vec<u8> = (0..400_000_u32).map(|at| (at * 31 % 253) as u8).collect();
    make_champion(&training.workspace, "1", &weights);
    let mut at = now;
    while champion(&files).is_none() {
        pull(&mut training, &mut files, at, 5);
        at += Duration::from_secs(4);
    }
    assert_eq!(read(&files.workspace, "models/1/model.safetensors").unwrap(), weights);
    assert!(files.receiver.repeated() > 3);
}

#[test]
fn a_verdict_comes_after_its_champion_and_a_model_whole() {
    let now = Instant::now();
    let (mut training, mut files) = both(now);
    make_champion(&training.workspace, "1", &vec![7; 40_000]);
    training.offers.look();
    let offers = training.offers.due(now).unwrap();
    files.receiver.offered(&Header::new("offers", 0), &offers);
    for _ in 0..200 {
        for (header, wanted) in files.receiver.requests(now).unwrap() {
            if let Some(parts) = training.offers.answer(&wanted).unwrap() {
                files.receiver.parts(&header, &parts, now).unwrap();
            }
        }
        let there = |path: &str| read(&files.workspace, path).is_some();
        assert!(champion(&files).is_none() || there("models/1/model.json") && there("models/1/model.safetensors"));
        assert!(!there("runs/1/verdict.json") || champion(&files).is_some());
    }
    assert!(read(&files.workspace, "runs/1/verdict.json").is_some());
}

#[test]
fn a_person_chooses_where_the_files_are() {
    let now = Instant::now();
    let (mut training, mut files) = both(now);
    make_champion(&training.workspace, "1", b"one");
    pull(&mut training, &mut files, now, 0);
    make_champion(&training.workspace, "2", b"two");
    pull(&mut training, &mut files, now, 0);
    assert_eq!(champion(&files).as_deref(), Some("2"));
    // Rolled back, while the other machine finds a third.
    choose(&files.workspace, "1");
    make_champion(&training.workspace, "3", b"three");
    pull(&mut training, &mut files, now, 0);
    assert_eq!(champion(&files).as_deref(), Some("1"), "what a person says holds");
    pull(&mut files, &mut training, now, 0);
    assert_eq!(champion(&training).as_deref(), Some("1"));
    make_champion(&training.workspace, "4", b"four");
    pull(&mut training, &mut files, now + Duration::from_secs(9), 0);
    assert_eq!(champion(&files).as_deref(), Some("4"));
}

#[test]
fn a_new_training_machine_gets_the_champion_and_a_request() {
    let now = Instant::now();
    let (mut training, mut files) = both(now);
    make_champion(&files.workspace, "1", b"one");
    let request = RunRequest { from: None };
    write_json(&files.workspace.runs().join(RunRequest::FILE), &request).unwrap();
    pull(&mut files, &mut training, now, 0);
    assert_eq!(champion(&training).as_deref(), Some("1"));
    assert_eq!(read(&training.workspace, "models/1/model.safetensors").unwrap(), b"one");
    assert!(read(&training.workspace, "runs/request.json").is_some());
    assert_eq!(read(&files.workspace, "runs/request.json"), None, "it is handed over");
    assert_eq!(read(&training.workspace, "runs/1/run.json"), None);
}

#[test]
fn paths_that_lead_elsewhere_are_left_out() {
    let now = Instant::now();
    let (_, mut files) = both(now);
    let paths = ["photos/a/1.jpg", "runs/../photos/1.jpg", "/etc/passwd", "runs", "models//x", "runs/./x"];
    let offers = OfferedFiles {
        path: StringArray::from_iter_values(paths),
        target: paths.iter().map(|_| None::<&str>).collect(),
        size_bytes: UInt64Array::from_value(5, paths.len()),
        digest: StringArray::from_iter_values(paths),
    };
    files.receiver.offered(&Header::new("offers", 0), &offers);
    assert!(files.receiver.requests(now).unwrap().is_empty());
    assert!(is_ours("runs/1/run.json") && is_ours(CHAMPION));
}

#[test]
fn a_file_that_changes_on_its_way_comes_as_it_is_then() {
    let now = Instant::now();
    let (mut training, mut files) = both(now);
    write(&training.workspace, "runs/1/run.json", b"{}");
    write(&training.workspace, "runs/1/report/big", &vec![1; 60_000]);
    training.offers.look();
    files.receiver.offered(&Header::new("offers", 0), &training.offers.due(now).unwrap());
    let mut changed = false;
    for _ in 0..20 {
        for (header, wanted) in files.receiver.requests(now).unwrap() {
            if let Some(parts) = training.offers.answer(&wanted).unwrap() {
                files.receiver.parts(&header, &parts, now).unwrap();
                if !changed && files.receiver.bytes > 20_000 {
                    write(&training.workspace, "runs/1/report/big", &vec![2; 50_000]);
                    changed = true;
                }
            }
        }
    }
    assert!(changed && read(&files.workspace, "runs/1/report/big").is_none());
    pull(&mut training, &mut files, now + Duration::from_secs(4), 0);
    assert_eq!(read(&files.workspace, "runs/1/report/big").unwrap(), vec![2; 50_000]);
}
