//! Options of the node.

use plugin_api::{DatasetState, WorkspaceArgs};
use plugin_architecture_search::document::Document;
use plugin_architecture_search::mutation::{Limits, fits};
use plugin_architecture_search::{Method, Objective, Settings};
use plugin_blocks::{Description, shipped};
use plugin_harness::HasWorkspace;
use std::path::Path;

/// Searches for a network: proposes changes of one, has them trained by `train`, and keeps the journal in `search/`.
#[derive(Clone, Debug, clap::Parser)]
#[command(name = "search", version)]
pub struct Config {
    /// Where the workspace is.
    #[command(flatten)]
    pub workspace: WorkspaceArgs,

    /// The network the search starts from: a name, or a file of blocks that ends in .yml. Blocks with `search: false` stay as they
    /// are.
    #[arg(long, default_value = "cnn-relu", value_name = "NAME|FILE", value_parser = network)]
    pub model: Network,

    /// How networks are proposed. random: a random change of any network before. gaussian-process: of many changes, most of them
    /// of the best so far, the one from which a Gaussian process over features of the network expects most.
    #[arg(long, value_enum, default_value_t = Method::GaussianProcess)]
    pub method: Method,

    /// What is to be small: the validation error, or that and the multiply-adds.
    #[arg(long, value_enum, default_value_t = Objective::ErrorAndCost)]
    pub objective: Objective,

    /// Side of the images, pixels: what `resize` sends. Given once for all nodes, under `env:`.
    #[arg(long, env = "WAKUTEKA_IMAGE_SIZE", default_value_t = 64, value_name = "PIXELS",
          value_parser = clap::value_parser!(u32).range(16..=1024))]
    pub size: u32,

    /// Epochs of an attempt that is not stopped early.
    #[arg(long, default_value_t = 15, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub epochs: u64,

    /// Of the attempts that have come as far (a third and a ninth of the epochs, with 3), one in so many goes on, the others are
    /// stopped with the weights they have: successive halving. 1: all go on.
    #[arg(long, default_value_t = 3, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..=16))]
    pub halving: u64,

    /// Whether an attempt begins with its parent's weights where names and shapes are the same.
    #[arg(long, value_enum, default_value_t = Switch::Off)]
    pub inherit: Switch,

    /// Networks that are trained at the same time, each by a `train` of its own (`--worker 0`, `--worker 1` …).
    #[arg(long, default_value_t = 1, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=64))]
    pub parallel: u32,

    /// The search ends after so many attempts; 0: no limit.
    #[arg(long, default_value_t = 100, value_name = "NUMBER",
          value_parser = clap::value_parser!(u64).range(0..=1_000_000))]
    pub attempts: u64,

    /// The search ends after so many hours of work; 0: no limit.
    #[arg(long, default_value_t = 0.0, value_name = "HOURS", value_parser = hours, allow_negative_numbers = true)]
    pub hours: f64,

    /// The search ends when a network has a validation error of at most this, 0 to 1, and at most --stop-multiply-adds.
    #[arg(long, value_name = "SHARE", value_parser = share, allow_negative_numbers = true)]
    pub stop_error: Option<f64>,

    /// With --stop-error: the multiply-adds that network may have. Without it: any number.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    pub stop_multiply_adds: Option<u64>,

    /// Multiply-adds of a proposed network at most. Without it: twice those of the network that the search starts from.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_multiply_adds: Option<u64>,

    /// Parameters of a proposed network at most. Without it: twice those of the network that the search starts from, at least a
    /// million.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_parameters: Option<u64>,

    /// Decides all that is drawn: changes, first weights, order and augmentation.
    #[arg(long, default_value_t = 1, value_name = "NUMBER")]
    pub seed: u64,

    /// Seconds the data set must have been the same before a search begins. It goes on over the data set it began with.
    #[arg(long, alias = "quiet-seconds", default_value_t = 5, value_name = "SECONDS",
          value_parser = clap::value_parser!(u64).range(0..=86_400))]
    pub debounce_seconds: u64,

    /// Training images there must be, in at least two classes.
    #[arg(long, default_value_t = 10, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(2..))]
    pub min_train: u64,
}

/// A switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Switch {
    /// Yes.
    On,
    /// No.
    Off,
}

/// A network by name or file.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    /// What it is called.
    pub name: String,
    /// Its blocks.
    pub description: Description,
}

fn network(text: &str) -> Result<Network, String> {
    let path = Path::new(text);
    if path.extension().is_some_and(|ending| ending == "yml" || ending == "yaml") {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        return Ok(Network { name, description: Description::read(path).map_err(|e| e.to_string())? });
    }
    let found = shipped::find(text).map_err(|e| e.to_string())?;
    let known = || format!("accepted are {}, and files that end in .yml", shipped::names().join(", "));
    Ok(Network { name: text.to_owned(), description: found.ok_or_else(known)? })
}

fn hours(text: &str) -> Result<f64, String> {
    let accepted = "accepted is a number from 0 to 100000";
    text.parse().ok().filter(|v| (0.0..=1e5).contains(v)).ok_or_else(|| accepted.to_owned())
}

fn share(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|v| (0.0..=1.0).contains(v)).ok_or_else(|| "accepted is a number from 0 to 1".to_owned())
}

impl HasWorkspace for Config {
    fn workspace(&self) -> &WorkspaceArgs {
        &self.workspace
    }

    fn check(&self) -> Result<(), String> {
        if self.stop_multiply_adds.is_some() && self.stop_error.is_none() {
            return Err("--stop-multiply-adds goes with --stop-error".to_owned());
        }
        if self.attempts == 0 && self.hours == 0.0 && self.stop_error.is_none() {
            return Err("--attempts 0: the search would never end; accepted with --hours or --stop-error".to_owned());
        }
        self.start(2).map(drop)
    }
}

impl Config {
    /// The network that the search starts from, its blocks named, and the limits of proposals, for so many classes.
    ///
    /// # Errors
    /// What does not fit, naming flags and values.
    pub fn start(&self, classes: usize) -> Result<(Document, Limits), String> {
        let file = self.model.description.file();
        let with = |problem: String| format!("--model {file} with --size {}: {problem}", self.size);
        let document = Document::new(&self.model.description).map_err(|e| with(e.to_string()))?;
        let graph = document.graph(self.size, classes).map_err(|e| with(e.to_string()))?;
        let multiply_adds = self.max_multiply_adds.unwrap_or_else(|| graph.multiply_adds().saturating_mul(2));
        let parameters = self.max_parameters.unwrap_or_else(|| (graph.parameters().saturating_mul(2)).max(1_000_000));
        let limits = Limits { size_px: self.size, classes, multiply_adds, parameters, blocks: 400 };
        // The first attempt is the network itself, whatever the limits say of it, so long as something can be made of it.
        if !fits(&graph, &Limits { multiply_adds: u64::MAX, parameters: u64::MAX, ..limits }) {
            return Err(with("it has more than 400 blocks, or one that gives a single number".to_owned()));
        }
        Ok((document, limits))
    }

    /// What decides a search over a data set.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn settings(&self, data: &DatasetState) -> Result<Settings, String> {
        let (document, limits) = self.start(data.classes.len())?;
        Ok(Settings {
            network: self.model.name.clone(),
            definition: document.to_text(),
            method: self.method,
            objective: self.objective,
            size_px: self.size,
            epochs: self.epochs,
            halving: self.halving,
            inherit: self.inherit == Switch::On,
            max_multiply_adds: limits.multiply_adds,
            max_parameters: limits.parameters,
            seed: self.seed,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{CommandFactory, Parser as _};

    #[test]
    fn options_are_sound_and_bad_values_are_named() {
        Config::command().debug_assert();
        Config::parse_from(["search"]).check().unwrap();
        for line in [
            "--model resnet19",
            "--method annealing",
            "--objective accuracy",
            "--halving 0",
            "--hours -1",
            "--stop-error 3",
            "--parallel 0",
            "--inherit maybe",
        ] {
            let words = std::iter::once("search").chain(line.split(' '));
            let error = Config::try_parse_from(words).unwrap_err().to_string();
            let (flag, value) = line.split_once(' ').unwrap();
            assert!(error.contains(flag) && error.contains(value), "{error}");
        }
        for (line, part) in
            [("--stop-multiply-adds 5", "--stop-error"), ("--attempts 0", "--hours"), ("--size 1024", "16 to 512")]
        {
            let words = std::iter::once("search").chain(line.split(' '));
            let error = Config::parse_from(words).check().unwrap_err();
            assert!(error.contains(line.split(' ').next().unwrap()) && error.contains(part), "{error}");
        }
    }

    #[test]
    fn limits_follow_the_network_that_the_search_starts_from() {
        let (document, limits) = Config::parse_from(["search"]).start(8).unwrap();
        let graph = document.graph(64, 8).unwrap();
        assert_eq!((limits.multiply_adds, limits.parameters), (2 * graph.multiply_adds(), 1_000_000));
        let (_, limits) = Config::parse_from(["search", "--max-multiply-adds", "77"]).start(8).unwrap();
        assert_eq!(limits.multiply_adds, 77);
    }
}
