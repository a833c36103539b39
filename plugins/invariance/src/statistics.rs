//! Exact tests of paired outcomes.

/// One-sided exact sign test (McNemar's): the probability of `up` or more of `up + down` changes going this way if both ways
/// were equally likely. 1 without any change.
pub fn sign_test(up: usize, down: usize) -> f64 {
    let n = up + down;
    // Binomial terms as sums of logarithms, so that a thousand changes do not overflow.
    let mut log_term = -(n as f64) * std::f64::consts::LN_2;
    let mut tail = 0.0;
    for k in 0..=n {
        if k >= up {
            tail += log_term.exp();
        }
        log_term += ((n - k) as f64).ln() - ((k + 1) as f64).ln();
    }
    tail.min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sign_test_agrees_with_tables() {
        for (up, down, expected) in
            [(0, 0, 1.0), (5, 0, 1.0 / 32.0), (9, 1, 11.0 / 1024.0), (1, 1, 0.75), (0, 9, 1.0), (600, 400, 1.36e-10)]
        {
            let p = sign_test(up, down);
            assert!((p - expected).abs() < 0.01 * expected, "{up} and {down}: {p}");
        }
    }
}
