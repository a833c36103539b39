//! Size and mode as command line options.

use crate::{MAX_SIZE_PX, MIN_SIZE_PX};
use plugin_api::ResizeMode;
use std::fmt;

/// How images are brought to one size.
#[derive(Clone, clap::Args)]
pub struct ResizeOptions {
    /// Side of the square that every image becomes, pixels. Given once for all nodes, under `env:`.
    #[arg(long = "size", env = "WAKUTEKA_IMAGE_SIZE", default_value_t = 64, value_name = "PIXELS",
          value_parser = clap::value_parser!(u32).range(i64::from(MIN_SIZE_PX)..=i64::from(MAX_SIZE_PX)))]
    pub size_px: u32,
    /// How an image that is not square becomes one.
    #[arg(long, env = "WAKUTEKA_RESIZE_MODE", value_enum, default_value_t, value_name = "MODE")]
    pub mode: ResizeMode,
}

impl fmt::Debug for ResizeOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} px, {}", self.size_px, self.mode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Config {
        #[command(flatten)]
        resize: ResizeOptions,
    }

    fn parse(args: &[&str]) -> Result<ResizeOptions, String> {
        let all = [&["x"], args].concat();
        Config::try_parse_from(all).map(|c| c.resize).map_err(|e| e.to_string())
    }

    #[test]
    fn defaults_and_choices() {
        assert_eq!(format!("{:?}", parse(&[]).unwrap()), "64 px, stretch");
        for mode in ResizeMode::ALL {
            assert_eq!(parse(&["--mode", mode.name()]).unwrap().mode, mode);
        }
        assert!(parse(&["--size", "16"]).is_ok() && parse(&["--size", "512"]).is_ok());
    }

    #[test]
    fn what_is_wrong_is_named_with_what_is_right() {
        let size = parse(&["--size", "15"]).unwrap_err();
        assert!(size.contains("--size") && size.contains("15") && size.contains("16..=512"), "{size}");
        let mode = parse(&["--mode", "zoom"]).unwrap_err();
        assert!(mode.contains("--mode") && mode.contains("zoom") && mode.contains("stretch, crop, pad"), "{mode}");
    }
}
