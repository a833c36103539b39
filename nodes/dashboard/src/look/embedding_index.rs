//! Images that a network finds alike, by the embeddings that `inspect` and `embed` keep.

use super::catalog_view::{CatalogView, Item};
use super::map::principal;
use plugin_api::Workspace;
use plugin_decode::DecodedImage;
use plugin_embed::{Cache, EmbedOptions, Embedder};
use std::sync::{Mutex, PoisonError};

/// Embeddings on disk, opened when first asked for.
pub struct EmbeddingIndex {
    workspace: Workspace,
    options: EmbedOptions,
    cache: Mutex<Option<Cache>>,
    embedder: Mutex<Option<Embedder>>,
}

impl EmbeddingIndex {
    /// Nothing opened yet.
    pub fn new(workspace: Workspace, options: EmbedOptions) -> Self {
        Self { workspace, options, cache: Mutex::new(None), embedder: Mutex::new(None) }
    }

    /// The embedding of an image that is not kept; none when the network's weights are not there, or another network made
    /// those that are kept.
    pub fn embed(&self, workspace: &Workspace, image: &DecodedImage) -> Option<Vec<f32>> {
        let mut embedder = self.embedder.lock().unwrap_or_else(PoisonError::into_inner);
        if embedder.is_none() {
            *embedder = Embedder::open(&self.options, workspace).ok();
        }
        let embedder = embedder.as_ref()?;
        self.opened(|cache| cache.fingerprint() == embedder.fingerprint()).filter(|same| *same)?;
        embedder.embed(std::slice::from_ref(image)).ok()?.pop()
    }

    /// Asks the embeddings; none when there are none.
    fn opened<T>(&self, ask: impl FnOnce(&mut Cache) -> T) -> Option<T> {
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if cache.is_none() {
            *cache = Cache::newest(&self.workspace).ok().flatten();
        }
        cache.as_mut().map(ask)
    }

    /// The embedding of an image; none when it has none.
    pub fn of(&self, digest: &str) -> Option<Vec<f32>> {
        self.opened(|cache| {
            if cache.get(digest).is_none() {
                cache.refresh().ok()?;
            }
            cache.get(digest).map(<[f32]>::to_vec)
        })
        .flatten()
    }

    /// The images most like it, with the cosine of the angle between them: 1 is the same.
    pub fn near<'a>(&self, view: &'a CatalogView, embedding: &[f32], count: usize) -> Vec<(&'a Item, f32)> {
        let cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(cache) = cache.as_ref().filter(|cache| cache.dimensions() == embedding.len()) else {
            return Vec::new();
        };
        let cosine = |other: &[f32]| other.iter().zip(embedding).map(|(a, b)| a * b).sum::<f32>();
        let measured = view.representatives().filter_map(|item| Some((item, cosine(cache.get(&item.digest)?))));
        let mut all: Vec<(&Item, f32)> = measured.collect();
        all.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        all.truncate(count);
        all
    }

    /// A map of all images that have an embedding: each with its place, from 0 to 1 on both axes.
    pub fn map<'a>(&self, view: &'a CatalogView) -> Vec<(&'a Item, [f32; 2])> {
        let mapped = self.opened(|cache| {
            // What is on disk is enough for a map; a failure to look for more costs none of it.
            let _ = cache.refresh();
            let embedded = view.representatives().filter_map(|item| Some((item, cache.get(&item.digest)?)));
            let (items, rows): (Vec<&Item>, Vec<&[f32]>) = embedded.unzip();
            items.into_iter().zip(principal(&rows)).collect()
        });
        mapped.unwrap_or_default()
    }
}
