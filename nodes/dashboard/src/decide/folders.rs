//! Class folders: where the files of a class lie, and where a file of a class goes.

use crate::safe;
use plugin_api::Workspace;
use plugin_api::layout::Layout;
use plugin_api::names::{class_name, folder_counts};
use plugin_tables::Rows;
use std::fs;

/// Folders of the workspace that have class folders.
const PLACES: [&str; 3] = ["photos", "seeds", "candidates"];

/// A class folder, relative to the workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassFolder {
    /// `photos`, `photos/train`, `seeds`, …
    pub above: String,
    /// The folder's own name.
    pub name: String,
}

impl ClassFolder {
    /// Its path.
    pub fn path(&self) -> String {
        format!("{}/{}", self.above, self.name)
    }
}

/// Names of the folders in a folder that count as class folders, sorted.
pub fn folders_in(workspace: &Workspace, folder: &str) -> Vec<String> {
    let entries = fs::read_dir(workspace.root().join(folder)).into_iter().flatten().flatten();
    let named = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let mut names: Vec<String> = named.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.retain(|name| safe::is_name(name) && folder_counts(name));
    names.sort();
    names
}

/// Every class folder: of `photos/`, in splits too, of `seeds/` and of `candidates/`.
pub fn class_folders(workspace: &Workspace) -> Vec<ClassFolder> {
    let layout = Layout::kept(&workspace.dataset(), "photos").pop().unwrap_or_default();
    let mut found = Vec::new();
    for place in PLACES {
        for name in folders_in(workspace, place) {
            if place == "photos" && layout.splits.contains(&name) {
                let above = format!("photos/{name}");
                let inside = folders_in(workspace, &above).into_iter();
                found.extend(inside.map(|name| ClassFolder { above: above.clone(), name }));
            } else {
                found.push(ClassFolder { above: place.to_owned(), name });
            }
        }
    }
    found
}

/// The folder of a class in another one: the one that is there, however it is spelled, else one of this name.
pub fn folder_of(workspace: &Workspace, above: &str, class: &str) -> String {
    let there = folders_in(workspace, above).into_iter().find(|name| class_name(name) == class_name(class));
    format!("{above}/{}", there.unwrap_or_else(|| class.to_owned()))
}

/// Plain files below a folder, with folders in it, each relative to it. Hidden ones and symbolic links are left out.
pub fn files_below(workspace: &Workspace, folder: &str) -> Vec<String> {
    let (mut found, mut folders) = (Vec::new(), vec![String::new()]);
    while let Some(inside) = folders.pop() {
        let path = workspace.root().join(folder).join(&inside);
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            let (Ok(name), Ok(kind)) = (entry.file_name().into_string(), entry.file_type()) else { continue };
            if !safe::is_name(&name) {
                continue;
            }
            let relative = if inside.is_empty() { name } else { format!("{inside}/{name}") };
            if kind.is_dir() {
                folders.push(relative);
            } else if kind.is_file() {
                found.push(relative);
            }
        }
    }
    found.sort();
    found
}

/// The name that a file had before a node linked it under a name that begins with its rank or margin: candidates and images for
/// review. `None` where no table knows it.
pub fn own_name(workspace: &Workspace, path: &str) -> Option<String> {
    let (place, rest) = path.split_once('/')?;
    // Columns of the link and of the file it was made of.
    let (table, link, wanted, of) = match place {
        "candidates" => (workspace.candidates().join("candidates.csv"), 4, path, 0),
        "review" => (workspace.review().join("review.csv"), 0, rest, 1),
        _ => return None,
    };
    let mut rows = Rows::open(&table).ok()?;
    let row = rows.find(|row| row.get(link) == Some(wanted))?;
    let name = row.get(of)?.rsplit('/').next()?.to_owned();
    safe::is_name(&name).then_some(name)
}
