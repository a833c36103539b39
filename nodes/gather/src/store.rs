//! What `gather` has written down: `dataset/curation.sqlite`, in WAL mode, synced on commit.
//!
//! Files of `seeds/` and `pool/` with what is known of their pictures, where candidates lie, and what a person has
//! answered. Candidates are written down before they are linked and before they are taken away, so that after a kill
//! at any moment a link that is missing is one that a person took.

use crate::error::GatherError;
use crate::measure::{By, Feature};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use std::path::Path;

const FORMAT: i64 = 1;

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS pictures (
  digest TEXT PRIMARY KEY, ahash INTEGER NOT NULL, dhash INTEGER NOT NULL, phash INTEGER NOT NULL,
  whash INTEGER NOT NULL, embedding BLOB);
CREATE TABLE IF NOT EXISTS files (
  path TEXT PRIMARY KEY, label TEXT, digest TEXT NOT NULL, modified_ns INTEGER NOT NULL,
  size_bytes INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS files_digest ON files(digest);
CREATE TABLE IF NOT EXISTS placed (
  class TEXT NOT NULL, digest TEXT NOT NULL, name TEXT NOT NULL, inode INTEGER NOT NULL, state TEXT NOT NULL,
  PRIMARY KEY (class, digest)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS answers (
  class TEXT NOT NULL, digest TEXT NOT NULL, answer TEXT NOT NULL, name TEXT NOT NULL, inode INTEGER NOT NULL,
  PRIMARY KEY (class, digest)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS network (only INTEGER PRIMARY KEY CHECK (only = 0), name TEXT NOT NULL);
";

/// A file of `seeds/` or `pool/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// As messages name it.
    pub path: String,
    /// The class of a seed; none in the pool.
    pub label: Option<String>,
    /// The picture.
    pub digest: String,
    /// Nanoseconds since 1970.
    pub modified_ns: i64,
    /// Bytes.
    pub size_bytes: u64,
}

/// What is known of a picture, whatever its files are called.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// BLAKE3 of the file.
    pub digest: String,
    /// ahash, dhash, phash, whash.
    pub hashes: [u64; 4],
    /// Of unit length; empty when there is none.
    pub embedding: Vec<f32>,
}

/// How far a candidate is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// About to be linked.
    Coming,
    /// Linked.
    There,
    /// Put there by a person: it is not taken away again.
    ByHand,
    /// About to be taken away.
    Leaving,
}

impl State {
    const ALL: [(Self, &str); 4] =
        [(Self::Coming, "coming"), (Self::There, "there"), (Self::ByHand, "by hand"), (Self::Leaving, "leaving")];

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(state, _)| *state == self).map_or("", |(_, name)| name)
    }

    fn named(name: &str) -> Self {
        Self::ALL.iter().find(|(_, of)| *of == name).map_or(Self::Leaving, |(state, _)| *state)
    }
}

/// A candidate in the folder of a class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The class.
    pub class: String,
    /// The picture.
    pub digest: String,
    /// Name of the link in the class's folder.
    pub name: String,
    /// Number of the file on its device; 0 while it is coming.
    pub inode: u64,
    /// How far it is.
    pub state: State,
}

/// What a person said of a candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The class it was a candidate of.
    pub class: String,
    /// The picture.
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
        let db = Connection::open(path)?;
        db.pragma_update(None, "journal_mode", "WAL")?;
        db.pragma_update(None, "synchronous", "FULL")?;
        db.busy_timeout(std::time::Duration::from_secs(10))?;
        let found: i64 = db.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        if found > FORMAT {
            return Err(GatherError::Format { found, known: FORMAT });
        }
        db.execute_batch(SCHEMA)?;
        db.pragma_update(None, "user_version", FORMAT)?;
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

    /// Every file whose picture can be compared `by` what is asked, with what it is compared by. The others are as
    /// good as not there: they come again.
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn files(&self, by: By, mut each: impl FnMut(File, Feature)) -> Result<(), GatherError> {
        let column = by.name();
        let mut find = self.db.prepare(&format!(
            "SELECT path, label, digest, modified_ns, size_bytes, {column} FROM files JOIN pictures USING (digest)
             WHERE {column} IS NOT NULL ORDER BY path"
        ))?;
        let mut rows = find.query([])?;
        while let Some(row) = rows.next()? {
            let feature = match by {
                By::Embedding => Feature::Embedding(from_bytes(&row.get::<_, Vec<u8>>(5)?)),
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

    /// Every candidate.
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn placed(&self) -> Result<Vec<Placed>, GatherError> {
        let read = |row: &Row| {
            Ok(Placed {
                class: row.get(0)?,
                digest: row.get(1)?,
                name: row.get(2)?,
                inode: row.get::<_, i64>(3)?.cast_unsigned(),
                state: State::named(&row.get::<_, String>(4)?),
            })
        };
        let mut find = self.db.prepare("SELECT class, digest, name, inode, state FROM placed")?;
        Ok(find.query_map([], read)?.collect::<Result<_, _>>()?)
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
        self.tx.execute("UPDATE pictures SET embedding = NULL", [])?;
        self.tx.execute("INSERT OR REPLACE INTO network VALUES (0, ?)", [name])?;
        Ok(())
    }

    /// Writes down a picture. What is known already stays, save that an embedding is added.
    ///
    /// # Errors
    /// SQLite's.
    pub fn put_picture(&self, picture: &Picture) -> Result<(), GatherError> {
        let [a, d, p, w] = picture.hashes.map(u64::cast_signed);
        let embedding = (!picture.embedding.is_empty()).then(|| to_bytes(&picture.embedding));
        self.tx
            .prepare_cached(
                "INSERT INTO pictures VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (digest) DO UPDATE SET
                 embedding = COALESCE(excluded.embedding, embedding)",
            )?
            .execute(params![picture.digest, a, d, p, w, embedding])?;
        Ok(())
    }

    /// Writes down a file.
    ///
    /// # Errors
    /// SQLite's.
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
    /// SQLite's.
    pub fn remove_file(&self, path: &str) -> Result<(), GatherError> {
        self.tx.prepare_cached("DELETE FROM files WHERE path = ?")?.execute([path])?;
        Ok(())
    }

    /// Writes down a candidate.
    ///
    /// # Errors
    /// SQLite's.
    pub fn put_placed(&self, of: &Placed) -> Result<(), GatherError> {
        self.tx.prepare_cached("INSERT OR REPLACE INTO placed VALUES (?, ?, ?, ?, ?)")?.execute(params![
            of.class,
            of.digest,
            of.name,
            of.inode.cast_signed(),
            of.state.name()
        ])?;
        Ok(())
    }

    /// Forgets a candidate.
    ///
    /// # Errors
    /// SQLite's.
    pub fn remove_placed(&self, class: &str, digest: &str) -> Result<(), GatherError> {
        self.tx.prepare_cached("DELETE FROM placed WHERE class = ? AND digest = ?")?.execute(params![class, digest])?;
        Ok(())
    }

    /// Writes down an answer; the candidate is one no longer.
    ///
    /// # Errors
    /// SQLite's.
    pub fn put_answer(&self, of: &Answer) -> Result<(), GatherError> {
        let answer = if of.accepted { "accepted" } else { "refused" };
        self.tx.prepare_cached("INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?)")?.execute(params![
            of.class,
            of.digest,
            answer,
            of.name,
            of.inode.cast_signed()
        ])?;
        self.remove_placed(&of.class, &of.digest)
    }

    /// Takes an answer back.
    ///
    /// # Errors
    /// SQLite's.
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

    fn file(path: &str, digest: &str) -> File {
        let label = path.strip_prefix("seeds/").and_then(|p| p.split_once('/')).map(|(class, _)| class.to_owned());
        File { path: path.to_owned(), label, digest: digest.to_owned(), modified_ns: -5, size_bytes: 7 }
    }

    fn picture(digest: &str, embedding: &[f32]) -> Picture {
        Picture { digest: digest.to_owned(), hashes: [u64::MAX, 1, 2, 3], embedding: embedding.to_vec() }
    }

    fn files(store: &Store, by: By) -> Vec<(String, Feature)> {
        let mut found = Vec::new();
        store.files(by, |file, feature| found.push((file.path, feature))).unwrap();
        found
    }

    #[test]
    fn what_was_committed_is_there_after_opening_again_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("curation.sqlite");
        let mut store = Store::open(&path).unwrap();
        let change = store.change().unwrap();
        change.put_picture(&picture("a", &[])).unwrap();
        change.put_file(&file("seeds/きゅん/a.jpg", "a")).unwrap();
        change.put_file(&file("pool/b.jpg", "a")).unwrap();
        let placed = Placed {
            class: "きゅん".into(),
            digest: "a".into(),
            name: "03_b.jpg".into(),
            inode: u64::MAX,
            state: State::ByHand,
        };
        change.put_placed(&placed).unwrap();
        change.commit().unwrap();
        let change = store.change().unwrap();
        change.remove_file("pool/b.jpg").unwrap();
        drop(change);
        drop(store);

        let mut store = Store::open(&path).unwrap();
        let hash = Feature::Hash(u64::MAX);
        let both = [("pool/b.jpg".to_owned(), hash.clone()), ("seeds/きゅん/a.jpg".to_owned(), hash)];
        assert_eq!(files(&store, By::Ahash), both);
        assert_eq!(store.placed().unwrap(), [placed]);
        let answer =
            Answer { class: "きゅん".into(), digest: "a".into(), accepted: true, name: "03_b.jpg".into(), inode: 9 };
        let change = store.change().unwrap();
        change.put_answer(&answer).unwrap();
        change.commit().unwrap();
        assert_eq!((store.placed().unwrap().len(), store.answers().unwrap()), (0, vec![answer]));
    }

    #[test]
    fn pictures_without_an_embedding_are_as_good_as_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(&folder.path().join("curation.sqlite")).unwrap();
        let change = store.change().unwrap();
        for (digest, embedding) in [("a", [].as_slice()), ("b", &[0.6, 0.8])] {
            change.put_picture(&picture(digest, embedding)).unwrap();
            change.put_file(&file(&format!("pool/{digest}.jpg"), digest)).unwrap();
        }
        change.commit().unwrap();
        assert_eq!(files(&store, By::Embedding), [("pool/b.jpg".to_owned(), Feature::Embedding(vec![0.6, 0.8]))]);
        assert_eq!(files(&store, By::Phash).len(), 2);
        // It comes, and a message without one takes nothing away.
        let change = store.change().unwrap();
        change.put_picture(&picture("a", &[1.0, 0.0])).unwrap();
        change.put_picture(&picture("a", &[])).unwrap();
        change.commit().unwrap();
        assert_eq!(files(&store, By::Embedding).len(), 2);
        let change = store.change().unwrap();
        change.set_network("another").unwrap();
        change.commit().unwrap();
        assert_eq!(files(&store, By::Embedding), []);
        assert_eq!(store.network().unwrap().as_deref(), Some("another"));
    }
}
