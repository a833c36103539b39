//! `--weights`: a file to start from, or the name of weights that `cargo wakuteka weights` has fetched.

use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Weights to start from. Read once, so that what a run is called after is what it starts from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeightsFile {
    /// Where they are.
    pub path: PathBuf,
    /// BLAKE3 of the file.
    pub digest: String,
}

/// What can be had by name, and where `cargo wakuteka weights` puts it in the checkout.
const FETCHED: [(&str, &str); 3] = [
    ("efficientnet-lite0", ".wakuteka/weights/efficientnet-lite0.safetensors"),
    ("efficientnet-lite2", ".wakuteka/weights/efficientnet-lite2.safetensors"),
    ("efficientnet-lite0-lite2", ".wakuteka/weights/efficientnet-lite0-lite2.safetensors"),
];

impl FromStr for WeightsFile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let named = FETCHED.iter().find(|(name, _)| *name == text);
        // Nodes run in the folder of the dataflows, programs of the command line where a person stands.
        let path = match named {
            Some((_, path)) if Path::new(path).exists() => PathBuf::from(path),
            Some((_, path)) => Path::new("..").join(path),
            None => PathBuf::from(text),
        };
        match std::fs::read(&path) {
            Ok(bytes) => Ok(Self { path, digest: blake3::hash(&bytes).to_hex().to_string() }),
            Err(error) => Err(match named {
                Some((name, _)) => {
                    format!("{}: {error}; `cargo wakuteka weights {name}` puts it there", path.display())
                }
                None => format!("{}: {error}", path.display()),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_and_a_name_says_how_to_get_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.pth");
        std::fs::write(&path, b"abc").unwrap();
        let found: WeightsFile = path.display().to_string().parse().unwrap();
        assert_eq!((found.path, found.digest), (path, blake3::hash(b"abc").to_hex().to_string()));
        assert!("nowhere.pth".parse::<WeightsFile>().unwrap_err().contains("nowhere.pth: "));
        // Tests do not run where the nodes do.
        let error = "efficientnet-lite0".parse::<WeightsFile>().unwrap_err();
        assert!(error.contains("cargo wakuteka weights efficientnet-lite0"), "{error}");
    }
}
