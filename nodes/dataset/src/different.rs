//! Samples that a person has said are no copies of each other: they are never put into one group because they look alike.

use crate::split::{GroupKey, Groups};
use plugin_hash::{Radii, Views};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Sets of samples; of each set, no two may be in one group.
#[derive(Clone, Debug, Default)]
pub struct Different {
    /// By sample: its number, and those of the sets it is in.
    of: HashMap<String, (u32, Vec<u32>)>,
}

impl Different {
    /// Of these sets.
    pub fn new(sets: &[Vec<String>]) -> Self {
        let mut of = HashMap::<String, (u32, Vec<u32>)>::new();
        for (set, samples) in (0_u32..).zip(sets) {
            for sample in samples {
                let number = of.len() as u32;
                of.entry(sample.clone()).or_insert((number, Vec::new())).1.push(set);
            }
        }
        Self { of }
    }

    /// What forbids a sample to be with others; nothing for most.
    pub fn exclusions(&self, sample: &str) -> Exclusions {
        let of = self.of.get(sample).into_iter();
        Exclusions(of.flat_map(|(number, sets)| sets.iter().map(|set| (*set, *number))).collect())
    }
}

/// Of a group: which sets have a sample in it, and which.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exclusions(BTreeMap<u32, u32>);

impl Exclusions {
    /// Nothing forbids anything.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a set has one sample here and another there.
    pub fn forbid(&self, other: &Self) -> bool {
        self.0.iter().any(|(set, sample)| other.0.get(set).is_some_and(|another| another != sample))
    }

    /// Both.
    pub fn join(&mut self, other: Self) {
        self.0.extend(other.0);
    }
}

/// An image of a group that is made anew.
#[derive(Clone, Debug)]
pub struct Member {
    /// BLAKE3 of the file.
    pub digest: String,
    /// Digest of its sample.
    pub sample: String,
    /// The group it is in.
    pub group: String,
    /// Perceptual hash.
    pub phash: u64,
    /// Difference hash.
    pub dhash: u64,
    /// Its signatures, unless it was stored by an earlier version.
    pub views: Option<Views>,
}

/// Makes the groups of some images anew: what looks alike is one group, but for what `different` forbids. `members` are all
/// images of the groups concerned. The largest part of a group keeps its name. Returns digests and new names of those whose
/// group is another now.
///
/// `is_taken`: whether a name is that of a group; `members`' own included.
pub fn regroup(
    members: &[Member],
    radii: Option<Radii>,
    different: &Different,
    is_taken: impl Fn(&str) -> bool,
) -> Vec<(String, String)> {
    // Those that are told apart first: the others go with the one they are nearest to.
    let mut order: Vec<&Member> = members.iter().collect();
    order.sort_by_cached_key(|one| {
        (different.exclusions(&one.sample).is_empty(), one.sample.clone(), one.digest.clone())
    });
    order.dedup_by(|one, first| one.sample == first.sample);
    let mut groups = Groups::new(radii).different(different.clone());
    for one in &order {
        let face = GroupKey { sample: &one.sample, phash: one.phash, dhash: one.dhash, views: one.views.as_ref() };
        groups.add(&one.digest, face);
    }
    let mut part_of: HashMap<&str, String> = HashMap::new();
    for (number, one) in (0..).zip(&order) {
        part_of.insert(&one.sample, groups.name(number).unwrap_or(&one.digest).to_owned());
    }
    let mut parts: BTreeMap<&str, Vec<&Member>> = BTreeMap::new();
    for one in members {
        parts.entry(&part_of[one.sample.as_str()]).or_default().push(one);
    }
    let mut parts: Vec<Vec<&Member>> = parts.into_values().collect();
    parts.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a[0].digest.cmp(&b[0].digest)));
    let mut used = HashSet::new();
    let mut changed = Vec::new();
    for part in parts {
        let name = name_of(&part, &used, &is_taken);
        changed.extend(part.iter().filter(|one| one.group != name).map(|one| (one.digest.clone(), name.clone())));
        used.insert(name);
    }
    changed
}

/// The name that most of a part had, or that of its first member, or a number more.
fn name_of(part: &[&Member], used: &HashSet<String>, is_taken: &impl Fn(&str) -> bool) -> String {
    let mut before: BTreeMap<&str, usize> = BTreeMap::new();
    for one in part {
        *before.entry(&one.group).or_default() += 1;
    }
    let kept = before.into_iter().filter(|(name, _)| !used.contains(*name)).max_by_key(|(_, members)| *members);
    if let Some((name, _)) = kept {
        return name.to_owned();
    }
    let digests: BTreeSet<&str> = part.iter().map(|one| one.digest.as_str()).collect();
    let own = digests.iter().map(|digest| (*digest).to_owned());
    let numbered = (2_u32..).map(|n| format!("{}-{n}", part[0].digest));
    own.chain(numbered).find(|name| !used.contains(name) && !is_taken(name)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const P: u64 = 0x0f0f_1234_5678_9abc;
    const D: u64 = 0x00ff_4321_8765_cba9;

    /// Images without signatures in the group `a`; their perceptual hashes differ in the bits given, and 4 are near.
    fn members(bits: &[(&str, u64)]) -> Vec<Member> {
        let one = |(digest, bits): &(&str, u64)| Member {
            digest: (*digest).to_owned(),
            sample: (*digest).to_owned(),
            group: "a".to_owned(),
            phash: P ^ bits,
            dhash: D,
            views: None,
        };
        bits.iter().map(one).collect()
    }

    fn different(sets: &[&[&str]]) -> Different {
        Different::new(&sets.iter().map(|set| set.iter().map(|s| (*s).to_owned()).collect()).collect::<Vec<_>>())
    }

    fn apart(members: &[Member], sets: &[&[&str]]) -> Vec<(String, String)> {
        regroup(members, Some(Radii::USUAL), &different(sets), |name| members.iter().any(|one| one.group == name))
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected.iter().map(|(digest, group)| ((*digest).to_owned(), (*group).to_owned())).collect()
    }

    #[test]
    fn different_images_leave_and_the_rest_stays() {
        // All but c are nearer to a than to c.
        let all = members(&[("a", 0), ("b", 1), ("c", 2), ("d", 4)]);
        assert_eq!(apart(&all, &[]), pairs(&[]));
        assert_eq!(apart(&all, &[&["a", "c"]]), pairs(&[("c", "c")]), "one of them alone");
        let three = apart(&all, &[&["b", "c", "d"]]);
        assert_eq!(three.len(), 2, "{three:?}");
    }

    #[test]
    fn an_image_near_to_both_goes_with_the_nearer() {
        let all = members(&[("a", 0), ("b", 0b1111), ("near b", 0b0111), ("near a", 0b0001)]);
        assert_eq!(apart(&all, &[&["a", "b"]]), pairs(&[("b", "b"), ("near b", "b")]));
    }

    #[test]
    fn the_founder_may_be_the_odd_one() {
        let all = members(&[("a", 0), ("b", 1), ("c", 2)]);
        let mut sets = apart(&all, &[&["a", "b"], &["a", "c"]]);
        assert_eq!(sets, pairs(&[("a", "a-2")]), "the larger part keeps the name");
        sets = regroup(&members(&[("a", 0)]), Some(Radii::USUAL), &different(&[]), |_| true);
        assert_eq!(sets, []);
    }

    #[test]
    fn equal_pixels_stay_together() {
        let mut all = members(&[("a", 0), ("b", 1), ("again", 0)]);
        all[2].sample = "a".to_owned();
        assert_eq!(apart(&all, &[&["a", "b"]]), pairs(&[("b", "b")]));
    }

    #[test]
    fn parts_become_one_again() {
        let mut all = members(&[("a", 0), ("b", 1), ("c", 2)]);
        all[1].group = "b".to_owned();
        assert_eq!(apart(&all, &[]), pairs(&[("b", "a")]));
    }
}
