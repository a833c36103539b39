//! Projects and models of Neural Network Console: networks, options and weights.

use crate::config::Import;
use crate::error::ExchangeError;
use plugin_api::files::{with_path, write_atomically};
use plugin_blocks::table::grouped;
use plugin_nnc::nnp;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// What a file is, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `.sdcproj`.
    Project,
    /// `.nnp`.
    Model,
}

impl Kind {
    /// Of a path; `None` for a data set.
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "sdcproj" => Some(Self::Project),
            "nnp" => Some(Self::Model),
            _ => None,
        }
    }
}

/// Takes in a project or model and says what came of it.
///
/// # Errors
/// [`ExchangeError::Nnc`] for a file that cannot be taken in, [`ExchangeError::FileExists`], or any error of the file system.
/// Nothing is written then.
pub fn run(options: &Import, kind: Kind) -> Result<String, ExchangeError> {
    let path = &options.from;
    let bytes = fs::read(path).map_err(|e| with_path(path, &e))?;
    let refused = |error| ExchangeError::Nnc { path: path.clone(), error };
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let good = |c: char| if c.is_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '_' };
    let name: String = stem.chars().map(good).collect();
    let mut said = String::new();
    let files: Vec<(String, Vec<u8>)> = match kind {
        Kind::Project => {
            let text = plugin_nnc::project_text(&bytes);
            let project = plugin_nnc::import_project(&name, &text).map_err(refused)?;
            let _ = writeln!(
                said,
                "{name}: {} px, {} classes, {} parameters for them",
                project.size_px,
                project.classes,
                grouped(project.parameters)
            );
            for (set, uri) in &project.data_sets {
                let _ = writeln!(said, "data set {set}: {}", if uri.is_empty() { "none named" } else { uri });
            }
            notes(&mut said, &project.notes);
            let about =
                "# Options of the project, a line a node: for `args:` of the nodes of dataflows/pipeline.yml.\n";
            let options = format!("{about}{}", project.options.yaml());
            vec![
                (format!("{name}.yml"), project.network.into_bytes()),
                (format!("{name}.options.yml"), options.into_bytes()),
            ]
        }
        Kind::Model => {
            let model = nnp::read(&name, &bytes).map_err(refused)?;
            let numbers: usize = model.weights.iter().map(|(_, tensor)| tensor.values.len()).sum();
            let _ = writeln!(
                said,
                "{name}: {} px, {} outputs, {} numbers",
                model.size_px,
                model.outputs,
                grouped(numbers as u64)
            );
            if let Some(classes) = &model.classes {
                let _ = writeln!(said, "classes: {}", classes.join(", "));
            }
            notes(&mut said, &model.notes);
            let weights = model.safetensors().map_err(refused)?;
            let _ = writeln!(
                said,
                "learn on from it: train --model {name}.yml --weights {name}.safetensors --size {}",
                model.size_px
            );
            vec![(format!("{name}.yml"), model.network.into_bytes()), (format!("{name}.safetensors"), weights)]
        }
    };
    let into = options.into.clone().unwrap_or_else(|| PathBuf::from("."));
    let paths: Vec<PathBuf> = files.iter().map(|(file, _)| into.join(file)).collect();
    if let Some(there) = paths.iter().find(|path| path.exists()) {
        return Err(ExchangeError::FileExists(there.clone()));
    }
    fs::create_dir_all(&into).map_err(|e| with_path(&into, &e))?;
    for (path, (_, content)) in paths.iter().zip(&files) {
        write_atomically(path, content)?;
        let _ = writeln!(said, "written: {}", path.display());
    }
    Ok(said.trim_end().to_owned())
}

fn notes(said: &mut String, notes: &[String]) {
    if !notes.is_empty() {
        said.push_str("without counterpart, or with another:\n");
    }
    for note in notes {
        let _ = writeln!(said, "  {note}");
    }
}
