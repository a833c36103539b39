//! Another program that looks at the champion all the time.

use crate::graph::Failure;
use plugin_api::Workspace;
use plugin_api::runs::{ModelCard, read_json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// Looks at the champion again and again, as another program would, until it is told to stop. How often it looked, or what it
/// saw that it should not.
pub struct Reader {
    stop: Arc<AtomicBool>,
    looks: Arc<AtomicU64>,
    thread: std::thread::JoinHandle<Result<(), String>>,
}

impl Reader {
    /// Starts to look.
    pub fn start(workspace: Workspace) -> Self {
        let (stop, looks) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (until, count) = (stop.clone(), looks.clone());
        let thread = std::thread::spawn(move || {
            while !until.load(Ordering::Relaxed) {
                look(&workspace)?;
                count.fetch_add(1, Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(20));
            }
            Ok(())
        });
        Self { stop, looks, thread }
    }

    /// Stops; how often it looked.
    ///
    /// # Errors
    /// What it saw that it should not.
    pub fn end(self) -> Result<u64, Failure> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| "the reader panicked")??;
        Ok(self.looks.load(Ordering::Relaxed))
    }
}

/// The champion's folder by its link, then the card and the weights in it, which must go together.
///
/// # Errors
/// What is not there or does not go together.
pub fn look(workspace: &Workspace) -> Result<(), String> {
    let folder = workspace.champion().canonicalize().map_err(|e| format!("no champion: {e}"))?;
    let card: ModelCard = read_json(&folder.join("model.json")).map_err(|e| format!("its card: {e}"))?;
    let weights = std::fs::read(folder.join("model.safetensors")).map_err(|e| format!("its weights: {e}"))?;
    let digest = blake3::hash(&weights).to_hex().to_string();
    if digest == card.digest { Ok(()) } else { Err(format!("the weights of {} are not those of its card", card.run)) }
}
