//! From predictions to a list for a person, the most suspicious first.

use crate::error::LabelErrorsError;
use crate::filters::{Filter, REGISTRY};
use crate::joint::{Joint, NEAR, most_probable};

/// Images that a class must have for [`find`] to suspect any of them: of fewer, too few are left to say what the class looks like
/// when one of them is predicted.
pub const MIN_CLASS_IMAGES: usize = 5;

/// An image whose label is suspected to be wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct Suspect {
    /// Its place among the predictions, from 0.
    pub index: usize,
    /// Its label.
    pub given: u32,
    /// The class it most probably is of.
    pub suggested: u32,
    /// The probability of its label, 0 to 1: low is suspicious.
    pub self_confidence: f32,
    /// How much more probable its label is than the best other class, brought to 0 to 1: low is suspicious.
    pub normalized_margin: f32,
}

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Suspected images, the lowest self-confidence first.
    pub suspects: Vec<Suspect>,
    /// Labels against classes.
    pub joint: Joint,
    /// Classes whose images were not suspected, as there are fewer than [`MIN_CLASS_IMAGES`]: by [`find`] alone.
    pub exempt: Vec<u32>,
}

/// Finds the images whose labels are probably wrong, by the first filter of [`REGISTRY`]; none of a class with fewer than
/// [`MIN_CLASS_IMAGES`].
///
/// `probabilities` has a row an image and a column a class, and must come from models that did not learn from the
/// image; `given` holds the labels. A label is only suspected when another class is more probable.
///
/// # Errors
/// [`LabelErrorsError`] when lengths differ, or a probability or label is out of range.
pub fn find(probabilities: &[Vec<f32>], given: &[u32], classes: usize) -> Result<Report, LabelErrorsError> {
    let mut report = find_by(REGISTRY[0], probabilities, given, classes)?;
    let mut counts = vec![0; classes];
    for label in given {
        counts[*label as usize] += 1;
    }
    let is_exempt = |class: u32| (1..MIN_CLASS_IMAGES).contains(&counts[class as usize]);
    report.suspects.retain(|suspect| !is_exempt(suspect.given));
    report.exempt = (0..classes as u32).filter(|class| is_exempt(*class)).collect();
    Ok(report)
}

/// The same, by a filter of one's choice.
///
/// # Errors
/// [`LabelErrorsError`] when lengths differ, or a probability or label is out of range.
pub fn find_by(
    filter: &dyn Filter,
    probabilities: &[Vec<f32>],
    given: &[u32],
    classes: usize,
) -> Result<Report, LabelErrorsError> {
    check(probabilities, given, classes)?;
    let joint = Joint::estimate(probabilities, given, classes);
    let marks = filter.suspects(&joint, probabilities, given);
    let mut suspects: Vec<Suspect> = (0..given.len())
        .filter(|index| marks[*index])
        .filter_map(|index| suspect(index, &probabilities[index], given[index]))
        .collect();
    suspects.sort_by(|a, b| a.self_confidence.total_cmp(&b.self_confidence));
    Ok(Report { suspects, joint, exempt: Vec::new() })
}

/// None when the label is as probable as any other class.
fn suspect(index: usize, row: &[f32], given: u32) -> Option<Suspect> {
    let suggested = most_probable(row) as u32;
    let (own, best) = (row[given as usize], row[suggested as usize]);
    let behind = f64::from(own) + NEAR < f64::from(best);
    let normalized_margin = f32::midpoint(own - best, 1.0);
    (suggested != given && behind).then_some(Suspect {
        index,
        given,
        suggested,
        self_confidence: own,
        normalized_margin,
    })
}

fn check(probabilities: &[Vec<f32>], given: &[u32], classes: usize) -> Result<(), LabelErrorsError> {
    if probabilities.len() != given.len() {
        return Err(LabelErrorsError::Length { given: given.len(), predicted: probabilities.len() });
    }
    for (index, row) in probabilities.iter().enumerate() {
        if row.len() != classes {
            return Err(LabelErrorsError::Classes { index, found: row.len(), classes });
        }
        if !row.iter().all(|p| (0.0..=1.0).contains(p)) {
            return Err(LabelErrorsError::Probability { index });
        }
    }
    match given.iter().position(|label| *label as usize >= classes) {
        Some(index) => Err(LabelErrorsError::Label { index, given: given[index], classes }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_label_is_found_and_a_better_one_named() {
        let mut rows: Vec<Vec<f32>> = (0..10).map(|i| vec![0.99 - i as f32 / 100.0, 0.01 + i as f32 / 100.0]).collect();
        rows.extend((0..10).map(|i| vec![0.2 + i as f32 / 100.0, 0.8 - i as f32 / 100.0]));
        let mut given: Vec<u32> = (0..20).map(|i| u32::from(i >= 10)).collect();
        given[3] = 1;
        for filter in REGISTRY {
            let report = find_by(*filter, &rows, &given, 2).unwrap();
            let [suspect] = &report.suspects[..] else { panic!("{}: {:?}", filter.name(), report.suspects) };
            assert_eq!((suspect.index, suspect.given, suspect.suggested), (3, 1, 0));
            assert!((suspect.self_confidence - 0.04).abs() < 1e-6);
            assert!((suspect.normalized_margin - 0.04).abs() < 1e-6);
        }
    }

    #[test]
    fn classes_of_fewer_than_five_images_are_exempt() {
        let rows = vec![vec![0.99, 0.01, 0.0]; 12];
        let of = |wrong: usize| {
            let given: Vec<u32> = (0..12).map(|i| u32::from(i < wrong)).collect();
            let report = find(&rows, &given, 3).unwrap();
            (report.suspects.len(), report.exempt)
        };
        assert_eq!(of(4), (0, vec![1]));
        assert_eq!(of(5), (5, vec![]));
    }

    #[test]
    fn nothing_is_suspected_where_there_is_nothing_to_compare() {
        assert!(find(&[], &[], 3).unwrap().suspects.is_empty());
        assert!(find(&[], &[], 0).unwrap().suspects.is_empty());
        assert!(find(&[vec![1.0]], &[0], 1).unwrap().suspects.is_empty());
        assert!(find(&vec![vec![0.5, 0.5]; 6], &[0, 1, 0, 1, 1, 0], 2).unwrap().suspects.is_empty());
    }

    #[test]
    fn what_is_wrong_is_named() {
        let find = |rows: &[Vec<f32>], given: &[u32]| find(rows, given, 2).unwrap_err().to_string();
        assert_eq!(find(&[], &[0]), "1 labels for 0 predictions");
        assert_eq!(find(&[vec![1.0]], &[0]), "prediction 0 is of 1 classes, not of 2");
        assert!(find(&[vec![1.0, 0.0], vec![f32::NAN, 0.0]], &[0, 0]).contains("prediction 1"));
        assert!(find(&[vec![1.5, 0.0]], &[0]).contains("not between 0 and 1"));
        assert_eq!(find(&[vec![1.0, 0.0]], &[2]), "label 0 is class 2, but there are only 2 classes, from 0");
    }
}
