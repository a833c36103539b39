//! Images by number: classes, groups and what lies in both, as index lists.

use crate::Image;
use std::collections::HashMap;

/// Lists of numbers, one after the other.
#[derive(Clone, Debug, Default)]
pub struct Lists {
    ends: Vec<u32>,
    values: Vec<u32>,
}

impl Lists {
    /// List `at`.
    pub fn get(&self, at: u32) -> &[u32] {
        let at = at as usize;
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        &self.values[start as usize..self.ends[at] as usize]
    }

    fn push(&mut self, list: impl IntoIterator<Item = u32>) {
        self.values.extend(list);
        self.ends.push(self.values.len() as u32);
    }

    /// Sorts pairs `(list, value)` by list; within a list their order stays.
    fn collect(lists: usize, pairs: impl Iterator<Item = (u32, u32)> + Clone) -> Self {
        let mut ends = vec![0; lists];
        for (list, _) in pairs.clone() {
            ends[list as usize] += 1;
        }
        let mut sum = 0;
        for end in &mut ends {
            sum += *end;
            *end = sum - *end;
        }
        let mut values = vec![0; sum as usize];
        for (list, value) in pairs {
            let next = &mut ends[list as usize];
            values[*next as usize] = value;
            *next += 1;
        }
        Self { ends, values }
    }
}

/// The images of one class in one group.
#[derive(Clone, Copy, Debug)]
pub struct Cell {
    pub group: u32,
    pub class: u32,
    pub images: u32,
}

/// Images, classes and groups numbered in the order of the images' keys, so that numbers say nothing of the input's order.
#[derive(Debug)]
pub struct Table {
    /// Place in the input, by image.
    pub places: Vec<u32>,
    /// Classes, by image.
    pub classes: Lists,
    /// Images, by class.
    pub totals: Vec<u32>,
    /// Images, by group.
    pub members: Lists,
    /// What lies in both a class and a group.
    pub cells: Vec<Cell>,
    /// For each cell, the images in it.
    pub cell_images: Lists,
    /// For each class, the cells with its images.
    pub class_cells: Lists,
    /// For each group, the cells with its images.
    pub group_cells: Lists,
}

impl Table {
    /// Numbers the images in the order of `rank`, ties by key.
    pub fn new(images: &[Image], rank: impl Fn(&str) -> u64) -> Self {
        let mut order: Vec<(u64, u32)> = (0..).zip(images).map(|(place, image)| (rank(image.key), place)).collect();
        order.sort_unstable_by(|a, b| {
            a.0.cmp(&b.0).then_with(|| images[a.1 as usize].key.cmp(images[b.1 as usize].key))
        });
        let places: Vec<u32> = order.into_iter().map(|(_, place)| place).collect();
        let mut class_numbers = HashMap::<u32, u32>::new();
        let mut group_numbers = HashMap::<&str, u32>::new();
        let mut classes = Lists::default();
        let mut group_of = Vec::with_capacity(places.len());
        for &place in &places {
            let image = &images[place as usize];
            let mut own = Vec::with_capacity(image.classes.len());
            for class in image.classes {
                let next = class_numbers.len() as u32;
                own.push(*class_numbers.entry(*class).or_insert(next));
            }
            own.sort_unstable();
            own.dedup();
            classes.push(own);
            let next = group_numbers.len() as u32;
            group_of.push(*group_numbers.entry(image.group).or_insert(next));
        }
        let numbers = 0..places.len() as u32;
        let members =
            Lists::collect(group_numbers.len(), numbers.clone().map(|image| (group_of[image as usize], image)));
        let pairs = numbers.flat_map(|image| classes.get(image).iter().map(move |class| (*class, image)));
        let class_images = Lists::collect(class_numbers.len(), pairs);
        let totals: Vec<u32> =
            (0..class_numbers.len() as u32).map(|class| class_images.get(class).len() as u32).collect();
        let mut cells = Vec::new();
        let mut cell_images = Lists::default();
        let mut class_cells = Lists::default();
        for class in 0..class_numbers.len() as u32 {
            // Groups have numbers in the order of their first image, those of a class need not begin with it.
            let mut of_class = class_images.get(class).to_vec();
            of_class.sort_by_key(|image| group_of[*image as usize]);
            let first = cells.len() as u32;
            for chunk in of_class.chunk_by(|a, b| group_of[*a as usize] == group_of[*b as usize]) {
                cells.push(Cell { group: group_of[chunk[0] as usize], class, images: chunk.len() as u32 });
                cell_images.push(chunk.iter().copied());
            }
            class_cells.push(first..cells.len() as u32);
        }
        let group_cells =
            Lists::collect(group_numbers.len(), (0..).zip(&cells).map(|(number, cell)| (cell.group, number)));
        Self { places, classes, totals, members, cells, cell_images, class_cells, group_cells }
    }

    /// How many classes there are.
    pub fn class_count(&self) -> u32 {
        self.totals.len() as u32
    }

    /// How many groups there are.
    pub fn group_count(&self) -> u32 {
        self.group_cells.ends.len() as u32
    }
}
