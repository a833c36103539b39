//! `cache`: keeps the pixels of the data set on the machine that trains, so that they cross to it once.
//!
//! It stands between `dataset` on one machine and `augment` and `evaluate` on the other. Demands go through it, marked so that `dataset`
//! answers with batches without pixels; those it completes from its disk. What it lacks it asks `dataset` for by digest, in messages of
//! a bounded size. Epochs after the first cross demands and rows, no pixels.

use plugin_api::HomeArgs;
use plugin_api::Tag;
use plugin_api::edges::{Batches, ImagePixels};
use plugin_api::tag::new_session;
use plugin_harness::{Event, HarnessError, HasHome, Message, Node};
use plugin_transfer::{PixelCache, PixelFetcher, TransferOptions};
use std::time::{Duration, Instant};

/// Keep the pixels of the data set on the machine that trains, so that they cross to it once.
#[derive(Clone, Debug, clap::Parser)]
#[command(name = "cache", version)]
pub struct Config {
    /// The workspace.
    #[command(flatten)]
    pub home: HomeArgs,
    /// Disk for pixels, in dataset/cache/ of the workspace, MiB; the oldest go first. With less than the data set needs (size × size
    /// × 3 bytes an image), it crosses again in each epoch.
    #[arg(long, default_value_t = 32 << 10, value_name = "MIB", value_parser = clap::value_parser!(u32).range(16..=16 << 20))]
    pub disk_mib: u32,
    /// How much crosses at a time.
    #[command(flatten)]
    pub transfer: TransferOptions,
}

impl HasHome for Config {
    fn home(&self) -> &HomeArgs {
        &self.home
    }
}

/// Why the node ends.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// dora, or a message of another type.
    #[error(transparent)]
    Harness(#[from] HarnessError),
    /// The cache cannot be opened.
    #[error(transparent)]
    File(#[from] std::io::Error),
}

/// Runs the node until the dataflow stops.
///
/// # Errors
/// [`CacheError`]; whoever waits for batches asks for them again.
pub fn run(config: Config, node: &mut Node) -> Result<(), CacheError> {
    let folder = node.home().dataset().join("cache");
    let cache = PixelCache::open(&folder, u64::from(config.disk_mib) << 20)?;
    let (images, bytes) = cache.size();
    tracing::info!(images, bytes, window = config.transfer.window(), "cache open");
    let session = new_session(node.id());
    let source = node.source_of("images");
    let mut fetcher = PixelFetcher::new(cache, config.transfer, session, Instant::now());
    loop {
        match node.recv(Duration::from_millis(500))? {
            Event::Stop => return Ok(()),
            Event::Message(message) => take(&mut fetcher, message, node)?,
            Event::Restarted(id) if Some(&id) == source.as_ref() => fetcher.restarted(),
            Event::Restarted(_) | Event::Timeout => {}
        }
        for (output, tag, batch) in fetcher.ready() {
            node.send(output, &tag, batch)?;
        }
        for (tag, wanted) in fetcher.requests(Instant::now()) {
            node.send("wanted", &tag, wanted)?;
        }
        show(&fetcher, node);
    }
}

fn take(fetcher: &mut PixelFetcher, message: Message, node: &mut Node) -> Result<(), HarnessError> {
    let Message { input, tag, .. } = &message;
    match input.as_str() {
        "demand" => node.send_array("demand", &without_pixels(tag), message.array),
        "heldout_demand" => node.send_array("heldout_demand", &without_pixels(tag), message.array),
        "samples" => {
            fetcher.batch("samples", tag.clone(), message.read::<Batches>()?);
            Ok(())
        }
        "heldout" => {
            fetcher.batch("heldout", tag.clone(), message.read::<Batches>()?);
            Ok(())
        }
        "images" => {
            fetcher.pixels(tag, &message.read::<ImagePixels>()?, Instant::now());
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Asks `dataset` to leave the pixels out.
fn without_pixels(tag: &Tag) -> Tag {
    tag.clone().with("pixels", "omit")
}

fn show(fetcher: &PixelFetcher, node: &mut Node) {
    let (counts, (images, bytes)) = (fetcher.counts(), fetcher.size());
    let status = node.status();
    status.set("kept", counts.kept);
    status.set("crossed", counts.crossed);
    status.set("crossed_bytes", counts.crossed_bytes);
    status.set("asked_again", counts.repeated);
    status.gauge("cache_bytes", bytes as f64);
    let kept = format!("{images} images kept, {} MB; {} crossed", bytes / 1_000_000, counts.crossed);
    let again = if counts.repeated > 0 { format!(", {} requests made again", counts.repeated) } else { String::new() };
    let trouble = fetcher.trouble().map(|why| format!(" (cannot be kept: {why})")).unwrap_or_default();
    status.state(format!("{kept}{again}{trouble}"));
}
