//! Pixels on disk by the digest of their image: a bounded log of segments, the oldest of which goes first.
//!
//! A segment is a file of records: a header (key, width, height, length, checksum) and the pixels. Nothing is synced: what a crash
//! tears is found by its checksum, when it is read, and is then lacking, like an image that was never there.

use plugin_api::files::with_path;
use std::collections::{HashMap, VecDeque};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// BLAKE3 of profile and digest.
type Key = [u8; 32];

/// key 32, width 4, height 4, length 4, checksum 16; little-endian.
const HEADER_BYTES: usize = 60;
/// Parts of the limit that go at once.
const SEGMENTS: u64 = 16;
/// Bounds of a segment, bytes.
const SEGMENT_BYTES: [u64; 2] = [1 << 20, 256 << 20];
/// Longest record that is believed, bytes: an image of 4096 × 4096.
const LONGEST_BYTES: u32 = 64 << 20;

/// The pixels of an image: `height` × `width` × 3 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pixels {
    /// Width, pixels.
    pub width: u32,
    /// Height, pixels.
    pub height: u32,
    /// Row after row, channels last.
    pub bytes: Vec<u8>,
}

#[derive(Debug)]
struct Segment {
    number: u64,
    file: File,
    length: u64,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    segment: u64,
    at: u64,
    width: u32,
    height: u32,
    length: u32,
    check: [u8; 16],
}

/// A cache of pixels in a folder.
#[derive(Debug)]
pub struct PixelCache {
    folder: PathBuf,
    limit_bytes: u64,
    /// Oldest first; the last is written to.
    segments: VecDeque<Segment>,
    index: HashMap<Key, Place>,
    bytes: u64,
}

impl PixelCache {
    /// Opens the cache in `folder`, of at most `limit_bytes`, and reads the headers of what is there.
    ///
    /// # Errors
    /// Any error of the file system, with the path in its text.
    pub fn open(folder: &Path, limit_bytes: u64) -> io::Result<Self> {
        fs::create_dir_all(folder).map_err(|e| with_path(folder, &e))?;
        let mut numbers: Vec<u64> = fs::read_dir(folder)
            .map_err(|e| with_path(folder, &e))?
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.strip_suffix(".pixels")?.parse().ok())
            .collect();
        numbers.sort_unstable();
        let (segments, index) = (VecDeque::new(), HashMap::new());
        let mut cache = Self { folder: folder.to_owned(), limit_bytes, segments, index, bytes: 0 };
        for number in numbers {
            let path = cache.path(number);
            let file = File::options().read(true).write(true).open(&path).map_err(|e| with_path(&path, &e))?;
            let length = cache.scan(number, &file).map_err(|e| with_path(&path, &e))?;
            cache.bytes += length;
            cache.segments.push_back(Segment { number, file, length });
        }
        cache.evict();
        Ok(cache)
    }

    fn path(&self, number: u64) -> PathBuf {
        self.folder.join(format!("{number:08}.pixels"))
    }

    /// Takes the records of a segment into the index. Returns where the sound ones end.
    fn scan(&mut self, segment: u64, file: &File) -> io::Result<u64> {
        let end = file.metadata()?.len();
        let mut at = 0;
        let mut header = [0; HEADER_BYTES];
        while at + HEADER_BYTES as u64 <= end {
            file.read_exact_at(&mut header, at)?;
            let Some((key, place)) = decode(&header, segment, at + HEADER_BYTES as u64) else { break };
            let after = place.at + u64::from(place.length);
            if after > end {
                break;
            }
            self.index.insert(key, place);
            at = after;
        }
        Ok(at)
    }

    /// How many images, and how many bytes on disk.
    pub fn size(&self) -> (usize, u64) {
        (self.index.len(), self.bytes)
    }

    /// Whether an image is there, as far as can be told without reading it.
    pub fn contains(&self, profile: &str, digest: &str) -> bool {
        self.index.contains_key(&key(profile, digest))
    }

    /// The pixels of an image; `None` when it is not there, or damaged, which removes it.
    pub fn get(&mut self, profile: &str, digest: &str) -> Option<Pixels> {
        let key = key(profile, digest);
        let place = *self.index.get(&key)?;
        let segment = self.segments.iter().find(|segment| segment.number == place.segment)?;
        let mut bytes = vec![0; place.length as usize];
        let read = segment.file.read_exact_at(&mut bytes, place.at);
        if read.is_ok() && check(&bytes) == place.check {
            return Some(Pixels { width: place.width, height: place.height, bytes });
        }
        tracing::warn!(digest, "kept pixels are damaged; they are asked for again");
        self.index.remove(&key);
        None
    }

    /// Keeps an image. The oldest ones go when there is no room.
    ///
    /// # Errors
    /// Any error of the file system, with the path in its text; the cache is as it was then.
    pub fn put(&mut self, profile: &str, digest: &str, width: u32, height: u32, bytes: &[u8]) -> io::Result<()> {
        let length = u32::try_from(bytes.len()).ok().filter(|length| (1..=LONGEST_BYTES).contains(length));
        let Some(length) = length else { return Ok(()) };
        let key = key(profile, digest);
        if self.index.contains_key(&key) {
            return Ok(());
        }
        let number = self.segment_for_writing()?;
        let path = self.path(number);
        let Some(segment) = self.segments.back_mut() else { return Ok(()) };
        let at = segment.length + HEADER_BYTES as u64;
        let place = Place { segment: number, at, width, height, length, check: check(bytes) };
        let mut record = encode(&key, &place).to_vec();
        record.extend_from_slice(bytes);
        segment.file.write_all_at(&record, segment.length).map_err(|e| with_path(&path, &e))?;
        segment.length += record.len() as u64;
        self.bytes += record.len() as u64;
        self.index.insert(key, place);
        self.evict();
        Ok(())
    }

    /// The last segment, or a new one when it is full.
    fn segment_for_writing(&mut self) -> io::Result<u64> {
        let full = (self.limit_bytes / SEGMENTS).clamp(SEGMENT_BYTES[0], SEGMENT_BYTES[1]);
        if let Some(last) = self.segments.back().filter(|last| last.length < full) {
            return Ok(last.number);
        }
        let number = self.segments.back().map_or(0, |last| last.number + 1);
        let path = self.path(number);
        let file = File::options().read(true).write(true).create(true).truncate(true).open(&path);
        let file = file.map_err(|e| with_path(&path, &e))?;
        self.segments.push_back(Segment { number, file, length: 0 });
        Ok(number)
    }

    /// Removes the oldest segments beyond the limit, but never the last.
    fn evict(&mut self) {
        while self.bytes > self.limit_bytes && self.segments.len() > 1 {
            let Some(oldest) = self.segments.pop_front() else { return };
            let path = self.path(oldest.number);
            if let Err(error) = fs::remove_file(&path) {
                tracing::warn!(path = %path.display(), %error, "an old segment cannot be removed");
            }
            self.bytes -= oldest.length;
            self.index.retain(|_, place| place.segment != oldest.number);
        }
    }
}

fn key(profile: &str, digest: &str) -> Key {
    *blake3::Hasher::new().update(profile.as_bytes()).update(b"\0").update(digest.as_bytes()).finalize().as_bytes()
}

fn check(bytes: &[u8]) -> [u8; 16] {
    let mut check = [0; 16];
    check.copy_from_slice(&blake3::hash(bytes).as_bytes()[..16]);
    check
}

fn encode(key: &Key, place: &Place) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    header[..32].copy_from_slice(key);
    header[32..36].copy_from_slice(&place.width.to_le_bytes());
    header[36..40].copy_from_slice(&place.height.to_le_bytes());
    header[40..44].copy_from_slice(&place.length.to_le_bytes());
    header[44..].copy_from_slice(&place.check);
    header
}

/// A header, if it can be one.
fn decode(header: &[u8; HEADER_BYTES], segment: u64, at: u64) -> Option<(Key, Place)> {
    let number = |at: usize| Some(u32::from_le_bytes(header[at..at + 4].try_into().ok()?));
    let (width, height, length) = (number(32)?, number(36)?, number(40)?);
    let key = header[..32].try_into().ok()?;
    let check = header[44..].try_into().ok()?;
    (1..=LONGEST_BYTES).contains(&length).then_some((key, Place { segment, at, width, height, length, check }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROFILE: &str = "8-stretch";

    fn pixels(number: u32) -> Vec<u8> {
        (0..8 * 8 * 3).map(|at| (at * 7 + number) as u8).collect()
    }

    fn put(cache: &mut PixelCache, number: u32) {
        cache.put(PROFILE, &number.to_string(), 8, 8, &pixels(number)).unwrap();
    }

    fn get(cache: &mut PixelCache, number: u32) -> Option<Vec<u8>> {
        cache.get(PROFILE, &number.to_string()).map(|pixels| pixels.bytes)
    }

    #[test]
    fn images_are_found_again_after_a_start() {
        let folder = tempfile::tempdir().unwrap();
        let mut cache = PixelCache::open(folder.path(), 1 << 30).unwrap();
        (0..20).for_each(|number| put(&mut cache, number));
        put(&mut cache, 3);
        assert_eq!(cache.size(), (20, 20 * (60 + 192)));
        drop(cache);
        let mut cache = PixelCache::open(folder.path(), 1 << 30).unwrap();
        put(&mut cache, 20);
        assert!((0..21).all(|number| get(&mut cache, number) == Some(pixels(number))));
        assert_eq!(get(&mut cache, 21), None);
        assert!(cache.get("16-stretch", "3").is_none(), "another size is another image");
    }

    #[test]
    fn a_torn_end_and_damage_are_lacking_and_the_rest_stays() {
        let folder = tempfile::tempdir().unwrap();
        let mut cache = PixelCache::open(folder.path(), 1 << 30).unwrap();
        (0..5).for_each(|number| put(&mut cache, number));
        drop(cache);
        let path = folder.path().join("00000000.pixels");
        let mut bytes = fs::read(&path).unwrap();
        bytes.truncate(bytes.len() - 10);
        bytes[60 + 5] ^= 1;
        fs::write(&path, &bytes).unwrap();
        let mut cache = PixelCache::open(folder.path(), 1 << 30).unwrap();
        assert_eq!(cache.size().0, 4);
        assert_eq!((get(&mut cache, 0), get(&mut cache, 1)), (None, Some(pixels(1))));
        put(&mut cache, 4);
        put(&mut cache, 0);
        drop(cache);
        let mut cache = PixelCache::open(folder.path(), 1 << 30).unwrap();
        assert!((0..5).all(|number| get(&mut cache, number) == Some(pixels(number))));
    }

    #[test]
    fn the_oldest_go_when_the_room_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let limit = 3 << 20;
        let mut cache = PixelCache::open(folder.path(), limit).unwrap();
        let many = 3 * (limit / 252) as u32;
        for number in 0..many {
            put(&mut cache, number);
            assert!(cache.size().1 <= limit + (1 << 20));
        }
        let on_disk: u64 = fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().metadata().unwrap().len()).sum();
        assert_eq!(on_disk, cache.size().1);
        assert!(cache.size().0 as u32 > many / 6);
        assert_eq!((get(&mut cache, 0), get(&mut cache, many - 1)), (None, Some(pixels(many - 1))));
        let mut smaller = PixelCache::open(folder.path(), 1 << 20).unwrap();
        assert!(smaller.size().1 <= 2 << 20);
        assert_eq!(get(&mut smaller, many - 1), Some(pixels(many - 1)));
    }
}
