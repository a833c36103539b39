//! Iterative stratification of units (images that stay together) over parts with given shares.

use crate::table::Table;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Images of each class in each part, against the parts' shares. All sums are of integers, so results are exact.
#[derive(Clone, Debug)]
pub struct Balance {
    /// Share of each part; `whole` is their sum.
    shares: Vec<i64>,
    whole: i64,
    totals: Vec<u32>,
    images: i64,
    /// `[class][part]`.
    counts: Vec<i64>,
    /// Of all images, by part.
    overall: Vec<i64>,
}

impl Balance {
    /// No image lies anywhere yet.
    pub fn new(table: &Table, shares: Vec<i64>) -> Self {
        Self {
            whole: shares.iter().sum(),
            totals: table.totals.clone(),
            images: table.places.len() as i64,
            counts: vec![0; table.totals.len() * shares.len()],
            overall: vec![0; shares.len()],
            shares,
        }
    }

    /// How many parts there are.
    pub fn parts(&self) -> usize {
        self.shares.len()
    }

    /// Images of a class in a part.
    pub fn count(&self, class: u32, part: usize) -> i64 {
        self.counts[class as usize * self.parts() + part]
    }

    /// Images of a class.
    pub fn total(&self, class: u32) -> i64 {
        i64::from(self.totals[class as usize])
    }

    /// Share of a class's images that belongs to a part, times [`Balance::whole`].
    pub fn due(&self, class: u32, part: usize) -> i64 {
        self.total(class) * self.shares[part]
    }

    /// Sum of the shares.
    pub fn whole(&self) -> i64 {
        self.whole
    }

    /// The share of a part.
    pub fn share(&self, part: usize) -> i64 {
        self.shares[part]
    }

    /// What a part has too few of a class, times [`Balance::whole`]; negative where it has too many.
    pub fn lack(&self, class: u32, part: usize) -> i64 {
        self.due(class, part) - self.whole * self.count(class, part)
    }

    /// How well a unit fits into a part: of two parts, the one where this is larger leaves the smaller sum of squared lacks.
    pub fn fit(&self, unit: &Unit, part: usize) -> i64 {
        unit.counts.iter().map(|(class, count)| self.lack(*class, part) * i64::from(*count)).sum()
    }

    fn overall_lack(&self, part: usize) -> i64 {
        self.images * self.shares[part] - self.whole * self.overall[part]
    }

    /// Puts an image into a part (`by` 1) or takes it out (−1).
    pub fn add(&mut self, table: &Table, image: u32, part: usize, by: i64) {
        self.overall[part] += by;
        let parts = self.parts();
        for class in table.classes.get(image) {
            self.counts[*class as usize * parts + part] += by;
        }
    }
}

/// Images that stay together, and how many of each class they are.
#[derive(Clone, Debug, Default)]
pub struct Unit {
    pub images: Vec<u32>,
    /// Classes in it, and how many images of each.
    pub counts: Vec<(u32, u32)>,
}

impl Unit {
    /// A unit of these images.
    pub fn new(table: &Table, images: Vec<u32>) -> Self {
        let mut classes: Vec<u32> = images.iter().flat_map(|image| table.classes.get(*image).iter().copied()).collect();
        classes.sort_unstable();
        let counts = classes.chunk_by(|a, b| a == b).map(|chunk| (chunk[0], chunk.len() as u32)).collect();
        Self { images, counts }
    }
}

/// A class of fewer images prefers the last part where several lack equally much of it.
#[derive(Clone, Copy, Debug)]
pub struct LastPartBelow(pub i64);

/// The part of each unit: rarest class first, and of it the largest units, each to where most of the class is lacking; where
/// several parts lack equally much of it, to where the unit's other classes are lacking, then to where images are.
/// `balance` holds what lies somewhere already, and the result afterwards.
pub fn stratify(table: &Table, units: &[Unit], balance: &mut Balance, ties: LastPartBelow) -> Vec<usize> {
    let mut left = vec![0u32; table.totals.len()];
    let mut of_class: Vec<Vec<(Reverse<u32>, u32)>> = vec![Vec::new(); table.totals.len()];
    for (number, unit) in (0..).zip(units) {
        for &(class, count) in &unit.counts {
            left[class as usize] += count;
            of_class[class as usize].push((Reverse(count), number));
        }
    }
    for list in &mut of_class {
        list.sort_unstable();
    }
    let mut parts: Vec<Option<usize>> = vec![None; units.len()];
    let mut rarest: BinaryHeap<Reverse<(u32, u32)>> =
        (0..).zip(&left).filter(|(_, left)| **left > 0).map(|(class, left)| Reverse((*left, class))).collect();
    while let Some(Reverse((known, class))) = rarest.pop() {
        let now = left[class as usize];
        if now != known {
            if now > 0 {
                rarest.push(Reverse((now, class)));
            }
            continue;
        }
        for &(_, number) in &of_class[class as usize] {
            let slot = &mut parts[number as usize];
            if slot.is_some() {
                continue;
            }
            let unit = &units[number as usize];
            let last_first = balance.total(class) < ties.0;
            let part = (0..balance.parts())
                .max_by_key(|part| {
                    let tie = if last_first { (0, 0) } else { (balance.fit(unit, *part), balance.overall_lack(*part)) };
                    (balance.lack(class, *part), tie, *part)
                })
                .unwrap_or_default();
            *slot = Some(part);
            for &(class, count) in &unit.counts {
                left[class as usize] -= count;
            }
            for &image in &unit.images {
                balance.add(table, image, part, 1);
            }
        }
    }
    // What has no class goes by share alone.
    let mut rest: Vec<usize> = (0..units.len()).filter(|number| parts[*number].is_none()).collect();
    rest.sort_by_key(|number| Reverse(units[*number].images.len()));
    for number in rest {
        let part = (0..balance.parts()).max_by_key(|part| (balance.overall_lack(*part), *part)).unwrap_or_default();
        parts[number] = Some(part);
        for &image in &units[number].images {
            balance.add(table, image, part, 1);
        }
    }
    parts.into_iter().map(Option::unwrap_or_default).collect()
}
