//! Folds of a cross-validation.

use crate::stratify::{Balance, LastPartBelow, Unit, stratify};
use crate::table::Table;
use crate::{Image, leading_bits, sequence};
use std::collections::{HashMap, HashSet};

/// The result of [`folds`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folds<'a> {
    /// The fold of each image, from 0.
    pub of: Vec<u32>,
    /// Groups that lie in more than one fold, sorted.
    pub cut: Vec<&'a str>,
}

/// Draws `count` folds (at least 2) by group and stratified by class; corresponds to scikit-learn's `StratifiedGroupKFold`.
///
/// The splits of the images do not matter. Where a group has so much of a class that little would be left to learn it from
/// (more than (k + 1) / 2k), it is cut into contiguous pieces. A class of 2 images or more, of one class each, never lies in
/// one fold: where its groups would, one of them moves, or if that takes the same from another class, is cut. The seed decides
/// which of many equal draws it is.
pub fn folds<'a>(images: &[Image<'a>], count: u32, seed: u64) -> Folds<'a> {
    let count = count.max(2);
    let table = Table::new(images, |key| shuffled(leading_bits(key), seed));
    let at = |number: u32| &images[table.places[number as usize] as usize];
    let mut units = Vec::new();
    let mut in_pieces = vec![false; images.len()];
    for (number, cell) in (0..).zip(&table.cells) {
        let (own, all) = (u64::from(cell.images), u64::from(table.totals[cell.class as usize]));
        if own < 2 || own * 2 * u64::from(count) <= all * (u64::from(count) + 1) {
            continue;
        }
        let mut rest: Vec<u32> =
            table.cell_images.get(number).iter().copied().filter(|image| !in_pieces[*image as usize]).collect();
        sequence::sort(&mut rest, at);
        for image in &rest {
            in_pieces[*image as usize] = true;
        }
        for left in (1..=count as usize).rev() {
            let piece: Vec<u32> = rest.drain(..rest.len().div_ceil(left)).collect();
            if !piece.is_empty() {
                units.push(Unit::new(&table, piece));
            }
        }
    }
    for group in 0..table.group_count() {
        let whole = table.members.get(group).iter().copied().filter(|image| !in_pieces[*image as usize]);
        let whole: Vec<u32> = whole.collect();
        if !whole.is_empty() {
            units.push(Unit::new(&table, whole));
        }
    }
    let mut balance = Balance::new(&table, vec![1; count as usize]);
    let mut parts = stratify(&table, &units, &mut balance, LastPartBelow(0));
    spread(&table, &mut units, &mut parts, &mut balance, at);
    let mut of = vec![0; images.len()];
    for (unit, part) in units.iter().zip(parts) {
        for &image in &unit.images {
            of[table.places[image as usize] as usize] = part as u32;
        }
    }
    let is_cut = |group: &u32| {
        let mut folds = table.members.get(*group).iter().map(|image| of[table.places[*image as usize] as usize]);
        let first = folds.next();
        folds.any(|fold| Some(fold) != first)
    };
    let cut = (0..table.group_count()).filter(is_cut).map(|group| at(table.members.get(group)[0]).group);
    let mut cut: Vec<&str> = cut.collect::<HashSet<_>>().into_iter().collect();
    cut.sort_unstable();
    Folds { of, cut }
}

/// Sees to it that no class of 2 images or more lies in one fold.
fn spread<'t, 'a: 't>(
    table: &Table,
    units: &mut Vec<Unit>,
    parts: &mut Vec<usize>,
    balance: &mut Balance,
    at: impl Fn(u32) -> &'t Image<'a> + Copy,
) {
    let only = |balance: &Balance, class: u32| {
        let total = balance.total(class);
        (0..balance.parts()).find(|part| total > 1 && balance.count(class, *part) == total)
    };
    let narrow: Vec<u32> = (0..table.class_count()).filter(|class| only(balance, *class).is_some()).collect();
    let mut of_class: HashMap<u32, Vec<usize>> = narrow.iter().map(|class| (*class, Vec::new())).collect();
    for (number, unit) in units.iter().enumerate() {
        for (class, _) in &unit.counts {
            if let Some(list) = of_class.get_mut(class) {
                list.push(number);
            }
        }
    }
    for class in narrow {
        let Some(from) = only(balance, class) else { continue };
        let mut list = of_class.remove(&class).unwrap_or_default();
        list.sort_by_key(|number| units[*number].images.len());
        let whole = list.iter().find_map(|&number| Some((number, fitting(balance, &units[number], from)?)));
        if let Some((number, to)) = whole {
            for &image in &units[number].images {
                balance.add(table, image, from, -1);
                balance.add(table, image, to, 1);
            }
            parts[number] = to;
            continue;
        }
        // The end of its largest piece, as much as is due to one fold.
        let is_own = |image: &u32| table.classes.get(*image).contains(&class);
        let own = |number: &usize| -> Vec<u32> { units[*number].images.iter().copied().filter(is_own).collect() };
        let Some((number, mut piece)) = list.iter().map(|n| (*n, own(n))).max_by_key(|(_, own)| own.len()) else {
            continue;
        };
        sequence::sort(&mut piece, at);
        let due = (balance.total(class) as usize).div_ceil(balance.parts());
        let piece = Unit::new(table, piece.split_off(piece.len().saturating_sub(due)));
        let Some(to) = fitting(balance, &piece, from) else { continue };
        for &image in &piece.images {
            balance.add(table, image, from, -1);
            balance.add(table, image, to, 1);
        }
        let moved: HashSet<u32> = piece.images.iter().copied().collect();
        units[number] =
            Unit::new(table, units[number].images.iter().copied().filter(|image| !moved.contains(image)).collect());
        for (class, _) in &piece.counts {
            if let Some(list) = of_class.get_mut(class) {
                list.push(units.len());
            }
        }
        units.push(piece);
        parts.push(to);
    }
}

/// The fold other than this into which a unit fits best, of those where none of its classes would lie alone.
fn fitting(balance: &Balance, unit: &Unit, from: usize) -> Option<usize> {
    let leaves_some = |part: &usize| {
        unit.counts.iter().all(|(class, own)| {
            let total = balance.total(*class);
            total < 2 || balance.count(*class, *part) + i64::from(*own) < total
        })
    };
    let others = (0..balance.parts()).filter(|part| *part != from);
    others.filter(leaves_some).max_by_key(|part| (balance.fit(unit, *part), *part))
}

/// SplitMix64 of a key and a seed. Source: Steele, Lea, Flood, 2014, <https://doi.org/10.1145/2714064.2660195>.
fn shuffled(key: u64, seed: u64) -> u64 {
    let mut bits = key ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}
