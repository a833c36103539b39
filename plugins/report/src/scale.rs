//! Ticks of an axis.

/// Round numbers that cover `low..=high`, about `wanted` of them, at steps of 1, 2 or 5 times a power of ten.
pub fn ticks(low: f64, high: f64, wanted: usize) -> Vec<f64> {
    let span = if high > low { high - low } else { low.abs().max(1.0) };
    let rough = span / wanted.max(1) as f64;
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|s| s * power).into_iter().find(|s| *s >= rough * 0.999).unwrap_or(rough);
    let first = (low / step + 1e-9).floor();
    let last = ((low + span) / step - 1e-9).ceil();
    (0..=(last - first) as usize).map(|i| (first + i as f64) * step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: Vec<f64>, expected: &[f64]) {
        assert_eq!(found.len(), expected.len(), "{found:?}");
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-9), "{found:?}");
    }

    #[test]
    fn ticks_are_round_and_cover_the_values() {
        close(ticks(0.0, 1.0, 5), &[0.0, 0.2, 0.4, 0.6, 0.8, 1.0]);
        close(ticks(0.0, 2.3, 4), &[0.0, 1.0, 2.0, 3.0]);
        close(ticks(0.61, 0.97, 4), &[0.6, 0.7, 0.8, 0.9, 1.0]);
        close(ticks(0.0, 0.001, 4), &[0.0, 0.0005, 0.001]);
        close(ticks(0.0, 30.0, 5), &[0.0, 10.0, 20.0, 30.0]);
    }

    #[test]
    fn one_value_alone_still_has_an_axis() {
        let found = ticks(0.5, 0.5, 4);
        assert!(found.len() > 1 && found[0] <= 0.5 && found[found.len() - 1] >= 0.5, "{found:?}");
        assert!(ticks(0.0, 0.0, 4).len() > 1);
    }
}
