//! Options. The doc comments are the `--help`.

use crate::error::ExperimentError;
use clap::{Args, Parser, Subcommand};
use plugin_api::{ResizeMode, WorkspaceArgs};
use plugin_augment::AugmentOptions;
use plugin_decode::Limits;
use plugin_heads::{FirstClassifier, HeadOptions};
use plugin_inference::BackboneOptions;
use plugin_model::{Architecture, DeviceAugmentOptions, DeviceChoice, TrainerOptions, WeightsFile};
use plugin_resize::{MAX_SIZE_PX, MIN_SIZE_PX};
use plugin_training::retrain::RetrainOptions;
use std::path::PathBuf;

/// Trains networks side by side on the same images, outside of the graph, and compares them.
#[derive(Debug, Parser)]
#[command(name = "experiment", bin_name = "cargo wakuteka experiment")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Compares sizes of the images: each is trained for the same time, and accuracy is drawn against cost.
    Sizes(Box<Sizes>),
    /// Compares ways to train: each is trained with several seeds.
    Recipes(Box<Recipes>),
    /// Evaluates one way to train by cross-validation, near-copies never on both sides.
    Folds(Box<Folds>),
    /// Feeds the images in a little at a time and compares ways to train on: a head on pretrained features, the tiers of
    /// `train`, a plain warm start, and from scratch each time.
    Increments(Box<Increments>),
    /// Trains once and says where the time goes: images a second, the wait for images, memory.
    Once(Box<Once>),
}

/// Which images, and where results go.
#[derive(Clone, Debug, Args)]
pub struct ImageOptions {
    /// Images in class folders [default: photos/ of the workspace]
    #[arg(value_name = "FOLDER")]
    pub folder: Option<PathBuf>,
    /// The workspace.
    #[command(flatten)]
    pub workspace: WorkspaceArgs,
    /// Where the page and the table are written [default: experiments/ of the workspace]
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
    /// How an image that is not square becomes one.
    #[arg(long, value_enum, default_value_t, value_name = "MODE")]
    pub resize_mode: ResizeMode,
    /// What an image may cost.
    #[command(flatten)]
    pub limits: Limits,
}

impl ImageOptions {
    /// Where the images are.
    pub fn folder(&self) -> PathBuf {
        self.folder.clone().unwrap_or_else(|| self.workspace.root.join("photos"))
    }

    /// Where results go.
    pub fn out(&self) -> PathBuf {
        self.out.clone().unwrap_or_else(|| self.workspace.root.join("experiments"))
    }
}

/// What is trained and how: the options of `train` and `augment`.
#[derive(Clone, Debug, Args)]
pub struct Recipe {
    /// The network, as of `train`: a name, or a file of blocks.
    #[arg(long, default_value = "small-cnn", value_name = "NAME|FILE")]
    pub model: Architecture,
    /// Weights to start from: a file, or efficientnet-lite0 once `cargo wakuteka weights efficientnet-lite0` has fetched it.
    #[arg(long, value_name = "FILE|NAME")]
    pub weights: Option<WeightsFile>,
    /// Epochs at the start in which the last layer alone learns.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u64).range(0..=10_000), value_name = "EPOCHS")]
    pub freeze_epochs: u64,
    /// What the last layer begins with where --weights do not have it.
    #[arg(long, value_enum, default_value_t)]
    pub first_classifier: FirstClassifier,
    /// Times each image is trained on.
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..=10_000), value_name = "NUMBER")]
    pub epochs: u64,
    /// Images a step.
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=4096), value_name = "NUMBER")]
    pub batch_size: u32,
    /// How images are changed.
    #[command(flatten)]
    pub augment: AugmentOptions,
    /// Where images are changed.
    #[command(flatten)]
    pub device_augment: DeviceAugmentOptions,
    /// How it learns.
    #[command(flatten)]
    pub trainer: TrainerOptions,
}

/// What all experiments have.
#[derive(Clone, Debug, Args)]
pub struct Common {
    /// Which images.
    #[command(flatten)]
    pub images: ImageOptions,
    /// What is trained and how.
    #[command(flatten)]
    pub recipe: Recipe,
    /// Where to compute: auto, flex, libtorch or libtorch-cuda:N.
    #[arg(long, default_value_t = DeviceChoice::Auto, value_name = "DEVICE")]
    pub device: DeviceChoice,
    /// The first seed; it decides the split too.
    #[arg(long, default_value_t = 1, value_name = "NUMBER")]
    pub seed: u64,
}

/// Options of `sizes`.
#[derive(Clone, Debug, Args)]
pub struct Sizes {
    /// What all experiments have.
    #[command(flatten)]
    pub common: Common,
    /// Sides of the images, pixels.
    #[arg(long, value_delimiter = ',', default_value = "32,64,128", value_parser = side(), value_name = "PIXELS")]
    pub sizes: Vec<u32>,
    /// Seconds of training for each size: it has as many epochs as fit, at least one. Takes the place of --epochs.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=1_000_000), value_name = "SECONDS")]
    pub budget_seconds: u64,
    /// Runs of each size, with one seed after the other.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=100), value_name = "NUMBER")]
    pub seeds: u64,
    /// Share of the images that are test images, percent.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(5..=50), value_name = "PERCENT")]
    pub test_percent: u32,
}

/// Options of `recipes`.
#[derive(Clone, Debug, Args)]
pub struct Recipes {
    /// What all experiments have; what a recipe does not say is taken from here.
    #[command(flatten)]
    pub common: Common,
    /// Side of the images, pixels.
    #[arg(long, default_value_t = 64, value_parser = side(), value_name = "PIXELS")]
    pub size: u32,
    /// A recipe: a name, a colon and options of this command, as in "soft: --label-smoothing 0.2 --mixup 0.4". Can be given
    /// several times; without it those that come with the program are compared.
    #[arg(long = "recipe", value_name = "NAME: OPTIONS")]
    pub recipe_line: Vec<String>,
    /// Runs of each recipe, with one seed after the other.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=100), value_name = "NUMBER")]
    pub seeds: u64,
    /// Share of the images that are test images, percent.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(5..=50), value_name = "PERCENT")]
    pub test_percent: u32,
}

/// Options of `folds`.
#[derive(Clone, Debug, Args)]
pub struct Folds {
    /// What all experiments have.
    #[command(flatten)]
    pub common: Common,
    /// Side of the images, pixels.
    #[arg(long, default_value_t = 64, value_parser = side(), value_name = "PIXELS")]
    pub size: u32,
    /// Parts the images are cut into; each is the test set of a network trained on the others.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(2..=20), value_name = "NUMBER")]
    pub folds: u32,
    /// Times all of it is done, with one seed after the other: the folds are others. Means are shown.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=100), value_name = "NUMBER")]
    pub seeds: u64,
    /// What is trained.
    #[arg(long, value_enum, default_value_t)]
    pub strategy: FoldStrategy,
    /// The backbone of heads.
    #[command(flatten)]
    pub backbone: BackboneOptions,
    /// How heads are fitted.
    #[command(flatten)]
    pub head: HeadOptions,
}

/// What is cross-validated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum FoldStrategy {
    /// A whole network: --model, from --weights or from scratch.
    #[default]
    Network,
    /// A head on the embeddings of --backbone, as the strategy `head` of `train`.
    Head,
}

/// Options of `increments`.
#[derive(Clone, Debug, Args)]
pub struct Increments {
    /// What all experiments have. --epochs are those from scratch.
    #[command(flatten)]
    pub common: Common,
    /// Epochs when it learns on. Without it: half of --epochs, rounded up.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=10_000), value_name = "NUMBER")]
    pub retrain_epochs: Option<u64>,
    /// Ways to learn on, one after the other.
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        default_value = "head,tiers,warm-start,from-scratch",
        value_name = "WAYS"
    )]
    pub ways: Vec<Strategy>,
    /// Side of the images, pixels.
    #[arg(long, default_value_t = 64, value_parser = side(), value_name = "PIXELS")]
    pub size: u32,
    /// Parts in which the images come.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(2..=100), value_name = "NUMBER")]
    pub increments: u32,
    /// Times all of it is done, with one seed after the other: split, order and first weights are others. Means are shown.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=100), value_name = "NUMBER")]
    pub seeds: u64,
    /// In which order they come.
    #[arg(long, value_enum, default_value_t = Order::Mixed)]
    pub order: Order,
    /// Of the tiers, from which weights a run starts.
    #[command(flatten)]
    pub retrain: RetrainOptions,
    /// Weights of EfficientNet-Lite0, the backbone of heads; without it, there is none.
    #[arg(long, value_name = "FILE|NAME")]
    pub head_weights: Option<WeightsFile>,
    /// Side of the images for the head, pixels.
    #[arg(long, default_value_t = 224, value_parser = side(), value_name = "PIXELS")]
    pub head_size: u32,
    /// Share of the images that are test images, percent.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(5..=50), value_name = "PERCENT")]
    pub test_percent: u32,
}

/// A way to learn on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Strategy {
    /// The head strategy of `train`: a head on pretrained features, fitted anew each time. Left out without --head-weights.
    #[value(alias = "as-shipped", alias = "head-alone")]
    Head,
    /// The tiers of `train --strategy scratch`, a run each time.
    Tiers,
    /// From the weights before, as they are.
    WarmStart,
    /// From first weights each time.
    FromScratch,
}

/// In which order images come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Order {
    /// Of all classes at once.
    Mixed,
    /// One class after the other.
    ByClass,
}

/// Options of `once`.
#[derive(Clone, Debug, Args)]
pub struct Once {
    /// What all experiments have.
    #[command(flatten)]
    pub common: Common,
    /// Side of the images, pixels.
    #[arg(long, default_value_t = 64, value_parser = side(), value_name = "PIXELS")]
    pub size: u32,
    /// Images to learn: some of those there are, or some of them several times. Without it, all.
    #[arg(long, alias = "pictures-learnt", value_parser = clap::value_parser!(u32).range(2..), value_name = "NUMBER")]
    pub training_images: Option<u32>,
    /// Epochs between two evaluations, which count as training time; 0: at the end alone.
    #[arg(long, alias = "judge-every", default_value_t = 0, value_name = "EPOCHS")]
    pub evaluate_every: u64,
    /// Share of the images that are test images, percent.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(5..=50), value_name = "PERCENT")]
    pub test_percent: u32,
}

fn side() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(i64::from(MIN_SIZE_PX)..=i64::from(MAX_SIZE_PX))
}

impl Recipe {
    /// Refuses a size that the network does not take.
    ///
    /// # Errors
    /// [`ExperimentError::Options`], naming flags, values and what is accepted.
    pub fn check(&self, size_px: u32, classes: usize) -> Result<(), ExperimentError> {
        let description = self.model.description();
        let (min, max) = description.sizes_px();
        let with = || format!("a size of {size_px} px with --model {}", description.file());
        if !(min..=max).contains(&size_px) {
            return Err(ExperimentError::Options(format!("{}: accepted are {min} to {max}", with())));
        }
        let graph = description.graph(size_px, classes);
        graph.map(drop).map_err(|e| ExperimentError::Options(format!("{}: {e}", with())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_sound_and_bad_values_are_named() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
        for (line, parts) in [
            ("sizes --sizes 32,8", ["--sizes", "8"]),
            ("sizes --budget-seconds 0", ["--budget-seconds", "0"]),
            ("folds --folds 1", ["--folds", "1"]),
            ("recipes --ema 1", ["--ema", "1"]),
            ("increments --shrink 5", ["--shrink", "5"]),
            ("increments --ways nearest", ["--ways", "nearest"]),
        ] {
            let words = std::iter::once("experiment").chain(line.split(' '));
            let error = Cli::try_parse_from(words).unwrap_err().to_string();
            assert!(parts.iter().all(|part| error.contains(part)), "{error}");
        }
    }
}
