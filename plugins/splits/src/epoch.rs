//! The order in which an epoch has the images of a subset.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64Mcg;

/// Row numbers of an epoch: shuffled for training, as they are otherwise.
pub fn epoch_order(rows: usize, shuffled: bool, seed: u64, epoch: u64) -> Vec<u32> {
    let mut order: Vec<u32> = (0..rows as u32).collect();
    if shuffled {
        let mut key = [0u8; 16];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..].copy_from_slice(&epoch.to_le_bytes());
        let mut state = [0u8; 16];
        state.copy_from_slice(&blake3::hash(&key).as_bytes()[..16]);
        order.shuffle(&mut Pcg64Mcg::from_seed(state));
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epochs_show_each_sample_once_in_an_own_order() {
        let one = epoch_order(100, true, 7, 0);
        let mut sorted = one.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, epoch_order(100, false, 7, 0));
        assert_eq!(one, epoch_order(100, true, 7, 0));
        assert_ne!(one, epoch_order(100, true, 7, 1));
        assert_ne!(one, epoch_order(100, true, 8, 0));
    }
}
