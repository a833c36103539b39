//! Options of the heads. The doc comments are the `--help`.

use crate::error::HeadError;
use serde::{Deserialize, Serialize};

/// Kind of a classifier head.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HeadKind {
    /// Ridge regression on one-hot targets, classes weighted alike
    Ridge,
    /// k nearest neighbours by cosine in a whitened space
    Neighbours,
    /// Weighted geometric mean of both
    #[default]
    Blend,
}

/// How a head is fitted.
#[derive(Clone, Debug, PartialEq, clap::Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HeadOptions {
    /// Classifier head on frozen embeddings
    #[arg(long = "head", value_enum, default_value_t = Self::DEFAULT.kind, value_name = "KIND")]
    pub kind: HeadKind,
    /// Power that magnitudes of features are raised to, 0.01 to 1; 1 leaves them as they are
    #[arg(long = "head-power", default_value_t = Self::DEFAULT.power, value_name = "POWER", value_parser = power)]
    pub power: f64,
    /// Ridge penalty in units of the mean eigenvalue of the features' covariance, 0.001 to 1000
    #[arg(long = "head-shrinkage", default_value_t = Self::DEFAULT.shrinkage, value_name = "RATIO", value_parser = ratio)]
    pub shrinkage: f64,
    /// Shrinkage of the covariance that whitens the features of neighbours, in the same units, 0.001 to 1000
    #[arg(long = "head-whitening", default_value_t = Self::DEFAULT.whitening, value_name = "RATIO", value_parser = ratio)]
    pub whitening: f64,
    /// Number of nearest neighbours, 1 to 1000
    #[arg(long, default_value_t = Self::DEFAULT.k, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub k: u32,
    /// Difference of cosines that makes a neighbour count e times less, 0.001 to 1000
    #[arg(long = "head-bandwidth", default_value_t = Self::DEFAULT.bandwidth, value_name = "COSINE", value_parser = ratio)]
    pub bandwidth: f64,
    /// Weight of the ridge head in a blend, 0 to 1; the rest is that of the neighbours
    #[arg(long = "head-blend", default_value_t = Self::DEFAULT.blend, value_name = "SHARE", value_parser = share)]
    pub blend: f64,
}

impl HeadOptions {
    /// The defaults of the command line.
    pub const DEFAULT: Self =
        Self { kind: HeadKind::Blend, power: 0.5, shrinkage: 1.0, whitening: 4.0, k: 20, bandwidth: 0.06, blend: 0.35 };

    /// Checks the ranges, for options that do not come from a command line.
    ///
    /// # Errors
    /// [`HeadError::Option`] for the first one that is out of range.
    pub fn check(&self) -> Result<(), HeadError> {
        if !is_power(self.power) {
            return Err(HeadError::Option { option: "--head-power", value: self.power, range: "0.01 to 1" });
        }
        let ratios = [
            ("--head-shrinkage", self.shrinkage),
            ("--head-whitening", self.whitening),
            ("--head-bandwidth", self.bandwidth),
        ];
        for (option, value) in ratios {
            if !is_ratio(value) {
                return Err(HeadError::Option { option, value, range: "0.001 to 1000" });
            }
        }
        if !(1..=1000).contains(&self.k) {
            return Err(HeadError::Option { option: "--k", value: f64::from(self.k), range: "1 to 1000" });
        }
        if !(0.0..=1.0).contains(&self.blend) {
            return Err(HeadError::Option { option: "--head-blend", value: self.blend, range: "0 to 1" });
        }
        Ok(())
    }
}

impl Default for HeadOptions {
    fn default() -> Self {
        Self::DEFAULT
    }
}

fn is_ratio(number: f64) -> bool {
    (0.001..=1000.0).contains(&number)
}

fn is_power(number: f64) -> bool {
    (0.01..=1.0).contains(&number)
}

fn power(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if is_power(number) { Ok(number) } else { Err("must be 0.01 to 1".to_owned()) }
}

fn ratio(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if is_ratio(number) { Ok(number) } else { Err("must be 0.001 to 1000".to_owned()) }
}

fn share(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.0..=1.0).contains(&number) { Ok(number) } else { Err("must be 0 to 1".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Config {
        #[command(flatten)]
        head: HeadOptions,
    }

    #[test]
    fn options_have_defaults_and_ranges() {
        assert_eq!(Config::try_parse_from(["x"]).unwrap().head, HeadOptions::default());
        let ridge = Config::try_parse_from(["x", "--head", "ridge", "--k", "3"]).unwrap().head;
        assert_eq!((ridge.kind, ridge.k), (HeadKind::Ridge, 3));
        let wrong = [
            ("--head-shrinkage", "0"),
            ("--head-whitening", "nan"),
            ("--head-power", "0"),
            ("--k", "0"),
            ("--head-bandwidth", "1001"),
            ("--head-blend", "1.1"),
        ];
        for (flag, value) in wrong {
            let error = Config::try_parse_from(["x", flag, value]).unwrap_err().to_string();
            assert!(error.contains(flag) && error.contains(value), "{error}");
        }
    }

    #[test]
    fn checks_agree_with_the_command_line() {
        HeadOptions::DEFAULT.check().unwrap();
        let wrong = [
            HeadOptions { shrinkage: f64::NAN, ..HeadOptions::DEFAULT },
            HeadOptions { k: 0, ..HeadOptions::DEFAULT },
            HeadOptions { blend: -0.1, ..HeadOptions::DEFAULT },
        ];
        for options in wrong {
            assert!(matches!(options.check(), Err(HeadError::Option { .. })), "{options:?}");
        }
    }
}
