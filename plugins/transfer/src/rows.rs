//! The rows of a data set's versions, without pixels: once all of a subset have come, its batches are made here, in any order.
//!
//! What an epoch's batches are is a function of the rows, the seed and the epoch ([`plugin_splits::epoch_order`]), so an epoch that has
//! come once is known for all others.

use arrow::array::{Float32Array, LargeBinaryArray, StringArray, UInt32Array};
use plugin_api::edges::{Batches, Demand, empty_lists_of_f32, list_row, lists_of_u32};
use plugin_api::{Edge, Header, Subset};
use plugin_splits::epoch_order;
use std::collections::VecDeque;

/// Subsets of versions that are remembered: three splits and five folds twice, and what a second run may ask for.
const SUBSETS: usize = 24;
/// Texts of a header that are the same for all batches of a subset.
const COMMON: [&str; 4] = ["labels", "classes", "profile", "rows"];

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
    common: Header,
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
    /// Remembers the rows of a batch. Its header says in `rows` how many the subset has, and in `batch_size` how many a batch.
    pub fn learn(&mut self, header: &Header, batch: &Batches) {
        let number = |name: &str| header.number(name);
        let (Some(subset), Some(version), Some(seed), Some(epoch), Some(rows), Some(size)) = (
            Subset::parse(header.text("split")),
            number("version"),
            number("seed"),
            number("epoch"),
            number("rows").and_then(|rows| usize::try_from(rows).ok()),
            number("batch_size").and_then(|size| usize::try_from(size).ok()),
        ) else {
            return;
        };
        let at = self.place(version, subset, rows, header);
        if self.all[at].lacking == 0 {
            return;
        }
        let picked = self.picked((rows, subset, seed, epoch), size, header.seq);
        if picked.len() != batch.rows() {
            return;
        }
        let near: Vec<usize> = serde_json::from_str(header.text("near_copies")).unwrap_or_default();
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
                near_copy: near.contains(&row),
            });
        }
    }

    fn place(&mut self, version: u64, subset: Subset, rows: usize, header: &Header) -> usize {
        let is_it = |known: &Known| known.version == version && known.subset == subset && known.rows.len() == rows;
        if let Some(at) = self.all.iter().position(is_it) {
            return at;
        }
        if self.all.len() >= SUBSETS {
            self.all.pop_front();
        }
        let common = COMMON.iter().fold(Header::default(), |common, name| common.with(name, header.text(name)));
        self.all.push_back(Known { version, subset, common, rows: vec![None; rows], lacking: rows });
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
            let (first, last) = (demand.first.value(row), count.max(1));
            for index in first..last.min(first.saturating_add(demand.count.value(row))) {
                let picked = self.picked((rows, subset, seed, epoch), size, index);
                let known = &self.all[at];
                let rows: Vec<&Row> = picked.iter().filter_map(|&at| known.rows[at as usize].as_ref()).collect();
                let near: Vec<usize> = (0..rows.len()).filter(|at| rows[*at].near_copy).collect();
                let header = Header { session: demand.run.value(row).to_owned(), seq: index, ..known.common.clone() }
                    .fin(index + 1 == last)
                    .with("epoch", epoch)
                    .with("seed", seed)
                    .with("split", demand.split.value(row))
                    .with("version", version)
                    .with("withheld", demand.withheld.value(row))
                    .with("decisions", demand.decisions.value(row))
                    .with("held_below", demand.held_below.value(row))
                    .with("batches", count)
                    .with("batch_size", size)
                    .with("near_copies", serde_json::to_string(&near).unwrap_or_default());
                batches.push((header, bare(&rows)));
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
        let common = Header::default()
            .with("labels", "single")
            .with("classes", "[\"a\"]")
            .with("profile", "8-stretch")
            .with("rows", ROWS);
        let rows = (0..ROWS).map(|index| Some(row(index))).collect();
        let known = Known { version: 3, subset, common, rows, lacking: 0 };
        KnownRows { all: VecDeque::from([known]), order: None }.answer(demand).unwrap()
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
    fn a_batch_that_does_not_fit_is_not_learnt() {
        let mut known = KnownRows::default();
        let first = demand("train", 0, 0, 9);
        for (header, batch) in dataset(&first) {
            known.learn(&header.with("batch_size", 3), &batch);
        }
        assert!(known.answer(&first).is_none());
    }

    #[test]
    fn a_subset_without_rows_is_one_empty_message() {
        let mut known = KnownRows::default();
        let header = Header::new("r", 0).with("version", 3).with("split", "test").with("seed", 5).with("epoch", 0);
        known.learn(&header.with("rows", 0).with("batch_size", 4), &bare(&[]));
        let answer = known.answer(&demand("test", 0, 0, 4)).unwrap();
        assert_eq!((answer.len(), answer[0].0.fin, answer[0].0.number("batches")), (1, true, Some(0)));
    }
}
