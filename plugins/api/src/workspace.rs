//! The workspace a person sees: `$WAKUTEKA_HOME`.

use std::io;
use std::path::{Path, PathBuf};

/// What lies in a workspace.
const FOLDERS: [&str; 11] =
    ["photos", "seeds", "pool", "candidates", "inbox", "review", "quarantine", "dataset", "runs", "models", "status"];

/// Where the workspace is. Part of every node's options.
#[derive(Clone, Debug, clap::Args)]
pub struct WorkspaceArgs {
    /// The workspace: photos/, seeds/, pool/, candidates/, inbox/, review/, quarantine/, dataset/, runs/ and models/ lie
    /// in it.
    #[arg(long = "home", env = "WAKUTEKA_HOME", default_value = "../.wakuteka/home", value_name = "FOLDER")]
    pub root: PathBuf,
}

impl WorkspaceArgs {
    /// Opens the workspace, making the folders that are missing.
    ///
    /// # Errors
    /// Any error of the file system, with the path in its text.
    pub fn open(&self) -> io::Result<Workspace> {
        Workspace::create(&self.root)
    }
}

/// The folders of a workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// Opens a workspace, making the folders that are missing.
    ///
    /// # Errors
    /// Any error of the file system, with the path in its text.
    pub fn create(root: &Path) -> io::Result<Self> {
        let make = |folder: &Path| std::fs::create_dir_all(folder).map_err(|e| crate::files::with_path(folder, &e));
        make(root)?;
        let workspace = Self { root: root.canonicalize().map_err(|e| crate::files::with_path(root, &e))? };
        for folder in FOLDERS {
            make(&workspace.root.join(folder))?;
        }
        Ok(workspace)
    }

    /// A workspace that is there, to look at: no folder is made.
    ///
    /// # Errors
    /// Any error of the file system, with the path in its text.
    pub fn existing(root: &Path) -> io::Result<Self> {
        Ok(Self { root: root.canonicalize().map_err(|e| crate::files::with_path(root, &e))? })
    }

    /// The workspace itself: absolute, without links.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Labelled images: `photos/<class>/**`.
    pub fn photos(&self) -> PathBuf {
        self.root.join("photos")
    }

    /// A few examples of each class: `seeds/<class>/**`.
    pub fn seeds(&self) -> PathBuf {
        self.root.join("seeds")
    }

    /// Images without a label: `pool/**`.
    pub fn pool(&self) -> PathBuf {
        self.root.join("pool")
    }

    /// Look-alikes of the seeds from the pool, for a person to accept or refuse: `candidates/<class>/`.
    pub fn candidates(&self) -> PathBuf {
        self.root.join("candidates")
    }

    /// Images to classify: `inbox/**`.
    pub fn inbox(&self) -> PathBuf {
        self.root.join("inbox")
    }

    /// Images of the inbox that the champion is unsure of, for a person to label.
    pub fn review(&self) -> PathBuf {
        self.root.join("review")
    }

    /// Images of the inbox by the class they were taken for: `sorted/<class>/`. Made when it is asked for.
    pub fn sorted(&self) -> PathBuf {
        self.root.join("sorted")
    }

    /// What could not be read, each with a `.json` that says why.
    pub fn quarantine(&self) -> PathBuf {
        self.root.join("quarantine")
    }

    /// Catalog and pixel shards.
    pub fn dataset(&self) -> PathBuf {
        self.root.join("dataset")
    }

    /// One folder a training run.
    pub fn runs(&self) -> PathBuf {
        self.root.join("runs")
    }

    /// One folder a model that was champion once, and the link `champion`.
    pub fn models(&self) -> PathBuf {
        self.root.join("models")
    }

    /// The link to the champion's folder. It need not exist.
    pub fn champion(&self) -> PathBuf {
        self.root.join("models/champion")
    }

    /// The weights of a frozen network under heads, by the BLAKE3 of the file. It need not exist.
    pub fn backbone(&self, digest: &str) -> PathBuf {
        self.root.join("models/backbones").join(format!("{digest}.safetensors"))
    }

    /// What each node is doing, for progress displays.
    pub fn status(&self) -> PathBuf {
        self.root.join("status")
    }

    /// A file inside the workspace as messages name it: relative, with `/`. None outside it or when not Unicode.
    pub fn relative(&self, path: &Path) -> Option<String> {
        let parts: Option<Vec<&str>> =
            path.strip_prefix(&self.root).ok()?.components().map(|c| c.as_os_str().to_str()).collect();
        parts.map(|p| p.join("/"))
    }
}
