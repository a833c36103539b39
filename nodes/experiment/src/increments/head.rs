//! A linear head on embeddings, as `predict` keeps it.

use super::{Course, Plan};
use crate::config::Way;
use crate::error::ExperimentError;
use plugin_model::{Extractor, WeightsFile};
use plugin_probe::{Head, ProbeOptions, fit, out_of_fold};
use plugin_standing::{Answer, Answers};
use std::time::Instant;

/// Pictures embedded at a time, as `predict` does.
const AT_A_TIME: usize = 4;
const FOLDS: usize = 5;

/// Embeds pictures once, when they come, and fits heads to what has come.
pub struct Eyes<'a> {
    plan: &'a Plan<'a>,
    extractor: Extractor,
    /// Embeddings of the pictures that have come, in their order.
    known: Vec<Vec<f32>>,
    /// Those of the test pictures.
    judged: Vec<Vec<f32>>,
}

/// A head, and what was made of it.
pub struct Fitted {
    /// For every test picture, whether it is told right.
    pub right: Vec<bool>,
    /// What heads that have not learnt them say of the pictures that have come.
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
        let size = plan.options.head_size;
        let (extractor, _) = Extractor::pretrained("efficientnet-lite0", size, &weights.path, &plan.scene.device)?;
        let mut eyes = Self { plan, extractor, known: Vec::new(), judged: Vec::new() };
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

    /// Fits a head to the pictures `train`, of which those of the calls before are the first. `judge`: whether to ask heads
    /// also about what has come, each about what it has not learnt.
    ///
    /// # Errors
    /// When the device fails.
    pub fn learn(&mut self, train: &[usize], judge: bool) -> Result<Fitted, ExperimentError> {
        let begun = Instant::now();
        let new = self.features(&train[self.known.len()..])?;
        self.known.extend(new);
        let photos = &self.plan.scene.photos;
        let class = |place: &usize| photos.photos[*place].class;
        let classes: Vec<u32> = train.iter().map(class).collect();
        let mut counts = vec![0_usize; photos.classes.len()];
        for class in &classes {
            counts[*class as usize] += 1;
        }
        let present = counts.iter().filter(|count| **count > 0).count();
        // Classes weigh the same.
        let weight = |class: &u32| train.len() as f32 / (present * counts[*class as usize]) as f32;
        let weights: Vec<f32> = classes.iter().map(weight).collect();
        let options = &ProbeOptions::UNIT_LENGTH;
        let head = fit(&self.known, &classes, &weights, counts.len(), options)?;
        let mut told = Answers::new();
        if judge {
            let groups: Vec<u32> = train.iter().map(|place| photos.photos[*place].group).collect();
            let seed = self.plan.seed;
            let rows = out_of_fold(&self.known, &classes, &groups, &weights, counts.len(), FOLDS, seed, options)?;
            for ((place, class), row) in train.iter().zip(&classes).zip(&rows) {
                let right = plugin_metric::most_probable(row) == *class as usize;
                let truth = photos.classes[*class as usize].clone();
                told.insert(photos.photos[*place].digest.clone(), Answer { truth, right });
            }
        }
        let seconds = begun.elapsed().as_secs_f64();
        Ok(Fitted { right: self.test(&head), told, seconds })
    }

    fn test(&self, head: &Head) -> Vec<bool> {
        let class = |place: &usize| self.plan.scene.photos.photos[*place].class as usize;
        let asked = self.judged.iter().zip(&self.plan.test);
        asked.map(|(row, place)| plugin_metric::most_probable(&head.probabilities(row)) == class(place)).collect()
    }
}

impl Plan<'_> {
    /// A head and nothing else.
    ///
    /// # Errors
    /// When the weights are not those of the network, or the device fails.
    pub fn head(&self, weights: &WeightsFile) -> Result<Course, ExperimentError> {
        let mut course = Course::new(Way::HeadAlone);
        let mut eyes = Eyes::open(self, weights)?;
        for part in 0..self.options.increments as usize {
            let train = self.so_far(part);
            let fitted = eyes.learn(train, false)?;
            course.add(super::share(&fitted.right), fitted.seconds, train.len());
        }
        Ok(course)
    }
}
