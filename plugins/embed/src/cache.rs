//! Embeddings on disk, by the digest of the image: `dataset/embeddings/<fingerprint>.f32` of the workspace.
//!
//! ```text
//! header    8 bytes "WKTEMB1\n", u32 numbers a record, u32 zero; numbers as this machine writes them
//! record    32 bytes BLAKE3 of the image, the numbers as f32, 4 bytes: the first of the BLAKE3 of what precedes them
//! ```
//!
//! Records are only ever appended, each whole, under a lock, so several processes may share a file. When one is killed
//! in the middle of a record, the next to write or open cuts that piece off. A record whose check does not fit is passed
//! over; the embedding is then computed anew. The file is mapped: the numbers are read when asked for, and take no
//! memory of their own.

use memmap2::{Mmap, MmapOptions};
use plugin_api::Workspace;
use plugin_api::files::with_path;
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

type Digest = [u8; 32];

const MAGIC: &[u8; 8] = b"WKTEMB1\n";
const HEADER_BYTES: usize = 16;
const DIGEST_BYTES: usize = size_of::<Digest>();
const CHECK_BYTES: usize = 4;
/// Embeddings put since the file was last mapped take memory; beyond this it is mapped again.
const FRESH_BYTES: usize = 16 << 20;

/// The embeddings of one network.
pub struct Cache {
    path: PathBuf,
    file: File,
    dimensions: usize,
    map: Option<Mmap>,
    /// Records that were looked through.
    seen: usize,
    /// Where they are, by image.
    places: HashMap<Digest, usize>,
    /// Put since.
    fresh: HashMap<Digest, Vec<f32>>,
}

impl Cache {
    /// Opens the file of `fingerprint`, or makes it.
    ///
    /// # Errors
    /// Any error of the file system, with the path in its text.
    pub fn open(workspace: &Workspace, fingerprint: &str, dimensions: usize) -> io::Result<Self> {
        let folder = workspace.dataset().join("embeddings");
        fs::create_dir_all(&folder).map_err(|e| with_path(&folder, &e))?;
        let path = folder.join(format!("{fingerprint}.f32"));
        let file = opened(&path, dimensions).map_err(|e| with_path(&path, &e))?;
        let (map, places, fresh) = (None, HashMap::new(), HashMap::new());
        let mut cache = Self { path, file, dimensions, map, seen: 0, places, fresh };
        cache.refresh().map_err(|e| with_path(&cache.path, &e))?;
        Ok(cache)
    }

    /// Opens the file that was written to last, whichever network it is of; none when there is none.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn newest(workspace: &Workspace) -> io::Result<Option<Self>> {
        let entries = fs::read_dir(workspace.dataset().join("embeddings")).into_iter().flatten().flatten();
        let files = entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "f32"));
        let time = |path: &PathBuf| fs::metadata(path).and_then(|meta| meta.modified()).ok();
        files.max_by_key(time).map_or(Ok(None), |path| Self::at(workspace, &path))
    }

    /// Opens the file of `fingerprint`; none when there is none.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn existing(workspace: &Workspace, fingerprint: &str) -> io::Result<Option<Self>> {
        Self::at(workspace, &workspace.dataset().join("embeddings").join(format!("{fingerprint}.f32")))
    }

    /// Opens a file that is one of ours.
    fn at(workspace: &Workspace, path: &Path) -> io::Result<Option<Self>> {
        let mut header = [0; HEADER_BYTES];
        let whole = File::open(path).and_then(|mut file| file.read_exact(&mut header)).is_ok();
        let (Some(name), Some(dimensions)) = (path.file_stem().and_then(|name| name.to_str()), header.get(8..12))
        else {
            return Ok(None);
        };
        let dimensions = dimensions.try_into().map_or(0, u32::from_ne_bytes);
        // Opened as another kind of file it would be begun anew.
        let known = whole && header.starts_with(MAGIC) && dimensions > 0;
        if known { Self::open(workspace, name, dimensions as usize).map(Some) } else { Ok(None) }
    }

    /// Numbers of an embedding.
    pub fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// What the network is called, as the file is: equal names, equal embeddings.
    pub fn fingerprint(&self) -> String {
        self.path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Embeddings there are.
    pub fn len(&self) -> usize {
        self.places.len() + self.fresh.len()
    }

    /// None at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The embedding of an image, by its BLAKE3 in hexadecimal digits.
    pub fn get(&self, digest: &str) -> Option<&[f32]> {
        let digest = parsed(digest)?;
        if let Some(embedding) = self.fresh.get(&digest) {
            return Some(embedding);
        }
        let start = HEADER_BYTES + self.places.get(&digest)? * self.record_bytes() + DIGEST_BYTES;
        let bytes = self.map.as_ref()?.get(start..start + self.dimensions * size_of::<f32>())?;
        bytemuck::try_cast_slice(bytes).ok()
    }

    /// Adds the embedding of an image; nothing when there is one. A process that is killed afterwards loses nothing; for
    /// power cuts there is [`Self::sync`].
    ///
    /// # Errors
    /// Any error of the file system, with the path in its text; another number of dimensions; a digest that is none.
    pub fn put(&mut self, digest: &str, embedding: &[f32]) -> io::Result<()> {
        let wrong = |text: String| io::Error::new(io::ErrorKind::InvalidInput, text);
        let key = parsed(digest).ok_or_else(|| wrong(format!("{digest:?} is no BLAKE3 digest")))?;
        if embedding.len() != self.dimensions {
            return Err(wrong(format!("an embedding of {} numbers, not {}", embedding.len(), self.dimensions)));
        }
        if self.places.contains_key(&key) || self.fresh.contains_key(&key) {
            return Ok(());
        }
        self.append(&record(&key, embedding)).map_err(|e| with_path(&self.path, &e))?;
        self.fresh.insert(key, embedding.to_vec());
        if self.fresh.len() * self.record_bytes() > FRESH_BYTES {
            self.refresh().map_err(|e| with_path(&self.path, &e))?;
        }
        Ok(())
    }

    /// Makes what was put last.
    ///
    /// # Errors
    /// Any error of the file system, with the path in its text.
    pub fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data().map_err(|e| with_path(&self.path, &e))
    }

    fn record_bytes(&self) -> usize {
        record_bytes(self.dimensions)
    }

    fn append(&mut self, record: &[u8]) -> io::Result<()> {
        self.file.lock()?;
        let written = cut_to_whole(&self.file, record.len()).and_then(|()| self.file.write_all(record));
        self.file.unlock()?;
        written
    }

    /// Looks through what has come since, from this process or another, and maps the file as it is now.
    ///
    /// # Errors
    /// Any error of the file system.
    pub fn refresh(&mut self) -> io::Result<()> {
        let bytes = self.record_bytes();
        let whole = (self.file.metadata()?.len() as usize).saturating_sub(HEADER_BYTES) / bytes;
        // Read, not looked at through the mapping: pages of the mapping would count as this process's memory.
        let mut reader = BufReader::with_capacity(1 << 20, &self.file);
        reader.seek(SeekFrom::Start((HEADER_BYTES + self.seen * bytes) as u64))?;
        let mut one = vec![0; bytes];
        for place in self.seen..whole {
            reader.read_exact(&mut one)?;
            let (said, check) = one.split_at(bytes - CHECK_BYTES);
            match said.first_chunk::<DIGEST_BYTES>() {
                Some(digest) if check == checked(said) => {
                    self.places.insert(*digest, place);
                }
                _ => tracing::warn!(cache = %self.path.display(), record = place, "damaged, will be computed anew"),
            }
        }
        self.map = Some(mapped(&self.file, HEADER_BYTES + whole * bytes)?);
        self.seen = whole;
        self.fresh.clear();
        Ok(())
    }
}

/// The file with its header, cut to whole records.
fn opened(path: &Path, dimensions: usize) -> io::Result<File> {
    let header = [&MAGIC[..], &(dimensions as u32).to_ne_bytes(), &[0; 4]].concat();
    loop {
        let mut file = File::options().read(true).append(true).create(true).open(path)?;
        file.lock()?;
        if (file.metadata()?.len() as usize) < HEADER_BYTES {
            file.set_len(0)?;
            file.write_all(&header)?;
        }
        let mut found = [0; HEADER_BYTES];
        file.rewind()?;
        file.read_exact(&mut found)?;
        if found == header[..] {
            cut_to_whole(&file, record_bytes(dimensions))?;
            file.unlock()?;
            return Ok(file);
        }
        // Not cut: another process may have it mapped.
        tracing::warn!(cache = %path.display(), "not a cache of {dimensions} numbers; starting over");
        fs::remove_file(path)?;
    }
}

/// Removes a record that somebody could not finish. Under the lock.
fn cut_to_whole(file: &File, record_bytes: usize) -> io::Result<()> {
    let length = file.metadata()?.len();
    let over = length.saturating_sub(HEADER_BYTES as u64) % record_bytes as u64;
    if over > 0 { file.set_len(length - over) } else { Ok(()) }
}

#[allow(unsafe_code)]
fn mapped(file: &File, length: usize) -> io::Result<Mmap> {
    // SAFETY: these bytes are whole records, which are never changed nor cut off after they were written.
    unsafe { MmapOptions::new().len(length).map(file) }
}

const fn record_bytes(dimensions: usize) -> usize {
    DIGEST_BYTES + dimensions * size_of::<f32>() + CHECK_BYTES
}

fn record(digest: &Digest, embedding: &[f32]) -> Vec<u8> {
    let mut record = [&digest[..], bytemuck::cast_slice(embedding)].concat();
    record.extend(checked(&record));
    record
}

fn checked(said: &[u8]) -> [u8; CHECK_BYTES] {
    let [a, b, c, d, ..] = *blake3::hash(said).as_bytes();
    [a, b, c, d]
}

fn parsed(digest: &str) -> Option<Digest> {
    blake3::Hash::from_hex(digest).ok().map(Into::into)
}

#[cfg(test)]
mod tests;
