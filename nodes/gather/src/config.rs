//! Options of the node.

use crate::error::GatherError;
use crate::measure::{Metric, Reach};
use clap::Parser;
use plugin_api::WorkspaceArgs;
use plugin_harness::HasWorkspace;

/// How far a look-alike may be, in bits of 64, when nothing is said.
const RADIUS_BITS: u32 = 16;
/// How alike it must be, cosine, when nothing is said.
const SIMILARITY: f32 = 0.4;

/// Puts look-alikes of the seeds from the pool into the class's folder in candidates/, as hard links, nearest first.
///
/// A person accepts one by moving it to its class in photos/ and refuses one by deleting it. Refused ones never come back for
/// that class. Files of the pool are never moved or changed.
#[derive(Clone, Debug, Parser)]
#[command(name = "gather", version)]
pub struct Config {
    #[command(flatten)]
    pub(crate) workspace: WorkspaceArgs,

    /// What alike means. The embedding knows what is to be seen, hashes only how light and dark are spread; it needs
    /// `embed` with a network.
    #[arg(long, alias = "by", value_enum, default_value_t = Metric::Embedding)]
    pub metric: Metric,

    /// Bits of the hash in which a candidate may differ from a seed; 64 means any image, so that --max-candidates decides
    /// alone. 16 when not given. Not with `--metric embedding`.
    #[arg(long, value_parser = clap::value_parser!(u32).range(0..=64), value_name = "BITS")]
    pub radius: Option<u32>,

    /// Cosine of the angle between the embeddings of a candidate and a seed, at least; 0 means nearly any image, so
    /// that --max-candidates decides alone. 0.4 when not given. Only with `--metric embedding`.
    #[arg(long, value_parser = similarity, value_name = "0..1")]
    pub similarity: Option<f32>,

    /// An image's distance from a class is the mean of those from so many of its nearest seeds (k nearest neighbours).
    #[arg(long, alias = "nearest", default_value_t = 1, value_name = "SEEDS",
          value_parser = clap::value_parser!(u32).range(1..=100))]
    pub k: u32,

    /// At most so many candidates lie in a class's folder: the nearest. When some have been accepted or refused, others
    /// come.
    #[arg(long, alias = "most", default_value_t = 50, value_name = "IMAGES",
          value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub max_candidates: u32,

    /// Put an image that several classes claim into the folder of each of them, not only of the nearest.
    #[arg(long, alias = "several")]
    pub multi_class: bool,
}

impl HasWorkspace for Config {
    fn workspace(&self) -> &WorkspaceArgs {
        &self.workspace
    }
}

impl Config {
    /// How far a candidate may be.
    ///
    /// # Errors
    /// [`GatherError::Option`] when the limit given is not one of this measure.
    pub fn reach(&self) -> Result<Reach, GatherError> {
        let option = |flag: &str, value: String, other: &str| {
            let metric = self.metric.name();
            Err(GatherError::Option(format!("{flag} {value}: --metric {metric} goes by {other}; leave {flag} out")))
        };
        match (self.metric, self.radius, self.similarity) {
            (Metric::Embedding, Some(radius), _) => option("--radius", radius.to_string(), "--similarity 0..1"),
            (Metric::Embedding, None, similarity) => Ok(Reach::Cosine(1.0 - similarity.unwrap_or(SIMILARITY))),
            (_, _, Some(similarity)) => option("--similarity", similarity.to_string(), "--radius 0..64"),
            (_, radius, None) => Ok(Reach::Bits(radius.unwrap_or(RADIUS_BITS))),
        }
    }
}

fn similarity(text: &str) -> Result<f32, String> {
    let number: f32 = text.parse().map_err(|_| "not a number from 0 to 1".to_owned())?;
    if (0.0..=1.0).contains(&number) { Ok(number) } else { Err(format!("{number} is not from 0 to 1")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Config, clap::Error> {
        Config::try_parse_from(["gather"].iter().chain(args))
    }

    #[test]
    fn the_limit_is_one_of_the_measure() {
        assert_eq!(parse(&["--metric", "phash"]).unwrap().reach().unwrap(), Reach::Bits(RADIUS_BITS));
        assert_eq!(parse(&["--metric", "phash", "--radius", "7"]).unwrap().reach().unwrap(), Reach::Bits(7));
        assert_eq!(parse(&["--similarity", "0.75"]).unwrap().reach().unwrap(), Reach::Cosine(0.25));
        let error = parse(&["--radius", "7"]).unwrap().reach().unwrap_err().to_string();
        assert!(error.contains("--radius 7") && error.contains("--similarity"), "{error}");
        let error = parse(&["--metric", "ahash", "--similarity", "0.9"]).unwrap().reach().unwrap_err().to_string();
        assert!(error.contains("--similarity 0.9") && error.contains("--radius"), "{error}");
    }

    #[test]
    fn a_value_out_of_range_is_refused_by_name() {
        for (flag, value, accepted) in [
            ("--metric", "colour", "ahash, dhash, phash, whash, embedding"),
            ("--radius", "65", "0..=64"),
            ("--similarity", "1.5", "from 0 to 1"),
            ("--k", "0", "1..=100"),
            ("--max-candidates", "0", "1..=10000"),
        ] {
            let error = parse(&[flag, value]).unwrap_err().to_string();
            assert!(error.contains(flag) && error.contains(value) && error.contains(accepted), "{error}");
        }
        assert!(parse(&["--max-candidate", "3"]).is_err());
    }

    #[test]
    fn old_flags_go_on_working() {
        let old = parse(&["--by", "phash", "--nearest", "3", "--most", "8", "--several"]).unwrap();
        assert_eq!((old.metric, old.k, old.max_candidates, old.multi_class), (Metric::Phash, 3, 8, true));
    }
}
