//! `candidates/candidates.csv` and `candidates/claimed-by-several.csv`.

use crate::claims::Claim;
use crate::gatherer::{Gatherer, pool_files};
use crate::plan::Wanted;
use plugin_api::files::write_atomically;
use plugin_links::LinkState;
use plugin_tables::table;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Where the candidates are and why.
const CANDIDATES: &str = "candidates.csv";
/// Images that more than one class claims.
const SEVERAL: &str = "claimed-by-several.csv";

/// The two files, as last written.
#[derive(Debug)]
pub struct Lists {
    folder: PathBuf,
    written: [Vec<u8>; 2],
}

/// A row of a list before it is known where its link lies: class, digest, and the columns.
pub(crate) struct Rows {
    candidates: Vec<(String, String, [String; 4])>,
    several: Vec<[String; 4]>,
}

impl Lists {
    /// The files lie in `folder`.
    pub fn new(folder: PathBuf) -> Self {
        let written = [CANDIDATES, SEVERAL].map(|name| std::fs::read(folder.join(name)).unwrap_or_default());
        Self { folder, written }
    }

    fn write(&mut self, contents: [Vec<u8>; 2]) {
        for ((name, content), written) in [CANDIDATES, SEVERAL].into_iter().zip(contents).zip(&mut self.written) {
            let path = self.folder.join(name);
            if content != *written || !path.exists() {
                match write_atomically(&path, &content) {
                    Ok(()) => *written = content,
                    Err(error) => tracing::error!(%error, "a list cannot be written"),
                }
            }
        }
    }
}

impl Gatherer {
    /// What the lists say, by the plan.
    pub(crate) fn rows(&self, claims: &BTreeMap<&str, Vec<Claim>>, wanted: &[Wanted]) -> Rows {
        let reach = self.rules.reach;
        let claimed_by = |digest: &str| -> String {
            let claims = claims.get(digest).map(Vec::as_slice).unwrap_or_default();
            claims.iter().map(|c| format!("{} {}", c.class, reach.text(c.distance))).collect::<Vec<_>>().join("; ")
        };
        let path = |digest: &str| {
            let mut files = pool_files(&self.files, &self.holders, digest);
            files.next().map(|file| file.path.clone()).unwrap_or_default()
        };
        let mut candidates = Vec::new();
        let (mut class, mut rank) = ("", 0);
        for w in wanted {
            rank = if w.class == class { rank + 1 } else { 1 };
            class = &w.class;
            let columns = [path(&w.digest), reach.text(w.distance), rank.to_string(), claimed_by(&w.digest)];
            candidates.push((w.class.clone(), w.digest.clone(), columns));
        }
        for link in self.links.iter().filter(|link| link.state == LinkState::ByHand) {
            let claim = claims.get(link.item.as_str()).into_iter().flatten().find(|c| c.class == link.view);
            let distance = claim.map(|claim| reach.text(claim.distance)).unwrap_or_default();
            let columns = [path(&link.item), distance, "by hand".to_owned(), claimed_by(&link.item)];
            candidates.push((link.view.clone(), link.item.clone(), columns));
        }
        let several = claims
            .iter()
            .filter(|(digest, claims)| claims.len() > 1 && !self.photos.digests().contains(**digest))
            .map(|(digest, claims)| {
                let given: Vec<&str> =
                    wanted.iter().filter(|w| w.digest == *digest).map(|w| w.class.as_str()).collect();
                let given = given.join("; ");
                [path(digest), claims.len().to_string(), claimed_by(digest), given]
            })
            .collect();
        Rows { candidates, several }
    }

    /// Writes the lists: candidates that could not be linked are left out.
    pub(crate) fn write_lists(&mut self, rows: Rows) {
        let candidates =
            rows.candidates.into_iter().filter_map(|(class, digest, [path, distance, rank, claimed_by])| {
                let link = self.links.get(&class, &digest)?;
                let candidate = format!("candidates/{class}/{}", link.name);
                Some([path, class, distance, rank, candidate, claimed_by])
            });
        let candidates = table(["path", "class", "distance", "rank", "candidate", "claimed_by"], candidates);
        let several = table(["path", "classes", "claimed_by", "candidate_of"], rows.several);
        match (candidates, several) {
            (Ok(candidates), Ok(several)) => self.lists.write([candidates, several]),
            (Err(error), _) | (_, Err(error)) => tracing::error!(%error, "a list cannot be written"),
        }
    }
}
