//! Sidecars of labelled images: the class folder of each as a keyword, where photo programs look for it.
//!
//! They follow the catalog. Here a keyword is a person's word, so it is also put into a sidecar that another program wrote.

use crate::arrange::AT_A_TIME;
use crate::error::PredictError;
use crate::inbox::InboxState;
use crate::store::Sidecar;
use plugin_sidecar::{self as sidecar, Outcome};
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::Path;
use std::time::Instant;

/// Sidecars that are written down at once.
const CHUNK: usize = 64;
/// The folder of labelled images, as paths begin.
const FOLDER: &str = "photos/";

/// A sidecar that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// Relative to the workspace.
    at: String,
    /// What it should say; `None` when there should be none of ours.
    keywords: Option<Vec<String>>,
}

/// Whether a place is in `photos/`.
pub fn is_of_photos(at: &str) -> bool {
    at.starts_with(FOLDER)
}

/// BLAKE3 of a packet, in hexadecimal.
pub fn digest(packet: &str) -> String {
    blake3::hash(packet.as_bytes()).to_hex().to_string()
}

impl InboxState {
    /// Takes the classes of all images of `photos/`, by path. What is not as it should be is done by [`Self::arrange`].
    pub fn set_labels(&mut self, labels: &BTreeMap<String, Vec<String>>) {
        let mut digests: HashMap<&[String], String> = HashMap::new();
        self.pending.clear();
        for (path, keywords) in labels.iter().filter(|(path, _)| is_of_photos(path)) {
            let wanted = digests.entry(keywords).or_insert_with(|| digest(&sidecar::packet_by_hand(keywords)));
            let at = format!("{path}.xmp");
            if self.sidecars.get(&at).is_none_or(|known| known.digest != *wanted) {
                self.pending.push_back(Pending { at, keywords: Some(keywords.clone()) });
            }
        }
        let is_gone =
            |at: &&String| is_of_photos(at) && at.strip_suffix(".xmp").is_none_or(|path| !labels.contains_key(path));
        let gone = self.sidecars.keys().filter(is_gone).map(|at| Pending { at: at.clone(), keywords: None });
        self.pending.extend(gone.collect::<Vec<_>>());
        self.dirty |= !self.pending.is_empty();
    }

    /// Writes and removes as many as there is time for.
    pub(crate) fn write_labels(&mut self) -> Result<(), PredictError> {
        let start = Instant::now();
        while !self.pending.is_empty() && start.elapsed() < AT_A_TIME {
            let chunk: Vec<Pending> = self.pending.drain(..CHUNK.min(self.pending.len())).collect();
            self.write_chunk(chunk)?;
        }
        self.dirty |= !self.pending.is_empty();
        Ok(())
    }

    fn write_chunk(&mut self, chunk: Vec<Pending>) -> Result<(), PredictError> {
        let root = self.workspace.root().to_path_buf();
        let change = self.store.change()?;
        for Pending { at, .. } in &chunk {
            // As with those of inbox/: after a kill the new keywords are looked for and the old ones taken out.
            let keywords = self.sidecars.get(at).and_then(|known| known.keywords.clone());
            change.put_sidecar(at, &Sidecar { digest: String::new(), keywords })?;
        }
        change.commit()?;
        let (mut done, mut failed) = (Vec::new(), Vec::new());
        for Pending { at, keywords } in chunk {
            let known = self.sidecars.get(&at).and_then(|known| known.keywords.clone());
            let wanted = keywords.map(|keywords| (sidecar::packet_by_hand(&keywords), keywords));
            match bring_up_to_date(&root, &at, known, wanted.as_ref()) {
                Ok((now, problem)) => {
                    match problem {
                        Some(why) => {
                            failed.push(format!("{at}: {why}"));
                            self.left_alone.insert(at.clone(), why);
                        }
                        None => drop(self.left_alone.remove(&at)),
                    }
                    done.push((at, wanted.map(|(packet, _)| Sidecar { digest: digest(&packet), keywords: now })));
                }
                // It is tried again with the next version of the data set.
                Err(error) => failed.push(error.to_string()),
            }
        }
        let change = self.store.change()?;
        for (at, sidecar) in &done {
            match sidecar {
                Some(sidecar) => change.put_sidecar(at, sidecar)?,
                None => change.remove_sidecar(at)?,
            }
        }
        change.commit()?;
        for (at, sidecar) in done {
            match sidecar {
                Some(sidecar) => drop(self.sidecars.insert(at, sidecar)),
                None => drop(self.sidecars.remove(&at)),
            }
        }
        for text in failed {
            self.notice(text);
        }
        Ok(())
    }
}

/// Writes the sidecar `at`, or removes what is ours. Gives the keywords of ours that stand there now, and why it was left alone.
fn bring_up_to_date(
    root: &Path,
    at: &str,
    known: Option<Vec<String>>,
    wanted: Option<&(String, Vec<String>)>,
) -> io::Result<(Option<Vec<String>>, Option<String>)> {
    let place = root.join(at);
    let Some((packet, keywords)) = wanted else {
        return Ok(match sidecar::remove(&place, &known.unwrap_or_default())? {
            Outcome::Done => (None, None),
            Outcome::LeftAlone(why) => (None, Some(why)),
        });
    };
    let image = root.join(at.strip_suffix(".xmp").unwrap_or(at));
    if !image.is_file() {
        return Ok((known, None));
    }
    // What stood there before we ever wrote is not ours to take out later.
    let theirs = if known.is_none() { sidecar::theirs(&place) } else { Vec::new() };
    let before = known.clone().unwrap_or_default();
    Ok(match sidecar::write(&place, packet, Some(&before), keywords)? {
        Outcome::Done => (Some(keywords.iter().filter(|one| !theirs.contains(one)).cloned().collect()), None),
        Outcome::LeftAlone(why) => (known, Some(why)),
    })
}
