//! The confident joint: how many images of each label are, as far as can be told, of each class.

use crate::round::preserving_sum;

/// Probabilities this close count as equal.
pub const NEAR: f64 = 1e-6;

/// The estimate for a set of images.
#[derive(Clone, Debug, PartialEq)]
pub struct Joint {
    /// Mean probability of each class over the images labelled so; none for a class without images.
    pub thresholds: Vec<Option<f64>>,
    /// Images by label (row) and class (column), confident ones only: `C` in the paper's section 3.1. At least 1 on
    /// the diagonal.
    pub confident: Vec<Vec<u64>>,
    /// The same, calibrated so that a row adds up to the images of the label.
    pub calibrated: Vec<Vec<u64>>,
    /// For each image the class it is confidently of.
    pub class_of: Vec<Option<u32>>,
}

impl Joint {
    /// Estimates the joint. Every row of `probabilities` has `classes` numbers, every label is below `classes`.
    ///
    /// An image is confidently of the one class whose threshold its probability reaches. When it reaches several, it is
    /// of its most probable class (as cleanlab has it; the paper takes the most probable of those).
    pub fn estimate(probabilities: &[Vec<f32>], given: &[u32], classes: usize) -> Self {
        let (mut counts, mut sums) = (vec![0_u64; classes], vec![0.0; classes]);
        for (row, &label) in probabilities.iter().zip(given) {
            counts[label as usize] += 1;
            sums[label as usize] += f64::from(row[label as usize]);
        }
        let mean = |(sum, count): (&f64, &u64)| (*count > 0).then(|| (sum / *count as f64).max(2.0 * NEAR));
        let thresholds: Vec<Option<f64>> = sums.iter().zip(&counts).map(mean).collect();

        let class_of: Vec<Option<u32>> = probabilities.iter().map(|row| confident_class(row, &thresholds)).collect();
        let mut confident = vec![vec![0_u64; classes]; classes];
        for (class, &label) in class_of.iter().zip(given) {
            if let Some(class) = class {
                confident[label as usize][*class as usize] += 1;
            }
        }
        for (class, row) in confident.iter_mut().enumerate() {
            row[class] = row[class].max(1);
        }
        let calibrated = confident.iter().zip(&counts).map(|(row, count)| calibrated(row, *count)).collect();
        Self { thresholds, confident, calibrated, class_of }
    }

    /// How many classes there are.
    pub fn classes(&self) -> usize {
        self.thresholds.len()
    }

    /// Images estimated to be labelled wrongly, of all of them: the calibrated joint off its diagonal.
    pub fn wrong(&self) -> u64 {
        let off = |(label, row): (usize, &Vec<u64>)| row.iter().sum::<u64>() - row[label];
        self.calibrated.iter().enumerate().map(off).sum()
    }
}

fn confident_class(row: &[f32], thresholds: &[Option<f64>]) -> Option<u32> {
    let reaches = |(p, threshold): (&f32, &Option<f64>)| threshold.is_some_and(|t| f64::from(*p) >= t - NEAR);
    let mut reached = row.iter().zip(thresholds).enumerate().filter(|(_, of)| reaches(*of)).map(|(class, _)| class);
    let first = reached.next()?;
    let class = if reached.next().is_some() { most_probable(row) } else { first };
    Some(class as u32)
}

/// The most probable class, the first of several; 0 when there is none.
pub fn most_probable(row: &[f32]) -> usize {
    let mut best = 0;
    for (class, p) in row.iter().enumerate() {
        if *p > row[best] {
            best = class;
        }
    }
    best
}

fn calibrated(row: &[u64], count: u64) -> Vec<u64> {
    let confident = row.iter().sum::<u64>() as f64;
    let scaled: Vec<f64> = row.iter().map(|n| *n as f64 / confident * count as f64).collect();
    preserving_sum(&scaled).into_iter().map(|n| n as u64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_counted_where_it_is_confident() {
        // Thresholds: class 0: (0.9 + 0.7 + 0.2) / 3 = 0.6, class 1: 0.8, class 2 has no image.
        let rows = [[0.9, 0.1, 0.0], [0.7, 0.2, 0.1], [0.2, 0.8, 0.0], [0.2, 0.8, 0.0], [0.1, 0.1, 0.8]].map(Vec::from);
        let joint = Joint::estimate(&rows[..4], &[0, 0, 0, 1], 3);
        assert!((joint.thresholds[0].unwrap() - 0.6).abs() < 1e-6 && joint.thresholds[2].is_none());
        assert_eq!(joint.confident, [[2, 1, 0], [0, 1, 0], [0, 0, 1]]);
        assert_eq!(joint.calibrated, [[2, 1, 0], [0, 1, 0], [0, 0, 0]]);
        assert_eq!(joint.class_of, [Some(0), Some(0), Some(1), Some(1)]);
        assert_eq!((joint.wrong(), joint.classes()), (1, 3));
        // Confident of a class without images: of none.
        assert_eq!(confident_class(&rows[4], &joint.thresholds), None);
    }

    #[test]
    fn counts_are_scaled_to_the_images_of_a_label() {
        assert_eq!(calibrated(&[3, 1, 0], 10), [8, 2, 0]);
        assert_eq!(calibrated(&[0, 1], 0), [0, 0]);
    }
}
