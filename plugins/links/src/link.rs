//! One link, and changes to several.

/// What a link is known by: at most one link to an item in a view.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// What the link is for: a class of candidates, `review`, `sorted`.
    pub view: String,
    /// What it links to, as its node names it: the digest of an image, the path of a file.
    pub item: String,
}

impl Key {
    /// The key of `item` in `view`.
    pub fn new(view: impl Into<String>, item: impl Into<String>) -> Self {
        Self { view: view.into(), item: item.into() }
    }
}

/// How far a link is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// About to be made.
    Pending,
    /// Made.
    Linked,
    /// Put where it is by a person: it is not removed again.
    ByHand,
    /// A person took it out of its folder.
    Taken,
    /// About to be removed.
    Removing,
    /// About to be removed, and its file was replaced by its owner: it may be the last name of the old one.
    Replaced,
}

impl LinkState {
    const NAMES: [(Self, &str); 6] = [
        (Self::Pending, "pending"),
        (Self::Linked, "linked"),
        (Self::ByHand, "by_hand"),
        (Self::Taken, "taken"),
        (Self::Removing, "removing"),
        (Self::Replaced, "replaced"),
    ];

    /// The state's text in the table.
    pub(crate) fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(state, _)| *state == self).map_or("", |(_, name)| name)
    }

    /// The state of a text; a text of a later version is [`LinkState::Removing`], which never removes what is a person's.
    pub(crate) fn parse(name: &str) -> Self {
        Self::NAMES.iter().find(|(_, of)| *of == name).map_or(Self::Removing, |(state, _)| *state)
    }

    /// Whether the link should lie in its folder.
    pub(crate) fn is_in_folder(self) -> bool {
        matches!(self, Self::Linked | Self::ByHand)
    }
}

/// A hard link in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// What the link is for, see [`Key`].
    pub view: String,
    /// What it links to, see [`Key`].
    pub item: String,
    /// Its folder, relative to the root of the ledger: `cat`, `review`, `sorted/cat`.
    pub folder: String,
    /// Its file name there.
    pub name: String,
    /// Inode of the file; 0 while the link is pending.
    pub inode: u64,
    /// What asked for it: the run of a model. Empty where nobody needs to know.
    pub origin: String,
    /// How far it is.
    pub state: LinkState,
}

impl Link {
    /// View and item of the link.
    pub fn key(&self) -> Key {
        Key::new(self.view.as_str(), self.item.as_str())
    }
}

/// Changes to the ledger: removals first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkChanges {
    /// Links to forget.
    pub removed: Vec<Key>,
    /// Links to add, in place of those with the same key.
    pub put: Vec<Link>,
}

impl LinkChanges {
    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.removed.is_empty() && self.put.is_empty()
    }
}
