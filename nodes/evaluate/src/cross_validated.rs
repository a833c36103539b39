//! Figures of a run from its cross-validation, and the champion's on the same images.
//!
//! No model is evaluated on what it was trained on: the run's answers are those of the fold's network. For the champion stand its
//! own out-of-fold answers, of images that its run had; otherwise what it says of the test split, which it was not trained on;
//! and of images whose class it does not know, that it is wrong.

use crate::candidate::Answers;
use plugin_api::runs::{CrossValidation, OutOfFold};
use plugin_api::{Labels, Message};
use plugin_report::EvaluatedImage;
use std::collections::HashMap;

/// What a run's networks said of all images that they can be evaluated on.
#[derive(Clone, Debug)]
pub struct OutOfFoldAnswers {
    /// One row an image.
    pub answers: Answers,
    /// Those images.
    pub images: Vec<EvaluatedImage>,
    /// Which of them have a near-copy among the images that their network was trained on.
    pub near_copies: Vec<bool>,
    /// Number of folds that the run was cross-validated by.
    pub folds: u32,
    samples: Vec<OutOfFold>,
}

/// What two models said of the same images.
#[derive(Clone, Debug)]
pub struct Paired {
    /// Out-of-fold predictions of the challenger.
    pub challenger: Answers,
    /// Predictions of the champion for the same images.
    pub champion: Answers,
    /// Images for which the champion's out-of-fold answer stands.
    pub cross_validated: usize,
    /// Images of the test split, for which its own answer stands.
    pub held_out: usize,
    /// Images whose class it does not know.
    pub unknown: usize,
}

impl OutOfFoldAnswers {
    /// Reads them. An image that is the only one of its class is left out: its network has never seen the class.
    ///
    /// # Errors
    /// In words, when a row does not fit the classes.
    pub fn new(read: CrossValidation, labels: Labels) -> Result<Self, String> {
        let mut counts = vec![0u64; read.classes.len()];
        for target in read.samples.iter().flat_map(|sample| &sample.targets) {
            *counts.get_mut(*target as usize).ok_or("a class index beyond the classes")? += 1;
        }
        let can_be_evaluated = |sample: &OutOfFold| sample.targets.iter().any(|target| counts[*target as usize] > 1);
        let samples: Vec<OutOfFold> = read.samples.into_iter().filter(can_be_evaluated).collect();
        let mut answers = Answers::new(labels, read.classes);
        for sample in &samples {
            answers.push(&truth(sample), &sample.probabilities)?;
        }
        let image = |sample: &OutOfFold| EvaluatedImage { path: sample.path.clone(), digest: sample.digest.clone() };
        let images = samples.iter().map(image).collect();
        let near_copies = samples.iter().map(|sample| sample.near_copy).collect();
        Ok(Self { answers, images, near_copies, folds: read.folds, samples })
    }

    /// Number of the image of that digest.
    pub fn find(&self, digest: &str) -> Option<usize> {
        self.samples.iter().position(|sample| sample.digest == digest)
    }

    /// The same images as the champion is known to answer for without having been trained on them. `known`: the classes of the
    /// champion; `own`: its cross-validation; `held_out`: what it said of images of the test split, by digest.
    ///
    /// # Errors
    /// In words, when a row does not fit the classes.
    pub fn pair(
        &self,
        labels: Labels,
        known: &[String],
        own: Option<&CrossValidation>,
        held_out: (&Answers, &[EvaluatedImage]),
    ) -> Result<Paired, String> {
        let ours = self.answers.classes();
        let mut names = ours.to_vec();
        names.extend(known.iter().filter(|name| !ours.contains(name)).cloned());
        let place = |name: &String| names.iter().position(|n| n == name);
        let own_rows: HashMap<&str, &OutOfFold> =
            own.iter().flat_map(|own| &own.samples).map(|sample| (&sample.digest[..], sample)).collect();
        let own_places: Vec<Option<usize>> = own.iter().flat_map(|own| &own.classes).map(place).collect();
        let (said, images) = held_out;
        let said_places: Vec<Option<usize>> = said.classes().iter().map(place).collect();
        let said_rows: HashMap<&str, usize> = (0..).zip(images).map(|(at, image)| (&image.digest[..], at)).collect();
        let mut paired = Paired {
            challenger: Answers::new(labels, ours.to_vec()),
            champion: Answers::new(labels, names.clone()),
            cross_validated: 0,
            held_out: 0,
            unknown: 0,
        };
        for sample in &self.samples {
            let mut row = vec![0.0; names.len()];
            let mut fill = |places: &[Option<usize>], values: &[f32]| {
                for (place, value) in places.iter().zip(values) {
                    if let Some(place) = place {
                        row[*place] = *value;
                    }
                }
            };
            if let Some(own) = own_rows.get(&sample.digest[..]) {
                fill(&own_places, &own.probabilities);
                paired.cross_validated += 1;
            } else if let Some(at) = said_rows.get(&sample.digest[..]) {
                fill(&said_places, &said.row(*at));
                paired.held_out += 1;
            } else if !sample.targets.iter().any(|target| known.contains(&ours[*target as usize])) {
                // Whatever it would say is another class.
                if let Some(place) = known.first().and_then(place).filter(|_| labels == Labels::Single) {
                    row[place] = 1.0;
                }
                paired.unknown += 1;
            } else {
                continue;
            }
            paired.challenger.push(&truth(sample), &sample.probabilities)?;
            paired.champion.push(&truth(sample), &row)?;
        }
        Ok(paired)
    }
}

impl Paired {
    /// How the champion's answers were come by; none when no image is compared.
    pub fn how(&self, all: usize) -> Option<Message> {
        let compared = self.cross_validated + self.held_out + self.unknown;
        let parts = [
            (self.cross_validated, Message::compared_own(self.cross_validated)),
            (self.held_out, Message::compared_held_out(self.held_out)),
            (self.unknown, Message::compared_unknown(self.unknown)),
        ];
        let parts: Vec<Message> = parts.into_iter().filter(|(count, _)| *count > 0).map(|(_, how)| how).collect();
        (compared > 0).then(|| Message::compared_on(compared, all, parts))
    }
}

fn truth(sample: &OutOfFold) -> Vec<usize> {
    sample.targets.iter().map(|target| *target as usize).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    /// Images `0, 1, …` of these classes, each with a network that says the second number.
    fn read(classes: &[&str], said: &[(u32, usize)]) -> CrossValidation {
        let sample = |(at, (class, said)): (usize, &(u32, usize))| OutOfFold {
            digest: format!("{at}"),
            path: format!("photos/{at}.jpg"),
            fold: at as u32 % 2,
            targets: vec![*class],
            probabilities: (0..classes.len()).map(|class| f32::from(u8::from(class == *said))).collect(),
            near_copy: at == 0,
        };
        CrossValidation {
            folds: 2,
            classes: names(classes),
            fingerprint: String::new(),
            samples: said.iter().enumerate().map(sample).collect(),
            seconds: 0.0,
        }
    }

    fn correct(answers: &Answers) -> Vec<bool> {
        let Answers::Single(predictions) = answers else { panic!("several labels") };
        predictions.correct()
    }

    #[test]
    fn lone_images_of_a_class_are_not_evaluated() {
        let own = read(&["a", "b"], &[(0, 0), (0, 1), (1, 0)]);
        let answers = OutOfFoldAnswers::new(own, Labels::Single).unwrap();
        assert_eq!((correct(&answers.answers), &answers.near_copies[..]), (vec![true, false], &[true, false][..]));
        assert_eq!((answers.find("1"), answers.find("2")), (Some(1), None));
        let beyond = read(&["a"], &[(3, 0)]);
        assert!(OutOfFoldAnswers::new(beyond, Labels::Single).is_err());
    }

    #[test]
    fn champions_answer_only_for_what_they_were_not_trained_on() {
        let ours = read(&["a", "b", "new"], &[(0, 0), (0, 0), (1, 1), (1, 0), (2, 2), (2, 2), (0, 1)]);
        let ours = OutOfFoldAnswers::new(ours, Labels::Single).unwrap();
        // It had the first three images and another order of classes, and a class that is gone.
        let theirs = read(&["b", "a", "gone"], &[(1, 1), (1, 2), (0, 1)]);
        let mut said = Answers::new(Labels::Single, names(&["a", "b", "gone"]));
        said.push(&[1], &[0.1, 0.9, 0.0]).unwrap();
        said.push(&[0], &[0.1, 0.9, 0.0]).unwrap();
        let images = ["3", "0"].map(|digest| EvaluatedImage { path: String::new(), digest: digest.to_owned() });
        let known = names(&["b", "a", "gone"]);
        let paired = ours.pair(Labels::Single, &known, Some(&theirs), (&said, &images)).unwrap();
        assert_eq!((paired.cross_validated, paired.held_out, paired.unknown), (3, 1, 2));
        assert_eq!(correct(&paired.challenger), [true, true, true, false, true, true], "all but the last image");
        assert_eq!(correct(&paired.champion), [true, false, false, true, false, false]);
        assert_eq!(
            paired.how(7).unwrap().to_string(),
            "Compared with the champion on 6 of 7 images: 3 by its own cross-validation, 1 held out from it, 2 of classes it \
             does not know."
        );
        let none = ours.pair(Labels::Single, &names(&["a", "b", "new"]), None, (&said, &[])).unwrap();
        assert_eq!(none.how(7), None);
    }
}
