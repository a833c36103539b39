//! Options of the head.

/// How closely a head follows what it is shown.
#[derive(Clone, Debug, PartialEq, clap::Args)]
pub struct ProbeOptions {
    /// Inverse strength of the L2 penalty on the head's weights (scikit-learn's C): more follows the images more
    /// closely.
    #[arg(long = "probe-c", default_value_t = Self::DEFAULT.c, value_name = "C", value_parser = positive)]
    pub c: f64,
    /// The head is done when no part of the mean loss's gradient is larger than this.
    #[arg(long = "probe-tolerance", default_value_t = Self::DEFAULT.tolerance, value_name = "GRADIENT",
          value_parser = positive)]
    pub tolerance: f64,
    /// It is also done after so many steps.
    #[arg(long = "probe-iterations", default_value_t = Self::DEFAULT.max_iterations, value_name = "STEPS",
          value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub max_iterations: u32,
}

impl ProbeOptions {
    /// What holds when nothing is said.
    pub const DEFAULT: Self = Self { c: 1.0, tolerance: 1e-5, max_iterations: 1_000 };
    /// What suits embeddings of unit length, whose numbers are small; done as soon as scikit-learn is.
    pub const UNIT_LENGTH: Self = Self { c: 10.0, tolerance: 1e-4, ..Self::DEFAULT };
}

impl Default for ProbeOptions {
    fn default() -> Self {
        Self::DEFAULT
    }
}

fn positive(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if number.is_finite() && number > 0.0 { Ok(number) } else { Err("must be a number above 0".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Config {
        #[command(flatten)]
        probe: ProbeOptions,
    }

    #[test]
    fn options_have_defaults_and_refuse_what_is_out_of_range() {
        assert_eq!(Config::try_parse_from(["x"]).unwrap().probe, ProbeOptions::default());
        for (flag, value) in [("--probe-c", "0"), ("--probe-tolerance", "nan"), ("--probe-iterations", "0")] {
            let error = Config::try_parse_from(["x", flag, value]).unwrap_err().to_string();
            assert!(error.contains(flag) && error.contains(value), "{error}");
        }
    }
}
