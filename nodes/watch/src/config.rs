//! The options of `watch`.

use crate::fs::roots::Folder;
use clap::Parser;
use plugin_api::WorkspaceArgs;
use plugin_decode::Limits;
use std::time::Duration;

/// Watches folders and sends every image in them, and a message for every image gone, to the rest of the graph.
#[derive(Clone, Debug, Parser)]
#[command(name = "watch", version)]
pub struct Config {
    /// The workspace.
    #[command(flatten)]
    pub workspace: WorkspaceArgs,

    /// What is watched, separated by commas. In photos and seeds the first folder is an image's class; in pool and inbox
    /// folders say nothing.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Folder::Photos], value_name = "FOLDERS")]
    pub folders: Vec<Folder>,

    /// A file is read once it has stayed the same for this long. Empty files get ten times as much.
    #[arg(long, default_value_t = 500, value_name = "MILLISECONDS", value_parser = clap::value_parser!(u64).range(100..=60_000))]
    pub settle_ms: u64,

    /// How often everything below these folders is looked through for changes that went unnoticed.
    #[arg(long, default_value_t = 30, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub rescan_seconds: u64,

    /// A message is sent when the files it names hold this much. It has their names alone; a larger file is named alone.
    #[arg(long, default_value_t = 32 << 20, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(65_536..=268_435_456))]
    pub batch_bytes: u64,

    /// A message is sent when it names this many images. What is decoded of them travels in one message of at most 16 MiB: with
    /// fewer, each may be larger (`decode --size`).
    #[arg(long, default_value_t = 16, value_name = "IMAGES", value_parser = clap::value_parser!(u64).range(1..=20))]
    pub batch_rows: u64,

    /// At most this many messages are on their way without an acknowledgement.
    #[arg(long, default_value_t = 4, value_name = "MESSAGES", value_parser = clap::value_parser!(u64).range(1..=8))]
    pub window: u64,

    /// Larger files are moved to quarantine/ as too_large.
    #[arg(long, default_value_t = Limits::MAX_BYTES, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(1..=Limits::CEILING_BYTES))]
    pub max_bytes: u64,

    /// A file that could not be used and that changed within this time, or that somebody has open for writing, may still
    /// be arriving: it is not moved to quarantine/.
    #[arg(long, default_value_t = 60, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(0..=86_400))]
    pub arriving_seconds: u64,

    /// A folder that is suddenly empty or on another device than before is away: its files are kept for so long before
    /// they count as deleted. A folder that is deleted counts at once.
    #[arg(long, default_value_t = 600, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(0..=2_592_000))]
    pub away_seconds: u64,

    /// With no acknowledgement for this long, everything unacknowledged is sent again; the wait then doubles, up to
    /// 120 s, until one comes.
    #[arg(long, default_value_t = 15, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=120))]
    pub ack_timeout_seconds: u64,
}

impl Config {
    /// How long a file must stay the same before it is read.
    pub fn settle(&self) -> Duration {
        Duration::from_millis(self.settle_ms)
    }

    /// How long an empty file may take to be filled; so often a file that is being written is looked at.
    pub fn patience(&self) -> Duration {
        self.settle() * 10
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_within_their_own_ranges() {
        let config = Config::try_parse_from(["watch"]).unwrap();
        assert_eq!((config.settle_ms, config.rescan_seconds, config.window), (500, 30, 4));
        assert_eq!(config.max_bytes, Limits::default().max_bytes, "one flag, one default");
        assert_eq!(config.folders, [Folder::Photos]);
        let config = Config::try_parse_from(["watch", "--folders", "seeds,pool"]).unwrap();
        assert_eq!(config.folders, [Folder::Seeds, Folder::Pool]);
        assert_eq!(Config::try_parse_from(["watch", "--folders", "inbox"]).unwrap().folders, [Folder::Inbox]);
    }

    #[test]
    fn a_value_out_of_range_is_refused_by_name() {
        for (flag, value, accepted) in [
            ("--settle-ms", "5", "100..=60000"),
            ("--rescan-seconds", "0", "1..=3600"),
            ("--batch-bytes", "1", "65536..=268435456"),
            ("--batch-rows", "1000", "1..=20"),
            ("--window", "9", "1..=8"),
            ("--max-bytes", "0", "1..=17179869184"),
            ("--arriving-seconds", "86401", "0..=86400"),
            ("--away-seconds", "2592001", "0..=2592000"),
            ("--ack-timeout-seconds", "0", "1..=120"),
            ("--folders", "pools", "photos, seeds, pool"),
        ] {
            let error =
                Config::try_parse_from(["watch".to_owned(), format!("{flag}={value}")]).unwrap_err().to_string();
            assert!(error.contains(flag) && error.contains(value) && error.contains(accepted), "{error}");
        }
        assert!(Config::try_parse_from(["watch", "--windows", "3"]).is_err());
    }
}
