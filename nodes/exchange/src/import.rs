//! From a data set of Neural Network Console to class folders.

use crate::copy::{Copy, Names, copy_all};
use crate::error::{ExchangeError, Fault};
use crate::otherwise::{self, Counts, Otherwise};
use crate::source::{Listing, Source, resolve};
use crate::table::Row;
use crate::{classes, config};
use plugin_api::files::with_path;
use plugin_api::names::natural_order;
use plugin_decode::Limits;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::PathBuf;

/// What was imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// Where the class folders are.
    pub folder: PathBuf,
    /// Images copied, by class.
    pub images_per_class: BTreeMap<String, usize>,
    /// Rows whose image its class folder has already.
    pub there_already: usize,
    /// What Neural Network Console would have seen otherwise, a line a kind.
    pub otherwise: Vec<String>,
}

impl fmt::Display for Imported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: usize = self.images_per_class.values().sum();
        write!(f, "{all} images copied into {}", self.folder.display())?;
        let mut classes: Vec<(&String, &usize)> = self.images_per_class.iter().collect();
        classes.sort_by(|(a, _), (b, _)| natural_order(a, b));
        for (class, images) in classes {
            write!(f, "\n{images:>8} {class}")?;
        }
        if self.there_already > 0 {
            write!(f, "\n{} rows name images that are there already", self.there_already)?;
        }
        for line in &self.otherwise {
            write!(f, "\nseen otherwise by Neural Network Console: {line}")?;
        }
        Ok(())
    }
}

/// Imports a data set. Everything is checked before the first image is copied.
///
/// # Errors
/// [`ExchangeError`]: a CSV file with line, column and reason, a name that cannot be a folder, any error of the file
/// system. What was copied before the error is removed again.
pub fn run(options: &config::Import) -> Result<Imported, ExchangeError> {
    let source = Source::read(&options.from)?;
    let into = options.into.clone().unwrap_or_else(|| options.workspace.root.join("photos"));
    let given = classes::numbered(&options.classes).map_err(ExchangeError::Classes)?;

    let (mut copies, mut names, mut there_already) = (Vec::new(), Names::default(), 0);
    let mut counts = Counts::default();
    let mut images = 0;
    for listing in &source.listings {
        let known = known_classes(&source, listing, &given)?;
        let checked: Vec<Checked> = listing
            .table
            .rows
            .par_iter()
            .map(|row| check(&source, row, &options.limits).map_err(|fault| fault.in_file(&listing.file)))
            .collect::<Vec<_>>()
            .into_iter()
            .collect::<Result<_, _>>()?;
        for (row, Checked { path: from, digest, otherwise }) in listing.table.rows.iter().zip(checked) {
            counts.add(&row.image, &otherwise);
            images += 1;
            let class = class_name(row, known.as_ref()).map_err(|fault| fault.in_file(&listing.file))?;
            let folder = into.join(class);
            let own = from.file_name().unwrap_or_default().to_string_lossy().into_owned();
            match names.choose(&folder, &own, digest)? {
                Some(name) => copies.push(Copy { from, folder, name, digest }),
                None => there_already += 1,
            }
        }
    }
    if copies.is_empty() && there_already == 0 {
        return Err(ExchangeError::NothingToImport(options.from.clone()));
    }
    fs::create_dir_all(&into).map_err(|e| with_path(&into, &e))?;
    copy_all(&copies)?;

    let mut images_per_class = BTreeMap::<String, usize>::new();
    for copy in &copies {
        let class = copy.folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        *images_per_class.entry(class).or_default() += 1;
    }
    Ok(Imported { folder: into, images_per_class, there_already, otherwise: counts.lines(images) })
}

/// The first there are of: `--classes`, `classes.csv`, the header. None when there are none.
fn known_classes(
    source: &Source,
    listing: &Listing,
    given: &classes::Names,
) -> Result<Option<classes::Names>, ExchangeError> {
    if !given.is_empty() {
        return Ok(Some(given.clone()));
    }
    if let Some(names) = &source.names {
        return Ok(Some(names.clone()));
    }
    if listing.table.classes.is_empty() {
        return Ok(None);
    }
    let column = listing.table.rows.first().map_or(1, |row| row.class_column);
    let names = classes::numbered(&listing.table.classes);
    names.map(Some).map_err(|reason| Fault::new(1, column, reason).in_file(&listing.file))
}

fn class_name(row: &Row, known: Option<&classes::Names>) -> Result<String, Fault> {
    let Some(names) = known else { return Ok(classes::unnamed(row.class)) };
    names.get(&row.class).cloned().ok_or_else(|| {
        let reason = format!("class {} has no name; there are names for {} classes", row.class, names.len());
        Fault::new(row.line, row.class_column, reason)
    })
}

/// A row's image.
struct Checked {
    path: PathBuf,
    digest: blake3::Hash,
    otherwise: Vec<Otherwise>,
}

/// Finds a row's image and decodes it, so that nothing that is no image is copied.
fn check(source: &Source, row: &Row, limits: &Limits) -> Result<Checked, Fault> {
    let path = resolve(&source.folder, row)?;
    let fault = |reason: String| Fault::new(row.line, row.image_column, format!("{:?}: {reason}", row.image));
    let bytes = fs::read(&path).map_err(|error| fault(error.to_string()))?;
    plugin_decode::decode(&bytes, limits).map_err(|error| fault(error.to_string()))?;
    Ok(Checked { path, digest: blake3::hash(&bytes), otherwise: otherwise::of(&bytes) })
}
