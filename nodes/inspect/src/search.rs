//! The search for wrong labels: embeddings, out-of-fold predictions of heads, the odds against each label.

use crate::config::{Config, LabelErrors};
use crate::find::labels::{Search, Suspect};
use crate::record::Record;
use plugin_api::{Message, Text, Workspace};
use plugin_decode::DecodedImage;
use plugin_embed::{Cache, EmbedError, Embedder, NetworkChoice};
use plugin_heads::{HeadOptions, Samples, cross_validate_repeatedly, numbered};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// Images embedded between two looks at whether the work is still wanted.
const AT_A_TIME: usize = 4;
/// Each image is predicted by a head that was trained on four fifths of the others.
pub const FOLDS: usize = 5;
/// Assignments to folds whose predictions are averaged. With 5 % of openclipart8's labels made wrong, two instead of one bring 3
/// points of precision; more bring nothing.
const REPEATS: u64 = 2;

/// Images that can be looked at: places among the records, one file an image, only of one class.
pub struct Chosen {
    places: Vec<usize>,
    of: usize,
}

impl Chosen {
    /// At most `most` of them, by their digests, so that they are the same ones every time.
    pub fn of(records: &[Record], most: usize) -> Self {
        let mut by_pixels: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (place, record) in records.iter().enumerate().filter(|(_, r)| r.label.is_some()) {
            by_pixels.entry(&record.pixel_digest).or_default().push(place);
        }
        let one_class = |places: &Vec<usize>| places.iter().all(|p| records[*p].label == records[places[0]].label);
        let mut places: Vec<usize> = by_pixels.into_values().filter(one_class).map(|places| places[0]).collect();
        let of = places.len();
        places.truncate(most);
        Self { places, of }
    }
}

/// A network, and the embeddings it has made.
pub struct EmbeddingSource {
    embedder: Embedder,
    cache: Cache,
}

impl EmbeddingSource {
    /// Opens the network of the options.
    ///
    /// # Errors
    /// What to tell the reader.
    pub fn open(config: &Config, workspace: &Workspace) -> Result<Self, Search> {
        if config.label_errors == LabelErrors::Off || config.embed.network == NetworkChoice::None {
            return Err(Search::Off);
        }
        let embedder = Embedder::open(&config.embed, workspace).map_err(|error| Search::NotDone(told(&error)))?;
        let cache = Cache::open(workspace, embedder.fingerprint(), embedder.dimensions())
            .map_err(|error| Search::NotDone(error.to_string().into()))?;
        Ok(Self { embedder, cache })
    }

    /// Images of `chosen` that were never embedded.
    pub fn missing(&self, records: &[Record], chosen: &Chosen) -> Vec<usize> {
        chosen.places.iter().copied().filter(|p| self.cache.get(&records[*p].digest).is_none()).collect()
    }

    /// Embeds images; `went` is told how many are done and says whether to go on. Files that have changed or gone, and images that
    /// the network has no finite features for, are passed over.
    ///
    /// # Errors
    /// What to tell the reader.
    pub fn embed_missing(
        &mut self,
        records: &[Record],
        missing: &[usize],
        config: &Config,
        workspace: &Workspace,
        went: impl Fn(usize) -> bool,
    ) -> Result<(), Search> {
        let told = |error: &dyn std::fmt::Display| Search::NotDone(error.to_string().into());
        // `train` embeds the same images for its head, from the first on; this begins with the last, and they meet.
        for (part, places) in missing.rchunks(AT_A_TIME).enumerate() {
            if !went(part * AT_A_TIME) {
                return Ok(());
            }
            self.cache.refresh().map_err(|e| told(&e))?;
            let is_missing = |place: &&usize| self.cache.get(&records[**place].digest).is_none();
            let places: Vec<usize> = places.iter().filter(is_missing).copied().collect();
            if places.is_empty() {
                continue;
            }
            let decoded: Vec<Option<DecodedImage>> = places
                .par_iter()
                .map(|place| {
                    let record = &records[*place];
                    plugin_embed::known(&workspace.root().join(&record.path), &record.digest, &config.limits)
                })
                .collect();
            let (digests, images): (Vec<&str>, Vec<DecodedImage>) =
                places.iter().zip(decoded).filter_map(|(p, d)| Some((&records[*p].digest[..], d?))).unzip();
            let embeddings = self.embedder.embed_each(&images).map_err(|e| told(&e))?;
            for (digest, embedding) in digests.into_iter().zip(embeddings) {
                let Some(embedding) = embedding else {
                    tracing::warn!(digest, "the network's features of this image are not finite: it is passed over");
                    continue;
                };
                self.cache.put(digest, &embedding).map_err(|e| told(&e))?;
            }
        }
        self.cache.sync().map_err(|e| told(&e))
    }

    /// The chosen images that are embedded, with their classes.
    pub fn rows(&self, records: &[Record], chosen: &Chosen) -> Rows {
        let embedded = chosen.places.iter().filter_map(|p| Some((*p, self.cache.get(&records[*p].digest)?)));
        Rows::of(records, embedded, chosen.of)
    }
}

/// Embeddings with their classes, as heads are trained on them.
pub struct Rows {
    /// Places among the records.
    places: Vec<usize>,
    features: Vec<f32>,
    dimensions: usize,
    labels: Vec<u32>,
    groups: Vec<u32>,
    /// Names of the classes, sorted.
    pub classes: Vec<String>,
    /// Images that could have been chosen.
    of: usize,
}

impl Rows {
    /// Of embeddings, given with their places among the records.
    fn of<'a>(records: &[Record], embedded: impl Iterator<Item = (usize, &'a [f32])>, of: usize) -> Self {
        let (places, embeddings): (Vec<usize>, Vec<&[f32]>) = embedded.unzip();
        let classes: BTreeSet<&str> = places.iter().map(|place| records[*place].class()).collect();
        let classes: Vec<String> = classes.into_iter().map(str::to_owned).collect();
        let class_of = |place: &usize| {
            classes.binary_search_by(|class| class.as_str().cmp(records[*place].class())).unwrap_or_default() as u32
        };
        Self {
            labels: places.iter().map(class_of).collect(),
            groups: numbered(places.iter().map(|place| &records[*place].group[..])),
            dimensions: embeddings.first().map_or(0, |embedding| embedding.len()),
            features: embeddings.concat(),
            places,
            classes,
            of,
        }
    }

    /// Equal for equal images in equal classes and groups.
    pub fn key(&self, records: &[Record]) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new();
        for record in self.places.iter().map(|place| &records[*place]) {
            for part in [&record.digest[..], record.class(), &record.group] {
                hasher.update(part.as_bytes()).update(&[0]);
            }
        }
        hasher.finalize()
    }

    /// For heads.
    pub fn samples(&self) -> Samples<'_> {
        let Self { features, dimensions, labels, groups, classes, .. } = self;
        Samples { features, dimensions: *dimensions, labels, classes: classes.len(), groups }
    }

    /// Log-probabilities of each image by heads that were trained on neither it nor its look-alikes, `[images, classes]`.
    ///
    /// # Errors
    /// Why there are none, for a person.
    pub fn predict(&self) -> Result<Vec<f32>, String> {
        let different = self.groups.iter().max().map_or(0, |last| *last as usize + 1);
        if self.classes.len() < 2 || different < 2 * FOLDS {
            return Err(format!(
                "It takes two classes and {} images that do not look the same; there are {} and {}.",
                2 * FOLDS,
                self.classes.len(),
                different
            ));
        }
        let found = cross_validate_repeatedly(&self.samples(), &HeadOptions::DEFAULT, FOLDS, REPEATS);
        Ok(found.map_err(|error| error.to_string())?.log_probabilities)
    }

    /// Which images are probably in the wrong folder, by what [`Self::predict`] says.
    ///
    /// # Errors
    /// Why they cannot be found, for a person.
    pub fn label_errors(&self, log_probabilities: &[f32]) -> Result<Search, String> {
        let Self { places, labels, classes, of, .. } = self;
        let row = |row: &[f32]| row.iter().map(|p| p.exp().min(1.0)).collect();
        let probabilities: Vec<Vec<f32>> = log_probabilities.chunks(classes.len()).map(row).collect();
        let report = plugin_label_errors::find(&probabilities, labels, classes.len()).map_err(|e| e.to_string())?;
        let suspects = report.suspects.iter().map(|suspect| Suspect {
            record: places[suspect.index],
            suggested: classes[suspect.suggested as usize].clone(),
            own: suspect.self_confidence,
            other: probabilities[suspect.index][suspect.suggested as usize],
        });
        let exempt = report.exempt.iter().map(|class| classes[*class as usize].clone()).collect();
        Ok(Search::Done { suspects: suspects.collect(), looked_at: places.len(), of: *of, exempt })
    }
}

/// An error for the reader of the page.
fn told(error: &EmbedError) -> Text {
    match error {
        EmbedError::NoWeights(path) => Message::search_no_weights(path.display().to_string()).into(),
        other => format!("{other}.").into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::record;
    use clap::Parser as _;

    /// 40 images of two classes around two centres; number 7 is in the wrong folder.
    fn two_classes() -> (Vec<Record>, Vec<Vec<f32>>) {
        let class = |i: usize| if i.is_multiple_of(2) == (i != 7) { "a" } else { "b" };
        let records = (0..40).map(|i| record(&format!("photos/{}/{i}.jpg", class(i)), &format!("d{i}"))).collect();
        let noise = |i: usize, k: usize| ((i * 31 + k * 7) % 17) as f32 / 60.0;
        let side = |i: usize| if i.is_multiple_of(2) { 1.0 } else { -1.0 };
        let unit = |row: [f32; 3]| {
            let length = row.iter().map(|x| x * x).sum::<f32>().sqrt();
            row.map(|x| x / length).to_vec()
        };
        (records, (0..40).map(|i| unit([side(i) + noise(i, 0), noise(i, 1), noise(i, 2) - side(i)])).collect())
    }

    fn rows(records: &[Record], features: &[Vec<f32>], of: usize) -> Rows {
        Rows::of(records, features.iter().map(Vec::as_slice).enumerate(), of)
    }

    #[test]
    fn a_wrong_label_is_suspected_and_the_right_one_named() {
        let (mut records, mut features) = two_classes();
        records.push(record("photos/rare/1.jpg", "r1"));
        features.push(vec![0.0, 1.0, 0.0]);
        let rows = rows(&records, &features, 50);
        let predicted = rows.predict().unwrap();
        let Ok(Search::Done { suspects, looked_at, of, exempt }) = rows.label_errors(&predicted) else { panic!() };
        assert_eq!((looked_at, of, exempt), (41, 50, vec!["rare".to_owned()]));
        let told: Vec<(&str, &str)> =
            suspects.iter().map(|s| (&records[s.record].path[..], &s.suggested[..])).collect();
        assert_eq!(told, [("photos/a/7.jpg", "b")], "and none of a class of one");
        assert!(suspects[0].own < 0.5 && suspects[0].other > 0.5);
    }

    #[test]
    fn too_little_to_compare_is_said() {
        let (records, features) = two_classes();
        let why = rows(&records, &features[..9], 9).predict().unwrap_err();
        assert!(why.contains("10 images") && why.contains("2 and 9"), "{why}");
    }

    #[test]
    fn images_in_several_classes_are_not_looked_at_and_copies_once() {
        let records = [
            record("photos/a/1.jpg", "d1"),
            record("photos/a/2.jpg", "d1"),
            record("photos/a/3.jpg", "d3"),
            record("photos/b/3.jpg", "d3"),
            record("photos/b/4.jpg", "d4"),
            record("loose.jpg", "d5"),
        ];
        let chosen = Chosen::of(&records, 100);
        assert_eq!((&chosen.places[..], chosen.of), (&[0, 4][..], 2));
        assert_eq!((Chosen::of(&records, 1).places, Chosen::of(&records, 1).of), (vec![0], 2));
    }

    #[test]
    fn missing_weights_name_the_command_that_fetches_them() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::create(folder.path()).unwrap();
        let open = |line: &str| {
            let config = Config::parse_from(["inspect"].into_iter().chain(line.split(' ')));
            EmbeddingSource::open(&config, &workspace).err().unwrap()
        };
        let Search::NotDone(why) = open("--weights no/such.safetensors") else { panic!() };
        assert!(why.contains("cargo wakuteka weights efficientnet-lite0") && why.contains("no/such"), "{why}");
        assert_eq!(open("--label-errors off"), Search::Off);
        assert_eq!(open("--network none"), Search::Off);
        assert!(matches!(open("--network champion"), Search::NotDone(why) if why.contains("champion")));
    }
}
