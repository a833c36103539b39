//! The drawing of the three splits.

use crate::stratify::{Balance, LastPartBelow, Unit, stratify};
use crate::table::Table;
use crate::{Drawn, Image, Moved, Reason, Shares, sequence};
use plugin_api::Split;

/// Images of a class from which on half of the share of train is in train; of fewer one.
const TRAIN_FROM: i64 = 3;
/// Images of a class from which on one is in test.
const TEST_FROM: i64 = 5;
/// Images of a class from which on one is in validation and one in test, and at least half of the share of each.
const SHARED_FROM: i64 = 8;
/// A piece of a cut group ends where its split has its share and another lacks this part (1 / n) of its own.
const PIECE_ENDS: i64 = 4;
/// Rounds of repair; one class's repair can make another's necessary where images have several.
const ROUNDS: usize = 3;

const TRAIN: usize = Split::Train as usize;
const VALIDATION: usize = Split::Validation as usize;
const TEST: usize = Split::Test as usize;

/// Which images may be moved.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Movable {
    /// Those that were not settled.
    New,
    /// All but those whose split is given.
    Settled,
}

pub struct Drawing<'t, 'a> {
    images: &'t [Image<'a>],
    table: Table,
    balance: Balance,
    /// By image.
    splits: Vec<Option<usize>>,
    /// Why a settled image was moved last, by image.
    reasons: Vec<Option<Reason>>,
    /// By cell, whether its images are sorted; they are when they are cut first.
    sorted: Vec<Option<Vec<u32>>>,
}

impl<'t, 'a: 't> Drawing<'t, 'a> {
    pub fn new(images: &'t [Image<'a>], shares: Shares) -> Self {
        let table = Table::new(images, crate::leading_bits);
        let held_out = [shares.validation, shares.test].map(i64::from);
        let train = (100 - held_out[0] - held_out[1]).max(1);
        let balance = Balance::new(&table, vec![train, held_out[0], held_out[1]]);
        let splits = vec![None; images.len()];
        let reasons = vec![None; images.len()];
        let sorted = vec![None; table.cells.len()];
        Self { images, table, balance, splits, reasons, sorted }
    }

    pub fn draw(mut self) -> Drawn<'a> {
        for image in 0..self.splits.len() as u32 {
            let known = self.image(image);
            if let Some(split) = known.given.or(known.settled) {
                self.put(image, split.index());
            }
        }
        let linked = self.follow_groups();
        for group in linked {
            if !self.join(group) {
                self.continue_pieces(group);
            }
        }
        for _ in 0..ROUNDS {
            // What was cut for one class may be whole again after the repair of another; the next draw would make it so.
            let repaired = self.repair();
            if !self.join_cut() && !repaired {
                break;
            }
        }
        self.result()
    }

    fn image(&self, image: u32) -> &'t Image<'a> {
        &self.images[self.table.places[image as usize] as usize]
    }

    fn split(&self, image: u32) -> Option<usize> {
        self.splits[image as usize]
    }

    fn put(&mut self, image: u32, split: usize) {
        if let Some(before) = self.splits[image as usize].replace(split) {
            self.balance.add(&self.table, image, before, -1);
        }
        self.balance.add(&self.table, image, split, 1);
    }

    fn is_movable(&self, image: u32, movable: Movable) -> bool {
        let known = self.image(image);
        known.given.is_none() && (movable == Movable::Settled || known.settled.is_none())
    }

    /// The one split in which all of a group lies that lies anywhere.
    fn split_of_group(&self, group: u32) -> Placement {
        let mut found = Placement::Nowhere;
        for &member in self.table.members.get(group) {
            match (self.split(member), found) {
                (Some(split), Placement::Nowhere) => found = Placement::In(split),
                (Some(split), Placement::In(known)) if split != known => return Placement::Cut,
                _ => {}
            }
        }
        found
    }

    /// New images go where their group lies; groups that lie nowhere are stratified. Returns the groups that lie in several
    /// splits, of which new images lie nowhere yet.
    fn follow_groups(&mut self) -> Vec<u32> {
        let mut cut = Vec::new();
        let mut units = Vec::new();
        for group in 0..self.table.group_count() {
            match self.split_of_group(group) {
                Placement::Cut => cut.push(group),
                Placement::Nowhere => units.push(Unit::new(&self.table, self.table.members.get(group).to_vec())),
                Placement::In(split) => {
                    for member in self.table.members.get(group).to_vec() {
                        if self.split(member).is_none() {
                            self.put(member, split);
                        }
                    }
                }
            }
        }
        let parts = stratify(&self.table, &units, &mut self.balance, LastPartBelow(TEST_FROM));
        for (unit, part) in units.iter().zip(parts) {
            for &image in &unit.images {
                self.splits[image as usize] = Some(part);
            }
        }
        cut
    }

    /// Moves a group into the strictest split in which it lies. False where a split is given, or a class would have too little
    /// in another.
    fn join(&mut self, group: u32) -> bool {
        let members = self.table.members.get(group).to_vec();
        let Some(strictest) = members.iter().filter_map(|member| self.split(*member)).max() else { return false };
        let stays = |member: &u32| self.split(*member) == Some(strictest) || self.image(*member).given.is_none();
        if !members.iter().all(stays) {
            return false;
        }
        for &cell in self.table.group_cells.get(group) {
            let class = self.table.cells[cell as usize].class;
            let mut leave = [0i64; 3];
            for &image in self.table.cell_images.get(cell) {
                if let Some(split) = self.split(image).filter(|split| *split != strictest) {
                    leave[split] += 1;
                }
            }
            for (split, leave) in leave.into_iter().enumerate() {
                if leave > 0 && self.balance.count(class, split) - leave < self.least(class, split) {
                    return false;
                }
            }
        }
        for member in members {
            if self.split(member) != Some(strictest) {
                self.put(member, strictest);
                self.reasons[member as usize] = Some(Reason::NearCopies);
            }
        }
        true
    }

    /// Makes groups whole that need not be cut. True if anything was moved.
    fn join_cut(&mut self) -> bool {
        let mut changed = false;
        for group in 0..self.table.group_count() {
            if matches!(self.split_of_group(group), Placement::Cut) {
                changed |= self.join(group);
            }
        }
        changed
    }

    /// New images of a cut group go where the one before them lies, until that split has its share and another lacks of its own.
    fn continue_pieces(&mut self, group: u32) {
        for cell in self.table.group_cells.get(group).to_vec() {
            let class = self.table.cells[cell as usize].class;
            let images = self.sequence(cell).to_vec();
            let Some(mut split) = images.iter().find_map(|image| self.split(*image)) else { continue };
            for image in images {
                if let Some(known) = self.split(image) {
                    split = known;
                    continue;
                }
                if self.balance.lack(class, split) < self.balance.whole() {
                    let lacking = (0..3).max_by_key(|part| (self.balance.lack(class, *part), *part));
                    let lacking = lacking.filter(|part| {
                        let piece = (self.balance.due(class, *part) / PIECE_ENDS).max(self.balance.whole());
                        self.balance.lack(class, *part) >= piece
                    });
                    split = lacking.unwrap_or(split);
                }
                self.put(image, split);
            }
        }
        // What is of a class that the group has not had, or of none.
        for member in self.table.members.get(group).to_vec() {
            if self.split(member).is_none() {
                self.put(member, TRAIN);
            }
        }
    }

    /// The images of a cell in the order in which they are cut.
    fn sequence(&mut self, cell: u32) -> &[u32] {
        let (images, places) = (self.images, &self.table.places);
        let list = &mut self.sorted[cell as usize];
        list.get_or_insert_with(|| {
            let mut numbers = self.table.cell_images.get(cell).to_vec();
            sequence::sort(&mut numbers, |number| &images[places[number as usize] as usize]);
            numbers
        })
    }

    /// The least that a class has in a split if new images can see to it.
    fn least(&self, class: u32, split: usize) -> i64 {
        let total = self.balance.total(class);
        let half = self.balance.due(class, split).div_euclid(2 * self.balance.whole());
        let half = if half * 2 * self.balance.whole() < self.balance.due(class, split) { half + 1 } else { half };
        match split {
            TRAIN if total < TRAIN_FROM => total.min(1),
            TRAIN => half.max(1),
            _ if self.balance.share(split) == 0 => 0,
            TEST if (TEST_FROM..SHARED_FROM).contains(&total) => 1,
            _ if total < SHARED_FROM => 0,
            _ => half,
        }
    }

    /// Sees to it that every class can be trained and evaluated. True if anything was moved.
    fn repair(&mut self) -> bool {
        let mut classes: Vec<u32> = (0..self.table.class_count()).collect();
        classes.sort_by_key(|class| self.balance.total(*class));
        let mut changed = false;
        for class in classes {
            for split in [TRAIN, TEST, VALIDATION] {
                changed |= self.fill(class, split, Movable::New);
                // Settled ones move only where the class would have none: what has no image in train is never trained.
                if self.balance.count(class, split) == 0 {
                    changed |= self.fill(class, split, Movable::Settled);
                }
            }
        }
        changed
    }

    /// Brings a class to its least in a split: by whole groups, and where that would leave too little elsewhere by pieces.
    fn fill(&mut self, class: u32, split: usize, movable: Movable) -> bool {
        if self.balance.count(class, split) >= self.least(class, split) {
            return false;
        }
        let mut changed = false;
        // Out of train first: what has steered nothing stays what it is.
        for from in (0..3).filter(|from| *from != split) {
            changed |= self.move_groups(class, from, split, movable);
        }
        while self.balance.count(class, split) < self.least(class, split) && self.cut(class, split, movable) {
            changed = true;
        }
        changed
    }

    /// Moves whole groups from one split to another until a class has its least there.
    fn move_groups(&mut self, class: u32, from: usize, to: usize, movable: Movable) -> bool {
        let whole = |cell: &u32| {
            let group = self.table.cells[*cell as usize].group;
            let members = self.table.members.get(group);
            members.iter().all(|member| self.split(*member) == Some(from) && self.is_movable(*member, movable))
        };
        let size = |cell: &u32| {
            let cell = self.table.cells[*cell as usize];
            (cell.images, self.table.members.get(cell.group).len())
        };
        let mut cells: Vec<u32> = self.table.class_cells.get(class).iter().copied().filter(whole).collect();
        cells.sort_by_key(size);
        let mut changed = false;
        loop {
            let need = self.least(class, to) - self.balance.count(class, to);
            if need <= 0 || cells.is_empty() {
                return changed;
            }
            // The smallest that is enough, otherwise the largest.
            let enough = cells.partition_point(|cell| i64::from(self.table.cells[*cell as usize].images) < need);
            let group = self.table.cells[cells.remove(enough.min(cells.len() - 1)) as usize].group;
            let leaves_enough = self.table.group_cells.get(group).iter().all(|cell| {
                let cell = self.table.cells[*cell as usize];
                self.balance.count(cell.class, from) - i64::from(cell.images) >= self.least(cell.class, from)
            });
            if leaves_enough {
                for member in self.table.members.get(group).to_vec() {
                    self.move_to(member, to);
                }
                changed = true;
            }
        }
    }

    /// Moves a piece of a class of one group to a split. False when there is none that can be spared.
    fn cut(&mut self, class: u32, to: usize, movable: Movable) -> bool {
        let Some((cell, from)) = self.largest_piece(class, to, movable) else { return false };
        let need = self.least(class, to) - self.balance.count(class, to);
        let spare = self.balance.count(class, from) - self.least(class, from);
        // New images are cut by their shares; of settled ones as few as will do.
        let due = self.balance.lack(class, to).div_euclid(self.balance.whole());
        let wanted = if movable == Movable::New { need.max(due) } else { need };
        let length = wanted.min(spare).max(0) as usize;
        let piece: Vec<u32> = self.sequence(cell).to_vec();
        let piece: Vec<u32> = piece.into_iter().filter(|image| self.split(*image) == Some(from)).collect();
        let cost: Vec<u32> = piece.iter().map(|image| self.cost(*image, movable)).collect();
        let start = cheapest_window(&cost, length, to > from);
        let mut changed = false;
        for image in piece.into_iter().skip(start).take(length) {
            let others = self.table.classes.get(image).iter().filter(|other| **other != class);
            let spared = others.copied().all(|other| self.balance.count(other, from) > self.least(other, from).min(1));
            if spared && self.is_movable(image, movable) {
                self.move_to(image, to);
                changed = true;
            }
        }
        changed
    }

    /// What moving an image costs.
    fn cost(&self, image: u32, movable: Movable) -> u32 {
        match (self.is_movable(image, movable), self.is_movable(image, Movable::New)) {
            (false, _) => 2,
            (true, false) => 1,
            (true, true) => 0,
        }
    }

    /// The cell of a class and the split from which most can be spared: the split that is furthest over its share, and there the
    /// largest group.
    fn largest_piece(&self, class: u32, to: usize, movable: Movable) -> Option<(u32, usize)> {
        let mut splits: Vec<usize> = (0..3).filter(|split| *split != to).collect();
        splits.retain(|split| self.balance.count(class, *split) > self.least(class, *split));
        splits.sort_by_key(|split| self.balance.lack(class, *split));
        for from in splits {
            let size = |cell: u32| {
                let images = self.table.cell_images.get(cell).iter();
                images.filter(|image| self.split(**image) == Some(from) && self.is_movable(**image, movable)).count()
            };
            let cells = self.table.class_cells.get(class).iter().map(|cell| (size(*cell), *cell));
            if let Some((_, cell)) = cells.filter(|(size, _)| *size > 0).max_by_key(|(size, _)| *size) {
                return Some((cell, from));
            }
        }
        None
    }

    fn move_to(&mut self, image: u32, split: usize) {
        self.put(image, split);
        self.reasons[image as usize] =
            Some(if split == TRAIN { Reason::NothingToLearn } else { Reason::NothingToEvaluate });
    }

    fn result(self) -> Drawn<'a> {
        let mut splits = vec![Split::Train; self.images.len()];
        let mut moved = Vec::new();
        for image in 0..self.splits.len() as u32 {
            let place = self.table.places[image as usize] as usize;
            let to = Split::ALL[self.split(image).unwrap_or(TRAIN)];
            splits[place] = to;
            let known = &self.images[place];
            if let (Some(from), None) = (known.settled, known.given)
                && from != to
            {
                let reason = self.reasons[image as usize].unwrap_or(Reason::NothingToEvaluate);
                moved.push(Moved { image: place, from, to, reason });
            }
        }
        moved.sort_by_key(|moved| moved.image);
        let mut cut: Vec<&str> = (0..self.table.group_count())
            .filter(|group| matches!(self.split_of_group(*group), Placement::Cut))
            .map(|group| self.image(self.table.members.get(group)[0]).group)
            .collect();
        cut.sort_unstable();
        Drawn { splits, cut, moved }
    }
}

/// Where a group lies.
#[derive(Clone, Copy)]
enum Placement {
    Nowhere,
    In(usize),
    Cut,
}

/// Where the window of this length begins that costs least; of equals the last, or the first.
fn cheapest_window(costs: &[u32], length: usize, last: bool) -> usize {
    let length = length.min(costs.len());
    let mut sum: u32 = costs[..length].iter().sum();
    let mut best = (sum, 0);
    for start in 1..=costs.len() - length {
        sum = sum + costs[start + length - 1] - costs[start - 1];
        if sum < best.0 || (last && sum == best.0) {
            best = (sum, start);
        }
    }
    best.1
}
