//! Probabilities whose logits are divided by a temperature, which [`fit_temperature`](crate::fit_temperature) finds.

/// The probabilities of an image with its logits divided by `temperature`, which is greater than 0; they sum to 1.
pub fn temper(row: &[f32], temperature: f64) -> Vec<f32> {
    let logits: Vec<f64> = row.iter().map(|&p| logarithm(p) / temperature).collect();
    let most = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = logits.iter().map(|l| (l - most).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.iter().map(|p| (p / sum) as f32).collect()
}

/// As [`temper`], where each class is a question of its own: every logit is divided.
pub fn temper_each(row: &[f32], temperature: f64) -> Vec<f32> {
    row.iter().map(|&p| sigmoid(logit(p) / temperature) as f32).collect()
}

/// ln p, as far as floats go.
pub fn logarithm(p: f32) -> f64 {
    f64::from(p.max(f32::MIN_POSITIVE)).ln()
}

/// Logit of p, as far as floats go.
pub fn logit(p: f32) -> f64 {
    // A float next to 1 is all that is known of a probability beyond it.
    let p = f64::from(p.clamp(f32::MIN_POSITIVE, 1.0 - f32::EPSILON / 2.0));
    (p / (1.0 - p)).ln()
}

/// Logistic function.
pub fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: logits ln 4 and 0 halved are ln 2 and 0; σ(ln 9 / 2) = 3 / 4.
    #[test]
    fn tempering_divides_logits() {
        let close = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-6);
        assert!(close(&temper(&[0.8, 0.2], 2.0), &[2.0 / 3.0, 1.0 / 3.0]));
        assert!(close(&temper(&[0.8, 0.2], 1.0), &[0.8, 0.2]));
        assert!(close(&temper_each(&[0.9, 0.1, 0.5], 2.0), &[0.75, 0.25, 0.5]));
        assert!(close(&temper(&[1.0, 0.0], 1.0), &[1.0, 0.0]));
        assert!(temper_each(&[0.0, 1.0], 5.0).iter().all(|p| p.is_finite()));
    }
}
