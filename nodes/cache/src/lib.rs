//! `cache`: keeps the pixels of the data set on the machine that trains, so that they cross to it once.
//!
//! It stands between `dataset` on one machine and `augment` and `evaluate` on the other. Demands go through it, marked so that `dataset`
//! answers with batches without pixels; those it completes from its disk. What it lacks it asks `dataset` for by digest, in messages of
//! a bounded size. Once all rows of a version have come, the batches of further epochs are made here, and nothing crosses at all.

use plugin_api::WorkspaceArgs;
use plugin_api::edges::{Batches, Demand, DemandHeader, ImagePixels};
use plugin_api::header::new_session;
use plugin_harness::{Event, HarnessError, HasWorkspace, Message, Node};
use plugin_transfer::{KnownRows, PixelCache, PixelFetcher, TransferOptions};
use std::time::{Duration, Instant};

/// Keep the pixels of the data set on the machine that trains, so that they cross to it once.
#[derive(Clone, Debug, clap::Parser)]
#[command(name = "cache", version)]
pub struct Config {
    /// The workspace.
    #[command(flatten)]
    pub workspace: WorkspaceArgs,
    /// Disk for pixels, in dataset/cache/ of the workspace, MiB; the oldest go first. With less than the data set needs (size × size
    /// × 3 bytes an image), it crosses again in each epoch.
    #[arg(long, default_value_t = 32 << 10, value_name = "MIB", value_parser = clap::value_parser!(u32).range(16..=16 << 20))]
    pub disk_mib: u32,
    /// How much crosses at a time.
    #[command(flatten)]
    pub transfer: TransferOptions,
}

impl HasWorkspace for Config {
    fn workspace(&self) -> &WorkspaceArgs {
        &self.workspace
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
    let folder = node.workspace().dataset().join("cache");
    let cache = PixelCache::open(&folder, u64::from(config.disk_mib) << 20)?;
    let (images, bytes) = cache.size();
    tracing::info!(images, bytes, window = config.transfer.window(), "cache open");
    let session = new_session(node.id());
    let source = node.source_of("images");
    let mut fetcher = PixelFetcher::new(cache, config.transfer, session, Instant::now());
    let mut rows = KnownRows::default();
    loop {
        match node.recv(Duration::from_millis(500))? {
            Event::Stop => return Ok(()),
            Event::Message(message) => take(&mut rows, &mut fetcher, message, node)?,
            Event::Restarted(id) if Some(&id) == source.as_ref() => fetcher.restarted(),
            Event::Restarted(_) | Event::Timeout => {}
        }
        for (output, header, batch) in fetcher.ready() {
            node.send(output, &header, batch)?;
        }
        for (header, wanted) in fetcher.requests(Instant::now()) {
            node.send("wanted", &header, wanted)?;
        }
        show(&fetcher, node);
    }
}

fn take(
    rows: &mut KnownRows,
    fetcher: &mut PixelFetcher,
    message: Message,
    node: &mut Node,
) -> Result<(), HarnessError> {
    match message.input.as_str() {
        "demand" => demand(rows, fetcher, "samples", message, node)?,
        "heldout_demand" => demand(rows, fetcher, "heldout", message, node)?,
        "samples" => batch(rows, fetcher, "samples", &message)?,
        "heldout" => batch(rows, fetcher, "heldout", &message)?,
        "images" => fetcher.pixels(&message.header, &message.read::<ImagePixels>()?, Instant::now()),
        _ => {}
    }
    Ok(())
}

/// Answers a demand from what is known, or asks `dataset`, which leaves the pixels out.
fn demand(
    rows: &mut KnownRows,
    fetcher: &mut PixelFetcher,
    output: &'static str,
    message: Message,
    node: &mut Node,
) -> Result<(), HarnessError> {
    if let Some(batches) = rows.answer(&message.read::<Demand>()?) {
        for (header, batch) in batches {
            fetcher.batch(output, header, batch);
        }
        return Ok(());
    }
    let header = message.header.with(&DemandHeader { omit_pixels: true });
    node.send_array(&message.input, &header, message.array)
}

fn batch(
    rows: &mut KnownRows,
    fetcher: &mut PixelFetcher,
    output: &'static str,
    message: &Message,
) -> Result<(), HarnessError> {
    let batch: Batches = message.read()?;
    rows.learn(&message.header, &batch);
    fetcher.batch(output, message.header.clone(), batch);
    Ok(())
}

fn show(fetcher: &PixelFetcher, node: &mut Node) {
    let (counts, (images, bytes)) = (fetcher.counts(), fetcher.size());
    let status = node.status();
    status.set("kept", counts.kept);
    status.set("crossed", counts.crossed);
    status.set("crossed_bytes", counts.crossed_bytes);
    status.set("asked_again", counts.repeated);
    status.gauge("cache_bytes", bytes as f64);
    let mut state = plugin_api::Message::cache_holds(images, bytes / 1_000_000, counts.crossed);
    if counts.repeated > 0 {
        state = plugin_api::Message::cache_again(state, counts.repeated);
    }
    if let Some(why) = fetcher.trouble() {
        state = plugin_api::Message::cache_trouble(state, why.to_string());
    }
    status.state(state);
}
