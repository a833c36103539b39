//! Paths that have settled and wait for room in the window. Only names: files are read when they are sent.

use crate::fs::disk::Stamp;
use std::collections::{HashSet, VecDeque};
use std::time::{Duration, Instant};

/// What a row costs in a message beside its file and its path: offsets, times, the label.
const ROW_BYTES: u64 = 512;

/// A message that is not full waits this long for more.
const LINGER: Duration = Duration::from_millis(100);

/// Most paths in a message of removals.
pub const REMOVED_ROWS: usize = 1024;

/// What one image takes of a message, bytes.
pub fn cost_bytes(path: &str, stamp: Stamp) -> u64 {
    stamp.version.size_bytes + path.len() as u64 + ROW_BYTES
}

/// Images to read and removals to send, each in the order in which they settled.
#[derive(Debug, Default)]
pub struct Ready {
    images: VecDeque<(String, Stamp, Instant)>,
    removals: VecDeque<(String, Instant)>,
    names: HashSet<String>,
    bytes: u64,
}

impl Ready {
    /// Whether `path` is waiting here.
    pub fn contains(&self, path: &str) -> bool {
        self.names.contains(path)
    }

    /// Whether none is waiting.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Paths waiting.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// An image that has settled.
    pub fn add_image(&mut self, path: String, stamp: Stamp, now: Instant) {
        if self.names.insert(path.clone()) {
            self.bytes += cost_bytes(&path, stamp);
            self.images.push_back((path, stamp, now));
        }
    }

    /// A path where there is no image any more.
    pub fn add_removal(&mut self, path: String, now: Instant) {
        if self.names.insert(path.clone()) {
            self.removals.push_back((path, now));
        }
    }

    /// Whether to send images now: enough for a message, or no more have come for a while.
    pub fn has_images(&self, bytes: u64, rows: usize, now: Instant) -> bool {
        let lingered = self.images.front().is_some_and(|(_, _, since)| *since + LINGER <= now);
        lingered || self.bytes >= bytes || self.images.len() >= rows
    }

    /// Whether to send removals now.
    pub fn has_removals(&self, now: Instant) -> bool {
        let lingered = self.removals.front().is_some_and(|(_, since)| *since + LINGER <= now);
        lingered || self.removals.len() >= REMOVED_ROWS
    }

    /// The next image, if it costs at most `bytes`.
    pub fn take_image(&mut self, bytes: u64) -> Option<(String, Stamp)> {
        let cost =
            self.images.front().map(|(path, stamp, _)| cost_bytes(path, *stamp)).filter(|cost| *cost <= bytes)?;
        let (path, stamp, _) = self.images.pop_front()?;
        self.bytes -= cost;
        self.names.remove(&path);
        Some((path, stamp))
    }

    /// The next removal.
    pub fn take_removal(&mut self) -> Option<String> {
        let (path, _) = self.removals.pop_front()?;
        self.names.remove(&path);
        Some(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plugin_api::FileVersion;

    fn stamp(size_bytes: u64) -> Stamp {
        Stamp { version: FileVersion { size_bytes, modified_ns: 1, changed_ns: 1, inode: 1 }, links: 1 }
    }

    #[test]
    fn a_lone_image_lingers_and_a_full_message_goes_at_once() {
        let (mut ready, now) = (Ready::default(), Instant::now());
        assert!(!ready.has_images(10_000, 3, now + LINGER));
        ready.add_image("a".to_owned(), stamp(10), now);
        assert!(!ready.has_images(10_000, 3, now));
        assert!(ready.has_images(10_000, 3, now + LINGER));
        ready.add_image("b".to_owned(), stamp(10), now);
        assert!(!ready.has_images(10_000, 3, now));
        assert!(ready.has_images(10_000, 2, now), "enough rows");
        ready.add_image("c".to_owned(), stamp(9_000), now);
        assert!(ready.has_images(10_000, 9, now), "enough bytes");
    }

    #[test]
    fn images_leave_in_order_while_they_fit() {
        let (mut ready, now) = (Ready::default(), Instant::now());
        ready.add_image("a".to_owned(), stamp(10), now);
        ready.add_image("a".to_owned(), stamp(10), now);
        ready.add_image("b".to_owned(), stamp(9_000), now);
        ready.add_removal("c".to_owned(), now);
        assert_eq!(ready.len(), 3);
        assert_eq!(ready.take_image(1_000).unwrap().0, "a");
        assert_eq!(ready.take_image(1_000), None);
        assert_eq!(ready.take_image(u64::MAX).unwrap().0, "b");
        assert_eq!((ready.bytes, ready.take_removal().as_deref()), (0, Some("c")));
        assert_eq!(ready.len(), 0);
    }
}
