//! Options of the node.

use clap::{Parser, ValueEnum};
use plugin_api::WorkspaceArgs;
use plugin_decode::Limits;
use plugin_harness::HasWorkspace;
use plugin_model::{DeviceChoice, Precision, PrecisionChoice};
use plugin_webhook::WebhookOptions;

/// Classifies the images in inbox/ by the champion, and again when there is a new one: inbox/predictions.csv.
///
/// What the champion is unsure of appears in review/, for a person to move to its class in photos/. Files in inbox/ are
/// never moved, changed or deleted, save that broken ones go to quarantine/.
#[derive(Clone, Debug, Parser)]
#[command(name = "predict", version)]
pub struct Config {
    #[command(flatten)]
    pub(crate) workspace: WorkspaceArgs,

    /// Below this probability of the most probable class no class is named.
    #[arg(long, default_value_t = 0.5, value_parser = share, value_name = "0..1")]
    pub abstain_below: f64,

    /// At most so many images lie in review/: those that the champion is least sure of. 0: none.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(0..=10_000), value_name = "IMAGES")]
    pub review: u32,

    /// The champion is unsure of an image when the two most probable classes are no further apart than this, or when it
    /// abstains.
    #[arg(long, default_value_t = 0.2, value_parser = share, value_name = "0..1")]
    pub review_margin: f64,

    /// Whether to link each image into `sorted/<class>/` as well.
    #[arg(long, value_enum, default_value_t = Switch::Off)]
    pub sort: Switch,

    /// Where to write the class into an XMP sidecar (`a.jpg.xmp`), for photo programs to find: nowhere; beside the images of inbox/
    /// and their links in sorted/ (on); beside those of photos/ too (all). It stands in dc:subject, digiKam:TagsList and
    /// lr:hierarchicalSubject. What others write into a sidecar is kept.
    #[arg(long, value_enum, default_value_t = Sidecars::Off)]
    pub sidecars: Sidecars,

    /// Where the champion is computed: auto, flex, libtorch or libtorch-cuda:N.
    #[arg(long, default_value_t = DeviceChoice::Auto, value_name = "DEVICE")]
    pub device: DeviceChoice,

    /// How exactly it is computed: fp32, bf16, or auto, which is fp32, as it was evaluated.
    #[arg(long, value_enum, default_value_t, value_name = "PRECISION")]
    pub precision: PrecisionChoice,

    /// Whom to tell of classifications.
    #[command(flatten)]
    pub webhook: WebhookOptions,

    /// Options of the releases before this one.
    #[command(flatten)]
    pub retired: Retired,

    /// What an image may cost.
    #[command(flatten)]
    pub limits: Limits,
}

/// Which images get a sidecar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Sidecars {
    /// None.
    Off,
    /// Those of `inbox/`, and their links in `sorted/`.
    On,
    /// Those of `photos/` as well.
    All,
}

/// Whether something is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// It is.
    On,
    /// It is not.
    Off,
}

impl Switch {
    /// Whether it is [`Switch::On`].
    pub fn is_on(self) -> bool {
        self == Self::On
    }
}

/// Options without effect: they were about a head that `predict` fitted itself, and graphs may still name them. Accepted for one more
/// release.
#[derive(Clone, Debug, clap::Args)]
pub struct Retired {
    #[arg(long, hide = true, value_name = "NETWORK")]
    network: Option<String>,
    #[arg(long, hide = true, value_name = "FILE")]
    weights: Option<String>,
    #[arg(long, hide = true, value_name = "MODE")]
    embed_mode: Option<String>,
    #[arg(long, hide = true, value_name = "PIXELS")]
    embed_size: Option<String>,
}

impl Retired {
    /// Flags that were given.
    fn given(&self) -> Vec<&'static str> {
        let Self { network, weights, embed_mode, embed_size } = self;
        let flags = [
            ("--network", network),
            ("--weights", weights),
            ("--embed-mode", embed_mode),
            ("--embed-size", embed_size),
        ];
        flags.into_iter().filter(|(_, value)| value.is_some()).map(|(flag, _)| flag).collect()
    }

    /// Says in the log which options have no effect.
    pub fn warn(&self) {
        let given = self.given();
        if !given.is_empty() {
            let flags = given.join(", ");
            tracing::warn!(
                flags,
                "without effect, and refused by the next release: heads are made by `train --backbone-weights FILE`"
            );
        }
    }
}

impl Config {
    /// The precision the champion is computed in: 32-bit floats, as it was evaluated, unless another is named.
    pub fn precision(&self) -> Precision {
        if self.precision == PrecisionChoice::Bf16 { Precision::Bf16 } else { Precision::Fp32 }
    }
}

impl HasWorkspace for Config {
    fn workspace(&self) -> &WorkspaceArgs {
        &self.workspace
    }
}

fn share(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "not a number from 0 to 1".to_owned())?;
    if (0.0..=1.0).contains(&number) { Ok(number) } else { Err(format!("{number} is not from 0 to 1")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn defaults_are_gentle_and_a_bad_value_is_refused_by_name() {
        let config = Config::try_parse_from(["predict"]).unwrap();
        assert_eq!((config.review, config.sort, config.sidecars), (50, Switch::Off, Sidecars::Off));
        for (flag, value, accepted) in [
            ("--device", "gpu", "libtorch-cuda:N"),
            ("--abstain-below", "1.5", "from 0 to 1"),
            ("--review", "-1", "0..=10000"),
            ("--review-margin", "x", "from 0 to 1"),
            ("--sort", "copies", "on, off"),
            ("--sidecars", "yes", "off, on, all"),
        ] {
            let error =
                Config::try_parse_from(["predict".to_owned(), format!("{flag}={value}")]).unwrap_err().to_string();
            assert!(error.contains(flag) && error.contains(value) && error.contains(accepted), "{error}");
        }
        assert!(Config::try_parse_from(["predict", "--links", "on"]).is_err());
    }

    #[test]
    fn retired_options_are_accepted_without_effect() {
        let line = ["predict", "--network", "none", "--weights", "w", "--embed-mode", "crop", "--embed-size", "64"];
        let config = Config::try_parse_from(line).unwrap();
        assert_eq!(config.retired.given(), ["--network", "--weights", "--embed-mode", "--embed-size"]);
        assert!(Config::try_parse_from(["predict"]).unwrap().retired.given().is_empty());
        assert!(!Config::command().render_long_help().to_string().contains("--embed-mode"));
    }
}
