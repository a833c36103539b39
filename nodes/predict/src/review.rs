//! What a person did with the links: taken out of their folder, they are answered.

use crate::error::PredictError;
use crate::inbox::InboxState;
use crate::store::View;
use plugin_links::{Link, LinkChanges, LinkState};
use std::time::Instant;

impl InboxState {
    /// Inspects the folders of a view and stores what a person did.
    ///
    /// # Errors
    /// SQLite's. A folder that cannot be read says nothing, and is logged once.
    pub fn look_over(&mut self, view: View, now: Instant) -> Result<(), PredictError> {
        let seen = self.links.inspect(view.name(), &[], now);
        if seen.is_unchanged() {
            return Ok(());
        }
        self.look_through_photos();
        // Moved to photos/ with the folder around it, an image is labelled all the same.
        let (moved, forgotten): (Vec<Link>, Vec<Link>) =
            seen.folder_gone.into_iter().partition(|link| self.is_in_photos(&link.item));
        let take = |link: Link| Link { state: LinkState::Taken, ..link };
        let taken: Vec<Link> = seen.taken.into_iter().chain(moved).map(take).collect();
        for link in &taken {
            let labelled = self.is_in_photos(&link.item);
            tracing::info!(path = link.item, folder = link.folder, labelled, "a person took a link");
        }
        let links = LinkChanges {
            removed: forgotten.iter().map(Link::key).collect(),
            put: seen.renamed.into_iter().chain(taken).collect(),
        };
        let change = self.store.change()?;
        change.put_links(&links)?;
        change.commit()?;
        self.links.apply(links);
        self.dirty = true;
        Ok(())
    }

    /// Whether an image stands in `photos/`.
    fn is_in_photos(&self, path: &str) -> bool {
        self.files.get(path).is_some_and(|file| self.photos.digests().contains(&file.digest))
    }
}
