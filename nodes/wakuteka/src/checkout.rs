//! Where things lie in the checkout.

use crate::error::Error;
use std::path::{Path, PathBuf};

/// The checkout this program was built from.
#[derive(Clone, Debug)]
pub struct Checkout {
    root: PathBuf,
}

impl Checkout {
    /// The checkout: what cargo says when it runs this program, else where it was built.
    ///
    /// # Errors
    /// [`Error::NoCheckout`] when the dataflows are not there.
    pub fn find() -> Result<Self, Error> {
        let package = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
        let package = package.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
        Self::at(package.ancestors().nth(2).unwrap_or(&package))
    }

    /// The checkout at `root`.
    ///
    /// # Errors
    /// [`Error::NoCheckout`] when the dataflows are not there.
    pub fn at(root: &Path) -> Result<Self, Error> {
        let root = root.canonicalize().map_err(|_| Error::NoCheckout(root.to_owned()))?;
        if root.join("dataflows").is_dir() { Ok(Self { root }) } else { Err(Error::NoCheckout(root)) }
    }

    /// The checkout itself, absolute.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where the dataflows look for their nodes, whatever `CARGO_TARGET_DIR` says.
    pub fn target(&self) -> PathBuf {
        self.root.join("target")
    }

    /// Path of `dataflows/` in the checkout.
    pub fn dataflows(&self) -> PathBuf {
        self.root.join("dataflows")
    }

    /// The images of the demo, a folder a class.
    pub fn images(&self) -> PathBuf {
        self.root.join("tests/fixtures/openclipart8")
    }

    /// What this program fetches and makes. Git ignores it.
    pub fn local(&self) -> PathBuf {
        self.root.join(".wakuteka")
    }

    /// The workspace when none is named.
    pub fn workspace(&self) -> PathBuf {
        self.local().join("home")
    }
}
