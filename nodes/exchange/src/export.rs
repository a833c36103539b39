//! From the catalog to a data set of Neural Network Console.

use crate::catalog::{self, Labelled, Selection};
use crate::error::ExchangeError;
use crate::publish::Draft;
use crate::{classes, config};
use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};
use plugin_api::files::{sync_folder, with_path, write_atomically};
use plugin_api::names::natural_order;
use plugin_tables::Table;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

/// The header of every file of images.
const HEADER: [&str; 2] = ["x:image", "y:label"];

/// A file for each of these, and one for all.
const SPLITS: [&str; 3] = ["train", "validation", "test"];

/// What was exported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// Folder that was written.
    pub folder: PathBuf,
    /// Images by split.
    pub images_per_split: BTreeMap<String, usize>,
    /// Classes by number.
    pub classes: classes::Names,
    /// Images left out because they stand in several classes.
    pub in_several_classes: usize,
    /// Images left out for another reason: path and reason.
    pub left_out: Vec<(String, String)>,
}

impl fmt::Display for Exported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: usize = self.images_per_split.values().sum();
        let of = |split: &&str| format!("{} {split}", self.images_per_split.get(*split).copied().unwrap_or(0));
        let splits = SPLITS.iter().map(of).collect::<Vec<_>>().join(", ");
        write!(f, "{all} images of {} classes ({splits}) in {}", self.classes.len(), self.folder.display())?;
        if self.in_several_classes > 0 {
            write!(f, "\n{} images left out: they stand in several classes", self.in_several_classes)?;
        }
        for (path, reason) in &self.left_out {
            write!(f, "\nleft out: {path}: {reason}")?;
        }
        Ok(())
    }
}

/// Exports the labelled images of a workspace.
///
/// # Errors
/// [`ExchangeError`]: no catalog, nothing to export, a target that is there, any error of the file system. Nothing is
/// left half written. An image that cannot be read any more is no error: it is left out and named.
pub fn run(options: &config::Export) -> Result<Exported, ExchangeError> {
    let workspace = options.workspace.root.as_path();
    let mut selection = catalog::read(workspace)?;
    let order =
        |a: &Labelled, b: &Labelled| natural_order(&a.label, &b.label).then_with(|| natural_order(&a.path, &b.path));
    selection.images.sort_by(order);
    let draft = Draft::begin(&options.to, options.force)?;
    let data = draft.folder().join("data");
    fs::create_dir(&data).map_err(|e| with_path(&data, &e))?;

    let digits = selection.images.len().saturating_sub(1).to_string().len();
    let outcomes: Vec<Result<Option<String>, ExchangeError>> = selection
        .images
        .par_iter()
        .enumerate()
        .map(|(at, image)| write_square(workspace, image, &data.join(format!("{at:0digits$}.png")), options))
        .collect();
    let (mut rows, mut left_out) = (Vec::new(), Vec::new());
    for (at, (image, outcome)) in selection.images.iter().zip(outcomes).enumerate() {
        match outcome? {
            None => rows.push((format!("./data/{at:0digits$}.png"), image)),
            Some(reason) => left_out.push((image.path.clone(), reason)),
        }
    }
    if rows.is_empty() {
        return Err(nothing(&selection, &left_out));
    }
    let classes: BTreeSet<&str> = rows.iter().map(|(_, image)| image.label.as_str()).collect();
    let classes = classes::numbers(classes.into_iter());
    write_tables(draft.folder(), &rows, &classes)?;
    sync_folder(&data).map_err(|e| with_path(&data, &e))?;

    let mut images_per_split = BTreeMap::<String, usize>::new();
    for (_, image) in &rows {
        *images_per_split.entry(image.split.clone()).or_default() += 1;
    }
    let in_several_classes = selection.in_several_classes;
    Ok(Exported { folder: draft.publish()?, images_per_split, classes, in_several_classes, left_out })
}

fn nothing(selection: &Selection, left_out: &[(String, String)]) -> ExchangeError {
    let several = match selection.in_several_classes {
        0 => String::new(),
        images => format!("; {images} stand in several classes"),
    };
    let unread = left_out.first().map_or_else(String::new, |(path, reason)| {
        format!("; {} could not be read, the first: {path}: {reason}", left_out.len())
    });
    ExchangeError::NothingToExport(several + &unread)
}

/// Decodes, resizes and writes one image. Gives the reason when the image itself is at fault.
fn write_square(
    workspace: &Path,
    image: &Labelled,
    to: &Path,
    options: &config::Export,
) -> Result<Option<String>, ExchangeError> {
    let bytes = match fs::read(workspace.join(&image.path)) {
        Ok(bytes) => bytes,
        Err(error) => return Ok(Some(error.to_string())),
    };
    if blake3::hash(&bytes).to_hex().as_str() != image.digest {
        return Ok(Some("it was changed and not taken in anew yet".to_owned()));
    }
    let decoded = match plugin_decode::decode(&bytes, &options.limits) {
        Ok(decoded) => decoded,
        Err(error) => return Ok(Some(error.to_string())),
    };
    let size_px = options.resize.size_px;
    let mode = options.resize.mode;
    let pixels = match plugin_resize::resize(decoded.width, decoded.height, &decoded.pixels, size_px, mode) {
        Ok(pixels) => pixels,
        Err(error) => return Ok(Some(error.to_string())),
    };
    let mut png = Vec::new();
    let encoded = PngEncoder::new(&mut png).write_image(&pixels, size_px, size_px, ExtendedColorType::Rgb8);
    encoded.map_err(|source| ExchangeError::Png { path: to.to_owned(), source })?;
    let written = File::create(to).and_then(|mut file| file.write_all(&png).and_then(|()| file.sync_all()));
    written.map_err(|e| with_path(to, &e))?;
    Ok(None)
}

/// The tables beside the images.
fn write_tables(folder: &Path, rows: &[(String, &Labelled)], classes: &classes::Names) -> Result<(), ExchangeError> {
    let number = |label: &str| {
        classes.iter().find(|(_, class)| *class == label).map_or_else(String::new, |(number, _)| number.to_string())
    };
    let rows_of = |split: Option<&str>| -> Vec<Vec<String>> {
        let of_split = rows.iter().filter(|(_, labelled)| split.is_none_or(|split| labelled.split == split));
        of_split.map(|(image, labelled)| vec![image.clone(), number(&labelled.label)]).collect()
    };
    write_index(&folder.join("index.csv"), rows_of(None))?;
    for split in SPLITS {
        write_index(&folder.join(format!("{split}.csv")), rows_of(Some(split)))?;
    }
    let names = classes.iter().map(|(number, class)| vec![number.to_string(), class.clone()]);
    write_table(&folder.join("classes.csv"), &["index", "class"], names)?;
    let sources = rows.iter().map(|(image, labelled)| {
        vec![image.clone(), labelled.path.clone(), labelled.label.clone(), labelled.split.clone()]
    });
    write_table(&folder.join("sources.csv"), &["image", "path", "class", "split"], sources)
}

/// A table for Neural Network Console, which takes each cell as it is written.
fn write_index(path: &Path, rows: Vec<Vec<String>>) -> Result<(), ExchangeError> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let table = writer
        .write_record(HEADER)
        .and_then(|()| rows.into_iter().try_for_each(|row| writer.write_record(row)))
        .map_err(std::io::Error::from)
        .and_then(|()| writer.into_inner().map_err(csv::IntoInnerError::into_error))?;
    Ok(write_atomically(path, &table)?)
}

/// A table for people.
fn write_table(path: &Path, header: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Result<(), ExchangeError> {
    let table = Table::new(header)
        .and_then(|mut table| {
            rows.into_iter().try_for_each(|row| table.row(row))?;
            table.finish()
        })
        .map_err(std::io::Error::from)?;
    Ok(write_atomically(path, &table)?)
}
