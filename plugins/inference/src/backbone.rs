//! Frozen, pretrained networks under heads: their weights in the workspace, and open ones.

use plugin_api::files::{sync_folder, with_path};
use plugin_api::runs::{Backbone, ModelCard};
use plugin_api::{Message, ResizeMode, Workspace};
use plugin_embed::{EmbedError, Embedder};
use plugin_model::Precision;
use plugin_model::device::Opened;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

/// A network whose ImageNet weights can be fetched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Architecture {
    /// 0.4 billion multiply-adds at 224 px, the side it was trained at.
    #[default]
    #[value(name = "efficientnet-lite0")]
    EfficientNetLite0,
    /// 0.9 billion multiply-adds at 260 px, the side it was trained at: better on ImageNet, and twice as slow.
    #[value(name = "efficientnet-lite2")]
    EfficientNetLite2,
    /// Both side by side, at 224 px: the most accurate, and two to three times as slow.
    #[value(name = "efficientnet-lite0-lite2")]
    EfficientNetLite0Lite2,
}

impl Architecture {
    /// As `--model`, networks and weights are called.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::EfficientNetLite0 => "efficientnet-lite0",
            Self::EfficientNetLite2 => "efficientnet-lite2",
            Self::EfficientNetLite0Lite2 => "efficientnet-lite0-lite2",
        }
    }

    /// Side of the images it was trained on, pixels; of two, that of the smaller one: at 260 px they are no better.
    #[must_use]
    pub fn trained_size_px(self) -> u32 {
        match self {
            Self::EfficientNetLite0 | Self::EfficientNetLite0Lite2 => 224,
            Self::EfficientNetLite2 => 260,
        }
    }
}

/// Where a pretrained backbone is, and how it sees images.
#[derive(Clone, clap::Args)]
pub struct BackboneOptions {
    /// The pretrained network under heads.
    #[arg(long = "backbone", value_enum, default_value_t, value_name = "NETWORK")]
    pub backbone_architecture: Architecture,
    /// Its ImageNet weights. Without it: ../.wakuteka/weights/NETWORK.safetensors, where `cargo wakuteka weights NETWORK` puts them.
    #[arg(long, value_name = "FILE")]
    pub backbone_weights: Option<PathBuf>,
    /// Side of the square it sees of an image, pixels; less is faster and sees less. Without it, the side it was trained at: 224 or 260.
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(32..=512))]
    pub backbone_size: Option<u32>,
    /// How an image is fitted into that square.
    #[arg(long, value_enum, default_value_t, value_name = "MODE")]
    pub backbone_mode: ResizeMode,
}

impl std::fmt::Debug for BackboneOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, {} px, {}", self.weights().display(), self.size_px(), self.backbone_mode)
    }
}

impl BackboneOptions {
    /// The file of weights.
    #[must_use]
    pub fn weights(&self) -> PathBuf {
        self.backbone_weights.clone().unwrap_or_else(|| {
            let name = self.backbone_architecture.name();
            let here = PathBuf::from(format!(".wakuteka/weights/{name}.safetensors"));
            // Nodes run in the folder of the dataflows, programs of the command line where a person stands.
            if here.is_file() { here } else { Path::new("..").join(here) }
        })
    }

    /// Side of the square it sees of an image, pixels.
    #[must_use]
    pub fn size_px(&self) -> u32 {
        self.backbone_size.unwrap_or_else(|| self.backbone_architecture.trained_size_px())
    }

    /// Whether the file of weights is there.
    pub fn is_there(&self) -> bool {
        self.weights().is_file()
    }

    /// What to do when it is not.
    pub fn advice(&self) -> Message {
        let command = format!("cargo wakuteka weights {}", self.backbone_architecture.name());
        Message::no_backbone(self.weights().display().to_string(), command)
    }

    /// Copies the weights into the workspace, where every head on them finds them, unless they are there.
    ///
    /// # Errors
    /// Any error of the file system, with the path in its text.
    pub fn install(&self, workspace: &Workspace) -> io::Result<Backbone> {
        let from = self.weights();
        let bytes = std::fs::read(&from).map_err(|e| with_path(&from, &e))?;
        let digest = blake3::hash(&bytes).to_hex().to_string();
        let path = workspace.backbone(&digest);
        if !has_size(&path, bytes.len() as u64) {
            let folder = workspace.models().join("backbones");
            std::fs::create_dir_all(&folder).map_err(|e| with_path(&folder, &e))?;
            let part = folder.join(format!(".{digest}.{}.part", std::process::id()));
            let write = || {
                let mut file = File::create(&part)?;
                file.write_all(&bytes)?;
                file.sync_all()?;
                std::fs::rename(&part, &path)?;
                sync_folder(&folder)
            };
            write().map_err(|e| with_path(&path, &e))?;
        }
        Ok(Backbone { architecture: self.backbone_architecture.name().to_owned(), digest })
    }
}

fn has_size(path: &Path, size_bytes: u64) -> bool {
    std::fs::metadata(path).is_ok_and(|meta| meta.len() == size_bytes)
}

/// Open backbones, each once: heads on the same one share it.
#[derive(Default)]
pub struct Backbones {
    open: Mutex<HashMap<Key, Arc<Embedder>>>,
    installed: Mutex<Option<Installed>>,
}

/// Digest of the weights, side of the image, resize mode, precision.
type Key = (String, u32, ResizeMode, String);

/// A file of weights as it was when it was last read and copied.
struct Installed {
    file: FileVersion,
    backbone: Backbone,
}

/// What tells a file from the one that was at its path before.
#[derive(Clone, Debug, PartialEq, Eq)]
struct FileVersion {
    path: PathBuf,
    size_bytes: u64,
    modified: SystemTime,
}

impl FileVersion {
    fn of(path: &Path) -> Option<Self> {
        let meta = std::fs::metadata(path).ok()?;
        Some(Self { path: path.to_owned(), size_bytes: meta.len(), modified: meta.modified().ok()? })
    }
}

impl Backbones {
    /// As [`BackboneOptions::install`], but the file is read once only, as long as its size and time stay the same and the copy is
    /// there.
    ///
    /// # Errors
    /// As [`BackboneOptions::install`].
    pub fn install(&self, options: &BackboneOptions, workspace: &Workspace) -> io::Result<Backbone> {
        let mut installed = self.installed.lock().unwrap_or_else(PoisonError::into_inner);
        let file = FileVersion::of(&options.weights());
        if let (Some(known), Some(file)) = (&*installed, &file)
            && known.file == *file
            && has_size(&workspace.backbone(&known.backbone.digest), file.size_bytes)
        {
            return Ok(known.backbone.clone());
        }
        let backbone = options.install(workspace)?;
        *installed = file.map(|file| Installed { file, backbone: backbone.clone() });
        Ok(backbone)
    }

    /// The backbone of a head's card.
    ///
    /// # Errors
    /// [`EmbedError`]: its weights are not in the workspace, or are others, or the device failed.
    pub fn open(
        &self,
        workspace: &Workspace,
        card: &ModelCard,
        backbone: &Backbone,
        device: &Opened,
        precision: Precision,
    ) -> Result<Arc<Embedder>, EmbedError> {
        let key = (backbone.digest.clone(), card.size_px, card.resize_mode, precision.to_string());
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(embedder) = open.get(&key) {
            return Ok(Arc::clone(embedder));
        }
        let embedder = Arc::new(Embedder::of_backbone(workspace, card, backbone, device, precision)?);
        open.insert(key, Arc::clone(&embedder));
        Ok(embedder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{Parser, ValueEnum as _};

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: BackboneOptions,
    }

    #[test]
    fn weights_are_installed_once_under_their_digest() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::create(folder.path()).unwrap();
        let from = folder.path().join("w.safetensors");
        std::fs::write(&from, b"weights").unwrap();
        let options =
            Line::parse_from(["x", "--backbone-weights", from.to_str().unwrap(), "--backbone-mode", "crop"]).options;
        let backbone = options.install(&workspace).unwrap();
        assert_eq!(backbone.digest, blake3::hash(b"weights").to_hex().to_string());
        let path = workspace.backbone(&backbone.digest);
        assert_eq!(std::fs::read(&path).unwrap(), b"weights");
        let written = std::fs::metadata(&path).unwrap().modified().unwrap();
        assert_eq!(options.install(&workspace).unwrap(), backbone);
        assert_eq!(std::fs::metadata(&path).unwrap().modified().unwrap(), written);
        std::fs::write(&path, b"half").unwrap();
        options.install(&workspace).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"weights", "a copy that was cut short is made anew");
        assert_eq!(std::fs::read_dir(workspace.models().join("backbones")).unwrap().count(), 1);
    }

    #[test]
    fn missing_weights_are_told_with_what_fetches_them() {
        let options = Line::parse_from(["x", "--backbone-weights", "nowhere.safetensors"]).options;
        assert!(!options.is_there());
        let advice = options.advice().to_string();
        assert!(advice.contains("nowhere.safetensors") && advice.contains("cargo wakuteka weights"), "{advice}");
        let advice = Line::parse_from(["x", "--backbone", "efficientnet-lite2"]).options.advice().to_string();
        assert!(
            advice.contains("weights/efficientnet-lite2.safetensors") && advice.contains("weights efficientnet-lite2`"),
            "{advice}"
        );
    }

    #[test]
    fn each_architecture_ships_and_sees_the_size_it_was_trained_at() {
        for architecture in Architecture::value_variants() {
            let options = Line::parse_from(["x", "--backbone", architecture.name()]).options;
            let network = plugin_blocks::shipped::find(architecture.name()).unwrap().unwrap();
            let (min, max) = network.sizes_px();
            assert!((min..=max).contains(&options.size_px()), "{options:?}");
            assert_eq!(
                Line::parse_from(["x", "--backbone", architecture.name(), "--backbone-size", "96"]).options.size_px(),
                96
            );
        }
    }

    #[test]
    fn weights_that_have_not_changed_are_read_once() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::create(folder.path()).unwrap();
        let from = folder.path().join("w.safetensors");
        std::fs::write(&from, b"weights").unwrap();
        let written = std::fs::metadata(&from).unwrap().modified().unwrap();
        let options = Line::parse_from(["x", "--backbone-weights", from.to_str().unwrap()]).options;
        let backbones = Backbones::default();
        let first = backbones.install(&options, &workspace).unwrap();
        let replace = |content: &[u8], modified| {
            std::fs::write(&from, content).unwrap();
            File::options().write(true).open(&from).unwrap().set_modified(modified).unwrap();
        };
        replace(b"WEIGHTS", written);
        assert_eq!(backbones.install(&options, &workspace).unwrap(), first, "as far as size and time tell");
        replace(b"WEIGHTS", written + std::time::Duration::from_secs(1));
        let second = backbones.install(&options, &workspace).unwrap();
        assert_ne!(second, first);
        std::fs::remove_file(workspace.backbone(&second.digest)).unwrap();
        assert_eq!(backbones.install(&options, &workspace).unwrap(), second);
        assert!(workspace.backbone(&second.digest).is_file(), "the copy is put back");
    }
}
