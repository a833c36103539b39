//! Whole numbers that add up to the same.

/// Rounds to whole numbers whose sum is the sum rounded. What is halfway goes to the even number. Where that misses
/// the sum, the numbers that lost most go up, or those that won most go down, by one each.
pub fn preserving_sum(numbers: &[f64]) -> Vec<f64> {
    let mut whole: Vec<f64> = numbers.iter().map(|n| n.round_ties_even()).collect();
    let goal = numbers.iter().sum::<f64>().round_ties_even();
    loop {
        let missing = goal - whole.iter().sum::<f64>();
        if missing.abs() < 0.5 || whole.is_empty() {
            return whole;
        }
        let lost = |at: &usize| numbers[*at] - whole[*at];
        let mut order: Vec<usize> = (0..whole.len()).collect();
        order.sort_by(|a, b| lost(a).total_cmp(&lost(b)));
        if missing > 0.0 {
            order.reverse();
        }
        for at in order.into_iter().take(missing.abs() as usize) {
            whole[at] += missing.signum();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_lost_most_gets_what_is_missing() {
        assert_eq!(preserving_sum(&[1.4, 1.4, 1.2]), [1.0, 2.0, 1.0]);
        assert_eq!(preserving_sum(&[0.6, 0.7, 0.7]), [0.0, 1.0, 1.0]);
        assert_eq!(preserving_sum(&[0.5, 2.5]), [0.0, 3.0]);
        assert_eq!(preserving_sum(&[]), [0.0; 0]);
    }

    proptest! {
        #[test]
        fn the_sum_stays_and_no_number_moves_far(numbers in prop::collection::vec(0.0_f64..1e6, 1..40)) {
            let whole = preserving_sum(&numbers);
            prop_assert_eq!(whole.iter().sum::<f64>(), numbers.iter().sum::<f64>().round_ties_even());
            for (whole, number) in whole.iter().zip(&numbers) {
                prop_assert!((whole - number).abs() <= 1.5 && whole.fract() == 0.0);
            }
        }
    }
}
