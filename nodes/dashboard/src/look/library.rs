//! The album as it stands, read again when the data set or the notes changed.

use super::album::{Album, open, version};
use super::notes::{Notes, Stamp};
use plugin_api::Home;
use rusqlite::Connection;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A large album takes a second to read: while it lasts, and so long after it, the one before is shown.
const REST: Duration = Duration::from_millis(700);

/// Keeps the album.
pub struct Library {
    home: Home,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    db: Option<Connection>,
    of: Option<(u64, Stamp)>,
    album: Arc<Album>,
    generation: u64,
    looked: Option<(Instant, Duration)>,
}

impl Library {
    /// Nothing read yet.
    pub fn new(home: Home) -> Self {
        Self { home, inner: Mutex::default() }
    }

    /// The album, and a number that another one has not. Reads it when there is none; else that is for [`Self::renew`].
    ///
    /// # Errors
    /// SQLite's.
    pub fn album(&self) -> rusqlite::Result<(Arc<Album>, u64)> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.generation > 0 {
            return Ok((inner.album.clone(), inner.generation));
        }
        drop(inner);
        self.renew()
    }

    /// The album as it is now, and its number. Others are answered from the one before meanwhile.
    ///
    /// # Errors
    /// SQLite's; the album stays as it was.
    pub fn renew(&self) -> rusqlite::Result<(Arc<Album>, u64)> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let early = |(at, took): (Instant, Duration)| at.elapsed() < REST.max(took * 4);
        if inner.generation > 0 && inner.looked.is_some_and(early) {
            return Ok((inner.album.clone(), inner.generation));
        }
        if inner.db.is_none() {
            inner.db = open(&self.home.dataset().join("catalog.sqlite"))?;
        }
        let now = match &inner.db {
            Some(db) => version(db)?,
            None => 0,
        };
        let of = (now, Notes::stamp(&self.home));
        if inner.of.as_ref() == Some(&of) && inner.generation > 0 {
            return Ok((inner.album.clone(), inner.generation));
        }
        let db = inner.db.take();
        let first = inner.generation == 0;
        // Not held while it is read, but for the first.
        let held = first.then_some(inner);
        let begun = Instant::now();
        let notes = Notes::read(&self.home);
        let album = match &db {
            Some(db) => Album::read(db, notes)?,
            None => Album::empty(notes),
        };
        let mut inner = match held {
            Some(inner) => inner,
            None => self.inner.lock().unwrap_or_else(PoisonError::into_inner),
        };
        tracing::debug!(files = album.items.len(), took = ?begun.elapsed(), "album read");
        (inner.db, inner.of, inner.album) = (db, Some(of), Arc::new(album));
        inner.generation += 1;
        inner.looked = Some((Instant::now(), begun.elapsed()));
        Ok((inner.album.clone(), inner.generation))
    }
}
