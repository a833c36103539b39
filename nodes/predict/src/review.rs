//! What a person did with the links: taken out of their folder, they are answered.

use crate::error::PredictError;
use crate::inbox::{InboxState, Key};
use crate::store::{Link, State, View};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// A link must be missing for so long: whole folders are deleted file by file, and files that are dragged across drives
/// are copied first.
pub const CONFIRM: Duration = Duration::from_secs(1);

impl InboxState {
    /// Looks at the folders of a view and writes down what a person did.
    ///
    /// # Errors
    /// SQLite's. A folder that cannot be read says nothing, and is named.
    pub fn look_over(&mut self, view: View, now: Instant) -> Result<(), PredictError> {
        let mut folders: BTreeMap<String, Vec<Key>> = BTreeMap::new();
        for link in self.links.of_view(view).filter(|link| link.state == State::There) {
            folders.entry(link.folder.clone()).or_default().push((view, link.path.clone()));
        }
        let (mut taken, mut forgotten, mut renamed) = (Vec::new(), Vec::new(), Vec::new());
        for (folder, keys) in folders {
            let listed = match self.shelf.list(&folder) {
                Ok(Some(listed)) => listed,
                // The whole folder is gone: nothing is meant by it, and it is filled again.
                Ok(None) => {
                    forgotten.extend(keys);
                    continue;
                }
                Err(error) => {
                    self.notice(error.to_string());
                    continue;
                }
            };
            for key in keys {
                let Some(link) = self.links.get(key.0, &key.1) else { continue };
                if let Some(name) = listed.get(&link.inode) {
                    self.missing.remove(&key);
                    if *name != link.name {
                        renamed.push(Link { name: name.clone(), ..link.clone() });
                    }
                } else {
                    let since = *self.missing.entry(key.clone()).or_insert(now);
                    if now.duration_since(since) >= CONFIRM {
                        taken.push(key);
                    }
                }
            }
        }
        if taken.is_empty() && forgotten.is_empty() && renamed.is_empty() {
            return Ok(());
        }
        self.look_through_photos();
        // Moved to photos/ with the folder around it, an image is labelled all the same.
        let (moved, forgotten): (Vec<Key>, Vec<Key>) = forgotten.into_iter().partition(|(_, path)| {
            self.files.get(path).is_some_and(|file| self.photos.digests().contains(&file.digest))
        });
        taken.extend(moved);
        let change = self.store.change()?;
        for (view, path) in &forgotten {
            change.remove_link(*view, path)?;
        }
        for key in &taken {
            renamed.extend(self.links.get(key.0, &key.1).map(|link| Link { state: State::Taken, ..link.clone() }));
        }
        for link in &renamed {
            change.put_link(link)?;
        }
        change.commit()?;
        for key in forgotten.iter().chain(&taken) {
            self.missing.remove(key);
            self.links.remove(key.0, &key.1);
        }
        for link in renamed {
            if link.state == State::Taken {
                let labelled = self.files.get(&link.path).is_some_and(|f| self.photos.digests().contains(&f.digest));
                tracing::info!(path = link.path, folder = link.folder, labelled, "a person took a link");
            }
            self.links.insert(link);
        }
        self.dirty = true;
        Ok(())
    }
}
