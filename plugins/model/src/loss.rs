//! Cross entropy with weights and label smoothing.

use crate::{Batch, ModelError};
use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Tensor, TensorData};

/// What a batch should have answered, on the device.
pub struct Targets {
    /// `[pictures, classes]`, rows sum to 1.
    share: Tensor<2>,
    /// `[pictures, 1]`.
    weight: Tensor<2>,
    /// Sum of the weights.
    total: f32,
}

impl Targets {
    /// Moves the targets to the device. A picture with several targets shares them equally; one without any weighs
    /// nothing. `smoothing` of each picture is spread over all classes (Szegedy et al. 2015, arXiv 1512.00567).
    ///
    /// # Errors
    /// [`ModelError::Target`] when a target is not below `classes`.
    pub fn new(batch: &Batch, classes: usize, smoothing: f32, device: &Device) -> Result<Self, ModelError> {
        let mut share = vec![smoothing / classes as f32; batch.len() * classes];
        let mut weight = batch.weights.clone();
        for (row, targets) in batch.targets.iter().enumerate() {
            for &target in targets {
                let place = share.get_mut(row * classes + target as usize).filter(|_| (target as usize) < classes);
                *place.ok_or(ModelError::Target { target, row, classes })? += (1.0 - smoothing) / targets.len() as f32;
            }
            if targets.is_empty() {
                weight[row] = 0.0;
            }
        }
        let total = weight.iter().sum();
        Ok(Self {
            share: Tensor::from_data(TensorData::new(share, [batch.len(), classes]), device),
            weight: Tensor::from_data(TensorData::new(weight, [batch.len(), 1]), device),
            total,
        })
    }

    /// `Σ wᵢ·ceᵢ / Σ wᵢ` over the pictures of the batch, as PyTorch's weighted cross entropy has it; 0 when no picture
    /// weighs anything.
    pub fn loss(&self, logits: Tensor<2>) -> Tensor<1> {
        let cross_entropy = (log_softmax(logits, 1) * self.share.clone()).sum_dim(1).neg();
        (cross_entropy * self.weight.clone()).sum().div_scalar(self.total.max(f32::MIN_POSITIVE))
    }
}

/// Index of the largest value; the first one among equals.
pub fn likeliest(row: &[f32]) -> u32 {
    let mut best = 0;
    for (index, value) in row.iter().enumerate() {
        if *value > row[best] {
            best = index;
        }
    }
    best as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(targets: &[&[u32]], weights: &[f32]) -> Batch {
        Batch { targets: targets.iter().map(|t| t.to_vec()).collect(), weights: weights.to_vec(), ..Batch::default() }
    }

    fn loss(batch: &Batch, smoothing: f32, logits: &[[f32; 3]]) -> f32 {
        let device = Device::flex();
        let values: Vec<f32> = logits.iter().flatten().copied().collect();
        let logits = Tensor::from_data(TensorData::new(values, [logits.len(), 3]), &device);
        Targets::new(batch, 3, smoothing, &device).unwrap().loss(logits).into_scalar::<f32>()
    }

    /// Cross entropy of one row by hand.
    fn by_hand(row: [f32; 3], share: [f32; 3]) -> f32 {
        let sum: f32 = row.iter().map(|v| v.exp()).sum();
        row.iter().zip(share).map(|(v, s)| -s * (v - sum.ln())).sum()
    }

    #[test]
    fn weights_count_as_they_should() {
        let (a, b) = ([1.0, 2.0, 0.5], [0.0, -1.0, 3.0]);
        let expected = (0.5 * by_hand(a, [1.0, 0.0, 0.0]) + 1.5 * by_hand(b, [0.0, 1.0, 0.0])) / (0.5 + 1.5);
        let value = loss(&batch(&[&[0], &[1]], &[0.5, 1.5]), 0.0, &[a, b]);
        assert!((value - expected).abs() < 1e-5, "{value} {expected}");
    }

    #[test]
    fn smoothing_and_several_targets_spread_the_share() {
        let a = [1.0, 2.0, 0.5];
        let value = loss(&batch(&[&[0]], &[1.0]), 0.3, &[a]);
        assert!((value - by_hand(a, [0.8, 0.1, 0.1])).abs() < 1e-5);
        let value = loss(&batch(&[&[0, 2]], &[1.0]), 0.0, &[a]);
        assert!((value - by_hand(a, [0.5, 0.0, 0.5])).abs() < 1e-5);
    }

    #[test]
    fn a_picture_without_target_weighs_nothing() {
        let (a, b) = ([1.0, 2.0, 0.5], [0.0, -1.0, 3.0]);
        let value = loss(&batch(&[&[0], &[]], &[1.0, 1.0]), 0.1, &[a, b]);
        assert!((value - loss(&batch(&[&[0]], &[1.0]), 0.1, &[a])).abs() < 1e-6);
        assert_eq!(loss(&batch(&[&[]], &[1.0]), 0.0, &[a]), 0.0);
    }

    #[test]
    fn a_target_beyond_the_classes_is_refused() {
        let error = Targets::new(&batch(&[&[0], &[3]], &[1.0; 2]), 3, 0.0, &Device::flex()).err().unwrap();
        assert!(matches!(error, ModelError::Target { target: 3, row: 1, classes: 3 }));
    }

    #[test]
    fn the_first_of_equals_is_likeliest() {
        assert_eq!(likeliest(&[0.1, 0.9, 0.0]), 1);
        assert_eq!(likeliest(&[0.5, 0.5, 0.0]), 0);
    }
}
