//! The rows of a data set's versions, without pixels: once all of a subset have come, its batches are made here, in any order.
//!
//! What an epoch's batches are is a function of the rows, the seed and the epoch ([`plugin_splits::epoch_order`]), so an epoch that has
//! come once is known for all others.

use arrow::array::{Float32Array, LargeBinaryArray, StringArray, UInt32Array};
use plugin_api::edges::{
    BatchHeader, Batches, Demand, ProfileHeader, SubsetHeader, empty_lists_of_f32, list_row, lists_of_u32,
};
use plugin_api::{Edge, Header, HeaderError, Selection, Subset};
use plugin_splits::epoch_order;
use std::collections::VecDeque;

/// Subsets of versions that are remembered: three splits and five folds twice, and what a second run may ask for.
const SUBSETS: usize = 24;

#[derive(Clone, Debug)]
struct Row {
    digest: String,
    path: String,
    group: String,
    targets: Vec<u32>,
    weight: f32,
    width: u32,
    height: u32,
    near_copy: bool,
}

/// A subset of a version, row by row in its own order.
#[derive(Debug)]
struct Known {
    version: u64,
    subset: Subset,
    classes: Vec<String>,
    profile: ProfileHeader,
    rows: Vec<Option<Row>>,
    lacking: usize,
}

/// Rows, subset, seed, epoch.
type Epoch = (usize, Subset, u64, u64);

/// The rows that have come.
#[derive(Debug, Default)]
pub struct KnownRows {
    /// The newest last.
    all: VecDeque<Known>,
    /// The order computed last, and of what.
    order: Option<(Epoch, Vec<u32>)>,
}

impl KnownRows {
    /// Remembers the rows of a batch. Its [`SubsetHeader`] says how many the subset has, and how many a batch.
    pub fn learn(&mut self, header: &Header, batch: &Batches) {
        let fields = || -> Result<_, HeaderError> { Ok((header.get::<BatchHeader>()?, header.get()?, header.get()?)) };
        let (of, profile, SubsetHeader { rows, batch_size }) = match fields() {
            Ok(fields) => fields,
            Err(error) => {
                return tracing::warn!(session = header.session, seq = header.seq, %error, "a batch is ignored");
            }
        };
        let Some(subset) = of.split.subset() else { return };
        let key = (rows as usize, subset, of.seed, of.epoch);
        let near = of.near_copies;
        let at = self.place(of.version, subset, rows as usize, of.classes, profile);
        if self.all[at].lacking == 0 {
            return;
        }
        let picked = self.picked(key, batch_size as usize, header.seq);
        if picked.len() != batch.rows() {
            return;
        }
        let known = &mut self.all[at];
        for (row, &index) in picked.iter().enumerate() {
            let place = &mut known.rows[index as usize];
            known.lacking -= usize::from(place.is_none());
            *place = Some(Row {
                digest: batch.digest.value(row).to_owned(),
                path: batch.path.value(row).to_owned(),
                group: batch.group.value(row).to_owned(),
                targets: list_row(&batch.targets, row),
                weight: batch.weight.value(row),
                width: batch.width.value(row),
                height: batch.height.value(row),
                near_copy: near.contains(&(row as u32)),
            });
        }
    }

    fn place(
        &mut self,
        version: u64,
        subset: Subset,
        rows: usize,
        classes: Vec<String>,
        profile: ProfileHeader,
    ) -> usize {
        let is_it = |known: &Known| known.version == version && known.subset == subset && known.rows.len() == rows;
        if let Some(at) = self.all.iter().position(is_it) {
            return at;
        }
        if self.all.len() >= SUBSETS {
            self.all.pop_front();
        }
        self.all.push_back(Known { version, subset, classes, profile, rows: vec![None; rows], lacking: rows });
        self.all.len() - 1
    }

    /// Row numbers of a batch.
    fn picked(&mut self, epoch: Epoch, size: usize, index: u64) -> Vec<u32> {
        let known = self.order.take().filter(|(of, _)| *of == epoch);
        let (rows, subset, seed, number) = epoch;
        let order = known.unwrap_or_else(|| (epoch, epoch_order(rows, subset.is_trained_on(), seed, number)));
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        self.order.insert(order).1.chunks(size.max(1)).nth(index).unwrap_or_default().to_vec()
    }

    /// The batches of a demand, without pixels, as `dataset` would send them; `None` when rows are lacking.
    pub fn answer(&mut self, demand: &Demand) -> Option<Vec<(Header, Batches)>> {
        let mut batches = Vec::new();
        for row in 0..demand.rows() {
            let subset = Subset::parse(demand.split.value(row))?;
            let version = demand.version.value(row);
            let is_it = |known: &Known| known.version == version && known.subset == subset && known.lacking == 0;
            let at = self.all.iter().position(is_it)?;
            let (seed, epoch) = (demand.seed.value(row), demand.epoch.value(row));
            let rows = self.all[at].rows.len();
            let size = demand.batch_size.value(row).max(1) as usize;
            let count = rows.div_ceil(size) as u64;
            let whole = SubsetHeader { rows: rows as u64, batch_size: size as u64 };
            let (first, last) = (demand.first.value(row), count.max(1));
            for index in first..last.min(first.saturating_add(demand.count.value(row))) {
                let picked = self.picked((rows, subset, seed, epoch), size, index);
                let known = &self.all[at];
                let rows: Vec<&Row> = picked.iter().filter_map(|&at| known.rows[at as usize].as_ref()).collect();
                let of = BatchHeader {
                    version,
                    epoch,
                    seed,
                    split: Selection::Images(subset),
                    withheld: demand.withheld.value(row).to_owned(),
                    decisions: demand.decisions.value(row),
                    held_below: demand.held_below.value(row).to_owned(),
                    batches: count,
                    classes: known.classes.clone(),
                    near_copies: (0..).zip(&rows).filter_map(|(at, row)| row.near_copy.then_some(at)).collect(),
                };
                let header = Header::new(demand.run.value(row), index).fin(index + 1 == last);
                batches.push((header.with(&of).with(&known.profile).with(&whole), bare(&rows)));
            }
        }
        Some(batches)
    }
}

fn bare(rows: &[&Row]) -> Batches {
    Batches {
        digest: StringArray::from_iter_values(rows.iter().map(|row| &row.digest)),
        path: StringArray::from_iter_values(rows.iter().map(|row| &row.path)),
        group: StringArray::from_iter_values(rows.iter().map(|row| &row.group)),
        targets: lists_of_u32(rows.iter().map(|row| &row.targets[..])),
        weight: rows.iter().map(|row| row.weight).collect::<Float32Array>(),
        width: rows.iter().map(|row| row.width).collect::<UInt32Array>(),
        height: rows.iter().map(|row| row.height).collect::<UInt32Array>(),
        pixels: LargeBinaryArray::from_iter_values(rows.iter().map(|_| [])),
        decisions: empty_lists_of_f32(rows.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plugin_api::Split;

    const ROWS: usize = 10;

    /// What `dataset` answers: batches of 4 of ten rows, of which rows 3 and 7 are near-copies.
    fn dataset(demand: &Demand) -> Vec<(Header, Batches)> {
        let row = |index: usize| Row {
            digest: format!("d{index}"),
            path: format!("photos/a/{index}.jpg"),
            group: format!("g{}", index / 2),
            targets: vec![index as u32 % 3],
            weight: index as f32,
            width: 8,
            height: 8,
            near_copy: index == 3 || index == 7,
        };
        let subset = Subset::parse(demand.split.value(0)).unwrap();
        let rows = (0..ROWS).map(|index| Some(row(index))).collect();
        let (classes, profile) = (vec!["a".to_owned()], profile());
        let known = Known { version: 3, subset, classes, profile, rows, lacking: 0 };
        KnownRows { all: VecDeque::from([known]), order: None }.answer(demand).unwrap()
    }

    fn profile() -> ProfileHeader {
        ProfileHeader { profile: "8-stretch".to_owned() }
    }

    fn demand(split: &str, epoch: u64, first: u64, count: u64) -> Demand {
        Demand {
            run: vec!["r"].into(),
            version: vec![3].into(),
            epoch: vec![epoch].into(),
            seed: vec![5].into(),
            split: vec![split].into(),
            batch_size: vec![4].into(),
            first: vec![first].into(),
            count: vec![count].into(),
            withheld: vec!["flip"].into(),
            decisions: vec![true].into(),
            held_below: vec!["d4"].into(),
        }
    }

    fn told(batches: &[(Header, Batches)]) -> Vec<String> {
        batches.iter().map(|(header, batch)| format!("{header:?} {:?}", batch.clone().into_array())).collect()
    }

    #[test]
    fn an_epoch_that_has_come_is_known_for_all_others() {
        for split in ["train", "test", "fold-train:1/5"] {
            let mut known = KnownRows::default();
            let first = demand(split, 0, 0, 9);
            for (header, batch) in dataset(&first) {
                assert!(known.answer(&first).is_none(), "rows are lacking");
                known.learn(&header, &batch);
                known.learn(&header, &batch);
            }
            for (epoch, from, count) in [(0, 0, 9), (1, 0, 2), (4, 2, 9), (4, 3, 1)] {
                let demand = demand(split, epoch, from, count);
                assert_eq!(told(&known.answer(&demand).unwrap()), told(&dataset(&demand)), "{split} {epoch} {from}");
            }
            let other = Demand { version: vec![4].into(), ..demand(split, 1, 0, 1) };
            assert!(known.answer(&other).is_none());
            assert!(known.answer(&demand("validation", 0, 0, 1)).is_none());
        }
    }

    #[test]
    fn a_batch_that_does_not_fit_is_refused() {
        let mut known = KnownRows::default();
        let first = demand("train", 0, 0, 9);
        for (header, batch) in dataset(&first) {
            known.learn(&header.with(&SubsetHeader { rows: ROWS as u64, batch_size: 3 }), &batch);
        }
        assert!(known.answer(&first).is_none());
    }

    #[test]
    fn a_subset_without_rows_is_one_empty_message() {
        let mut known = KnownRows::default();
        let split = Selection::Images(Subset::Split(Split::Test));
        let of = BatchHeader { version: 3, split, seed: 5, ..BatchHeader::default() };
        let whole = SubsetHeader { rows: 0, batch_size: 4 };
        known.learn(&Header::new("r", 0).with(&of).with(&profile()).with(&whole), &bare(&[]));
        let answer = known.answer(&demand("test", 0, 0, 4)).unwrap();
        let of = answer[0].0.get::<BatchHeader>().unwrap();
        assert_eq!((answer.len(), answer[0].0.fin, of.batches), (1, true, 0));
    }
}
