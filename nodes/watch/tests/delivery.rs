//! What reaches the dataset, with a clock moved by hand: files come, change and go; messages get lost.
#![cfg(test)]

mod common;

use arrow::array::StringArray;
use common::{Answer, Bench, images, rejects};
use node_watch::delivery::outbox::Stream;
use node_watch::delivery::outgoing::Outgoing;
use plugin_api::edges::{Acknowledgement, Committed};
use plugin_api::{Header, HeaderFields as _};
use std::fs;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn images_there_at_the_start_come_once_with_labels() {
    let mut bench = Bench::new(&[]);
    bench.put("photos/cat/a.jpg", "a");
    bench.put("photos/きゅんきゅん/夏/b.png", "b");
    bench.put("photos/nobody.jpg", "no class");
    bench.put("photos/cat/notes.txt", "a note");
    bench.settle();
    bench.assert_same();
    assert_eq!(bench.model.catalog["photos/きゅんきゅん/夏/b.png"].2, "きゅんきゅん");
    assert_eq!(bench.model.came.len(), 2);
    bench.pass(SECOND * 60);
    bench.settle();
    assert_eq!(bench.model.came.len(), 2, "nothing comes twice");
    assert!(bench.quarantined().is_empty());
}

#[test]
fn nothing_is_sent_before_the_dataset_has_said_what_it_holds() {
    let mut bench = Bench::new(&[]);
    bench.put("photos/cat/a.jpg", "a");
    bench.pass(SECOND * 5);
    assert_eq!(bench.sent.len(), 3, "asked every two seconds");
    assert!(bench.sent.iter().all(|m| matches!(m, Outgoing::InventoryRequest(..))));
}

#[test]
fn a_restart_sends_only_what_changed_meanwhile() {
    let mut bench = Bench::new(&[]);
    for path in ["photos/cat/a.jpg", "photos/cat/b.jpg", "photos/cat/c.jpg"] {
        bench.put(path, path);
    }
    bench.settle();
    bench.put("photos/cat/b.jpg", "changed");
    fs::remove_file(bench.at("photos/cat/c.jpg")).unwrap();
    bench.put("photos/dog/d.jpg", "new");
    bench.restart_watch();
    bench.model.came.clear();
    bench.settle();
    bench.assert_same();
    bench.model.came.sort();
    assert_eq!(bench.model.came, ["photos/cat/b.jpg", "photos/dog/d.jpg"]);
}

#[test]
fn a_file_being_written_is_not_sent_before_it_is_whole() {
    let mut bench = Bench::new(&[]);
    bench.settle();
    for size in 1..20 {
        bench.put("photos/cat/a.jpg", vec![b'x'; size]);
        bench.pass(Duration::from_millis(400));
        bench.deliver();
        assert_eq!(bench.model.came.len(), 0, "{size} bytes");
    }
    bench.settle();
    bench.assert_same();
    assert_eq!(bench.model.came.len(), 1);
}

#[test]
fn file_changed_while_waiting_is_sent_as_it_became() {
    let mut bench = Bench::new(&["--window", "1", "--batch-rows", "1"]);
    bench.settle();
    bench.put("photos/cat/a.jpg", "a");
    bench.put("photos/cat/b.jpg", "half");
    bench.pass(SECOND * 2);
    assert_eq!(bench.sent.len(), 1);
    let second = if matches!(&bench.sent[0], Outgoing::Images(_, i) if i.path.value(0).ends_with("a.jpg")) {
        "photos/cat/b.jpg"
    } else {
        "photos/cat/a.jpg"
    };
    bench.put(second, "whole");
    bench.settle();
    bench.assert_same();
    assert_eq!(bench.model.came.len(), 2, "the half was never sent");
}

#[test]
fn an_empty_file_is_given_time() {
    let mut bench = Bench::new(&[]);
    bench.settle();
    bench.put("photos/cat/a.jpg", "");
    bench.pass(SECOND * 3);
    bench.deliver();
    assert!(bench.model.came.is_empty());
    bench.pass(SECOND * 3);
    bench.deliver();
    assert_eq!(bench.model.came.len(), 1);
}

#[test]
fn renamed_moved_overwritten_and_deleted() {
    let mut bench = Bench::new(&[]);
    for name in ["a", "b", "c", "d", "e"] {
        bench.put(&format!("photos/cat/{name}.jpg"), name);
    }
    bench.settle();
    bench.rename("photos/cat/a.jpg", "photos/cat/renamed.jpg");
    bench.rename("photos/cat/b.jpg", "photos/dog/b.jpg");
    bench.put("photos/cat/c.jpg", "c again");
    fs::remove_file(bench.at("photos/cat/d.jpg")).unwrap();
    // One image takes another's name, with the older one's size.
    bench.rename("photos/cat/e.jpg", "photos/cat/renamed.jpg");
    bench.settle();
    bench.assert_same();
    assert_eq!(bench.model.catalog["photos/dog/b.jpg"].2, "dog");
    assert_eq!(bench.model.contents()["photos/cat/renamed.jpg"], b"e");
}

#[test]
fn folders_come_move_and_go_with_all_in_them() {
    let mut bench = Bench::new(&[]);
    for n in 0..300 {
        bench.put(&format!("photos/cat/deep/er/{n}.jpg"), format!("{n}"));
    }
    bench.settle();
    bench.rename("photos/cat", "photos/dog");
    bench.settle();
    bench.assert_same();
    assert!(bench.model.catalog.values().all(|(_, _, label)| label == "dog"));
    fs::remove_dir_all(bench.at("photos/dog")).unwrap();
    bench.settle();
    assert!(bench.model.catalog.is_empty());
}

#[test]
fn missing_photos_prove_nothing() {
    let mut bench = Bench::new(&[]);
    bench.put("photos/cat/a.jpg", "a");
    bench.settle();
    bench.rename("photos", "elsewhere");
    bench.state.point_out("photos/cat", bench.now);
    bench.settle();
    assert_eq!(bench.model.catalog.len(), 1);
    bench.rename("elsewhere", "photos");
    bench.settle();
    bench.assert_same();
}

#[test]
fn batches_keep_to_rows_bytes_and_window() {
    let mut bench = Bench::new(&["--batch-bytes", "65536", "--batch-rows", "10", "--window", "3"]);
    bench.settle();
    for n in 0..50 {
        bench.put(&format!("photos/small/{n}.jpg"), [b'x'; 10]);
        bench.put(&format!("photos/large/{n}.jpg"), vec![b'x'; 20_000]);
    }
    bench.put("photos/large/alone.jpg", vec![b'x'; 200_000]);
    bench.pass(SECOND * 3);
    assert_eq!(bench.sent.len(), 3, "no more than the window");
    let mut largest = 0;
    for _ in 0..100 {
        for (rows, bytes) in bench.sent.iter().filter_map(images) {
            assert!(rows <= 10);
            assert!(bytes <= 65_536 || (rows == 1 && bytes == 200_000), "{rows} rows of {bytes} bytes");
            largest = largest.max(rows);
        }
        bench.deliver();
        bench.pass(Duration::from_millis(100));
    }
    assert_eq!(largest, 10);
    bench.settle();
    bench.assert_same();
}

#[test]
fn large_files_are_named_alone() {
    let mut bench = Bench::new(&["--max-bytes", "20000000", "--batch-bytes", "16000000"]);
    bench.put("photos/cat/a-small.jpg", "small");
    bench.put("photos/cat/fits.jpg", vec![1; 15_900_000]);
    bench.put("photos/cat/large.jpg", vec![1; 16_000_001]);
    bench.put("photos/cat/larger.jpg", vec![2; 19_000_000]);
    bench.put("photos/cat/too-large.jpg", vec![1; 20_000_001]);
    bench.pass(SECOND);
    bench.deliver();
    bench.pass(SECOND * 2);
    let sent: Vec<(usize, usize)> = bench.sent.iter().filter_map(images).collect();
    assert_eq!(sent, [(2, 15_900_005), (1, 16_000_001), (1, 19_000_000)]);
    bench.settle();
    bench.assert_same();
    assert_eq!(bench.quarantined(), ["cat/too-large.jpg"]);
    let note = fs::read_to_string(bench.at("quarantine/cat/too-large.jpg.json")).unwrap();
    assert!(note.contains("too_large") && note.contains("20000000 (--max-bytes)"), "{note}");
}

#[test]
fn a_file_that_a_stage_found_changed_is_sent_again() {
    let mut bench = Bench::new(&[]);
    bench.model.changed = vec!["photos/cat/a.jpg".to_owned()];
    bench.put("photos/cat/a.jpg", "a");
    bench.settle();
    bench.assert_same();
    assert_eq!(bench.model.came, ["photos/cat/a.jpg", "photos/cat/a.jpg"]);
    assert!(bench.in_quarantine().is_empty() && bench.state.counts().rejected == 0);
}

#[test]
fn refused_images_are_put_aside_whichever_comes_first() {
    for late_rejects in [false, true] {
        let mut bench = Bench::new(&[]);
        bench.model.late_rejects = late_rejects;
        bench.put("photos/cat/a.jpg", "good");
        bench.put("photos/cat/b.jpg", "bad");
        bench.settle();
        bench.assert_same();
        assert_eq!(bench.quarantined(), ["cat/b.jpg"]);
        assert_eq!(bench.model.came.len(), 2, "sent once each");
        assert_eq!(bench.state.counts().rejected, 1);
    }
}

#[test]
fn rejects_may_come_seconds_after_the_acknowledgement() {
    let mut bench = Bench::new(&[]);
    bench.settle();
    bench.model.late_rejects = true;
    bench.put("photos/cat/b.jpg", "bad");
    bench.pass(SECOND);
    let answers = bench.model.take(&bench.sent.pop_front().unwrap());
    let [acknowledgement, rejects] = answers.as_slice() else { panic!("{answers:?}") };
    bench.answer(acknowledgement.clone());
    bench.pass(Duration::from_millis(2900));
    assert!(bench.sent.is_empty(), "not sent again yet");
    bench.answer(rejects.clone());
    bench.settle();
    assert_eq!(bench.model.came.len(), 1);
    assert_eq!(bench.quarantined(), ["cat/b.jpg"]);
}

#[test]
fn an_image_overwritten_with_something_bad_leaves_the_dataset() {
    let mut bench = Bench::new(&[]);
    bench.put("photos/cat/a.jpg", "good");
    bench.settle();
    bench.put("photos/cat/a.jpg", "bad");
    bench.settle();
    assert!(bench.model.catalog.is_empty());
    assert_eq!(bench.quarantined(), ["cat/a.jpg"]);
}

#[test]
fn refused_file_still_growing_is_sent_when_whole() {
    let mut bench = Bench::new(&[]);
    bench.settle();
    // Written just now, by the wall clock: its writer may only have paused.
    fs::create_dir_all(bench.at("photos/cat")).unwrap();
    fs::write(bench.at("photos/cat/a.jpg"), "bad").unwrap();
    bench.pass(SECOND);
    bench.deliver();
    assert_eq!(bench.state.counts().rejected, 1);
    bench.pass(SECOND * 3);
    assert!(bench.at("photos/cat/a.jpg").exists());
    fs::write(bench.at("photos/cat/a.jpg"), "good after all").unwrap();
    bench.settle();
    bench.assert_same();
    assert!(bench.quarantined().is_empty());
}

#[test]
fn a_lost_message_is_noticed_by_the_next_and_all_comes_again() {
    let mut bench = Bench::new(&["--batch-rows", "1"]);
    bench.settle();
    for n in 0..4 {
        bench.put(&format!("photos/cat/{n}.jpg"), "x");
    }
    bench.pass(SECOND);
    assert_eq!(bench.sent.len(), 4);
    bench.sent.remove(1);
    bench.settle();
    bench.assert_same();
    assert!(bench.state.counts().resent >= 3);
}

#[test]
fn without_any_acknowledgement_all_comes_again() {
    let mut bench = Bench::new(&[]);
    bench.put("photos/cat/a.jpg", "a");
    bench.pass(SECOND);
    bench.deliver();
    bench.pass(SECOND * 2);
    assert_eq!(bench.sent.len(), 1);
    bench.sent.clear();
    bench.pass(SECOND * 13);
    assert!(bench.sent.is_empty());
    bench.pass(SECOND * 3);
    let Some(Outgoing::Images(header, _)) = bench.sent.front() else { panic!("not sent again") };
    assert_eq!(header.seq, 0, "in a session of its own");
    bench.settle();
    bench.assert_same();
}

#[test]
fn an_acknowledgement_that_comes_too_late_still_counts() {
    let mut bench = Bench::new(&[]);
    bench.put("photos/cat/a.jpg", "a");
    bench.pass(SECOND);
    bench.deliver();
    bench.pass(SECOND * 2);
    let answers = bench.model.take(&bench.sent.pop_front().unwrap());
    bench.now += SECOND * 16;
    bench.state.work(bench.now);
    for answer in answers {
        bench.answer(answer);
    }
    bench.model.came.clear();
    bench.settle();
    assert!(bench.model.came.is_empty(), "not sent again");
    bench.assert_same();
}

#[test]
fn a_row_that_is_neither_kept_nor_refused_comes_again() {
    let mut bench = Bench::new(&[]);
    bench.model.swallow = vec!["photos/cat/b.jpg".to_owned(); 2];
    for name in ["a", "b", "c"] {
        bench.put(&format!("photos/cat/{name}.jpg"), name);
    }
    bench.settle();
    bench.assert_same();
    let times = |path: &str| bench.model.came.iter().filter(|p| *p == path).count();
    assert_eq!((times("photos/cat/a.jpg"), times("photos/cat/b.jpg")), (1, 3));
}

#[test]
fn a_started_dataset_is_asked_again_and_loses_nothing() {
    let mut bench = Bench::new(&["--batch-rows", "1"]);
    bench.settle();
    for n in 0..8 {
        bench.put(&format!("photos/cat/{n}.jpg"), "x");
    }
    bench.pass(SECOND);
    let first = bench.sent.pop_front().unwrap();
    bench.model.take(&first);
    bench.sent.clear();
    bench.model.restart();
    bench.state.keeper_restarted(bench.now);
    assert!(bench.state.is_asking());
    bench.model.came.clear();
    bench.settle();
    bench.assert_same();
    assert_eq!(bench.model.came.len(), 7, "what it had kept is not sent again");
}

#[test]
fn a_started_stage_gets_again_what_it_lost() {
    let mut bench = Bench::new(&[]);
    bench.put("photos/cat/a.jpg", "a");
    bench.pass(SECOND);
    bench.deliver();
    bench.pass(SECOND);
    bench.sent.clear();
    bench.state.restarted("hash", bench.now);
    bench.pass(SECOND * 2);
    assert_eq!(bench.sent.len(), 1);
    bench.settle();
    bench.assert_same();
}

#[test]
fn image_arriving_after_its_removal_is_removed() {
    let mut bench = Bench::new(&[]);
    bench.put("photos/cat/a.jpg", "a");
    bench.pass(SECOND);
    bench.deliver();
    bench.pass(SECOND * 2);
    let on_its_way = bench.sent.pop_front().unwrap();
    bench.restart_watch();
    fs::remove_file(bench.at("photos/cat/a.jpg")).unwrap();
    bench.settle();
    assert!(bench.model.catalog.is_empty());
    bench.model.decoded_before.insert("photos/cat/a.jpg".to_owned(), b"a".to_vec());
    let late = bench.model.take(&on_its_way);
    assert_eq!(bench.model.catalog.len(), 1);
    for answer in late {
        bench.answer(answer);
    }
    bench.settle();
    bench.assert_same();
}

#[test]
fn a_path_on_its_way_is_not_in_a_second_message() {
    let mut bench = Bench::new(&[]);
    bench.settle();
    bench.put("photos/cat/a.jpg", "one");
    bench.pass(SECOND * 2);
    assert_eq!(bench.sent.len(), 1);
    bench.put("photos/cat/a.jpg", "two");
    bench.pass(SECOND * 2);
    fs::remove_file(bench.at("photos/cat/a.jpg")).unwrap();
    bench.pass(SECOND * 2);
    assert_eq!(bench.sent.len(), 1);
    bench.settle();
    assert!(bench.model.catalog.is_empty());
}

#[test]
fn answers_nobody_asked_for_do_no_harm() {
    let mut bench = Bench::new(&[]);
    bench.put("photos/cat/a.jpg", "a");
    bench.settle();
    let header = Header::new("watch-images-0", 7);
    bench.answer(rejects(&header, &["photos/cat/a.jpg", "photos/cat/none.jpg", "../../etc/passwd"]));
    for stream in ["images", "removed", "nonsense"] {
        for status in ["\"committed\"", "{\"resend\": {\"expected\": 0}}", "\"nonsense\""] {
            let header = header.clone().with_json(Stream::NAME, format!("\"{stream}\""));
            let header = header.with_json(Acknowledgement::NAME, status);
            let paths = ["photos/cat/a.jpg", "photos/cat/none.jpg", "elsewhere/b.jpg"];
            bench.answer(Answer::Committed(header, Committed { path: StringArray::from_iter_values(paths) }));
        }
    }
    bench.settle();
    bench.assert_same();
    assert!(bench.quarantined().is_empty());
}

#[test]
fn a_link_to_an_image_is_left_alone() {
    let mut bench = Bench::new(&[]);
    bench.put("photos/cat/a.jpg", "a");
    bench.put("elsewhere/b.jpg", "b");
    std::os::unix::fs::symlink(bench.at("elsewhere"), bench.at("photos/dog")).unwrap();
    std::os::unix::fs::symlink(bench.at("elsewhere/b.jpg"), bench.at("photos/cat/b.jpg")).unwrap();
    bench.settle();
    assert_eq!(bench.model.came, ["photos/cat/a.jpg"]);
}

/// Seeds and pool, as `curate.yml` watches them.
const CURATE: [&str; 2] = ["--folders", "seeds,pool"];

#[test]
fn seeds_and_pool_are_watched_as_photos_are() {
    let mut bench = Bench::new(&CURATE);
    bench.put("seeds/cat/s.jpg", "s");
    bench.put("seeds/nobody.jpg", "no class");
    bench.put("pool/a.jpg", "a");
    bench.put("pool/2024/夏/b.jpg", "b");
    bench.put("pool/c.jpg", "bad");
    bench.put("photos/cat/p.jpg", "not watched here");
    bench.settle();
    bench.assert_same();
    let labels: Vec<(&str, &str)> =
        bench.model.catalog.iter().map(|(path, row)| (path.as_str(), row.2.as_str())).collect();
    assert_eq!(labels, [("pool/2024/夏/b.jpg", ""), ("pool/a.jpg", ""), ("seeds/cat/s.jpg", "cat")]);
    assert_eq!(bench.quarantined(), ["pool/c.jpg"]);

    bench.rename("pool/2024", "pool/2025");
    bench.rename("pool/a.jpg", "seeds/cat/a.jpg");
    fs::remove_file(bench.at("seeds/cat/s.jpg")).unwrap();
    bench.settle();
    bench.assert_same();
    assert_eq!(bench.model.catalog["seeds/cat/a.jpg"].2, "cat");
    assert!(bench.at("photos/cat/p.jpg").exists() && bench.at("seeds/nobody.jpg").exists());
}

#[test]
fn a_missing_pool_proves_nothing_and_seeds_go_on() {
    let mut bench = Bench::new(&CURATE);
    bench.put("seeds/cat/s.jpg", "s");
    bench.put("pool/a.jpg", "a");
    bench.settle();
    bench.rename("pool", "elsewhere");
    fs::remove_file(bench.at("seeds/cat/s.jpg")).unwrap();
    bench.state.point_out("pool/a.jpg", bench.now);
    bench.pass(SECOND * 5);
    bench.deliver();
    assert_eq!(bench.model.contents().keys().collect::<Vec<_>>(), ["pool/a.jpg"]);
    bench.rename("elsewhere", "pool");
    bench.settle();
    bench.assert_same();
}

#[test]
fn what_others_hold_is_not_taken_back() {
    let mut bench = Bench::new(&CURATE);
    let mark = plugin_api::FileVersion { size_bytes: 1, modified_ns: 1, changed_ns: 1, inode: 1 };
    for path in ["photos/cat/p.jpg", "pool/gone.jpg"] {
        bench.model.catalog.insert(path.to_owned(), (mark, b"x".to_vec(), String::new()));
    }
    bench.settle();
    assert_eq!(bench.model.contents().keys().collect::<Vec<_>>(), ["photos/cat/p.jpg"]);
}
