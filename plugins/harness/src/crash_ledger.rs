//! Which item of work was in hand when the process ended without a word.
//!
//! A decoder that overflows its stack, is killed for its memory, or never comes back takes the whole process with it, and the
//! node that starts again gets the same file. So a node writes down what it has in hand before it begins: one slot a thread, in
//! a file that outlives the process (written without fsync: the kernel keeps it when a process dies, and after a power failure
//! nothing is held against anyone). At start, what was in hand is a suspect. A suspect is worked on alone, and what was in hand
//! at two ends is left alone from then on. Work that takes longer than `max_time` ends the process on purpose, as there is
//! no other way to stop it.

use crate::stage::Refusal;
use plugin_api::RejectReason;
use plugin_api::files::write_atomically;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// From so many ends on, an item is given up.
pub const LIMIT: u32 = 2;

/// Bytes of a slot: two for the length of the key, the rest for the key.
const SLOT_BYTES: usize = 4096;
/// Items that can be in hand at once; more are worked on all the same, unwritten.
const SLOTS: usize = 64;
/// How often the watchdog looks.
const LOOK: Duration = Duration::from_millis(500);

/// The ledger of one node.
#[derive(Debug)]
pub struct CrashLedger {
    in_hand: File,
    crashes: PathBuf,
    suspects: Mutex<BTreeMap<String, u32>>,
    slots: Arc<Mutex<[Option<Instant>; SLOTS]>>,
}

impl CrashLedger {
    /// Opens `<id>.in-hand` and `<id>.crashes.json` in `folder`, and counts what was in hand when the process before ended.
    /// `max_time`: after so long with one item the process ends; zero: never.
    ///
    /// # Errors
    /// Any error of the file system.
    pub fn open(folder: &Path, id: &str, max_time: Duration) -> io::Result<Self> {
        let (path, crashes) = (folder.join(format!("{id}.in-hand")), folder.join(format!("{id}.crashes.json")));
        let in_hand = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        // A file that cannot be read holds nothing against anyone.
        let text = std::fs::read(&crashes).unwrap_or_default();
        let mut suspects: BTreeMap<String, u32> = serde_json::from_slice(&text).unwrap_or_default();
        let found = left_in_hand(&in_hand)?;
        if !found.is_empty() {
            for key in found {
                *suspects.entry(key).or_default() += 1;
            }
            save(&crashes, &suspects)?;
            in_hand.set_len(0)?;
        }
        let slots = Arc::new(Mutex::new([None; SLOTS]));
        if !max_time.is_zero() {
            watch(Arc::clone(&slots), max_time);
        }
        Ok(Self { in_hand, crashes, suspects: Mutex::new(suspects), slots })
    }

    /// At how many ends of the process the item was in hand.
    pub fn crashes(&self, key: &str) -> u32 {
        held(&self.suspects).get(key).copied().unwrap_or(0)
    }

    /// Does the work with the item written down as in hand. A suspect that comes through is none any more.
    pub fn in_hand<T>(&self, key: &str, work: impl FnOnce() -> T) -> T {
        let slot = self.take_slot();
        if let Some(at) = slot {
            self.write(at, key);
        }
        let done = work();
        if let Some(at) = slot {
            self.write(at, "");
            held(&self.slots)[at] = None;
        }
        self.acquit(key);
        done
    }

    /// Does the work on every row, on all processors; the key of a row says what it is about. Suspects come last and one by one,
    /// so that it is known which one ended the process, and those that did so twice are refused as `crashes`.
    pub fn process_rows<T: Send>(
        &self,
        keys: &[String],
        work: impl Fn(usize) -> Result<T, Refusal> + Sync,
    ) -> Vec<Result<T, Refusal>> {
        let crashes: Vec<u32> = keys.iter().map(|key| self.crashes(key)).collect();
        let work = |row: usize| self.in_hand(&keys[row], || work(row));
        let mut rows: Vec<Option<Result<T, Refusal>>> =
            (0..keys.len()).into_par_iter().map(|row| (crashes[row] == 0).then(|| work(row))).collect();
        for (row, done) in rows.iter_mut().enumerate().filter(|(_, done)| done.is_none()) {
            *done = Some(if crashes[row] < LIMIT { work(row) } else { Err(given_up(crashes[row])) });
        }
        rows.into_iter().flatten().collect()
    }

    fn take_slot(&self) -> Option<usize> {
        let mut slots = held(&self.slots);
        let at = slots.iter().position(Option::is_none)?;
        slots[at] = Some(Instant::now());
        Some(at)
    }

    /// A ledger that cannot be written costs the knowledge of who was in hand, nothing else.
    fn write(&self, slot: usize, key: &str) {
        let bytes = key.as_bytes();
        let length = bytes.len().min(SLOT_BYTES - 2);
        let mut entry = (length as u16).to_le_bytes().to_vec();
        entry.extend_from_slice(&bytes[..length]);
        if let Err(error) = self.in_hand.write_all_at(&entry, (slot * SLOT_BYTES) as u64) {
            tracing::warn!(%error, "what is in hand could not be written down");
        }
    }

    fn acquit(&self, key: &str) {
        let mut suspects = held(&self.suspects);
        if suspects.remove(key).is_some()
            && let Err(error) = save(&self.crashes, &suspects)
        {
            tracing::warn!(%error, "the list of files that ended the process could not be written");
        }
    }
}

fn given_up(crashes: u32) -> Refusal {
    let detail = format!(
        "decoding it ended the node {crashes} times (memory, time or a fault of the decoder). Open it in a photo program and save \
         it again, as JPEG or PNG"
    );
    (RejectReason::Crashes, detail)
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn save(path: &Path, suspects: &BTreeMap<String, u32>) -> io::Result<()> {
    write_atomically(path, &serde_json::to_vec_pretty(suspects).map_err(io::Error::from)?)
}

/// The keys in the slots of a process before.
fn left_in_hand(file: &File) -> io::Result<Vec<String>> {
    let mut bytes = vec![0; SLOTS * SLOT_BYTES];
    let mut end = 0;
    while end < bytes.len() {
        match file.read_at(&mut bytes[end..], end as u64)? {
            0 => break,
            read => end += read,
        }
    }
    let key = |slot: &[u8]| -> Option<String> {
        let length = usize::from(u16::from_le_bytes(*slot.first_chunk()?));
        let key = slot.get(2..2 + length).filter(|key| !key.is_empty())?;
        String::from_utf8(key.to_vec()).ok()
    };
    Ok(bytes[..end].chunks(SLOT_BYTES).filter_map(key).collect())
}

/// Ends the process when one item takes too long.
fn watch(slots: Arc<Mutex<[Option<Instant>; SLOTS]>>, max_time: Duration) {
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(LOOK.min(max_time));
            let late = held(&slots).iter().flatten().any(|since| since.elapsed() > max_time);
            if late {
                tracing::error!(?max_time, "one item takes too long, and nothing but ending the process stops it");
                std::process::abort();
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finished_work_is_no_suspect() {
        let folder = tempfile::tempdir().unwrap();
        let open = || CrashLedger::open(folder.path(), "decode", Duration::ZERO).unwrap();
        assert_eq!(open().in_hand("a", || 7), 7);
        assert_eq!(open().crashes("a"), 0);
    }

    /// The work stops in its midst, as far as the file shows: nothing is written after it.
    #[test]
    fn unfinished_work_is_counted_until_it_comes_through() {
        let folder = tempfile::tempdir().unwrap();
        let open = || CrashLedger::open(folder.path(), "decode", Duration::ZERO).unwrap();
        for crashes in 1..=3 {
            let before = open();
            let slot = before.take_slot().unwrap();
            before.write(slot, "photos/a/ü.jpg");
            let after = open();
            assert_eq!((after.crashes("photos/a/ü.jpg"), after.crashes("b")), (crashes, 0));
        }
        open().in_hand("photos/a/ü.jpg", || ());
        assert_eq!(open().crashes("photos/a/ü.jpg"), 0);
    }

    #[test]
    fn shorter_key_replaces_longer() {
        let folder = tempfile::tempdir().unwrap();
        let open = || CrashLedger::open(folder.path(), "decode", Duration::ZERO).unwrap();
        let before = open();
        before.write(0, "a long key");
        before.write(0, "short");
        before.write(1, &"x".repeat(5000));
        let after = open();
        assert_eq!((after.crashes("short"), after.crashes("a long key")), (1, 0));
        assert_eq!(after.crashes(&"x".repeat(SLOT_BYTES - 2)), 1);
    }
}
