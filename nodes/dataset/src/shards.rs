//! Pixel shards: Arrow IPC files, written whole, memory-mapped for reading.
//!
//! `dataset/shards/<profile>/<name>.arrow` has the columns `digest` and `pixels`. Format:
//! <https://arrow.apache.org/docs/format/Columnar.html#ipc-file-format>

use crate::error::DatasetError;
use arrow::array::{Array, ArrayRef, LargeBinaryArray, RecordBatch, StringArray};
use arrow::buffer::Buffer;
use arrow::error::ArrowError;
use arrow::ipc::convert::fb_to_schema;
use arrow::ipc::reader::{FileDecoder, read_footer_length};
use arrow::ipc::root_as_footer;
use arrow::ipc::writer::FileWriter;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::ptr::NonNull;
use std::sync::Arc;

/// Shards of one profile.
pub struct Shards {
    folder: PathBuf,
    open: HashMap<i64, LargeBinaryArray>,
}

/// Bytes of the mark and the length at the end of an IPC file.
const TRAILER_BYTES: usize = 10;

impl Shards {
    /// Shards of a profile below `dataset`.
    ///
    /// # Errors
    /// [`DatasetError::File`] when the folder cannot be made.
    pub fn open(dataset: &Path, profile: &str) -> Result<Self, DatasetError> {
        let folder = dataset.join("shards").join(profile);
        std::fs::create_dir_all(&folder).map_err(|source| DatasetError::File { path: folder.clone(), source })?;
        Ok(Self { folder, open: HashMap::new() })
    }

    /// Writes a shard and makes it last. Returns its file name.
    ///
    /// # Errors
    /// [`DatasetError::File`], when the disk is full for instance; nothing is left behind then.
    pub fn write(&self, digests: &[String], pixels: &[&[u8]]) -> Result<String, DatasetError> {
        let name = format!("{}.arrow", plugin_api::header::new_session("shard"));
        let path = self.folder.join(&name);
        let shard = |source| DatasetError::Shard { path: path.clone(), source };
        let bytes = encode(digests, pixels).map_err(shard)?;
        plugin_api::files::write_atomically(&path, &bytes)
            .map_err(|source| DatasetError::File { path: path.clone(), source })?;
        Ok(name)
    }

    /// The pixel column of a shard, mapped into memory, not read.
    ///
    /// # Errors
    /// [`DatasetError::File`] or [`DatasetError::Shard`] when it is gone or not ours.
    pub fn pixels(
        &mut self,
        id: i64,
        file: impl FnOnce() -> Result<String, DatasetError>,
    ) -> Result<&LargeBinaryArray, DatasetError> {
        match self.open.entry(id) {
            std::collections::hash_map::Entry::Occupied(shard) => Ok(shard.into_mut()),
            std::collections::hash_map::Entry::Vacant(place) => Ok(place.insert(map(&self.folder.join(file()?))?)),
        }
    }

    /// Forgets mappings of shards that are gone.
    pub fn forget(&mut self, ids: &[i64]) {
        for id in ids {
            self.open.remove(id);
        }
    }

    /// Removes files that the catalog does not know: left by a kill between the file and its entry.
    pub fn remove_strays(&self, known: impl Fn(&str) -> bool) {
        let Ok(entries) = std::fs::read_dir(&self.folder) else { return };
        for entry in entries.flatten() {
            if !known(&entry.file_name().to_string_lossy()) {
                tracing::info!(file = %entry.path().display(), "a shard without an entry is removed");
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }
}

fn encode(digests: &[String], pixels: &[&[u8]]) -> Result<Vec<u8>, ArrowError> {
    let digest: ArrayRef = Arc::new(StringArray::from_iter_values(digests));
    let pixels: ArrayRef = Arc::new(LargeBinaryArray::from_iter_values(pixels));
    let batch = RecordBatch::try_from_iter([("digest", digest), ("pixels", pixels)])?;
    let mut writer = FileWriter::try_new(Vec::new(), &batch.schema())?;
    writer.write(&batch)?;
    writer.into_inner()
}

fn map(path: &Path) -> Result<LargeBinaryArray, DatasetError> {
    let io = |source| DatasetError::File { path: path.to_owned(), source };
    let file = std::fs::File::open(path).map_err(io)?;
    let buffer = mapped(&file).map_err(io)?;
    decode(&buffer).map_err(|source| DatasetError::Shard { path: path.to_owned(), source })
}

/// The file as an Arrow buffer.
#[allow(unsafe_code)]
fn mapped(file: &std::fs::File) -> std::io::Result<Buffer> {
    // SAFETY: shards are written once under a temporary name and never changed after their rename; removal keeps
    // the mapping valid.
    let map = unsafe { memmap2::Mmap::map(file) }?;
    let length = map.len();
    let start = NonNull::from(&map[..]).cast::<u8>();
    // SAFETY: `start` and `length` are the mapping's own, and the buffer keeps the mapping alive.
    Ok(unsafe { Buffer::from_custom_allocation(start, length, Arc::new(map)) })
}

fn decode(buffer: &Buffer) -> Result<LargeBinaryArray, ArrowError> {
    let damaged = |what: &str| ArrowError::ParseError(what.to_owned());
    let trailer_start = buffer.len().checked_sub(TRAILER_BYTES).ok_or_else(|| damaged("too short"))?;
    let trailer = buffer[trailer_start..].try_into().map_err(|_| damaged("no trailer"))?;
    let footer_start =
        trailer_start.checked_sub(read_footer_length(trailer)?).ok_or_else(|| damaged("footer too long"))?;
    let footer = root_as_footer(&buffer[footer_start..trailer_start]).map_err(|e| damaged(&e.to_string()))?;
    let schema = footer.schema().ok_or_else(|| damaged("no schema"))?;
    let decoder = FileDecoder::new(Arc::new(fb_to_schema(schema)), footer.version());
    let block = footer.recordBatches().filter(|b| b.len() == 1).ok_or_else(|| damaged("not one batch"))?.get(0);
    let length = block.bodyLength() as usize + block.metaDataLength() as usize;
    let start = block.offset() as usize;
    if start + length > footer_start {
        return Err(damaged("batch beyond the footer"));
    }
    let batch = decoder
        .read_record_batch(block, &buffer.slice_with_length(start, length))?
        .ok_or_else(|| damaged("no batch"))?;
    let pixels = batch.column_by_name("pixels").ok_or_else(|| damaged("no pixels"))?;
    pixels.as_any().downcast_ref::<LargeBinaryArray>().cloned().ok_or_else(|| damaged("pixels of another type"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let mut shards = Shards::open(folder.path(), "2-stretch").unwrap();
        let rows: [&[u8]; 2] = [&[1; 12], &[2; 12]];
        let name = shards.write(&["a".into(), "b".into()], &rows).unwrap();
        let read = shards.pixels(1, || Ok(name.clone())).unwrap();
        assert_eq!((read.value(0), read.value(1)), (rows[0], rows[1]));
    }

    #[test]
    fn a_damaged_shard_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let mut shards = Shards::open(folder.path(), "2-stretch").unwrap();
        let name = shards.write(&["a".into()], &[&[1; 12]]).unwrap();
        let path = folder.path().join("shards/2-stretch").join(&name);
        let bytes = std::fs::read(&path).unwrap();
        for cut in [0, 5, 11, bytes.len() / 2, bytes.len() - 1] {
            std::fs::write(&path, &bytes[..cut]).unwrap();
            let error = shards.pixels(cut as i64, || Ok(name.clone())).unwrap_err().to_string();
            assert!(error.contains(&name), "cut at {cut}: {error}");
        }
    }

    #[test]
    fn strays_go_and_known_shards_stay() {
        let folder = tempfile::tempdir().unwrap();
        let shards = Shards::open(folder.path(), "2-stretch").unwrap();
        let kept = shards.write(&["a".into()], &[&[1]]).unwrap();
        let stray = shards.write(&["b".into()], &[&[2]]).unwrap();
        shards.remove_strays(|name| name == kept);
        let path = folder.path().join("shards/2-stretch");
        assert!(path.join(kept).exists() && !path.join(stray).exists());
    }
}
