//! What `predict` has written down: `dataset/inbox.sqlite`, in WAL mode, synced on commit.
//!
//! Files of `inbox/` with their predictions, the links to them ([`plugin_links::table`]), and sidecars.

use crate::error::PredictError;
use crate::prediction::Prediction;
use plugin_links::{LinkChanges, table};
use rusqlite::{Connection, Row, Transaction, params};
use std::path::Path;

const FORMAT: i64 = 3;

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS files (
  path TEXT PRIMARY KEY, digest TEXT NOT NULL, modified_ns INTEGER NOT NULL, size_bytes INTEGER NOT NULL,
  prediction TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sidecars (at TEXT PRIMARY KEY, digest TEXT NOT NULL, keywords TEXT) WITHOUT ROWID;
";

/// From format 2, which had a table of links of its own and another name for predictions.
const FROM_2: &str = "
ALTER TABLE files RENAME COLUMN said TO prediction;
ALTER TABLE links RENAME COLUMN path TO item;
ALTER TABLE links RENAME COLUMN model TO origin;
";

/// An image in `inbox/`.
#[derive(Clone, Debug, PartialEq)]
pub struct File {
    /// As messages name it: `inbox/a.jpg`.
    pub path: String,
    /// BLAKE3 of the file.
    pub digest: String,
    /// Nanoseconds since 1970.
    pub modified_ns: i64,
    /// File size in bytes.
    pub size_bytes: u64,
    /// The champion's prediction; `None` while there is no champion.
    pub prediction: Option<Prediction>,
}

/// What a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// Links in `review/`: images to look at first.
    Review,
    /// `sorted/<class>/`.
    Sorted,
}

impl View {
    /// Its name in the ledger of links.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Review => "review",
            Self::Sorted => "sorted",
        }
    }
}

/// What was written into a sidecar.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sidecar {
    /// BLAKE3 of the packet; empty when it may not have been written.
    pub digest: String,
    /// Its keywords. None when nothing of ours stands there, or an earlier version wrote it.
    pub keywords: Option<Vec<String>>,
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
    /// SQLite's, or [`PredictError::Format`] for a store of a later version.
    pub fn open(path: &Path) -> Result<Self, PredictError> {
        let mut db = Connection::open(path)?;
        db.pragma_update(None, "journal_mode", "WAL")?;
        db.pragma_update(None, "synchronous", "FULL")?;
        db.busy_timeout(std::time::Duration::from_secs(10))?;
        let found: i64 = db.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        if found > FORMAT {
            return Err(PredictError::Format { found, known: FORMAT });
        }
        let change = db.transaction()?;
        if found == 1 {
            change.execute_batch("ALTER TABLE sidecars ADD COLUMN keywords TEXT")?;
        }
        if (1..=2).contains(&found) {
            change.execute_batch(FROM_2)?;
            change.execute_batch(table::RENAME_STATES)?;
        }
        change.execute_batch(table::SCHEMA)?;
        change.execute_batch(SCHEMA)?;
        change.pragma_update(None, "user_version", FORMAT)?;
        change.commit()?;
        Ok(Self { db })
    }

    /// Starts a change: nothing of it lasts before [`Change::commit`].
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn change(&mut self) -> Result<Change<'_>, PredictError> {
        Ok(Change { tx: self.db.transaction()? })
    }

    /// Every image.
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn files(&self) -> Result<Vec<File>, PredictError> {
        let read = |row: &Row| {
            // What cannot be read was written by another version: it is predicted anew.
            let prediction = row.get::<_, Option<String>>(4)?.and_then(|text| serde_json::from_str(&text).ok());
            let (path, digest) = (row.get(0)?, row.get(1)?);
            Ok(File { path, digest, modified_ns: row.get(2)?, size_bytes: row.get(3)?, prediction })
        };
        let mut find = self.db.prepare("SELECT path, digest, modified_ns, size_bytes, prediction FROM files")?;
        Ok(find.query_map([], read)?.collect::<Result<_, _>>()?)
    }

    /// The database, for the ledger of links.
    pub fn connection(&mut self) -> &mut Connection {
        &mut self.db
    }

    /// Every sidecar by its place relative to the workspace.
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn sidecars(&self) -> Result<Vec<(String, Sidecar)>, PredictError> {
        let mut find = self.db.prepare("SELECT at, digest, keywords FROM sidecars")?;
        let read = |row: &Row| {
            let keywords = row.get::<_, Option<String>>(2)?.and_then(|text| serde_json::from_str(&text).ok());
            Ok((row.get(0)?, Sidecar { digest: row.get(1)?, keywords }))
        };
        Ok(find.query_map([], read)?.collect::<Result<_, _>>()?)
    }
}

/// A change in the making.
pub struct Change<'a> {
    tx: Transaction<'a>,
}

impl Change<'_> {
    /// Stores an image.
    ///
    /// # Errors
    /// SQLite's, as for all that follow.
    pub fn put_file(&self, file: &File) -> Result<(), PredictError> {
        let prediction = file.prediction.as_ref().and_then(|prediction| serde_json::to_string(prediction).ok());
        self.tx.prepare_cached("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?)")?.execute(params![
            file.path,
            file.digest,
            file.modified_ns,
            file.size_bytes,
            prediction
        ])?;
        Ok(())
    }

    /// Forgets an image. One that is not there is no error.
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn remove_file(&self, path: &str) -> Result<(), PredictError> {
        self.tx.prepare_cached("DELETE FROM files WHERE path = ?")?.execute([path])?;
        Ok(())
    }

    /// Changes links.
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn put_links(&self, links: &LinkChanges) -> Result<(), PredictError> {
        Ok(links.write(&self.tx)?)
    }

    /// Stores what was written into a sidecar.
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn put_sidecar(&self, at: &str, sidecar: &Sidecar) -> Result<(), PredictError> {
        let keywords = sidecar.keywords.as_ref().and_then(|keywords| serde_json::to_string(keywords).ok());
        let mut put =
            self.tx.prepare_cached("INSERT OR REPLACE INTO sidecars (at, digest, keywords) VALUES (?, ?, ?)")?;
        put.execute(params![at, sidecar.digest, keywords])?;
        Ok(())
    }

    /// Forgets a sidecar.
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn remove_sidecar(&self, at: &str) -> Result<(), PredictError> {
        self.tx.prepare_cached("DELETE FROM sidecars WHERE at = ?")?.execute([at])?;
        Ok(())
    }

    /// Makes the change last.
    ///
    /// # Errors
    /// SQLite's; nothing is changed then.
    pub fn commit(self) -> Result<(), PredictError> {
        Ok(self.tx.commit()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prediction::ClassScore;
    use plugin_links::{Link, LinkState};

    #[test]
    fn only_what_was_committed_is_there_after_reopening() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().join("inbox.sqlite");
        let prediction = Prediction {
            model: "one".to_owned(),
            top: vec![ClassScore { class: "きゅん".to_owned(), probability: 0.75 }],
            classes: vec!["きゅん".to_owned()],
            margin: 0.5,
            calibrated: true,
            is_novel: false,
        };
        let file = |path: &str, prediction| File {
            path: path.to_owned(),
            digest: "d".to_owned(),
            modified_ns: -5,
            size_bytes: 7,
            prediction,
        };
        let link = Link {
            view: View::Sorted.name().to_owned(),
            item: "inbox/a.jpg".to_owned(),
            folder: "sorted/きゅん".to_owned(),
            name: "a.jpg".to_owned(),
            inode: u64::MAX,
            origin: "one".to_owned(),
            state: LinkState::Replaced,
        };
        let mut store = Store::open(&at).unwrap();
        let change = store.change().unwrap();
        change.put_file(&file("inbox/a.jpg", Some(prediction.clone()))).unwrap();
        change.put_file(&file("inbox/b.jpg", None)).unwrap();
        change.put_links(&LinkChanges { removed: Vec::new(), put: vec![link.clone()] }).unwrap();
        let sidecar = Sidecar { digest: String::new(), keywords: Some(vec!["きゅん".to_owned()]) };
        change.put_sidecar("inbox/a.jpg.xmp", &sidecar).unwrap();
        change.commit().unwrap();
        let change = store.change().unwrap();
        change.remove_file("inbox/a.jpg").unwrap();
        change.put_links(&LinkChanges { removed: vec![link.key()], put: Vec::new() }).unwrap();
        change.remove_sidecar("inbox/a.jpg.xmp").unwrap();
        drop(change);
        drop(store);

        let mut store = Store::open(&at).unwrap();
        assert_eq!(store.files().unwrap(), [file("inbox/a.jpg", Some(prediction)), file("inbox/b.jpg", None)]);
        assert_eq!(table::read(store.connection()).unwrap(), [link]);
        assert_eq!(store.sidecars().unwrap(), [("inbox/a.jpg.xmp".to_owned(), sidecar)]);
        store.db.pragma_update(None, "user_version", FORMAT + 1).unwrap();
        drop(store);
        assert!(Store::open(&at).unwrap_err().to_string().contains("format"));
    }

    #[test]
    fn store_of_the_first_format_is_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().join("inbox.sqlite");
        let db = Connection::open(&at).unwrap();
        db.execute_batch(
            "CREATE TABLE files (
               path TEXT PRIMARY KEY, digest TEXT NOT NULL, modified_ns INTEGER NOT NULL, size_bytes INTEGER NOT NULL,
               said TEXT) WITHOUT ROWID;
             CREATE TABLE links (
               view TEXT NOT NULL, path TEXT NOT NULL, folder TEXT NOT NULL, name TEXT NOT NULL, inode INTEGER NOT NULL,
               model TEXT NOT NULL, state TEXT NOT NULL, PRIMARY KEY (view, path)) WITHOUT ROWID;
             CREATE TABLE sidecars (at TEXT PRIMARY KEY, digest TEXT NOT NULL) WITHOUT ROWID;
             INSERT INTO files VALUES ('inbox/a.jpg', 'd', 5, 6, NULL);
             INSERT INTO links VALUES ('sorted', 'inbox/a.jpg', 'sorted/cat', 'a.jpg', 7, 'm', 'there');
             INSERT INTO sidecars VALUES ('inbox/a.jpg.xmp', 'd'); PRAGMA user_version = 1",
        )
        .unwrap();
        drop(db);
        for _ in 0..2 {
            let known = Sidecar { digest: "d".to_owned(), keywords: None };
            let mut store = Store::open(&at).unwrap();
            assert_eq!(store.sidecars().unwrap(), [("inbox/a.jpg.xmp".to_owned(), known)]);
            assert_eq!(store.files().unwrap()[0].path, "inbox/a.jpg");
            let links = table::read(store.connection()).unwrap();
            assert_eq!(links.len(), 1);
            let Link { view, item, origin, state, .. } = &links[0];
            assert_eq!((view.as_str(), item.as_str()), (View::Sorted.name(), "inbox/a.jpg"));
            assert_eq!((origin.as_str(), *state), ("m", LinkState::Linked));
        }
    }
}
