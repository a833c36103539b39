//! The ledger's table in a node's SQLite file.

use crate::link::{Key, Link, LinkChanges, LinkState};
use rusqlite::{Connection, Row, params};

/// Creates the table where there is none.
pub const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS links (
  view TEXT NOT NULL, item TEXT NOT NULL, folder TEXT NOT NULL, name TEXT NOT NULL, inode INTEGER NOT NULL,
  origin TEXT NOT NULL, state TEXT NOT NULL, PRIMARY KEY (view, item)) WITHOUT ROWID;
";

/// Names of states before they were shared by two nodes, as a statement over the table.
pub const RENAME_STATES: &str = "
UPDATE links SET state = CASE state WHEN 'coming' THEN 'pending' WHEN 'there' THEN 'linked' WHEN 'by hand' THEN 'by_hand'
  WHEN 'leaving' THEN 'removing' ELSE state END;
";

/// Every link.
///
/// # Errors
/// SQLite's: a damaged file.
pub fn read(db: &Connection) -> rusqlite::Result<Vec<Link>> {
    let link = |row: &Row| {
        Ok(Link {
            view: row.get(0)?,
            item: row.get(1)?,
            folder: row.get(2)?,
            name: row.get(3)?,
            inode: row.get::<_, i64>(4)?.cast_unsigned(),
            origin: row.get(5)?,
            state: LinkState::parse(&row.get::<_, String>(6)?),
        })
    };
    let mut select = db.prepare("SELECT view, item, folder, name, inode, origin, state FROM links")?;
    select.query_map([], link)?.collect()
}

/// Adds a link, in place of the one with the same key.
///
/// # Errors
/// SQLite's: a full disk, a damaged file.
pub fn put(db: &Connection, link: &Link) -> rusqlite::Result<()> {
    let mut insert = db.prepare_cached("INSERT OR REPLACE INTO links VALUES (?, ?, ?, ?, ?, ?, ?)")?;
    insert.execute(params![
        link.view,
        link.item,
        link.folder,
        link.name,
        link.inode.cast_signed(),
        link.origin,
        link.state.name()
    ])?;
    Ok(())
}

/// Forgets a link; one that is not there is no error.
///
/// # Errors
/// SQLite's: a full disk, a damaged file.
pub fn remove(db: &Connection, key: &Key) -> rusqlite::Result<()> {
    let mut delete = db.prepare_cached("DELETE FROM links WHERE view = ? AND item = ?")?;
    delete.execute([&key.view, &key.item])?;
    Ok(())
}

impl LinkChanges {
    /// Writes the changes; with a transaction, together with what else is in it.
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn write(&self, db: &Connection) -> rusqlite::Result<()> {
        for key in &self.removed {
            remove(db, key)?;
        }
        for link in &self.put {
            put(db, link)?;
        }
        Ok(())
    }
}
