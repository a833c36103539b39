//! The links that are known, by what they are for and the image they are of.

use crate::store::{Link, View};
use std::collections::BTreeMap;

/// At most one link a view and image.
#[derive(Debug, Default)]
pub struct Links([BTreeMap<String, Link>; 2]);

const VIEWS: [View; 2] = [View::Review, View::Sorted];

impl Links {
    /// The link to an image in a view.
    pub fn get(&self, view: View, path: &str) -> Option<&Link> {
        self.0[view as usize].get(path)
    }

    /// Adds a link, in place of the one there was.
    pub fn insert(&mut self, link: Link) {
        self.0[link.view as usize].insert(link.path.clone(), link);
    }

    /// Forgets a link.
    pub fn remove(&mut self, view: View, path: &str) {
        self.0[view as usize].remove(path);
    }

    /// Those of a view, by image.
    pub fn of_view(&self, view: View) -> impl Iterator<Item = &Link> {
        self.0[view as usize].values()
    }

    /// Those to an image.
    pub fn to<'a>(&'a self, path: &'a str) -> impl Iterator<Item = &'a Link> {
        VIEWS.into_iter().filter_map(|view| self.get(view, path))
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Link> {
        VIEWS.into_iter().flat_map(|view| self.of_view(view))
    }
}

impl FromIterator<Link> for Links {
    fn from_iter<I: IntoIterator<Item = Link>>(links: I) -> Self {
        let mut all = Self::default();
        links.into_iter().for_each(|link| all.insert(link));
        all
    }
}
