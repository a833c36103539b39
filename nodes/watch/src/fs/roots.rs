//! The folders of the workspace that are watched, and where they really are.

use clap::ValueEnum;
use plugin_api::Workspace;
use plugin_api::files::with_path;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A folder that can be watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Folder {
    /// Labelled images: `photos/<class>/**`.
    Photos,
    /// A few examples of each class: `seeds/<class>/**`.
    Seeds,
    /// Images without a label: `pool/**`.
    Pool,
    /// Images to classify: `inbox/**`.
    Inbox,
}

impl Folder {
    const ALL: [Self; 4] = [Self::Photos, Self::Seeds, Self::Pool, Self::Inbox];

    /// Its name in the workspace, and the beginning of paths as messages name them.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Photos => "photos",
            Self::Seeds => "seeds",
            Self::Pool => "pool",
            Self::Inbox => "inbox",
        }
    }

    /// Whether the first folder below it is an image's class.
    pub const fn has_classes(self) -> bool {
        matches!(self, Self::Photos | Self::Seeds)
    }

    /// The folder of a path as messages name it, and the path below it.
    pub fn split(path: &str) -> Option<(Self, &str)> {
        let (name, below) = path.split_once('/')?;
        Self::ALL.into_iter().find(|folder| folder.name() == name).map(|folder| (folder, below))
    }
}

/// One of the watched folders.
#[derive(Clone, Debug)]
pub struct Root {
    /// Which folder of the workspace it is.
    pub folder: Folder,
    /// Where it really is: no link.
    pub at: PathBuf,
    device: Option<u64>,
}

impl Root {
    /// The `folder`, which is at `at`.
    pub fn new(folder: Folder, at: PathBuf) -> Self {
        let device = fs::metadata(&at).ok().map(|meta| meta.dev());
        Self { folder, at, device }
    }

    /// False when it is missing or on another device than at the start: then an absent file proves nothing.
    pub fn is_there(&self) -> bool {
        fs::metadata(&self.at).is_ok_and(|meta| meta.is_dir() && Some(meta.dev()) == self.device)
    }
}

/// The watched folders.
#[derive(Clone, Debug)]
pub struct Roots(Vec<Root>);

impl Roots {
    /// These folders of a workspace.
    ///
    /// # Errors
    /// When one is not there, with its path in the text.
    pub fn open(workspace: &Workspace, folders: &[Folder]) -> io::Result<Self> {
        let mut folders = folders.to_vec();
        folders.sort_unstable();
        folders.dedup();
        let open = |folder: Folder| {
            let path = workspace.root().join(folder.name());
            path.canonicalize().map(|at| Root::new(folder, at)).map_err(|error| with_path(&path, &error))
        };
        folders.into_iter().map(open).collect::<io::Result<_>>().map(Self)
    }

    /// One folder alone.
    pub fn one(folder: Folder, at: impl Into<PathBuf>) -> Self {
        Self(vec![Root::new(folder, at.into())])
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Root> {
        self.0.iter()
    }

    /// The one that `path`, as messages name it, is in or is itself.
    pub fn of(&self, path: &str) -> Option<&Root> {
        let name = path.split_once('/').map_or(path, |(name, _)| name);
        self.0.iter().find(|root| root.folder.name() == name)
    }

    /// Where `path`, as messages name it, really is.
    pub fn real(&self, path: &str) -> Option<PathBuf> {
        let root = self.of(path)?;
        Some(path.split_once('/').map_or_else(|| root.at.clone(), |(_, below)| root.at.join(below)))
    }

    /// The name in messages of what is really at `path`. None outside, and for names that are not Unicode.
    pub fn name(&self, path: &Path) -> Option<String> {
        self.0.iter().find_map(|root| {
            let below = path.strip_prefix(&root.at).ok()?.to_str().filter(|below| !below.is_empty())?;
            Some(format!("{}/{below}", root.folder.name()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_named_and_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::create(folder.path()).unwrap();
        let roots = Roots::open(&workspace, &[Folder::Seeds, Folder::Pool, Folder::Seeds]).unwrap();
        assert_eq!(roots.iter().map(|r| r.folder).collect::<Vec<_>>(), [Folder::Seeds, Folder::Pool]);
        for path in ["seeds/cat/a.jpg", "pool/a.jpg", "pool/きゅん/a.jpg"] {
            let real = roots.real(path).unwrap();
            assert_eq!(real, workspace.root().join(path));
            assert_eq!(roots.name(&real).as_deref(), Some(path));
        }
        assert_eq!(roots.real("seeds"), Some(workspace.seeds()));
        assert!(roots.real("photos/cat/a.jpg").is_none() && roots.real("seedless/a.jpg").is_none());
        assert_eq!(roots.name(&workspace.photos().join("a.jpg")), None);
        assert_eq!(roots.name(&workspace.pool()), None);
    }

    #[test]
    fn a_folder_that_left_is_missed() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().join("pool");
        fs::create_dir(&at).unwrap();
        let root = Root::new(Folder::Pool, at.clone());
        assert!(root.is_there());
        fs::remove_dir(&at).unwrap();
        assert!(!root.is_there());
        assert!(!Root::new(Folder::Pool, at).is_there());
    }
}
