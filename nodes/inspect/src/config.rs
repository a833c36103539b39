//! Options of the node.

use clap::{Parser, ValueEnum};
use plugin_api::WorkspaceArgs;
use plugin_decode::Limits;
use plugin_embed::EmbedOptions;
use plugin_harness::HasWorkspace;

/// Looks through the data set and writes what should be mended to dataset/report.html and dataset/report/*.csv.
///
/// It works at the lowest priority, so that training has the processor whenever it wants it.
#[derive(Clone, Debug, Parser)]
#[command(name = "inspect")]
pub struct Config {
    #[command(flatten)]
    pub(crate) workspace: WorkspaceArgs,

    /// How long the data set must be quiet before it is looked through.
    #[arg(long, alias = "quiet-seconds", default_value_t = 4, value_name = "SECONDS",
          value_parser = clap::value_parser!(u64).range(0..=86_400))]
    pub debounce_seconds: u64,

    /// Findings of a kind that the page shows, with thumbnails. The tables hold all of them.
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..=2_000), value_name = "ROWS")]
    pub shown: u32,

    /// Whether to look for wrong labels: every new image is embedded by a network once, which takes a while.
    #[arg(long, value_enum, default_value_t = LabelErrors::On)]
    pub label_errors: LabelErrors,

    /// Images that are looked at for wrong labels at most; of a larger set, so many by chance.
    #[arg(long, alias = "label-pictures", default_value_t = 20_000, value_name = "IMAGES",
          value_parser = clap::value_parser!(u32).range(100..=1_000_000))]
    pub label_images: u32,

    /// The network that embeds images to find wrong labels.
    #[command(flatten)]
    pub embed: EmbedOptions,

    /// What an image may cost.
    #[command(flatten)]
    pub limits: Limits,
}

/// Whether to look for wrong labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LabelErrors {
    /// By heads on a network's embeddings, out of fold: how much likelier another class is than the label.
    On,
    /// Not at all.
    Off,
}

impl HasWorkspace for Config {
    fn workspace(&self) -> &WorkspaceArgs {
        &self.workspace
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_have_defaults_and_refuse_what_is_out_of_range() {
        let config = Config::try_parse_from(["inspect"]).unwrap();
        assert_eq!((config.debounce_seconds, config.shown, config.label_errors), (4, 40, LabelErrors::On));
        for (flag, value, accepted) in [
            ("--shown", "0", "1..=2000"),
            ("--label-errors", "maybe", "on, off"),
            ("--label-images", "3", "100..="),
            ("--network", "vgg", "efficientnet-lite0"),
            ("--max-bytes", "0", "1..="),
        ] {
            let error = Config::try_parse_from(["inspect", flag, value]).unwrap_err().to_string();
            assert!(error.contains(flag) && error.contains(value) && error.contains(accepted), "{error}");
        }
    }
}
