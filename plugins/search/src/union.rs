//! Groups from pairs: union-find with path halving and union by size. Source: Tarjan, van Leeuwen, "Worst-case analysis
//! of set union algorithms", J. ACM 31(2), 1984, <https://doi.org/10.1145/62.2160>.

/// Things by number, in groups that only ever grow together.
#[derive(Clone, Debug, Default)]
pub struct Union {
    parents: Vec<u32>,
    sizes: Vec<u32>,
}

impl Union {
    /// `count` things, each alone.
    pub fn new(count: usize) -> Self {
        Self { parents: (0..count as u32).collect(), sizes: vec![1; count] }
    }

    /// One more, alone. Returns its number.
    pub fn add(&mut self) -> u32 {
        let id = self.parents.len() as u32;
        self.parents.push(id);
        self.sizes.push(1);
        id
    }

    /// The one that stands for the group of `id`; `id` itself when there is no such thing.
    pub fn find(&mut self, mut id: u32) -> u32 {
        while let Some(&parent) = self.parents.get(id as usize) {
            if parent == id {
                break;
            }
            let grandparent = self.parents[parent as usize];
            self.parents[id as usize] = grandparent;
            id = grandparent;
        }
        id
    }

    /// Makes the groups of two things one. False when they are already.
    pub fn join(&mut self, a: u32, b: u32) -> bool {
        let (a, b) = (self.find(a), self.find(b));
        if a == b || a as usize >= self.parents.len() || b as usize >= self.parents.len() {
            return false;
        }
        let (small, large) = if self.sizes[a as usize] < self.sizes[b as usize] { (a, b) } else { (b, a) };
        self.parents[small as usize] = large;
        self.sizes[large as usize] += self.sizes[small as usize];
        true
    }

    /// Groups of at least two, each sorted, by their first.
    pub fn groups(&mut self) -> Vec<Vec<u32>> {
        let mut by_root = std::collections::BTreeMap::<u32, Vec<u32>>::new();
        for id in 0..self.parents.len() as u32 {
            let root = self.find(id);
            by_root.entry(root).or_default().push(id);
        }
        let mut groups: Vec<Vec<u32>> = by_root.into_values().filter(|group| group.len() > 1).collect();
        groups.sort_unstable();
        groups
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_joined_is_together() {
        let mut union = Union::new(6);
        assert!(union.join(4, 1) && union.join(1, 5) && !union.join(5, 4));
        assert_eq!(union.add(), 6);
        assert!(union.join(6, 0));
        assert_eq!(union.groups(), [vec![0, 6], vec![1, 4, 5]]);
        assert_eq!(union.find(2), 2);
        assert!(!union.join(2, 99));
    }
}
