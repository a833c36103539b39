//! How much crosses at a time.

use std::time::Duration;

/// Options of the nodes that ask across machines.
#[derive(Clone, Debug, clap::Args)]
pub struct TransferOptions {
    /// Largest message between machines, bytes. dora drops a message that has not left after a while (see dataflows/README.md): at
    /// 200 Mbit/s 1 MiB takes 42 ms.
    #[arg(
        long,
        env = "WAKUTEKA_MESSAGE_BYTES",
        default_value_t = 1 << 20,
        value_name = "BYTES",
        value_parser = clap::value_parser!(u32).range(16 << 10..=16 << 20)
    )]
    pub message_bytes: u32,
    /// Bytes that may be on their way; the smaller the messages, the more of them.
    #[arg(
        long,
        env = "WAKUTEKA_WINDOW_BYTES",
        default_value_t = 4 << 20,
        value_name = "BYTES",
        value_parser = clap::value_parser!(u32).range(16 << 10..=256 << 20)
    )]
    pub window_bytes: u32,
    /// After so long a silence what has not come is asked for again, seconds.
    #[arg(long, default_value_t = 3, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=600))]
    pub resend_seconds: u32,
}

impl TransferOptions {
    /// Messages that may be on their way, at least 1.
    pub fn window(&self) -> usize {
        (self.window_bytes / self.message_bytes).max(1) as usize
    }

    /// Bytes of content that go into a message, which has a header and columns of its own.
    pub fn payload_bytes(&self) -> usize {
        self.message_bytes as usize - (4 << 10)
    }

    /// The silence after which something is asked for again.
    pub fn patience(&self) -> Duration {
        Duration::from_secs(u64::from(self.resend_seconds))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        options: TransferOptions,
    }

    /// The options of a line.
    pub fn options(line: &str) -> TransferOptions {
        Line::parse_from(std::iter::once("x").chain(line.split_whitespace())).options
    }

    #[test]
    fn the_window_grows_as_messages_shrink() {
        let window = |line: &str| options(line).window();
        assert_eq!(window(""), 4);
        assert_eq!(window("--message-bytes 262144"), 16);
        assert_eq!(window("--message-bytes 16777216"), 1);
    }

    #[test]
    fn bad_values_are_named() {
        for (flag, value) in [("--message-bytes", "1000"), ("--message-bytes", "99999999"), ("--resend-seconds", "0")] {
            let error = Line::try_parse_from(["x", flag, value]).unwrap_err().to_string();
            assert!(error.contains(flag) && error.contains(value), "{error}");
        }
    }
}
