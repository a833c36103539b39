//! Many small shards become few large ones, at start. Dropping images one by one makes one small shard each.

use crate::error::DatasetError;
use crate::shards::Shards;
use plugin_catalog::{PixelsAt, Shard, Writer};
use std::collections::HashMap;

/// Shards with fewer rows than this are small.
const SMALL_ROWS: usize = 256;
/// So many small ones are left alone.
const SMALL_SHARDS: usize = 64;
/// Size of a merged shard, bytes of pixels.
const MERGED_BYTES: usize = 64 << 20;

/// Merges small shards of a profile. A kill at any moment leaves the old shards or the new ones in force.
///
/// # Errors
/// The catalog's, or a full disk; the old shards stay in force then.
pub fn compact(catalog: &mut Writer, shards: &mut Shards, profile: &str) -> Result<usize, DatasetError> {
    let shards_now = catalog.read().shards(profile)?;
    let small: Vec<Shard> = shards_now.into_iter().filter(|shard| shard.rows < SMALL_ROWS).collect();
    if small.len() <= SMALL_SHARDS {
        return Ok(0);
    }
    let names: HashMap<i64, String> = small.into_iter().map(|shard| (shard.id, shard.file)).collect();
    let mut waiting: Vec<(String, arrow::array::LargeBinaryArray, usize)> = Vec::new();
    for PixelsAt { digest, shard, row } in catalog.read().all_pixels(profile)? {
        if let Some(file) = names.get(&shard) {
            waiting.push((digest, shards.pixels(shard, || Ok(file.clone()))?.clone(), row));
        }
    }
    let bytes_a_row = waiting.first().map_or(1, |(_, column, row)| column.value(*row).len().max(1));
    for rows in waiting.chunks((MERGED_BYTES / bytes_a_row).max(1)) {
        let digests: Vec<String> = rows.iter().map(|(digest, ..)| digest.clone()).collect();
        let pixels: Vec<&[u8]> = rows.iter().map(|(_, column, row)| column.value(*row)).collect();
        let file = shards.write(&digests, &pixels)?;
        let change = catalog.change()?;
        change.add_shard(profile, &file, &digests)?;
        change.commit()?;
    }
    let ids: Vec<i64> = names.keys().copied().collect();
    let change = catalog.change()?;
    change.drop_shards(&ids)?;
    change.commit()?;
    shards.forget(&ids);
    Ok(ids.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_image_is_still_there_after_merging() {
        let folder = tempfile::tempdir().unwrap();
        let mut catalog = Writer::open_file(folder.path().join("c.sqlite")).unwrap();
        let mut shards = Shards::open(folder.path(), "p").unwrap();
        for i in 0..100u8 {
            let digests = [format!("{i:03}")];
            let file = shards.write(&digests, &[&[i; 12]]).unwrap();
            let change = catalog.change().unwrap();
            change.add_shard("p", &file, &digests).unwrap();
            change.commit().unwrap();
        }
        assert_eq!(compact(&mut catalog, &mut shards, "p").unwrap(), 100);
        let left = catalog.read().shards("p").unwrap();
        assert_eq!(left.len(), 1);
        for i in 0..100u8 {
            let (shard, row) = catalog.read().pixels("p", &format!("{i:03}")).unwrap().unwrap();
            let column = shards.pixels(shard, || Ok(left[0].file.clone())).unwrap();
            assert_eq!(column.value(row), [i; 12]);
        }
        assert_eq!(compact(&mut catalog, &mut shards, "p").unwrap(), 0, "nothing small is left");
    }
}
