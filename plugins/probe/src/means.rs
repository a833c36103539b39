//! The mean of each class: a head that is there at once, also with an image or two a class.
//!
//! The likeliest class is the one whose mean has the smallest angle to an image's embedding, as in J. Snell and others,
//! Prototypical Networks for Few-shot Learning, NIPS 2017, <https://arxiv.org/abs/1703.05175>, with cosines. An image that
//! comes or goes costs one addition, not a fit.

use std::collections::BTreeMap;

/// What cosines are multiplied by before the softmax. A temperature fitted afterwards makes up for what is wrong with it.
const SHARPNESS: f64 = 20.0;

/// Sum of the embeddings of a class.
#[derive(Clone, Debug, PartialEq)]
struct Sum {
    sum: Vec<f64>,
    count: usize,
}

impl Sum {
    /// The cosine between the mean, less `without` if it is one of the summed, and an image.
    fn cosine(&self, features: &[f32], without: Option<&[f32]>) -> f64 {
        let (mut product, mut square) = (0.0, 0.0);
        for (place, sum) in self.sum.iter().enumerate() {
            let sum = sum - without.map_or(0.0, |row| f64::from(row[place]));
            product += sum * features.get(place).map_or(0.0, |x| f64::from(*x));
            square += sum * sum;
        }
        let length = features.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() * square;
        if length > 0.0 { product / length.sqrt() } else { 0.0 }
    }
}

/// The means of classes, by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClassMeans {
    classes: BTreeMap<String, Sum>,
}

impl ClassMeans {
    /// An image of a class comes. All embeddings are equally long.
    pub fn add(&mut self, class: &str, features: &[f32]) {
        let fresh = || Sum { sum: vec![0.0; features.len()], count: 0 };
        let of = self.classes.entry(class.to_owned()).or_insert_with(fresh);
        of.count += 1;
        of.sum.iter_mut().zip(features).for_each(|(sum, x)| *sum += f64::from(*x));
    }

    /// An image of a class goes, and with its last one the class.
    pub fn remove(&mut self, class: &str, features: &[f32]) {
        let Some(of) = self.classes.get_mut(class) else { return };
        of.count -= 1;
        of.sum.iter_mut().zip(features).for_each(|(sum, x)| *sum -= f64::from(*x));
        if of.count == 0 {
            self.classes.remove(class);
        }
    }

    /// Names of the classes, in the order of the probabilities.
    pub fn classes(&self) -> impl Iterator<Item = &str> {
        self.classes.keys().map(String::as_str)
    }

    /// How many images a class has.
    pub fn count(&self, class: &str) -> usize {
        self.classes.get(class).map_or(0, |of| of.count)
    }

    /// The probability of each class, in all 1.
    pub fn probabilities(&self, features: &[f32]) -> Vec<f32> {
        softmax(self.classes.values().map(|of| of.cosine(features, None)))
    }

    /// What the means say of an image that was added to `class`, had it not been; none when it is the only one.
    pub fn left_out(&self, class: &str, features: &[f32]) -> Option<Vec<f32>> {
        if self.count(class) < 2 {
            return None;
        }
        let cosine = |(name, of): (&String, &Sum)| of.cosine(features, (name == class).then_some(features));
        Some(softmax(self.classes.iter().map(cosine)))
    }
}

fn softmax(cosines: impl Iterator<Item = f64>) -> Vec<f32> {
    let cosines: Vec<f64> = cosines.collect();
    let most = cosines.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = cosines.iter().map(|cosine| (SHARPNESS * (cosine - most)).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.iter().map(|power| (power / sum) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_image_a_class_is_enough() {
        let mut means = ClassMeans::default();
        means.add("b", &[0.0, 1.0]);
        means.add("a", &[1.0, 0.0]);
        assert_eq!(means.classes().collect::<Vec<_>>(), ["a", "b"]);
        let row = means.probabilities(&[0.8, 0.6]);
        assert!((row[0] / row[1] - (20.0_f32 * 0.2).exp()).abs() < 1e-2, "{row:?}");
        assert!(means.left_out("a", &[1.0, 0.0]).is_none());
    }

    proptest! {
        /// What is left out is as though it had never come, and what went is as though it had been left out.
        #[test]
        fn leaving_out_is_the_same_as_taking_away(
            rows in prop::collection::vec((0..3_usize, prop::array::uniform4(-1.0_f32..1.0)), 2..30),
        ) {
            let names = ["x", "y", "z"];
            let mut means = ClassMeans::default();
            for (class, row) in &rows {
                means.add(names[*class], row);
            }
            let (class, row) = (names[rows[0].0], rows[0].1);
            let left_out = means.left_out(class, &row);
            means.remove(class, &row);
            if means.count(class) == 0 {
                prop_assert!(left_out.is_none() && !means.classes().any(|name| name == class));
            } else {
                let (one, other) = (left_out.unwrap(), means.probabilities(&row));
                for (a, b) in one.iter().zip(&other) {
                    prop_assert!((a - b).abs() < 1e-3, "{one:?} {other:?}");
                }
            }
        }
    }
}
