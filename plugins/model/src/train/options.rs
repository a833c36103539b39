//! How to learn, as command line options.

use crate::device::precision::Precision;
use crate::train::mix::MixOptions;
use crate::train::optimizer::Optimizer;
use crate::train::schedule::{LrScheduler, Schedule};
use serde::{Deserialize, Serialize};

/// How to learn.
#[derive(Clone, Debug, PartialEq, clap::Args, Serialize, Deserialize)]
pub struct TrainerOptions {
    /// The rule that turns gradients into new weights.
    #[arg(long, value_enum, default_value_t = Optimizer::Adamw)]
    pub optimizer: Optimizer,
    /// Greatest learning rate, above 0 and up to 10. Without it: 0.01 for sgd, 0.001 for adam and adamw.
    #[arg(long, value_name = "RATE", value_parser = positive, allow_negative_numbers = true)]
    pub learning_rate: Option<f64>,
    /// How much of the last step goes into the next, 0 to below 1. Of use to sgd alone.
    #[arg(long, default_value_t = 0.9, value_name = "SHARE", value_parser = below_one, allow_negative_numbers = true)]
    pub momentum: f64,
    /// Pull of the weights towards 0, 0 to below 1. Biases and the weights of batch normalisation are spared.
    #[arg(long, default_value_t = 0.0005, value_name = "SHARE", value_parser = below_one, allow_negative_numbers = true)]
    pub weight_decay: f64,
    /// How the learning rate goes.
    #[arg(long, value_enum, default_value_t = Schedule::OneCycle)]
    pub schedule: Schedule,
    /// Epochs in which the learning rate rises from a tenth, 0 to 1000. one-cycle rises by itself and takes no notice.
    #[arg(long, default_value_t = 0.0, value_name = "EPOCHS", value_parser = epochs, allow_negative_numbers = true)]
    pub warm_up_epochs: f64,
    /// Epochs between two steps of the schedule `step`, above 0.
    #[arg(long, default_value_t = 10.0, value_name = "EPOCHS", value_parser = some_epochs, allow_negative_numbers = true)]
    pub step_epochs: f64,
    /// What the schedule `step` multiplies the learning rate by, 0 to below 1.
    #[arg(long, default_value_t = 0.1, value_name = "FACTOR", value_parser = below_one, allow_negative_numbers = true)]
    pub step_factor: f64,
    /// Share of each target that is spread over all classes, 0 to below 1.
    #[arg(long, default_value_t = 0.05, value_name = "SHARE", value_parser = below_one, allow_negative_numbers = true)]
    pub label_smoothing: f64,
    /// Evaluates and keeps a running mean of the weights in which older ones count so much with each step, 0 to below 1; it
    /// rises to this from a tenth. 0: the weights of the last step.
    #[arg(long, default_value_t = 0.0, value_name = "SHARE", value_parser = below_one, allow_negative_numbers = true)]
    #[serde(default)]
    pub ema: f64,
    /// The greatest norm of all gradients taken together, beyond which they are scaled down; 0: no limit.
    #[arg(long, default_value_t = 0.0, value_name = "NORM", value_parser = not_negative, allow_negative_numbers = true)]
    #[serde(default)]
    pub clip_norm: f64,
    /// Images begin at this share of their side and have all of it after 70 % of the run, above 0 to 1: quicker, at some
    /// cost in accuracy. For networks that end with global-average-pooling.
    #[arg(long, default_value_t = 1.0, value_name = "SHARE", value_parser = some_share, allow_negative_numbers = true)]
    #[serde(default = "all")]
    pub progressive: f64,
    /// How exactly numbers are kept while learning. bf16 needs LibTorch, tf32 a GPU.
    #[arg(long, value_enum, default_value_t = Precision::Fp32)]
    pub precision: Precision,
    /// How much images are mixed.
    #[command(flatten)]
    #[serde(default)]
    pub mix: MixOptions,
}

/// A number of which `ok` holds.
pub(crate) fn number(text: &str, ok: fn(f64) -> bool, accepted: &str) -> Result<f64, String> {
    text.parse().ok().filter(|v| ok(*v)).ok_or_else(|| format!("accepted is a number {accepted}"))
}

fn positive(text: &str) -> Result<f64, String> {
    number(text, |v| v > 0.0 && v <= 10.0, "above 0 and up to 10")
}

fn below_one(text: &str) -> Result<f64, String> {
    number(text, |v| (0.0..1.0).contains(&v), "from 0 to below 1")
}

fn not_negative(text: &str) -> Result<f64, String> {
    number(text, |v| (0.0..=1e6).contains(&v), "from 0 to 1000000")
}

fn some_share(text: &str) -> Result<f64, String> {
    number(text, |v| v > 0.0 && v <= 1.0, "above 0 and up to 1")
}

fn all() -> f64 {
    1.0
}

fn epochs(text: &str) -> Result<f64, String> {
    number(text, |v| (0.0..=1000.0).contains(&v), "from 0 to 1000")
}

fn some_epochs(text: &str) -> Result<f64, String> {
    number(text, |v| v > 0.0 && v <= 1000.0, "above 0 and up to 1000")
}

impl TrainerOptions {
    /// The options as a schedule over `epochs`.
    pub fn lr_scheduler(&self, epochs: u64) -> LrScheduler {
        LrScheduler {
            schedule: self.schedule,
            learning_rate: self.learning_rate.unwrap_or_else(|| self.optimizer.usual_learning_rate()),
            warm_up_epochs: self.warm_up_epochs,
            step_epochs: self.step_epochs,
            step_factor: self.step_factor,
            epochs: epochs as f64,
        }
    }
}
