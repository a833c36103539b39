//! Whether two models differ in mean average precision, evaluated on the same images.

use crate::average_precision::{mean, of_order, order};
use crate::tagged::MultilabelPredictions;

/// Times the images are drawn again.
const DRAWS: usize = 1000;

/// How the difference of two models comes out when the images are drawn again with replacement, the same for both. The
/// draws are the same every time.
///
/// B. Efron and R. Tibshirani, An Introduction to the Bootstrap, 1993, chapters 13 and 15; for a figure of a whole set of
/// answers as here: T. Berg-Kirkpatrick and others, An Empirical Investigation of Statistical Significance in NLP,
/// EMNLP 2012, <https://aclanthology.org/D12-1091/>.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PairedBootstrap {
    /// Of the first less that of the second, in order.
    differences: Vec<f64>,
}

impl PairedBootstrap {
    /// The two are evaluated on the same images in the same order; with other numbers of images there is nothing to
    /// compare.
    pub fn new(first: &MultilabelPredictions, second: &MultilabelPredictions) -> Self {
        let images = first.len();
        if images == 0 || second.len() != images {
            return Self::default();
        }
        let orders = |tagged: &MultilabelPredictions| -> Vec<Vec<u32>> {
            (0..tagged.classes().len()).map(|class| order(tagged, class)).collect()
        };
        let (ours, theirs) = (orders(first), orders(second));
        let score = |tagged: &MultilabelPredictions, orders: &[Vec<u32>], times: &[u32]| {
            mean(orders.iter().enumerate().map(|(class, order)| of_order(tagged, class, order, times)).collect())
        };
        let mut state = 0x5741_4B55_5445_4B41;
        let mut differences = Vec::with_capacity(DRAWS);
        for _ in 0..DRAWS {
            let mut times = vec![0_u32; images];
            for _ in 0..images {
                times[(split_mix(&mut state) % images as u64) as usize] += 1;
            }
            let (Some(a), Some(b)) = (score(first, &ours, &times), score(second, &theirs, &times)) else { continue };
            differences.push(a - b);
        }
        differences.sort_by(f64::total_cmp);
        Self { differences }
    }

    /// Two-sided p value, 0 to 1: twice the share of draws in which the order of the two is not what it was; 1 for equal
    /// models, or when there is nothing to compare.
    pub fn p_value(&self) -> f64 {
        let less = self.differences.iter().filter(|d| **d <= 0.0).count();
        let more = self.differences.iter().filter(|d| **d >= 0.0).count();
        match self.differences.len() {
            0 => 1.0,
            draws => (2.0 * less.min(more) as f64 / draws as f64).min(1.0),
        }
    }

    /// What the difference is at least, with confidence `1 − level`: the percentile of the draws. None when there is nothing
    /// to compare.
    pub fn lower_bound(&self, level: f64) -> Option<f64> {
        let at = (level * self.differences.len() as f64) as usize;
        self.differences.get(at.min(self.differences.len().saturating_sub(1))).copied()
    }
}

/// SplitMix64: G. Steele and others, Fast Splittable Pseudorandom Number Generators, OOPSLA 2014,
/// <https://doi.org/10.1145/2660193.2660195>.
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (*state ^ (*state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tagged::tests::some;

    /// Images of a class or not, classified correctly but for every `wrong`-th.
    fn model(wrong: usize) -> MultilabelPredictions {
        let row = |i: usize| {
            let truth = u8::from(i.is_multiple_of(2));
            let said = if i.is_multiple_of(wrong) { 1 - truth } else { truth };
            ([truth, 1 - truth, 0], [0.2 + 0.6 * f32::from(said), 0.8 - 0.6 * f32::from(said), 0.1])
        };
        some(&(0..120).map(row).collect::<Vec<_>>())
    }

    #[test]
    fn equal_models_do_not_differ_and_a_much_better_one_does() {
        let p = |a: &MultilabelPredictions, b: &MultilabelPredictions| PairedBootstrap::new(a, b).p_value();
        assert_eq!(p(&model(5), &model(5)), 1.0);
        assert!(p(&model(60), &model(3)) < 0.01);
        assert_eq!(p(&model(60), &model(3)), p(&model(3), &model(60)));
        let near = p(&model(11), &model(10));
        assert!(near > 0.2, "hardly a difference: {near}");
        assert_eq!(p(&some(&[]), &some(&[])), 1.0);
    }

    #[test]
    fn bound_is_below_and_higher_for_less_confidence() {
        let bootstrap = PairedBootstrap::new(&model(60), &model(3));
        let [low, middle] = [0.05, 0.5].map(|level| bootstrap.lower_bound(level).unwrap());
        let score = |m| crate::mean_average_precision(&m).unwrap();
        let difference = score(model(60)) - score(model(3));
        assert!(0.0 < low && low < middle && (middle - difference).abs() < 0.03, "{low} {middle} {difference}");
        let same = PairedBootstrap::new(&model(5), &model(5));
        assert_eq!(same.lower_bound(0.05), Some(0.0));
        assert_eq!(PairedBootstrap::new(&some(&[]), &some(&[])).lower_bound(0.05), None);
    }

    #[test]
    fn the_generator_is_the_papers() {
        // The first two numbers of seed 0, as Java's SplittableRandom and other implementations have them.
        let mut state = 0;
        assert_eq!([split_mix(&mut state), split_mix(&mut state)], [0xE220_A839_7B1D_CDAF, 0x6E78_9E6A_A1B9_65F4]);
    }
}
