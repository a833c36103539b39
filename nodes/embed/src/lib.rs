//! `embed`: from hashed images to embeddings. What was embedded once, by the same network, is read from the cache in
//! `dataset/embeddings/` and not even resized.

use arrow::array::LargeListArray;
use plugin_api::edges::{Embedded, EmbeddingHeader, HashedImages, lists_of_f32};
use plugin_api::select::Select;
use plugin_api::{Edge, Header, RejectReason, WorkspaceArgs};
use plugin_decode::{DecodedImage, RetiredLimits};
use plugin_embed::{Cache, EmbedError, EmbedOptions, Embedder};
use plugin_harness::{Answer, HarnessError, HasWorkspace, Node, Refusal, Stage, partition, run_stage};
use rayon::prelude::*;

/// Adds to each image its embedding: what the last layer but one of a network gives for it.
#[derive(Debug, clap::Parser)]
#[command(name = "embed")]
pub struct Config {
    /// The workspace.
    #[command(flatten)]
    pub workspace: WorkspaceArgs,
    /// Which network, and how.
    #[command(flatten)]
    pub embed: EmbedOptions,
    /// Options of the releases before this one.
    #[command(flatten)]
    pub retired: RetiredLimits,
}

impl HasWorkspace for Config {
    fn workspace(&self) -> &WorkspaceArgs {
        &self.workspace
    }
}

/// The node cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// dora, or the other nodes.
    #[error(transparent)]
    Harness(#[from] HarnessError),
    /// The network or its weights.
    #[error(transparent)]
    Embed(#[from] EmbedError),
}

/// Runs the node until the dataflow stops.
///
/// # Errors
/// [`EmbedError`] when the network cannot be had; any [`HarnessError`].
pub fn run(config: Config, node: &mut Node) -> Result<(), Error> {
    if config.retired.are_given() {
        tracing::warn!(
            "--max-pixels and --max-bytes are without effect, and refused by the next release: give them to `decode`"
        );
    }
    let embedder = Embedder::open(&config.embed, node.workspace())?;
    let cache = match embedder.dimensions() {
        0 => None,
        dimensions => {
            Some(Cache::open(node.workspace(), embedder.fingerprint(), dimensions).map_err(EmbedError::File)?)
        }
    };
    let known = cache.as_ref().map_or(0, Cache::len);
    tracing::info!(network = embedder.fingerprint(), dimensions = embedder.dimensions(), known, "ready");
    Ok(run_stage(&mut EmbedStage { embedder, cache }, node)?)
}

/// The work on one message.
pub struct EmbedStage {
    /// The network.
    pub embedder: Embedder,
    /// What it said before; none with `--network none`.
    pub cache: Option<Cache>,
}

impl EmbedStage {
    /// An embedding or a refusal for each row.
    fn look(&mut self, batch: &HashedImages) -> Vec<Result<Vec<f32>, Refusal>> {
        let mut seen: Vec<Option<Result<Vec<f32>, Refusal>>> =
            (0..batch.rows()).map(|row| self.known(batch.digest.value(row)).map(Ok)).collect();
        let unknown: Vec<usize> = (0..batch.rows()).filter(|&row| seen[row].is_none()).collect();
        let prepared: Vec<Result<DecodedImage, Refusal>> =
            unknown.par_iter().map(|&row| self.open(batch, row)).collect();
        let (mut rows, mut images) = (Vec::new(), Vec::new());
        for (&row, prepared) in unknown.iter().zip(prepared) {
            match prepared {
                Ok(image) => {
                    rows.push(row);
                    images.push(image);
                }
                Err(refusal) => seen[row] = Some(Err(refusal)),
            }
        }
        for (row, embedding) in rows.into_iter().zip(self.embed(&images)) {
            if let Ok(embedding) = &embedding {
                self.remember(batch.digest.value(row), embedding);
            }
            seen[row] = Some(embedding);
        }
        self.sync();
        seen.into_iter().flatten().collect()
    }

    fn known(&self, digest: &str) -> Option<Vec<f32>> {
        match &self.cache {
            Some(cache) => cache.get(digest).map(<[f32]>::to_vec),
            // Nothing is to be computed, so nothing is to be prepared.
            None => Some(Vec::new()),
        }
    }

    /// What is kept of an image is small, so that a message of large ones is no trouble.
    fn open(&self, batch: &HashedImages, row: usize) -> Result<DecodedImage, Refusal> {
        let (width, height) = (batch.width.value(row), batch.height.value(row));
        let image = DecodedImage { width, height, pixels: batch.raster.value(row).to_vec() };
        self.embedder.prepare(image).map_err(|e| (RejectReason::NotResized, e.to_string()))
    }

    /// All at once; one by one when that fails, so that an image is refused for its own faults alone.
    fn embed(&self, images: &[DecodedImage]) -> Vec<Result<Vec<f32>, Refusal>> {
        match self.embedder.embed(images) {
            Ok(embeddings) => embeddings.into_iter().map(Ok).collect(),
            Err(error) => {
                tracing::warn!(%error, images = images.len(), "failed together, trying one by one");
                let one = |p| self.embedder.embed(std::slice::from_ref(p)).map(Vec::into_iter);
                let refused = |e: EmbedError| (RejectReason::NotEmbedded, e.to_string());
                images.iter().map(|p| one(p).map(|mut e| e.next().unwrap_or_default()).map_err(refused)).collect()
            }
        }
    }

    /// A full disk costs time, not images.
    fn remember(&mut self, digest: &str, embedding: &[f32]) {
        if let Some(Err(error)) = self.cache.as_mut().map(|cache| cache.put(digest, embedding)) {
            tracing::warn!(%error, digest, "not kept");
        }
    }

    fn sync(&mut self) {
        if let Some(Err(error)) = self.cache.as_mut().map(Cache::sync) {
            tracing::warn!(%error, "not kept for good");
        }
    }
}

impl Stage for EmbedStage {
    type In = HashedImages;
    type Out = Embedded;
    const INPUT: &'static str = "hashed";
    const OUTPUT: &'static str = "embedded";

    fn process(&mut self, _header: &Header, batch: HashedImages) -> Answer<Embedded> {
        let looked = self.look(&batch);
        let (rows, embeddings, rejects) = partition(&batch.path, looked);
        let embedding = lists_of_f32(embeddings.iter().map(|e| &e[..]));
        Answer { out: answer(&batch, &rows, embedding), rejects }
    }

    /// Embeddings of two networks cannot be compared: `gather` has to know whose these are.
    fn annotate(&self, header: Header) -> Header {
        header.with(&EmbeddingHeader { network: self.embedder.fingerprint().to_owned() })
    }
}

fn answer(batch: &HashedImages, rows: &[usize], embedding: LargeListArray) -> Embedded {
    Embedded {
        path: batch.path.select(rows),
        label: batch.label.select(rows),
        modified_ns: batch.modified_ns.select(rows),
        size_bytes: batch.size_bytes.select(rows),
        digest: batch.digest.select(rows),
        ahash: batch.ahash.select(rows),
        dhash: batch.dhash.select(rows),
        phash: batch.phash.select(rows),
        whash: batch.whash.select(rows),
        width: batch.source_width.select(rows),
        height: batch.source_height.select(rows),
        embedding,
    }
}

#[cfg(test)]
mod tests;
