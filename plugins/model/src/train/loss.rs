//! Cross entropy with weights and label smoothing: over all classes where an image has one, of each class where it may
//! have several.

use crate::device::upload;
use crate::error::ModelError;
use crate::input::batch::Batch;
use crate::train::mix::Blend;
use burn::tensor::activation::{log_sigmoid, log_softmax};
use burn::tensor::{Device, Tensor};
use plugin_api::Labels;

/// What a batch should have answered, on the device.
pub struct Targets {
    pub(crate) labels: Labels,
    /// `[images, classes]`; with one label rows sum to 1, with several each number is 0 to 1 by itself.
    pub(crate) share: Tensor<2>,
    /// `[images, 1]`.
    pub(crate) weight: Tensor<2>,
    /// Sum of the weights.
    total: f32,
}

impl Targets {
    /// Moves the targets to the device. With [`Labels::Single`], an image with several targets shares them equally; an
    /// image without any weighs nothing. `smoothing` of each image is spread over all classes (Szegedy et al. 2015,
    /// arXiv 1512.00567), or with [`Labels::Multi`] over "yes" and "no" of each.
    ///
    /// # Errors
    /// [`ModelError::Target`] when a target is not below `classes`.
    pub fn new(
        batch: &Batch,
        labels: Labels,
        classes: usize,
        smoothing: f32,
        device: &Device,
    ) -> Result<Self, ModelError> {
        Self::mixed(batch, None, labels, classes, smoothing, device)
    }

    /// The same for images that were mixed.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn mixed(
        batch: &Batch,
        blend: Option<&Blend>,
        labels: Labels,
        classes: usize,
        smoothing: f32,
        device: &Device,
    ) -> Result<Self, ModelError> {
        let nothing = match labels {
            Labels::Single => smoothing / classes as f32,
            Labels::Multi => smoothing / 2.0,
        };
        let mut share = vec![nothing; batch.len() * classes];
        let mut weight = batch.weights.clone();
        for (row, targets) in batch.targets.iter().enumerate() {
            let each = match labels {
                Labels::Single => (1.0 - smoothing) / targets.len() as f32,
                Labels::Multi => 1.0 - smoothing,
            };
            for &target in targets {
                let place = share.get_mut(row * classes + target as usize).filter(|_| (target as usize) < classes);
                *place.ok_or(ModelError::Target { target, row, classes })? += each;
            }
            if targets.is_empty() {
                weight[row] = 0.0;
            }
        }
        if let Some(blend) = blend {
            blend.mix(&mut share, &mut weight, classes);
        }
        let total = weight.iter().sum();
        Ok(Self {
            labels,
            share: upload::floats(share, [batch.len(), classes], device),
            weight: upload::floats(weight, [batch.len(), 1], device),
            total,
        })
    }

    /// Of some of the images. The losses of all parts sum to that of the whole.
    #[cfg(feature = "libtorch")]
    pub(crate) fn rows(&self, rows: std::ops::Range<usize>) -> Self {
        let Self { labels, share, weight, total } = self;
        let of = |tensor: &Tensor<2>| tensor.clone().slice([rows.clone()]);
        Self { labels: *labels, share: of(share), weight: of(weight), total: *total }
    }

    /// Sum of the weights, never 0.
    pub(crate) fn total(&self) -> f32 {
        self.total.max(f32::MIN_POSITIVE)
    }

    /// `Σ wᵢ·ceᵢ / Σ wᵢ` over the images of the batch, as PyTorch's weighted cross entropy has it; 0 when no image
    /// weighs anything. With several labels `ceᵢ` is the mean over the classes of the binary cross entropy, as PyTorch's
    /// `BCEWithLogitsLoss`.
    pub fn loss(&self, logits: Tensor<2>) -> Tensor<1> {
        let cross_entropy = match self.labels {
            Labels::Single => (log_softmax(logits, 1) * self.share.clone()).sum_dim(1),
            Labels::Multi => {
                let yes = log_sigmoid(logits.clone()) * self.share.clone();
                let no = log_sigmoid(logits.neg()) * self.share.clone().neg().add_scalar(1.0);
                (yes + no).mean_dim(1)
            }
        };
        (cross_entropy.neg() * self.weight.clone()).sum().div_scalar(self.total())
    }
}

/// Whether the scores of an image say its classes: the likeliest is one of them, or with several labels, all of them
/// and no other have a probability of a half or more.
pub fn is_correct(logits: &[f32], targets: &[u32], labels: Labels) -> bool {
    match labels {
        Labels::Single => targets.contains(&likeliest(logits)),
        Labels::Multi => {
            logits.iter().enumerate().all(|(class, logit)| (*logit >= 0.0) == targets.contains(&(class as u32)))
        }
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
    use burn::tensor::TensorData;

    fn batch(targets: &[&[u32]], weights: &[f32]) -> Batch {
        Batch { targets: targets.iter().map(|t| t.to_vec()).collect(), weights: weights.to_vec(), ..Batch::default() }
    }

    fn loss(batch: &Batch, smoothing: f32, logits: &[[f32; 3]]) -> f32 {
        loss_of(batch, Labels::Single, smoothing, logits)
    }

    fn loss_of(batch: &Batch, labels: Labels, smoothing: f32, logits: &[[f32; 3]]) -> f32 {
        let device = Device::flex();
        let values: Vec<f32> = logits.iter().flatten().copied().collect();
        let logits = Tensor::from_data(TensorData::new(values, [logits.len(), 3]), &device);
        Targets::new(batch, labels, 3, smoothing, &device).unwrap().loss(logits).into_scalar::<f32>()
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
    fn an_image_without_target_weighs_nothing() {
        let (a, b) = ([1.0, 2.0, 0.5], [0.0, -1.0, 3.0]);
        let value = loss(&batch(&[&[0], &[]], &[1.0, 1.0]), 0.1, &[a, b]);
        assert!((value - loss(&batch(&[&[0]], &[1.0]), 0.1, &[a])).abs() < 1e-6);
        assert_eq!(loss(&batch(&[&[]], &[1.0]), 0.0, &[a]), 0.0);
    }

    /// Mean binary cross entropy of one row by hand.
    fn binary_by_hand(row: [f32; 3], share: [f32; 3]) -> f32 {
        let sigmoid = |v: f32| 1.0 / (1.0 + (-v).exp());
        let each = |(v, s): (&f32, f32)| -s * sigmoid(*v).ln() - (1.0 - s) * (1.0 - sigmoid(*v)).ln();
        row.iter().zip(share).map(each).sum::<f32>() / 3.0
    }

    #[test]
    fn with_several_labels_each_class_is_a_question_of_its_own() {
        let (a, b) = ([1.0, 2.0, 0.5], [0.0, -1.0, 3.0]);
        let two = batch(&[&[0, 2], &[1]], &[0.5, 1.5]);
        let expected =
            f32::midpoint(0.5 * binary_by_hand(a, [1.0, 0.0, 1.0]), 1.5 * binary_by_hand(b, [0.0, 1.0, 0.0]));
        let value = loss_of(&two, Labels::Multi, 0.0, &[a, b]);
        assert!((value - expected).abs() < 1e-5, "{value} {expected}");
        let value = loss_of(&batch(&[&[0, 2]], &[1.0]), Labels::Multi, 0.2, &[a]);
        assert!((value - binary_by_hand(a, [0.9, 0.1, 0.9])).abs() < 1e-5, "smoothing is between yes and no");
        let sure = loss_of(&batch(&[&[0]], &[1.0]), Labels::Multi, 0.0, &[[-200.0, 200.0, 0.0]]);
        assert!((sure - (200.0 + 200.0 + 2f32.ln()) / 3.0).abs() < 1e-3, "large scores stay finite: {sure}");
    }

    #[test]
    fn with_several_labels_all_and_no_other_are_right() {
        assert!(is_correct(&[1.0, -1.0, 0.2], &[0, 2], Labels::Multi));
        assert!(!is_correct(&[1.0, -1.0, -0.2], &[0, 2], Labels::Multi), "one is missing");
        assert!(!is_correct(&[1.0, 1.0, 0.2], &[0, 2], Labels::Multi), "one too many");
        assert!(
            is_correct(&[1.0, -1.0, 0.2], &[0, 2], Labels::Single)
                && !is_correct(&[1.0, 3.0, 0.2], &[0, 2], Labels::Single)
        );
    }

    #[test]
    fn a_target_beyond_the_classes_is_refused() {
        let error =
            Targets::new(&batch(&[&[0], &[3]], &[1.0; 2]), Labels::Single, 3, 0.0, &Device::flex()).err().unwrap();
        assert!(matches!(error, ModelError::Target { target: 3, row: 1, classes: 3 }));
    }

    #[test]
    fn the_first_of_equals_is_likeliest() {
        assert_eq!(likeliest(&[0.1, 0.9, 0.0]), 1);
        assert_eq!(likeliest(&[0.5, 0.5, 0.0]), 0);
    }
}
