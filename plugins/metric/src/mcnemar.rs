//! Whether two models differ, evaluated on the same images.

/// Two-sided p value of the exact McNemar test, 0 to 1: how often two equally good models would differ at least this
/// much. 1 when they never disagree on being right.
///
/// With `b` images that only the first classified correctly and `c` that only the second did, twice the lower tail of the
/// binomial distribution of `b + c` fair coins: Q. McNemar, Note on the sampling error of the difference between
/// correlated proportions or percentages, Psychometrika 12 (1947), <https://doi.org/10.1007/BF02295996>. The two
/// slices are of equal length, one entry an image; what is longer is left out.
pub fn mcnemar(first: &[bool], second: &[bool]) -> f64 {
    let only = |a: &[bool], b: &[bool]| a.iter().zip(b).filter(|(x, y)| **x && !**y).count() as u64;
    exact(only(first, second), only(second, first))
}

/// Twice the lower tail: 2 · Σ C(n, k) / 2ⁿ for k ≤ min(b, c).
fn exact(b: u64, c: u64) -> f64 {
    let (n, least) = (b + c, b.min(c));
    if b == c {
        return 1.0;
    }
    // Logarithm of the largest term, then the others relative to it, so that nothing underflows before the end.
    let mut log_term = -(n as f64) * std::f64::consts::LN_2;
    for k in 1..=least {
        log_term += ((n - k + 1) as f64 / k as f64).ln();
    }
    let (mut term, mut sum) = (1.0, 1.0);
    for k in (1..=least).rev() {
        term *= k as f64 / (n - k + 1) as f64;
        sum += term;
    }
    (2.0 * log_term.exp() * sum).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_scipys() {
        // scipy.stats.binomtest(min(b, c), b + c).pvalue
        for (b, c, p) in [
            (6, 1, 0.125),
            (10, 10, 1.0),
            (5, 18, 0.010_622_024_536_132_812),
            (18, 5, 0.010_622_024_536_132_812),
            (1500, 1400, 0.065_987_349_665_184_63),
            (0, 3000, 0.0),
        ] {
            let found = exact(b, c);
            assert!((found - p).abs() < 1e-9, "{b} {c}: {found} is not {p}");
        }
    }

    #[test]
    fn only_disagreement_counts() {
        let all = [true, true, true, true, true, true, false];
        let none = [true, false, false, false, false, false, false];
        assert!((mcnemar(&all, &none) - 0.0625).abs() < 1e-12, "5 against 0 is 2 / 2⁵");
        assert_eq!(mcnemar(&all, &all), 1.0);
        assert_eq!(mcnemar(&[], &[]), 1.0);
    }
}
