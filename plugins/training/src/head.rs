//! What a head is fitted to, and the fit.

use plugin_api::Labels;
use plugin_heads::{AnyHead, Head, HeadError, HeadOptions, MultiHead, MultiSamples, Samples};

/// Images that a head is fitted to: embeddings with classes and groups.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HeadSamples {
    /// `[images × dimensions]`, row after row.
    pub features: Vec<f32>,
    /// Class indices of each image: one, or with several labels any number from one up.
    pub targets: Vec<Vec<u32>>,
    /// Near-copies share a number: they are never fitted to and predicted at once.
    pub groups: Vec<u32>,
}

impl HeadSamples {
    /// Adds an image.
    pub fn push(&mut self, embedding: &[f32], classes: Vec<u32>, group: u32) {
        self.features.extend_from_slice(embedding);
        self.targets.push(classes);
        self.groups.push(group);
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.targets.len()
    }

    /// Whether there is no image.
    pub fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }

    /// Fits the head that the strategy `head` makes of these images, of `classes` classes and `dimensions` numbers an embedding.
    ///
    /// # Errors
    /// [`HeadError`]: fewer than two classes, or embeddings that are not finite.
    pub fn fit(
        &self,
        options: &HeadOptions,
        labels: Labels,
        classes: usize,
        dimensions: usize,
    ) -> Result<AnyHead, HeadError> {
        let Self { features, targets, groups } = self;
        if labels == Labels::Multi {
            let samples = MultiSamples { features, dimensions, targets, classes, groups };
            return Ok(AnyHead::Multi(Box::new(MultiHead::fit(&samples, options)?)));
        }
        let labels: Vec<u32> = targets.iter().flatten().copied().collect();
        let samples = Samples { features, dimensions, labels: &labels, classes, groups };
        Ok(AnyHead::Single(Box::new(Head::fit(&samples, options)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_decide_the_kind_of_head() {
        let mut samples = HeadSamples::default();
        for i in 0..12_u32 {
            let class = i % 2;
            let embedding = [if class == 0 { 1.0 } else { -1.0 }, 0.1 * (i as f32).sin(), 0.05 * (i as f32).cos()];
            samples.push(&embedding, vec![class], i);
        }
        let options = HeadOptions::default();
        for (labels, is_multi) in [(Labels::Single, false), (Labels::Multi, true)] {
            let head = samples.fit(&options, labels, 2, 3).unwrap();
            assert_eq!(matches!(head, AnyHead::Multi(_)), is_multi);
            let (probabilities, _) = head.predict(&[-1.0, 0.0, 0.0]).unwrap();
            assert!(probabilities[1] > probabilities[0], "{labels:?} {probabilities:?}");
        }
        assert!(HeadSamples::default().fit(&options, Labels::Single, 2, 3).is_err());
    }
}
