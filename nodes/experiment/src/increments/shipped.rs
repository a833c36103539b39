//! What the graph does: a head at once, a network when it is worth a run, and the better of the two answers.

use super::head::Eyes;
use super::{Course, Network, Plan, share};
use crate::config::Way;
use crate::error::ExperimentError;
use crate::split::train_and_test;
use crate::tell;
use plugin_metric::report::format::percent;
use plugin_model::WeightsFile;
use plugin_standing::{Answer, Answers, compare};
use std::collections::HashSet;

impl Plan<'_> {
    /// Head and network side by side. As in the graph, some of the pictures are held out from the network alone, and on
    /// these both are compared; the network learns anew only when enough has changed, which is more while the head is better.
    ///
    /// # Errors
    /// When the weights are not those of the network, or the device fails.
    pub fn shipped(&self, weights: &WeightsFile) -> Result<Course, ExperimentError> {
        let options = self.options;
        let photos = &self.scene.photos.photos;
        let (_, heldout) = train_and_test(photos, options.held_out_percent, self.seed + 1);
        let heldout: HashSet<usize> = heldout.into_iter().collect();
        let mut course = Course::new(Way::AsShipped);
        let mut eyes = Eyes::open(self, weights)?;
        let mut network = Network::new(self, Way::Tiers)?;
        let (mut answers, mut by_network, mut learnt) = (Answers::new(), Vec::new(), 0);
        let mut behind_head = false;
        for part in 0..options.increments as usize {
            let train = self.so_far(part);
            let fitted = eyes.learn(train)?;
            let mut seconds = fitted.seconds;
            let worth = if behind_head { options.min_new_percent_behind_head } else { 0.0 };
            if (train.len() - learnt) as f64 >= worth / 100.0 * train.len() as f64 {
                let (held, learn): (Vec<usize>, Vec<usize>) = train.iter().partition(|place| heldout.contains(place));
                let outcome = network.learn(&learn, &[&held[..], &self.test].concat(), self.classes(train))?;
                // Of the held-out pictures all classes are known, so they come first in what was judged, one for one.
                let mut hits = outcome.judged.hits();
                by_network = hits.split_off(held.len());
                let answer = |(place, right): (&usize, bool)| {
                    (photos[*place].digest.clone(), Answer { truth: self.class(*place).to_owned(), right })
                };
                answers = held.iter().zip(hits).map(answer).collect();
                (learnt, seconds) = (train.len(), seconds + outcome.seconds);
            }
            let comparison = compare(&fitted.told, &answers);
            behind_head = comparison.is_some_and(|found| found.head_is_better());
            let unknown = self.classes(train) > network.classes;
            // Of the test pictures, those of classes that it does not know are not in what the network was asked.
            let by_network = by_network.iter().filter(|right| **right).count() as f64 / self.test.len().max(1) as f64;
            let right = if behind_head || unknown { share(&fitted.right) } else { by_network };
            if let Some(found) = comparison {
                tell(&format!(
                    "on {} held-out pictures: head {}, network {} (balanced)",
                    found.pictures,
                    percent(found.head),
                    percent(found.champion)
                ));
            }
            course.add(right, seconds, train.len());
        }
        tell(&format!("{} runs of the network", network.runs));
        Ok(course)
    }
}
