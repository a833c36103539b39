//! Command line options.

use plugin_api::ResizeMode;
use plugin_model::{DeviceChoice, PrecisionChoice};
use std::fmt;
use std::path::PathBuf;

/// What fetches the pretrained weights.
pub const FETCH: &str = "cargo wakuteka weights efficientnet-lite0";

/// Whose penultimate layer it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum NetworkChoice {
    /// EfficientNet-Lite0 with ImageNet weights: 1280 features of any image.
    #[default]
    #[value(name = "efficientnet-lite0")]
    EfficientNetLite0,
    /// The best model so far, `models/champion` of the workspace.
    Champion,
    /// Nobody's: embeddings are empty. For those who go by hashes alone.
    None,
}

impl fmt::Display for NetworkChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EfficientNetLite0 => "efficientnet-lite0",
            Self::Champion => "champion",
            Self::None => "none",
        })
    }
}

/// How embeddings are computed.
#[derive(Clone, clap::Args)]
pub struct EmbedOptions {
    /// Whose penultimate layer it is.
    #[arg(long, value_enum, default_value_t)]
    pub network: NetworkChoice,
    /// Weights for `--network efficientnet-lite0`; `cargo wakuteka weights efficientnet-lite0` puts them there.
    #[arg(long, default_value = "../.wakuteka/weights/efficientnet-lite0.safetensors", value_name = "FILE")]
    pub weights: PathBuf,
    /// Where to compute: auto, flex, libtorch or libtorch-cuda:N.
    #[arg(long, default_value_t = DeviceChoice::Auto, value_name = "DEVICE")]
    pub device: DeviceChoice,
    /// How exactly it is computed: fp32, bf16, or auto, which is bf16 on LibTorch where the machine is faster with it.
    #[arg(long, value_enum, default_value_t, value_name = "PRECISION")]
    pub precision: PrecisionChoice,
    /// How `--network efficientnet-lite0` gets its square of an image; the champion has its own way.
    #[arg(long = "embed-mode", value_enum, default_value_t, value_name = "MODE")]
    pub mode: ResizeMode,
    /// Side of that square, pixels. The weights were trained at 224; less is faster and sees less.
    #[arg(long = "embed-size", default_value_t = 224, value_name = "PIXELS",
          value_parser = clap::value_parser!(u32).range(32..=512))]
    pub size_px: u32,
}

impl fmt::Debug for EmbedOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { network, weights, device, precision, mode, size_px } = self;
        write!(f, "{network}, {}, {device}, {precision}, {size_px} px, {mode}", weights.display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Config {
        #[command(flatten)]
        embed: EmbedOptions,
    }

    fn parse(line: &str) -> Result<EmbedOptions, String> {
        let words = std::iter::once("x").chain(line.split_whitespace());
        Config::try_parse_from(words).map(|c| c.embed).map_err(|e| e.to_string())
    }

    #[test]
    fn defaults_and_choices() {
        let expected =
            "efficientnet-lite0, ../.wakuteka/weights/efficientnet-lite0.safetensors, auto, auto, 224 px, stretch";
        assert_eq!(format!("{:?}", parse("").unwrap()), expected);
        for name in ["efficientnet-lite0", "champion", "none"] {
            assert_eq!(parse(&format!("--network {name}")).unwrap().network.to_string(), name);
        }
        assert_eq!(parse("--embed-mode crop").unwrap().mode, ResizeMode::Crop);
    }

    #[test]
    fn what_is_wrong_is_named_with_what_is_right() {
        for (line, accepted) in [
            ("--network resnet50", "efficientnet-lite0, champion, none"),
            ("--device gpu", "libtorch-cuda:N"),
            ("--precision fp16", "auto, fp32, bf16"),
            ("--embed-mode zoom", "stretch, crop, pad"),
            ("--embed-size 8", "32..=512"),
        ] {
            let error = parse(line).unwrap_err();
            let (flag, value) = line.split_once(' ').unwrap();
            assert!([flag, value, accepted].iter().all(|part| error.contains(part)), "{error}");
        }
    }
}
