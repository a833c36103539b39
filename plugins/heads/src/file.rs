//! The file of a head: safetensors.
//!
//! Tensors, 32-bit floats: `ridge.weights` `[classes, d]`, `ridge.intercepts` `[classes]`, `neighbours.mean` `[d]`,
//! `neighbours.factor` `[d, d]`, `neighbours.rows` `[n, d]`, `temperatures` `[3]` (ridge, neighbours, blend),
//! `neighbours.lengths` `[n]`, `neighbours.spreads` `[n]`, `novelty.classes` `[classes, 4]` (mean and deviation of the distance from the
//! class and of its score), `novelty.parts` `[7]` (mean and deviation of the nearest distance, of the outlier factor and of the doubt,
//! threshold); files of earlier releases lack `neighbours.spreads` at least, and what they have of the last four is not read. u32:
//! `neighbours.labels` `[n]`, `counts` `[classes]`. The metadata has one entry, `head`: JSON with the format's version and the
//! options. Temperatures are no part of it, as decimal digits would not give the same bits back.
//!
//! A head for several classes an image has the entry `multi_head` instead, and beside `ridge` and the mean, factor and rows of `neighbours`
//! the tensors `targets` `[n, classes]`, 0 or 1, and `calibration` `[classes, 3]` (weights of the ridge part, of the neighbours, of 1).

use crate::any::AnyHead;
use crate::error::HeadError;
use crate::head::{Head, Temperatures};
use crate::matrix::{Cholesky, Matrix};
use crate::multi::MultiHead;
use crate::neighbours::Neighbours;
use crate::novelty::{Normal, NoveltyScale};
use crate::options::HeadOptions;
use crate::ridge::Ridge;
use safetensors::tensor::{TensorView, serialize};
use safetensors::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

/// Version of the format; files of another one are refused.
const VERSION: u32 = 1;
/// Entry of the metadata. There is one only: the order of several would not be the same each time.
const ENTRY: &str = "head";
/// The same of a head for several classes an image.
const MULTI_ENTRY: &str = "multi_head";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    version: u32,
    options: HeadOptions,
}

impl Head {
    /// Writes a safetensors file, under a temporary name first, and returns the BLAKE3 of the file in hexadecimal digits.
    /// Equal heads give equal files.
    ///
    /// # Errors
    /// [`HeadError::Io`]; what was there before stays as it was.
    pub fn save(&self, path: &Path) -> Result<String, HeadError> {
        save(path, self.to_bytes())
    }

    /// Reads a file that [`Head::save`] wrote.
    ///
    /// # Errors
    /// [`HeadError::Io`]; [`HeadError::Format`] for a file of another kind or version, or with shapes that do not fit.
    pub fn load(path: &Path) -> Result<Self, HeadError> {
        load(path, Self::from_bytes)
    }

    fn to_bytes(&self) -> Result<Vec<u8>, String> {
        let Self { options, ridge, neighbours, counts, temperatures, novelty } = self;
        let (classes, rows) = (self.classes(), neighbours.labels.len());
        let counts: Vec<u32> = counts.iter().map(|count| *count as u32).collect();
        let temperatures = [temperatures.ridge, temperatures.neighbours, temperatures.blend];
        let integers = |shape: &[usize], values| view(Dtype::U32, shape, bytemuck::cast_slice::<u32, u8>(values));
        let (of_classes, parts) = novelty.as_ref().map(novelty_numbers).unwrap_or_default();
        let mut tensors = shared(ridge, neighbours)?;
        tensors.extend([
            ("neighbours.labels", integers(&[rows], &neighbours.labels)?),
            ("counts", integers(&[classes], &counts)?),
            ("temperatures", floats(&[3], &temperatures)?),
        ]);
        if novelty.is_some() {
            tensors.extend([
                ("neighbours.lengths", floats(&[rows], &neighbours.lengths)?),
                ("neighbours.spreads", floats(&[rows], &neighbours.spreads)?),
                ("novelty.classes", floats(&[classes, 4], &of_classes)?),
                ("novelty.parts", floats(&[7], &parts)?),
            ]);
        }
        file(ENTRY, options, tensors)
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let Shared { tensors, options, ridge, mut neighbours } = Shared::read(bytes, ENTRY)?;
        let (classes, count) = (ridge.intercepts.len(), neighbours.rows.rows);
        let floats = |name, shape: &[usize]| Tensor::read(&tensors, name, Dtype::F32)?.floats(shape);
        let integers = |name, shape: &[usize]| Tensor::read(&tensors, name, Dtype::U32)?.integers(shape);
        let has_novelty = tensors.tensor("neighbours.spreads").is_ok();
        if has_novelty {
            neighbours.lengths = floats("neighbours.lengths", &[count])?;
            neighbours.spreads = floats("neighbours.spreads", &[count])?;
        }
        neighbours.labels = integers("neighbours.labels", &[count])?;
        let counts: Vec<usize> = integers("counts", &[classes])?.into_iter().map(|count| count as usize).collect();
        let Ok([of_ridge, of_neighbours, blend]) = <[f32; 3]>::try_from(floats("temperatures", &[3])?) else {
            return Err("three temperatures are needed".to_owned());
        };
        let temperatures = Temperatures { ridge: of_ridge, neighbours: of_neighbours, blend };
        if of_ridge <= 0.0 || of_neighbours <= 0.0 || blend <= 0.0 {
            return Err(format!("{temperatures:?} are not above 0"));
        }
        if neighbours.labels.iter().any(|label| *label as usize >= classes) {
            return Err(format!("a label is not below {classes}"));
        }
        let novelty = if has_novelty {
            let scale = novelty_scale(&floats("novelty.classes", &[classes, 4])?, &floats("novelty.parts", &[7])?);
            Some(scale.ok_or("a deviation of novelty is not above 0")?)
        } else {
            None
        };
        Ok(Self { options, ridge, neighbours, counts, temperatures, novelty })
    }
}

impl MultiHead {
    /// As [`Head::save`].
    ///
    /// # Errors
    /// As [`Head::save`].
    pub fn save(&self, path: &Path) -> Result<String, HeadError> {
        save(path, self.to_bytes())
    }

    fn to_bytes(&self) -> Result<Vec<u8>, String> {
        let Self { options, ridge, neighbours, targets, calibration } = self;
        let (classes, calibration) = (self.classes(), calibration.concat());
        let mut tensors = shared(ridge, neighbours)?;
        tensors.extend([
            ("targets", floats(&[targets.rows, classes], &targets.values)?),
            ("calibration", floats(&[classes, 3], &calibration)?),
        ]);
        file(MULTI_ENTRY, options, tensors)
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let Shared { tensors, options, ridge, neighbours } = Shared::read(bytes, MULTI_ENTRY)?;
        let (classes, count) = (ridge.intercepts.len(), neighbours.rows.rows);
        let floats = |name, shape: &[usize]| Tensor::read(&tensors, name, Dtype::F32)?.floats(shape);
        let targets = Matrix { rows: count, columns: classes, values: floats("targets", &[count, classes])? };
        let calibration = floats("calibration", &[classes, 3])?.as_chunks().0.to_vec();
        Ok(Self { options, ridge, neighbours, targets, calibration })
    }
}

impl AnyHead {
    /// Reads a file that [`Head::save`] or [`MultiHead::save`] wrote.
    ///
    /// # Errors
    /// As [`Head::load`].
    pub fn load(path: &Path) -> Result<Self, HeadError> {
        load(path, |bytes| {
            let (_, header) = SafeTensors::read_metadata(bytes).map_err(text)?;
            let is_multi = header.metadata().as_ref().is_some_and(|entries| entries.contains_key(MULTI_ENTRY));
            Ok(if is_multi {
                Self::Multi(Box::new(MultiHead::from_bytes(bytes)?))
            } else {
                Self::Single(Box::new(Head::from_bytes(bytes)?))
            })
        })
    }
}

fn save(path: &Path, bytes: Result<Vec<u8>, String>) -> Result<String, HeadError> {
    let bytes = bytes.map_err(|problem| HeadError::Format { path: path.to_owned(), problem })?;
    replace(path, &bytes).map_err(|source| HeadError::Io { path: path.to_owned(), source })?;
    Ok(blake3::hash(&bytes).to_hex().to_string())
}

fn load<T>(path: &Path, read: impl FnOnce(&[u8]) -> Result<T, String>) -> Result<T, HeadError> {
    let bytes = fs::read(path).map_err(|source| HeadError::Io { path: path.to_owned(), source })?;
    read(&bytes).map_err(|problem| HeadError::Format { path: path.to_owned(), problem })
}

/// A file with these tensors, and the version and options as its one entry.
fn file(entry: &str, options: &HeadOptions, tensors: Vec<(&str, TensorView<'_>)>) -> Result<Vec<u8>, String> {
    let metadata = serde_json::to_string(&Metadata { version: VERSION, options: options.clone() }).map_err(text)?;
    serialize(tensors, Some(HashMap::from([(entry.to_owned(), metadata)]))).map_err(text)
}

fn view<'a>(dtype: Dtype, shape: &[usize], bytes: &'a [u8]) -> Result<TensorView<'a>, String> {
    TensorView::new(dtype, shape.to_vec(), bytes).map_err(text)
}

fn floats<'a>(shape: &[usize], values: &'a [f32]) -> Result<TensorView<'a>, String> {
    view(Dtype::F32, shape, bytemuck::cast_slice(values))
}

/// The tensors of both kinds of heads.
fn shared<'a>(ridge: &'a Ridge, neighbours: &'a Neighbours) -> Result<Vec<(&'static str, TensorView<'a>)>, String> {
    let (classes, dimensions, rows) = (ridge.intercepts.len(), neighbours.mean.len(), neighbours.rows.rows);
    Ok(vec![
        ("ridge.weights", floats(&[classes, dimensions], &ridge.weights.values)?),
        ("ridge.intercepts", floats(&[classes], &ridge.intercepts)?),
        ("neighbours.mean", floats(&[dimensions], &neighbours.mean)?),
        ("neighbours.factor", floats(&[dimensions, dimensions], &neighbours.factor.factor().values)?),
        ("neighbours.rows", floats(&[rows, dimensions], &neighbours.rows.values)?),
    ])
}

/// What both kinds of heads have. The neighbours are without labels, lengths and spreads.
struct Shared<'a> {
    tensors: SafeTensors<'a>,
    options: HeadOptions,
    ridge: Ridge,
    neighbours: Neighbours,
}

impl<'a> Shared<'a> {
    fn read(bytes: &'a [u8], entry: &str) -> Result<Self, String> {
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(text)?;
        let entry = header.metadata().as_ref().and_then(|entries| entries.get(entry)).ok_or("no metadata of a head")?;
        let version: serde_json::Value = serde_json::from_str(entry).map_err(text)?;
        if version["version"] != VERSION {
            return Err(format!("version {}, expected {VERSION}", version["version"]));
        }
        let Metadata { options, .. } = serde_json::from_str(entry).map_err(text)?;
        options.check().map_err(text)?;
        let tensors = SafeTensors::deserialize(bytes).map_err(text)?;
        let weights = Tensor::read(&tensors, "ridge.weights", Dtype::F32)?;
        let rows = Tensor::read(&tensors, "neighbours.rows", Dtype::F32)?;
        let ((classes, dimensions), (count, _)) = (weights.pair()?, rows.pair()?);
        if classes == 0 || dimensions == 0 || count == 0 {
            return Err("it has no classes, no dimensions or no samples".to_owned());
        }
        let floats = |name, shape: &[usize]| Tensor::read(&tensors, name, Dtype::F32)?.floats(shape);
        let matrix = |rows, columns, values| Matrix { rows, columns, values };
        let ridge = Ridge {
            weights: matrix(classes, dimensions, weights.floats(&[classes, dimensions])?),
            intercepts: floats("ridge.intercepts", &[classes])?,
        };
        let factor = matrix(dimensions, dimensions, floats("neighbours.factor", &[dimensions, dimensions])?);
        if (0..dimensions).any(|i| factor.row(i)[i] <= 0.0) {
            return Err("neighbours.factor is not a Cholesky factor".to_owned());
        }
        let neighbours = Neighbours {
            mean: floats("neighbours.mean", &[dimensions])?,
            factor: Cholesky::from_factor(factor),
            rows: matrix(count, dimensions, rows.floats(&[count, dimensions])?),
            lengths: Vec::new(),
            spreads: Vec::new(),
            labels: Vec::new(),
        };
        Ok(Self { tensors, options, ridge, neighbours })
    }
}

/// `novelty.classes` and `novelty.parts`.
fn novelty_numbers(scale: &NoveltyScale) -> (Vec<f32>, Vec<f32>) {
    let NoveltyScale { classes, nearest, outlier, doubt, threshold } = scale;
    let pair = |normal: &Normal| [normal.mean, normal.deviation];
    let parts = [nearest, outlier, doubt].into_iter().flat_map(pair).chain([*threshold]).collect();
    (classes.iter().flatten().flat_map(pair).collect(), parts)
}

/// The contrary; `None` where a deviation is not above 0.
fn novelty_scale(classes: &[f32], parts: &[f32]) -> Option<NoveltyScale> {
    let normal = |pair: &[f32; 2]| (pair[1] > 0.0).then_some(Normal { mean: pair[0], deviation: pair[1] });
    let (pairs, rest) = parts.as_chunks();
    let ([nearest, outlier, doubt], &[threshold]) = (pairs, rest) else { return None };
    let of_class = |[a, b, c, d]: &[f32; 4]| Some([normal(&[*a, *b])?, normal(&[*c, *d])?]);
    Some(NoveltyScale {
        classes: classes.as_chunks().0.iter().map(of_class).collect::<Option<_>>()?,
        nearest: normal(nearest)?,
        outlier: normal(outlier)?,
        doubt: normal(doubt)?,
        threshold,
    })
}

/// A tensor of a file.
struct Tensor<'a> {
    name: &'a str,
    shape: Vec<usize>,
    bytes: &'a [u8],
}

impl<'a> Tensor<'a> {
    fn read(tensors: &SafeTensors<'a>, name: &'a str, dtype: Dtype) -> Result<Self, String> {
        let tensor = tensors.tensor(name).map_err(text)?;
        if tensor.dtype() != dtype {
            return Err(format!("{name} is {:?}, expected {dtype:?}", tensor.dtype()));
        }
        Ok(Self { name, shape: tensor.shape().to_vec(), bytes: tensor.data() })
    }

    fn pair(&self) -> Result<(usize, usize), String> {
        let wrong = || format!("{} has shape {:?}, expected two dimensions", self.name, self.shape);
        <[usize; 2]>::try_from(self.shape.as_slice()).map(|[rows, columns]| (rows, columns)).map_err(|_| wrong())
    }

    fn check(&self, shape: &[usize]) -> Result<(), String> {
        let is_right = self.shape == shape;
        is_right.then_some(()).ok_or_else(|| format!("{} has shape {:?}, expected {shape:?}", self.name, self.shape))
    }

    fn floats(&self, shape: &[usize]) -> Result<Vec<f32>, String> {
        self.check(shape)?;
        let values: Vec<f32> = self.words().map(f32::from_le_bytes).collect();
        let is_finite = values.iter().all(|value| value.is_finite());
        is_finite.then_some(values).ok_or_else(|| format!("{} contains NaN or an infinity", self.name))
    }

    fn integers(&self, shape: &[usize]) -> Result<Vec<u32>, String> {
        self.check(shape)?;
        Ok(self.words().map(u32::from_le_bytes).collect())
    }

    fn words(&self) -> impl Iterator<Item = [u8; 4]> {
        self.bytes.as_chunks().0.iter().copied()
    }
}

/// Writes a file under a temporary name and renames it; both are on disk when it returns.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    File::open(folder)?.sync_all()
}

fn text(error: impl ToString) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::clusters;

    #[test]
    fn saved_heads_are_loaded_as_they_were() {
        let folder = tempfile::tempdir().unwrap();
        let data = clusters(3, 8, 12);
        let head = Head::fit(&data.samples(), &HeadOptions::default()).unwrap();
        let (one, other) = (folder.path().join("one.safetensors"), folder.path().join("other.safetensors"));
        let digest = head.save(&one).unwrap();
        assert_eq!(digest, blake3::hash(&fs::read(&one).unwrap()).to_hex().to_string());
        assert_eq!(head.save(&other).unwrap(), digest);
        assert_eq!(Head::load(&one).unwrap(), head);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "no temporary file is left");
    }

    #[test]
    fn heads_of_earlier_releases_have_no_novelty() {
        let folder = tempfile::tempdir().unwrap();
        let data = clusters(3, 8, 12);
        let mut head = Head::fit(&data.samples(), &HeadOptions::default()).unwrap();
        let path = folder.path().join("head.safetensors");
        (head.novelty, head.neighbours.lengths, head.neighbours.spreads) = (None, Vec::new(), Vec::new());
        head.save(&path).unwrap();
        let loaded = Head::load(&path).unwrap();
        assert_eq!(loaded, head);
        assert!(loaded.novelty(&data.features).unwrap().iter().all(|novelty| *novelty < loaded.novelty_threshold()));
    }

    #[test]
    fn files_say_which_kind_of_head_they_hold() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("head.safetensors");
        let data = clusters(3, 8, 12);
        let head = Head::fit(&data.samples(), &HeadOptions::default()).unwrap();
        head.save(&path).unwrap();
        assert_eq!(AnyHead::load(&path).unwrap(), AnyHead::Single(Box::new(head)));
        let targets: Vec<Vec<u32>> = data.samples().labels.iter().map(|label| (0..=*label).collect()).collect();
        let samples = crate::MultiSamples {
            features: &data.features,
            dimensions: 12,
            targets: &targets,
            classes: 3,
            groups: data.samples().groups,
        };
        let head = MultiHead::fit(&samples, &HeadOptions::default()).unwrap();
        let digest = head.save(&path).unwrap();
        assert_eq!(digest, blake3::hash(&fs::read(&path).unwrap()).to_hex().to_string());
        let AnyHead::Multi(loaded) = AnyHead::load(&path).unwrap() else { panic!("a head for one class") };
        assert_eq!(loaded.probabilities(&data.features).unwrap(), head.probabilities(&data.features).unwrap());
        assert!(Head::load(&path).unwrap_err().to_string().contains("no metadata of a head"));
    }

    #[test]
    fn damaged_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("head.safetensors");
        assert!(matches!(Head::load(&path), Err(HeadError::Io { .. })));
        let data = clusters(2, 4, 6);
        let head = Head::fit(&data.samples(), &HeadOptions::default()).unwrap();
        head.save(&path).unwrap();
        let whole = fs::read(&path).unwrap();
        let refused = |bytes: &[u8], expected: &str| {
            fs::write(&path, bytes).unwrap();
            let error = Head::load(&path).unwrap_err();
            assert!(matches!(error, HeadError::Format { .. }) && error.to_string().contains(expected), "{error}");
        };
        refused(&whole[..whole.len() - 4], "");
        refused(b"no", "");
        let key = br#"version\":"#;
        let later = whole.windows(key.len()).position(|bytes| bytes == key).unwrap() + key.len();
        let mut other = whole.clone();
        other[later] = b'7';
        refused(&other, "version 7, expected 1");
        let mut not_finite = whole.clone();
        let place = whole.len() - 4 * (6 * 6);
        let header = 8 + u64::from_le_bytes(*whole.first_chunk().unwrap()) as usize;
        assert!(place > header);
        for word in not_finite[header..].chunks_exact_mut(4) {
            word.copy_from_slice(&f32::NAN.to_le_bytes());
        }
        refused(&not_finite, "NaN");
    }
}
