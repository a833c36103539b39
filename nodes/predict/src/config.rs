//! Options of the node.

use clap::{Parser, ValueEnum};
use plugin_api::HomeArgs;
use plugin_decode::Limits;
use plugin_embed::{EmbedOptions, NetworkChoice};
use plugin_harness::HasHome;
use plugin_model::{Precision, PrecisionChoice};

/// Classifies the pictures in inbox/ by the champion, and again when there is a new one: inbox/predictions.csv.
///
/// What the champion is unsure of appears in review/, for a person to move to its class in photos/. Files in inbox/ are
/// never moved, changed or deleted, save that broken ones go to quarantine/.
#[derive(Clone, Debug, Parser)]
#[command(name = "predict", version)]
pub struct Config {
    #[command(flatten)]
    pub(crate) home: HomeArgs,

    /// Below this probability of the most probable class no class is named.
    #[arg(long, default_value_t = 0.5, value_parser = share, value_name = "0..1")]
    pub abstain_below: f64,

    /// At most so many pictures lie in review/: those that the champion is least sure of. 0: none.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(0..=10_000), value_name = "PICTURES")]
    pub review: u32,

    /// The champion is unsure of a picture when the two most probable classes are no further apart than this, or when it
    /// abstains.
    #[arg(long, default_value_t = 0.2, value_parser = share, value_name = "0..1")]
    pub review_margin: f64,

    /// Whether to link each picture into `sorted/<class>/` as well.
    #[arg(long, value_enum, default_value_t = Switch::Off)]
    pub sort: Switch,

    /// Whether to write the class into an XMP sidecar (`a.jpg.xmp`, dc:subject) beside each picture and its link in
    /// sorted/, where photo programs find it. Sidecars of others are left alone.
    #[arg(long, value_enum, default_value_t = Switch::Off)]
    pub sidecars: Switch,

    /// Whose embeddings the head goes by that answers until the champion knows every class, and after that as long as it is
    /// shown to be better on pictures that neither has learnt; and where all is computed. The champion is computed in fp32
    /// unless bf16 is named.
    #[command(flatten)]
    pub embed: EmbedOptions,

    /// What a picture may cost.
    #[command(flatten)]
    pub limits: Limits,
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

impl Config {
    /// How exactly the champion is computed: as it was judged, in 32 bits, unless another precision is named.
    pub fn precision(&self) -> Precision {
        if self.embed.precision == PrecisionChoice::Bf16 { Precision::Bf16 } else { Precision::Fp32 }
    }
}

impl HasHome for Config {
    fn home(&self) -> &HomeArgs {
        &self.home
    }

    fn check(&self) -> Result<(), String> {
        if self.embed.network == NetworkChoice::Champion {
            return Err("--network champion: the head answers for what the champion does not know, by a network that stays as it \
                        is; accepted are efficientnet-lite0 and none"
                .to_owned());
        }
        Ok(())
    }
}

fn share(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "not a number from 0 to 1".to_owned())?;
    if (0.0..=1.0).contains(&number) { Ok(number) } else { Err(format!("{number} is not from 0 to 1")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_gentle_and_a_bad_value_is_refused_by_name() {
        let config = Config::try_parse_from(["predict"]).unwrap();
        assert_eq!((config.review, config.sort, config.sidecars), (50, Switch::Off, Switch::Off));
        for (flag, value, accepted) in [
            ("--device", "gpu", "libtorch-cuda:N"),
            ("--abstain-below", "1.5", "from 0 to 1"),
            ("--review", "-1", "0..=10000"),
            ("--review-margin", "x", "from 0 to 1"),
            ("--sort", "copies", "on, off"),
            ("--sidecars", "yes", "on, off"),
        ] {
            let error =
                Config::try_parse_from(["predict".to_owned(), format!("{flag}={value}")]).unwrap_err().to_string();
            assert!(error.contains(flag) && error.contains(value) && error.contains(accepted), "{error}");
        }
        assert!(Config::try_parse_from(["predict", "--links", "on"]).is_err());
        let config = Config::try_parse_from(["predict", "--network", "champion"]).unwrap();
        assert!(config.check().unwrap_err().contains("efficientnet-lite0 and none"));
    }
}
