//! Which classes claim which images of the pool, kept up to date as seeds and images come and go: one more costs
//! one comparison with each of the other kind, never all with all.

use crate::measure::{Feature, Reach};
use plugin_search::Index;
use rayon::prelude::*;
use std::collections::{BTreeMap, HashMap};

/// A class that claims an image.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// Class of the seeds that the image is near to.
    pub class: String,
    /// Mean distance from its nearest seeds.
    pub distance: f32,
}

/// An image of the pool.
#[derive(Debug)]
struct PoolImage {
    digest: String,
    feature: Feature,
    /// Images that left keep their place, so that the numbers of the others stay as they are.
    there: bool,
}

/// A seed and what is within its reach.
#[derive(Debug)]
struct Seed {
    feature: Feature,
    near: Vec<(u32, f32)>,
}

/// Seeds and pool.
#[derive(Debug)]
pub struct Claims {
    reach: Reach,
    k: usize,
    pool: Vec<PoolImage>,
    slots: HashMap<String, u32>,
    index: Index,
    seeds: BTreeMap<String, BTreeMap<String, Seed>>,
}

impl Claims {
    /// None yet. A distance is the mean of those from the `nearest` seeds of a class.
    pub fn new(reach: Reach, k: usize) -> Self {
        let (pool, slots, seeds) = (Vec::new(), HashMap::new(), BTreeMap::new());
        Self { reach, k: k.max(1), pool, slots, index: Index::new(), seeds }
    }

    /// An image of the pool, by its digest.
    pub fn add(&mut self, digest: &str, feature: Feature) {
        if let Some(slot) = self.slots.get(digest) {
            self.pool[*slot as usize].there = true;
            return;
        }
        let slot = self.pool.len() as u32;
        for seed in self.seeds.values_mut().flat_map(BTreeMap::values_mut) {
            let distance = seed.feature.distance(&feature);
            if self.reach.holds(distance) {
                seed.near.push((slot, distance));
            }
        }
        if let Feature::Hash(hash) = feature {
            self.index.insert(hash);
        }
        self.slots.insert(digest.to_owned(), slot);
        self.pool.push(PoolImage { digest: digest.to_owned(), feature, there: true });
    }

    /// An image is no longer in the pool.
    pub fn remove(&mut self, digest: &str) {
        if let Some(slot) = self.slots.get(digest) {
            self.pool[*slot as usize].there = false;
        }
    }

    /// A seed of a class, by its digest.
    pub fn add_seed(&mut self, class: &str, digest: &str, feature: Feature) {
        let of_class = self.seeds.entry(class.to_owned()).or_default();
        if of_class.contains_key(digest) {
            return;
        }
        let near = if let (Reach::Bits(radius), Feature::Hash(hash)) = (self.reach, &feature) {
            self.index.within(*hash, radius).into_iter().map(|found| (found.id, found.distance as f32)).collect()
        } else {
            let measured = |slot: u32| (slot, feature.distance(&self.pool[slot as usize].feature));
            let all = (0..self.pool.len() as u32).into_par_iter().map(measured);
            all.filter(|(_, distance)| self.reach.holds(*distance)).collect()
        };
        of_class.insert(digest.to_owned(), Seed { feature, near });
    }

    /// A seed left its class.
    pub fn remove_seed(&mut self, class: &str, digest: &str) {
        if let Some(of_class) = self.seeds.get_mut(class) {
            of_class.remove(digest);
            if of_class.is_empty() {
                self.seeds.remove(class);
            }
        }
    }

    /// Classes that have seeds.
    pub fn classes(&self) -> impl Iterator<Item = &str> {
        self.seeds.keys().map(String::as_str)
    }

    /// Whether an image is a seed of any class.
    pub fn is_seed(&self, digest: &str) -> bool {
        self.seeds.values().any(|of_class| of_class.contains_key(digest))
    }

    /// The classes that claim each image of the pool, nearest first. Images that none claims, and those that are
    /// seeds themselves, are left out.
    pub fn all(&self) -> BTreeMap<&str, Vec<Claim>> {
        let mut claims = BTreeMap::<&str, Vec<Claim>>::new();
        for (class, seeds) in &self.seeds {
            let mut near: Vec<(u32, f32)> = seeds.values().flat_map(|seed| seed.near.iter().copied()).collect();
            near.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
            // The nearest seed's distance is left of each.
            near.dedup_by_key(|(slot, _)| *slot);
            let measured: Vec<(u32, f32)> = near
                .into_par_iter()
                .filter(|(slot, _)| self.pool[*slot as usize].there)
                .map(|(slot, least)| match self.k {
                    1 => (slot, least),
                    _ => (slot, self.mean(seeds, &self.pool[slot as usize].feature)),
                })
                .collect();
            for (slot, distance) in measured.into_iter().filter(|(_, distance)| self.reach.holds(*distance)) {
                let digest = self.pool[slot as usize].digest.as_str();
                if !self.is_seed(digest) {
                    claims.entry(digest).or_default().push(Claim { class: class.clone(), distance });
                }
            }
        }
        for claims in claims.values_mut() {
            // By name where two are as near, which is their order so far.
            claims.sort_by(|a, b| a.distance.total_cmp(&b.distance));
        }
        claims
    }

    fn mean(&self, seeds: &BTreeMap<String, Seed>, feature: &Feature) -> f32 {
        let mut distances: Vec<f32> = seeds.values().map(|seed| seed.feature.distance(feature)).collect();
        distances.sort_by(f32::total_cmp);
        distances.truncate(self.k);
        distances.iter().sum::<f32>() / distances.len().max(1) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(of: &Claims) -> BTreeMap<String, Vec<(String, f32)>> {
        let plain = |claims: Vec<Claim>| claims.into_iter().map(|c| (c.class, c.distance)).collect();
        of.all().into_iter().map(|(digest, claims)| (digest.to_owned(), plain(claims))).collect()
    }

    fn random(seed: &mut u64) -> u64 {
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        *seed ^ (*seed >> 29)
    }

    #[test]
    fn the_order_in_which_they_come_does_not_matter() {
        for reach in [Reach::Bits(28), Reach::Cosine(0.6)] {
            for k in [1, 3] {
                let mut state = 7;
                let mut feature = || match reach {
                    Reach::Bits(_) => Feature::Hash(random(&mut state)),
                    Reach::Cosine(_) => {
                        let values: Vec<f32> = (0..4).map(|_| (random(&mut state) % 1000) as f32 - 400.0).collect();
                        let length = values.iter().map(|v| v * v).sum::<f32>().sqrt();
                        Feature::Embedding(values.iter().map(|v| v / length).collect())
                    }
                };
                let pool: Vec<(String, Feature)> = (0..300).map(|i| (format!("p{i:03}"), feature())).collect();
                let seeds: Vec<(String, String, Feature)> =
                    (0..30).map(|i| (format!("c{}", i % 3), format!("s{i:02}"), feature())).collect();

                let mut mixed = Claims::new(reach, k);
                for (at, (digest, feature)) in pool.iter().enumerate() {
                    mixed.add(digest, feature.clone());
                    if let Some((class, seed, feature)) = seeds.get(at / 7) {
                        mixed.add_seed(class, seed, feature.clone());
                    }
                }
                mixed.add_seed("c9", "gone", feature());
                mixed.add("gone", feature());
                mixed.remove_seed("c9", "gone");
                mixed.remove("gone");

                // Measured one by one.
                let mut expected = BTreeMap::<String, Vec<(String, f32)>>::new();
                for (digest, feature) in &pool {
                    for class in ["c0", "c1", "c2"] {
                        let of_class = seeds.iter().filter(|(of, ..)| of == class);
                        let mut distances: Vec<f32> = of_class.map(|(_, _, seed)| seed.distance(feature)).collect();
                        distances.sort_by(f32::total_cmp);
                        let mean = distances[..k].iter().sum::<f32>() / k as f32;
                        if reach.holds(mean) {
                            expected.entry(digest.clone()).or_default().push((class.to_owned(), mean));
                        }
                    }
                }
                for of in expected.values_mut() {
                    of.sort_by(|a, b| a.1.total_cmp(&b.1));
                }
                assert!(expected.len() > 50 && expected.values().any(|of| of.len() > 1));
                assert_eq!(claims(&mixed), expected, "{reach:?} {k}");
            }
        }
    }

    #[test]
    fn seeds_are_no_candidates_and_images_come_back() {
        let mut of = Claims::new(Reach::Bits(4), 1);
        of.add("a", Feature::Hash(0));
        of.add("b", Feature::Hash(1));
        of.add_seed("cat", "b", Feature::Hash(1));
        assert_eq!(claims(&of), [("a".to_owned(), vec![("cat".to_owned(), 1.0)])].into());
        of.remove("a");
        assert!(claims(&of).is_empty());
        of.add("a", Feature::Hash(0));
        assert_eq!(claims(&of).len(), 1);
        of.remove_seed("cat", "b");
        assert!(claims(&of).is_empty());
        assert_eq!(of.classes().count(), 0);
    }
}
