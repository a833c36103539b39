//! Learning rate over time. A function of the place in the run alone, so a resumed run goes on where it stopped.

use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

/// How the learning rate goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// Stays as it is.
    Constant,
    /// Is multiplied by `--step-factor` every `--step-epochs`.
    Step,
    /// Falls to nothing along half a cosine (Loshchilov and Hutter 2016, arXiv 1608.03983, without restarts).
    Cosine,
    /// Rises from 1/25 for 30 % of the run, then falls to almost nothing (Smith and Topin 2017, arXiv 1708.07120, with
    /// the figures of PyTorch's `OneCycleLR`). Needs no warm-up.
    OneCycle,
}

/// A [`Schedule`] with its numbers. Corresponds to the schedulers of `torch.optim.lr_scheduler`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LrScheduler {
    /// How the learning rate goes.
    pub schedule: Schedule,
    /// Its greatest value.
    pub learning_rate: f64,
    /// Epochs it takes to rise linearly from a tenth of that.
    pub warm_up_epochs: f64,
    /// For [`Schedule::Step`].
    pub step_epochs: f64,
    /// For [`Schedule::Step`].
    pub step_factor: f64,
    /// Epochs of the run.
    pub epochs: f64,
}

impl LrScheduler {
    /// The learning rate of a step that starts when `done` epochs are over: 2.5 in the middle of the third.
    pub fn learning_rate(&self, done: f64) -> f64 {
        if self.schedule == Schedule::OneCycle {
            return self.learning_rate * one_cycle(progress(done, self.epochs));
        }
        if done < self.warm_up_epochs {
            return self.learning_rate * (0.1 + 0.9 * done / self.warm_up_epochs);
        }
        self.learning_rate
            * match self.schedule {
                Schedule::Constant | Schedule::OneCycle => 1.0,
                Schedule::Step => self.step_factor.powf((done / self.step_epochs).floor()),
                Schedule::Cosine => {
                    falling(progress(done - self.warm_up_epochs, self.epochs - self.warm_up_epochs), 1.0, 0.0)
                }
            }
    }
}

fn progress(done: f64, all: f64) -> f64 {
    if all > 0.0 { (done / all).clamp(0.0, 1.0) } else { 1.0 }
}

/// Half a cosine from `from` at 0 to `to` at 1.
fn falling(at: f64, from: f64, to: f64) -> f64 {
    to + (from - to) * (1.0 + (PI * at).cos()) / 2.0
}

fn one_cycle(at: f64) -> f64 {
    const RISE: f64 = 0.3;
    const START: f64 = 1.0 / 25.0;
    const END: f64 = START / 1e4;
    if at < RISE { falling(at / RISE, START, 1.0) } else { falling((at - RISE) / (1.0 - RISE), 1.0, END) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lr_scheduler(schedule: Schedule) -> LrScheduler {
        LrScheduler {
            schedule,
            learning_rate: 0.2,
            warm_up_epochs: 0.0,
            step_epochs: 3.0,
            step_factor: 0.1,
            epochs: 10.0,
        }
    }

    fn near(lr_scheduler: &LrScheduler, points: &[(f64, f64)]) {
        for &(done, expected) in points {
            let rate = lr_scheduler.learning_rate(done);
            assert!((rate - expected).abs() < 1e-9, "{:?} at {done}: {rate}, not {expected}", lr_scheduler.schedule);
        }
    }

    #[test]
    fn each_goes_as_it_should() {
        near(&lr_scheduler(Schedule::Constant), &[(0.0, 0.2), (9.9, 0.2)]);
        near(&lr_scheduler(Schedule::Step), &[(0.0, 0.2), (2.99, 0.2), (3.0, 0.02), (6.0, 0.002)]);
        near(&lr_scheduler(Schedule::Cosine), &[(0.0, 0.2), (5.0, 0.1), (10.0, 0.0)]);
        near(&lr_scheduler(Schedule::OneCycle), &[(0.0, 0.008), (3.0, 0.2), (10.0, 0.2 / 25.0 / 1e4)]);
    }

    #[test]
    fn warm_up_rises_from_a_tenth_and_the_rest_follows() {
        let lr_scheduler = LrScheduler { warm_up_epochs: 2.0, ..lr_scheduler(Schedule::Cosine) };
        near(&lr_scheduler, &[(0.0, 0.02), (1.0, 0.11), (2.0, 0.2), (6.0, 0.1), (10.0, 0.0)]);
    }

    #[test]
    fn a_run_that_is_all_warm_up_stays_finite() {
        let lr_scheduler = LrScheduler { warm_up_epochs: 10.0, ..lr_scheduler(Schedule::Cosine) };
        assert!((0..=20).all(|i| lr_scheduler.learning_rate(f64::from(i) / 2.0).is_finite()));
    }
}
