//! A head on embeddings, as `predict` keeps it.

use super::{Course, Plan, share};
use crate::config::Way;
use crate::error::ExperimentError;
use plugin_model::{Extractor, Precision, WeightsFile};
use plugin_probe::{ClassMeans, Rows, Seen};
use plugin_standing::{Answer, Answers};
use std::time::Instant;

/// Pictures embedded at a time, as `predict` does.
const AT_A_TIME: usize = 4;
/// Heads are judged again when so large a share of the pictures is new, as `predict` does.
const JUDGED_EVERY: f64 = 0.1;

/// Embeds pictures once, when they come, and fits heads to what has come.
pub struct Eyes<'a> {
    plan: &'a Plan<'a>,
    extractor: Extractor,
    /// Embeddings of the pictures that have come, in their order.
    known: Vec<Vec<f32>>,
    /// Those of the test pictures.
    judged: Vec<Vec<f32>>,
    /// How many pictures there were when heads were last judged, and what they said.
    told: (usize, Answers),
}

/// What came of a head.
pub struct Fitted {
    /// For every test picture, whether it is told right.
    pub right: Vec<bool>,
    /// What heads that have not learnt them say of the pictures that have come, but for the last few; empty for class means.
    pub told: Answers,
    /// Seconds for embedding what is new and for fitting.
    pub seconds: f64,
}

impl<'a> Eyes<'a> {
    /// Opens the network.
    ///
    /// # Errors
    /// When the weights are not those of the network.
    pub fn open(plan: &'a Plan<'a>, weights: &WeightsFile) -> Result<Self, ExperimentError> {
        let (size, device) = (plan.options.head_size, &plan.scene.device);
        let (extractor, _) =
            Extractor::pretrained("efficientnet-lite0", size, &weights.path, device, Precision::fastest(device))?;
        let mut eyes = Self { plan, extractor, known: Vec::new(), judged: Vec::new(), told: (0, Answers::new()) };
        eyes.judged = eyes.features(&plan.test)?;
        Ok(eyes)
    }

    fn features(&self, places: &[usize]) -> Result<Vec<Vec<f32>>, ExperimentError> {
        let mut all = Vec::new();
        for places in places.chunks(AT_A_TIME) {
            let squares: Vec<&[u8]> =
                places.iter().map(|place| &self.plan.scene.photos.photos[*place].squares[1][..]).collect();
            all.extend(self.extractor.features(squares.concat())?);
        }
        Ok(all)
    }

    /// Fits a linear head to the pictures `train`, of which those of the calls before are the first; while there are too few
    /// for one, their class means.
    ///
    /// # Errors
    /// When the device fails.
    pub fn learn(&mut self, train: &[usize]) -> Result<Fitted, ExperimentError> {
        let (plan, begun) = (self.plan, Instant::now());
        let new = self.features(&train[self.known.len()..])?;
        self.known.extend(new);
        let photos = &plan.scene.photos.photos;
        let groups: Vec<String> = train.iter().map(|place| photos[*place].group.to_string()).collect();
        let seen = train.iter().zip(&groups).zip(&self.known);
        let seen: Vec<Seen<'_>> =
            seen.map(|((place, group), features)| Seen { class: plan.class(*place), group, features }).collect();
        let rows = Rows::of(&seen);
        let is_due = (train.len() - self.told.0) as f64 >= JUDGED_EVERY * train.len() as f64;
        let judged = rows.as_ref().filter(|_| is_due).and_then(Rows::judge);
        let fitted = rows.as_ref().and_then(Rows::fit);
        let seconds = begun.elapsed().as_secs_f64();
        if let Some((_, hits)) = judged {
            let answer = |(place, right): (&usize, bool)| {
                (photos[*place].digest.clone(), Answer { truth: plan.class(*place).to_owned(), right })
            };
            self.told = (train.len(), train.iter().zip(hits).map(answer).collect());
        }
        if let Some((head, classes)) = fitted {
            let right = self.test(&classes, |row| head.probabilities(row));
            return Ok(Fitted { right, told: self.told.1.clone(), seconds });
        }
        let mut means = ClassMeans::default();
        for one in &seen {
            means.add(one.class, one.features);
        }
        let classes: Vec<String> = means.classes().map(str::to_owned).collect();
        Ok(Fitted { right: self.test(&classes, |row| means.probabilities(row)), told: Answers::new(), seconds })
    }

    fn test(&self, classes: &[String], ask: impl Fn(&[f32]) -> Vec<f32>) -> Vec<bool> {
        let said = |row: &Vec<f32>| classes.get(plugin_metric::most_probable(&ask(row))).map(String::as_str);
        self.judged.iter().zip(&self.plan.test).map(|(row, place)| said(row) == Some(self.plan.class(*place))).collect()
    }
}

impl Plan<'_> {
    /// The class of a picture.
    pub fn class(&self, place: usize) -> &str {
        let photos = &self.scene.photos;
        &photos.classes[photos.photos[place].class as usize]
    }

    /// A head and nothing else.
    ///
    /// # Errors
    /// When the weights are not those of the network, or the device fails.
    pub fn head(&self, weights: &WeightsFile) -> Result<Course, ExperimentError> {
        let mut course = Course::new(Way::HeadAlone);
        let mut eyes = Eyes::open(self, weights)?;
        for part in 0..self.options.increments as usize {
            let train = self.so_far(part);
            let fitted = eyes.learn(train)?;
            course.add(share(&fitted.right), fitted.seconds, train.len());
        }
        Ok(course)
    }
}
