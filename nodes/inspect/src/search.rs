//! The search for wrong labels: embeddings, out-of-fold probabilities, confident learning.

use crate::config::{Config, LabelErrors};
use crate::find::labels::{Search, Suspect};
use crate::record::Record;
use plugin_api::Home;
use plugin_decode::Picture;
use plugin_embed::{Cache, EmbedError, Embedder, NetworkChoice};
use plugin_probe::ProbeOptions;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// Pictures embedded between two looks at whether the work is still wanted.
const AT_A_TIME: usize = 4;
/// Parts the pictures are dealt to: a head learns from four and speaks of the fifth.
const FOLDS: usize = 5;
const SEED: u64 = 1;

/// Pictures that can be looked at: places among the records, one file a picture, only of one class.
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

/// Eyes and what they saw.
pub struct Eyes {
    embedder: Embedder,
    cache: Cache,
}

impl Eyes {
    /// Opens the network of the options.
    ///
    /// # Errors
    /// What to tell the reader.
    pub fn open(config: &Config, home: &Home) -> Result<Self, Search> {
        if config.label_errors == LabelErrors::Off || config.embed.network == NetworkChoice::None {
            return Err(Search::Off);
        }
        let embedder = Embedder::open(&config.embed, home).map_err(|error| Search::NotDone(told(&error)))?;
        let cache = Cache::open(home, embedder.fingerprint(), embedder.dimensions())
            .map_err(|error| Search::NotDone(error.to_string()))?;
        Ok(Self { embedder, cache })
    }

    /// Pictures of `chosen` that were never embedded.
    pub fn unseen(&self, records: &[Record], chosen: &Chosen) -> Vec<usize> {
        chosen.places.iter().copied().filter(|p| self.cache.get(&records[*p].digest).is_none()).collect()
    }

    /// Embeds pictures; `went` is told how many are done and says whether to go on. Files that have changed or gone are
    /// passed over.
    ///
    /// # Errors
    /// What to tell the reader.
    pub fn look(
        &mut self,
        records: &[Record],
        unseen: &[usize],
        config: &Config,
        home: &Home,
        went: impl Fn(usize) -> bool,
    ) -> Result<(), Search> {
        let told = |error: &dyn std::fmt::Display| Search::NotDone(error.to_string());
        // `train` embeds the same images for its head, from the first on; this begins with the last, and they meet.
        for (part, places) in unseen.rchunks(AT_A_TIME).enumerate() {
            if !went(part * AT_A_TIME) {
                return Ok(());
            }
            self.cache.refresh().map_err(|e| told(&e))?;
            let is_missing = |place: &&usize| self.cache.get(&records[**place].digest).is_none();
            let places: Vec<usize> = places.iter().filter(is_missing).copied().collect();
            if places.is_empty() {
                continue;
            }
            let decoded: Vec<Option<Picture>> = places
                .par_iter()
                .map(|place| {
                    let record = &records[*place];
                    plugin_embed::known(&home.root().join(&record.path), &record.digest, &config.limits)
                })
                .collect();
            let (digests, pictures): (Vec<&str>, Vec<Picture>) =
                places.iter().zip(decoded).filter_map(|(p, d)| Some((&records[*p].digest[..], d?))).unzip();
            let embeddings = self.embedder.embed(&pictures).map_err(|e| told(&e))?;
            for (digest, embedding) in digests.into_iter().zip(embeddings) {
                self.cache.put(digest, &embedding).map_err(|e| told(&e))?;
            }
        }
        self.cache.sync().map_err(|e| told(&e))
    }

    /// Who is probably in the wrong folder, by the embeddings there are.
    pub fn judge(&self, records: &[Record], chosen: &Chosen) -> Search {
        let seen: Vec<(usize, &[f32])> =
            chosen.places.iter().filter_map(|p| Some((*p, self.cache.get(&records[*p].digest)?))).collect();
        judge(records, &seen, chosen.of).unwrap_or_else(Search::NotDone)
    }
}

/// Confident learning on embeddings, given with their places among the records.
fn judge(records: &[Record], seen: &[(usize, &[f32])], of: usize) -> Result<Search, String> {
    let classes: Vec<&str> =
        seen.iter().map(|(p, _)| records[*p].class()).collect::<BTreeSet<_>>().into_iter().collect();
    let groups = plugin_probe::numbered(seen.iter().map(|(p, _)| &records[*p].group[..]));
    let different = groups.iter().max().map_or(0, |last| *last as usize + 1);
    if classes.len() < 2 || different < 2 * FOLDS {
        return Err(format!(
            "It takes two classes and {} pictures that do not look the same; there are {} and {}.",
            2 * FOLDS,
            classes.len(),
            different
        ));
    }
    let features: Vec<Vec<f32>> = seen.iter().map(|(_, embedding)| embedding.to_vec()).collect();
    let class_of = |place: &usize| classes.binary_search(&records[*place].class()).unwrap_or_default() as u32;
    let given: Vec<u32> = seen.iter().map(|(place, _)| class_of(place)).collect();
    let weights = vec![1.0; seen.len()];
    let probabilities = plugin_probe::out_of_fold(
        &features,
        &given,
        &groups,
        &weights,
        classes.len(),
        FOLDS,
        SEED,
        &ProbeOptions::UNIT_LENGTH,
    )
    .map_err(|e| e.to_string())?;
    // Of the filters, the one that was right most often at much the same recall (`tests/README.md` has the figures).
    let report = plugin_label_errors::find_by(&plugin_label_errors::Both, &probabilities, &given, classes.len())
        .map_err(|e| e.to_string())?;
    let suspects = report.suspects.iter().map(|suspect| Suspect {
        record: seen[suspect.index].0,
        suggested: classes[suspect.suggested as usize].to_owned(),
        own: suspect.self_confidence,
        other: probabilities[suspect.index][suspect.suggested as usize],
    });
    Ok(Search::Done { suspects: suspects.collect(), looked_at: seen.len(), of })
}

/// An error for the reader of the page.
fn told(error: &EmbedError) -> String {
    match error {
        EmbedError::NoWeights(path) => format!(
            "The network's weights are not there ({}). `cargo wakuteka weights efficientnet-lite0` fetches them; the \
             search is then done with the next change of the pictures or the next start.",
            path.display()
        ),
        other => format!("{other}."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::record;
    use clap::Parser as _;

    /// 40 pictures of two classes around two centres; number 7 is in the wrong folder.
    fn two_classes() -> (Vec<Record>, Vec<Vec<f32>>) {
        let class = |i: usize| if i.is_multiple_of(2) == (i != 7) { "a" } else { "b" };
        let records = (0..40).map(|i| record(&format!("photos/{}/{i}.jpg", class(i)), &format!("d{i}"))).collect();
        let noise = |i: usize, k: usize| ((i * 31 + k * 7) % 17) as f32 / 60.0;
        let side = |i: usize| if i.is_multiple_of(2) { 1.0 } else { -1.0 };
        (records, (0..40).map(|i| vec![side(i) + noise(i, 0), noise(i, 1), noise(i, 2) - side(i)]).collect())
    }

    #[test]
    fn a_wrong_label_is_suspected_and_the_right_one_named() {
        let (records, features) = two_classes();
        let seen: Vec<(usize, &[f32])> = features.iter().map(Vec::as_slice).enumerate().collect();
        let Ok(Search::Done { suspects, looked_at, of }) = judge(&records, &seen, 50) else { panic!() };
        assert_eq!((looked_at, of), (40, 50));
        let told: Vec<(&str, &str)> =
            suspects.iter().map(|s| (&records[s.record].path[..], &s.suggested[..])).collect();
        assert_eq!(told, [("photos/a/7.jpg", "b")]);
        assert!(suspects[0].own < 0.5 && suspects[0].other > 0.5);
    }

    #[test]
    fn too_little_to_compare_is_said() {
        let (records, features) = two_classes();
        let seen: Vec<(usize, &[f32])> = features.iter().map(Vec::as_slice).enumerate().take(9).collect();
        let why = judge(&records, &seen, 9).unwrap_err();
        assert!(why.contains("10 pictures") && why.contains("2 and 9"), "{why}");
    }

    #[test]
    fn pictures_in_several_classes_are_not_looked_at_and_copies_once() {
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
    fn without_weights_the_reader_is_told_which_command_fetches_them() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::create(folder.path()).unwrap();
        let open = |line: &str| {
            let config = Config::parse_from(["inspect"].into_iter().chain(line.split(' ')));
            Eyes::open(&config, &home).err().unwrap()
        };
        let Search::NotDone(why) = open("--weights no/such.safetensors") else { panic!() };
        assert!(why.contains("cargo wakuteka weights efficientnet-lite0") && why.contains("no/such"), "{why}");
        assert_eq!(open("--label-errors off"), Search::Off);
        assert_eq!(open("--network none"), Search::Off);
        assert!(matches!(open("--network champion"), Search::NotDone(why) if why.contains("champion")));
    }
}
