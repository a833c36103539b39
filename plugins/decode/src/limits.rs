//! What an image may cost before it is refused.

use crate::error::DecodeError;

/// Limits on one image. Held against the file's header, before pixels are allocated.
#[derive(Clone, Debug, PartialEq, Eq, clap::Args)]
pub struct Limits {
    /// Images with more pixels than this are refused as too_large.
    #[arg(long, default_value_t = Self::MAX_PIXELS, value_name = "PIXELS",
          value_parser = clap::value_parser!(u64).range(1..=Self::CEILING_PIXELS))]
    pub max_pixels: u64,
    /// Files with more bytes than this are refused as too_large.
    #[arg(long, default_value_t = Self::MAX_BYTES, value_name = "BYTES",
          value_parser = clap::value_parser!(u64).range(1..=Self::CEILING_BYTES))]
    pub max_bytes: u64,
}

impl Limits {
    /// Default of `--max-pixels`: 100 megapixels.
    pub const MAX_PIXELS: u64 = 100_000_000;
    /// Default of `--max-bytes` in every node that has it: 256 MiB.
    pub const MAX_BYTES: u64 = 256 << 20;
    /// Largest `--max-pixels`: the most a JPEG can have.
    pub const CEILING_PIXELS: u64 = 65_535 * 65_535;
    /// Largest `--max-bytes`: 16 GiB.
    pub const CEILING_BYTES: u64 = 16 << 30;

    /// Memory the decoder of an image may ask for, bytes: eight a pixel (16-bit RGBA) and some for tables.
    pub const fn alloc_bytes(&self) -> u64 {
        self.max_pixels.saturating_mul(8).saturating_add(16 << 20)
    }

    pub(crate) const fn check_bytes(&self, bytes: usize) -> Result<(), DecodeError> {
        if bytes as u64 > self.max_bytes {
            return Err(DecodeError::TooLarge {
                what: "the file",
                size: bytes as u64,
                unit: "bytes",
                limit: self.max_bytes,
                option: "--max-bytes",
            });
        }
        Ok(())
    }

    /// Checks the dimensions a header claims and returns the number of pixels.
    pub(crate) fn check_pixels(&self, format: &'static str, width: u32, height: u32) -> Result<u64, DecodeError> {
        let pixels = u64::from(width) * u64::from(height);
        if pixels == 0 {
            return Err(DecodeError::corrupt(format, format!("it has no pixels ({width} × {height})")));
        }
        if pixels > self.max_pixels {
            return Err(DecodeError::TooLarge {
                what: "the image",
                size: pixels,
                unit: "pixels",
                limit: self.max_pixels,
                option: "--max-pixels",
            });
        }
        Ok(pixels)
    }
}

/// The limits' flags for nodes that decode nothing any more, whose graphs may still name them. Accepted for one more release.
#[derive(Clone, Debug, clap::Args)]
pub struct RetiredLimits {
    #[arg(long, hide = true, value_name = "PIXELS",
          value_parser = clap::value_parser!(u64).range(1..=Limits::CEILING_PIXELS))]
    max_pixels: Option<u64>,
    #[arg(long, hide = true, value_name = "BYTES",
          value_parser = clap::value_parser!(u64).range(1..=Limits::CEILING_BYTES))]
    max_bytes: Option<u64>,
}

impl RetiredLimits {
    /// Whether one of them was given.
    pub const fn are_given(&self) -> bool {
        self.max_pixels.is_some() || self.max_bytes.is_some()
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_pixels: Self::MAX_PIXELS, max_bytes: Self::MAX_BYTES }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Options {
        #[command(flatten)]
        limits: Limits,
    }

    #[test]
    fn options_have_defaults_and_refuse_what_is_out_of_range() {
        assert_eq!(Options::try_parse_from(["x"]).unwrap().limits, Limits::default());
        let some = Options::try_parse_from(["x", "--max-pixels", "5", "--max-bytes", "7"]).unwrap();
        assert_eq!(some.limits, Limits { max_pixels: 5, max_bytes: 7 });
        let error = Options::try_parse_from(["x", "--max-pixels", "0"]).err().unwrap().to_string();
        assert!(error.contains("--max-pixels") && error.contains('0') && error.contains("1..="), "{error}");
    }

    #[test]
    fn retired_limits_are_accepted_and_hidden() {
        #[derive(Parser)]
        struct Retired {
            #[command(flatten)]
            limits: RetiredLimits,
        }
        use clap::CommandFactory;
        assert!(Retired::try_parse_from(["x", "--max-bytes", "7"]).unwrap().limits.are_given());
        assert!(!Retired::try_parse_from(["x"]).unwrap().limits.are_given());
        assert!(!Retired::command().render_long_help().to_string().contains("--max-"));
    }

    #[test]
    fn dimensions_are_checked_without_overflow() {
        let limits = Limits::default();
        assert_eq!(limits.check_pixels("PNG", 10, 10), Ok(100));
        assert_eq!(limits.check_pixels("PNG", 0, 10).unwrap_err().reason().name(), "corrupt");
        let error = limits.check_pixels("PNG", u32::MAX, u32::MAX).unwrap_err();
        assert_eq!(error.reason().name(), "too_large");
        assert!(error.to_string().contains("--max-pixels"), "{error}");
    }
}
