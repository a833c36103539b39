//! What `gather` has written down: `dataset/curation.sqlite`, in WAL mode, synced on commit.
//!
//! Files of `seeds/` and `pool/` with what is known of their images, the links to candidates ([`plugin_links::table`]), and what a
//! person has answered.

use crate::error::GatherError;
use crate::measure::{Feature, Metric};
use plugin_links::{LinkChanges, table};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use std::path::Path;

const FORMAT: i64 = 2;

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS images (
  digest TEXT PRIMARY KEY, ahash INTEGER NOT NULL, dhash INTEGER NOT NULL, phash INTEGER NOT NULL,
  whash INTEGER NOT NULL, embedding BLOB);
CREATE TABLE IF NOT EXISTS files (
  path TEXT PRIMARY KEY, label TEXT, digest TEXT NOT NULL, modified_ns INTEGER NOT NULL,
  size_bytes INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS files_digest ON files(digest);
CREATE TABLE IF NOT EXISTS answers (
  class TEXT NOT NULL, digest TEXT NOT NULL, answer TEXT NOT NULL, name TEXT NOT NULL, inode INTEGER NOT NULL,
  PRIMARY KEY (class, digest)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS network (only INTEGER PRIMARY KEY CHECK (only = 0), name TEXT NOT NULL);
";

/// From format 1, which had a table of links of its own.
const FROM_1: &str = "
ALTER TABLE pictures RENAME TO images;
INSERT INTO links SELECT class, digest, class, name, inode, '', state FROM placed;
DROP TABLE placed;
";

/// A file of `seeds/` or `pool/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// As messages name it.
    pub path: String,
    /// The class of a seed; none in the pool.
    pub label: Option<String>,
    /// BLAKE3 of the file.
    pub digest: String,
    /// Nanoseconds since 1970.
    pub modified_ns: i64,
    /// File size in bytes.
    pub size_bytes: u64,
}

/// What is known of an image, whatever its files are called.
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    /// BLAKE3 of the file.
    pub digest: String,
    /// ahash, dhash, phash, whash.
    pub hashes: [u64; 4],
    /// Of unit length; empty when there is none.
    pub embedding: Vec<f32>,
}

/// What a person said of a candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The class it was a candidate of.
    pub class: String,
    /// BLAKE3 of the file.
    pub digest: String,
    /// Moved to `photos/`, or deleted.
    pub accepted: bool,
    /// Name that the link had.
    pub name: String,
    /// Number of the file on its device.
    pub inode: u64,
}

/// The open store.
#[derive(Debug)]
pub struct Store {
    db: Connection,
}

impl Store {
    /// Opens the store, making it when it is not there.
    ///
    /// # Errors
    /// SQLite's, or [`GatherError::Format`] for a store of a later version.
    pub fn open(path: &Path) -> Result<Self, GatherError> {
        let mut db = Connection::open(path)?;
        db.pragma_update(None, "journal_mode", "WAL")?;
        db.pragma_update(None, "synchronous", "FULL")?;
        db.busy_timeout(std::time::Duration::from_secs(10))?;
        let found: i64 = db.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        if found > FORMAT {
            return Err(GatherError::Format { found, known: FORMAT });
        }
        let change = db.transaction()?;
        change.execute_batch(table::SCHEMA)?;
        if found == 1 {
            change.execute_batch(FROM_1)?;
            change.execute_batch(table::RENAME_STATES)?;
        }
        change.execute_batch(SCHEMA)?;
        change.pragma_update(None, "user_version", FORMAT)?;
        change.commit()?;
        Ok(Self { db })
    }

    /// Starts a change: nothing of it lasts before [`Change::commit`].
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn change(&mut self) -> Result<Change<'_>, GatherError> {
        Ok(Change { tx: self.db.transaction()? })
    }

    /// The network whose embeddings are kept.
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn network(&self) -> Result<Option<String>, GatherError> {
        Ok(self.db.query_row("SELECT name FROM network", [], |row| row.get(0)).optional()?)
    }

    /// Every file whose image can be compared `by` what is asked, with what it is compared by. The others are as
    /// good as not there: they come again.
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn files(&self, metric: Metric, mut each: impl FnMut(File, Feature)) -> Result<(), GatherError> {
        let column = metric.name();
        let mut find = self.db.prepare(&format!(
            "SELECT path, label, digest, modified_ns, size_bytes, {column} FROM files JOIN images USING (digest)
             WHERE {column} IS NOT NULL ORDER BY path"
        ))?;
        let mut rows = find.query([])?;
        while let Some(row) = rows.next()? {
            let feature = match metric {
                Metric::Embedding => Feature::Embedding(from_bytes(&row.get::<_, Vec<u8>>(5)?)),
                _ => Feature::Hash(row.get::<_, i64>(5)?.cast_unsigned()),
            };
            let file = File {
                path: row.get(0)?,
                label: row.get(1)?,
                digest: row.get(2)?,
                modified_ns: row.get(3)?,
                size_bytes: row.get(4)?,
            };
            each(file, feature);
        }
        Ok(())
    }

    /// The database, for the ledger of links.
    pub fn connection(&mut self) -> &mut Connection {
        &mut self.db
    }

    /// Every answer.
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn answers(&self) -> Result<Vec<Answer>, GatherError> {
        let read = |row: &Row| {
            Ok(Answer {
                class: row.get(0)?,
                digest: row.get(1)?,
                accepted: row.get::<_, String>(2)? == "accepted",
                name: row.get(3)?,
                inode: row.get::<_, i64>(4)?.cast_unsigned(),
            })
        };
        let mut find = self.db.prepare("SELECT class, digest, answer, name, inode FROM answers")?;
        Ok(find.query_map([], read)?.collect::<Result<_, _>>()?)
    }
}

/// A change in the making.
pub struct Change<'a> {
    tx: Transaction<'a>,
}

impl Change<'_> {
    /// Sets the network whose embeddings are kept; those of another are dropped.
    ///
    /// # Errors
    /// SQLite's, as for all that follow.
    pub fn set_network(&self, name: &str) -> Result<(), GatherError> {
        self.tx.execute("UPDATE images SET embedding = NULL", [])?;
        self.tx.execute("INSERT OR REPLACE INTO network VALUES (0, ?)", [name])?;
        Ok(())
    }

    /// Stores an image. What is known already stays, save that an embedding is added.
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn put_image(&self, image: &Image) -> Result<(), GatherError> {
        let [a, d, p, w] = image.hashes.map(u64::cast_signed);
        let embedding = (!image.embedding.is_empty()).then(|| to_bytes(&image.embedding));
        self.tx
            .prepare_cached(
                "INSERT INTO images VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (digest) DO UPDATE SET
                 embedding = COALESCE(excluded.embedding, embedding)",
            )?
            .execute(params![image.digest, a, d, p, w, embedding])?;
        Ok(())
    }

    /// Stores a file.
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn put_file(&self, file: &File) -> Result<(), GatherError> {
        self.tx.prepare_cached("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?)")?.execute(params![
            file.path,
            file.label,
            file.digest,
            file.modified_ns,
            file.size_bytes
        ])?;
        Ok(())
    }

    /// Forgets a file. One that is not there is no error: it was forgotten before.
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn remove_file(&self, path: &str) -> Result<(), GatherError> {
        self.tx.prepare_cached("DELETE FROM files WHERE path = ?")?.execute([path])?;
        Ok(())
    }

    /// Changes links.
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn put_links(&self, links: &LinkChanges) -> Result<(), GatherError> {
        Ok(links.write(&self.tx)?)
    }

    /// Stores an answer.
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn put_answer(&self, of: &Answer) -> Result<(), GatherError> {
        let answer = if of.accepted { "accepted" } else { "refused" };
        self.tx.prepare_cached("INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?)")?.execute(params![
            of.class,
            of.digest,
            answer,
            of.name,
            of.inode.cast_signed()
        ])?;
        Ok(())
    }

    /// Takes an answer back.
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn remove_answer(&self, class: &str, digest: &str) -> Result<(), GatherError> {
        self.tx
            .prepare_cached("DELETE FROM answers WHERE class = ? AND digest = ?")?
            .execute(params![class, digest])?;
        Ok(())
    }

    /// Makes the change last.
    ///
    /// # Errors
    /// SQLite's; nothing is changed then.
    pub fn commit(self) -> Result<(), GatherError> {
        Ok(self.tx.commit()?)
    }
}

fn to_bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn from_bytes(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<4>().0.iter().map(|value| f32::from_le_bytes(*value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use plugin_links::{Link, LinkState};

    fn file(path: &str, digest: &str) -> File {
        let label = path.strip_prefix("seeds/").and_then(|p| p.split_once('/')).map(|(class, _)| class.to_owned());
        File { path: path.to_owned(), label, digest: digest.to_owned(), modified_ns: -5, size_bytes: 7 }
    }

    fn image(digest: &str, embedding: &[f32]) -> Image {
        Image { digest: digest.to_owned(), hashes: [u64::MAX, 1, 2, 3], embedding: embedding.to_vec() }
    }

    fn files(store: &Store, metric: Metric) -> Vec<(String, Feature)> {
        let mut found = Vec::new();
        store.files(metric, |file, feature| found.push((file.path, feature))).unwrap();
        found
    }

    #[test]
    fn only_what_was_committed_is_there_after_reopening() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("curation.sqlite");
        let mut store = Store::open(&path).unwrap();
        let change = store.change().unwrap();
        change.put_image(&image("a", &[])).unwrap();
        change.put_file(&file("seeds/きゅん/a.jpg", "a")).unwrap();
        change.put_file(&file("pool/b.jpg", "a")).unwrap();
        let link = Link {
            view: "きゅん".into(),
            item: "a".into(),
            folder: "きゅん".into(),
            name: "03_b.jpg".into(),
            inode: u64::MAX,
            origin: String::new(),
            state: LinkState::ByHand,
        };
        change.put_links(&LinkChanges { removed: Vec::new(), put: vec![link.clone()] }).unwrap();
        change.commit().unwrap();
        let change = store.change().unwrap();
        change.remove_file("pool/b.jpg").unwrap();
        drop(change);
        drop(store);

        let mut store = Store::open(&path).unwrap();
        let hash = Feature::Hash(u64::MAX);
        let both = [("pool/b.jpg".to_owned(), hash.clone()), ("seeds/きゅん/a.jpg".to_owned(), hash)];
        assert_eq!(files(&store, Metric::Ahash), both);
        assert_eq!(table::read(store.connection()).unwrap(), std::slice::from_ref(&link));
        let answer =
            Answer { class: "きゅん".into(), digest: "a".into(), accepted: true, name: "03_b.jpg".into(), inode: 9 };
        let change = store.change().unwrap();
        change.put_links(&LinkChanges { removed: vec![link.key()], put: Vec::new() }).unwrap();
        change.put_answer(&answer).unwrap();
        change.commit().unwrap();
        let links = table::read(store.connection()).unwrap();
        assert_eq!((links.len(), store.answers().unwrap()), (0, vec![answer]));
    }

    #[test]
    fn store_of_the_first_format_is_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("curation.sqlite");
        let db = Connection::open(&path).unwrap();
        db.execute_batch(
            "CREATE TABLE pictures (
               digest TEXT PRIMARY KEY, ahash INTEGER NOT NULL, dhash INTEGER NOT NULL, phash INTEGER NOT NULL,
               whash INTEGER NOT NULL, embedding BLOB);
             CREATE TABLE files (
               path TEXT PRIMARY KEY, label TEXT, digest TEXT NOT NULL, modified_ns INTEGER NOT NULL,
               size_bytes INTEGER NOT NULL) WITHOUT ROWID;
             CREATE INDEX files_digest ON files(digest);
             CREATE TABLE placed (
               class TEXT NOT NULL, digest TEXT NOT NULL, name TEXT NOT NULL, inode INTEGER NOT NULL, state TEXT NOT NULL,
               PRIMARY KEY (class, digest)) WITHOUT ROWID;
             INSERT INTO pictures VALUES ('a', 1, 2, 3, 4, NULL);
             INSERT INTO files VALUES ('pool/a.jpg', NULL, 'a', 5, 6);
             INSERT INTO placed VALUES ('cat', 'a', '01_a.jpg', 7, 'there'), ('dog', 'a', 'x.jpg', 7, 'by hand');
             PRAGMA user_version = 1",
        )
        .unwrap();
        drop(db);
        for _ in 0..2 {
            let mut store = Store::open(&path).unwrap();
            assert_eq!(files(&store, Metric::Phash), [("pool/a.jpg".to_owned(), Feature::Hash(3))]);
            let links = table::read(store.connection()).unwrap();
            let of = |link: &Link| (link.view.clone(), link.item.clone(), link.name.clone(), link.inode, link.state);
            assert_eq!(
                links.iter().map(of).collect::<Vec<_>>(),
                [
                    ("cat".to_owned(), "a".to_owned(), "01_a.jpg".to_owned(), 7, LinkState::Linked),
                    ("dog".to_owned(), "a".to_owned(), "x.jpg".to_owned(), 7, LinkState::ByHand),
                ]
            );
        }
    }

    #[test]
    fn images_without_an_embedding_are_as_good_as_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(&folder.path().join("curation.sqlite")).unwrap();
        let change = store.change().unwrap();
        for (digest, embedding) in [("a", [].as_slice()), ("b", &[0.6, 0.8])] {
            change.put_image(&image(digest, embedding)).unwrap();
            change.put_file(&file(&format!("pool/{digest}.jpg"), digest)).unwrap();
        }
        change.commit().unwrap();
        assert_eq!(files(&store, Metric::Embedding), [("pool/b.jpg".to_owned(), Feature::Embedding(vec![0.6, 0.8]))]);
        assert_eq!(files(&store, Metric::Phash).len(), 2);
        // It comes, and a message without one takes nothing away.
        let change = store.change().unwrap();
        change.put_image(&image("a", &[1.0, 0.0])).unwrap();
        change.put_image(&image("a", &[])).unwrap();
        change.commit().unwrap();
        assert_eq!(files(&store, Metric::Embedding).len(), 2);
        let change = store.change().unwrap();
        change.set_network("another").unwrap();
        change.commit().unwrap();
        assert_eq!(files(&store, Metric::Embedding), []);
        assert_eq!(store.network().unwrap().as_deref(), Some("another"));
    }
}
