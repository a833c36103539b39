//! The champion in use, and which classes with accepted images it does not know.
//!
//! The link `models/champion` is read again and again, so that whatever swaps it, a verdict or a person, is noticed.

use plugin_api::Workspace;
use plugin_inference::{Backbones, LoadError, Model};
use plugin_model::Precision;
use plugin_model::device::Opened;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// A champion that cannot be loaded is tried again after so long.
const RETRY: Duration = Duration::from_secs(5);

/// Loads the champion, and loads again when it is another.
pub struct ModelSelector {
    workspace: Workspace,
    device: Opened,
    precision: Precision,
    /// Heads on the same backbone share it, so a new head is in use at once.
    backbones: Backbones,
    /// Classes with accepted images.
    classes: Vec<String>,
    /// Target of the link when it was last read.
    target: Option<PathBuf>,
    champion: Option<Model>,
    failure: Option<Failure>,
}

/// Why the champion cannot be used, and when to try again.
struct Failure {
    reason: String,
    retry_at: Instant,
}

impl ModelSelector {
    /// Without a champion until [`Self::follow`].
    pub fn new(workspace: &Workspace, device: Opened, precision: Precision) -> Self {
        Self {
            workspace: workspace.clone(),
            device,
            precision,
            backbones: Backbones::default(),
            classes: Vec::new(),
            target: None,
            champion: None,
            failure: None,
        }
    }

    /// The champion; `None` when there is none that can be used.
    pub fn model(&self) -> Option<&Model> {
        self.champion.as_ref()
    }

    /// Why the champion that the link names cannot be used. The one before stays in use meanwhile.
    pub fn problem(&self) -> Option<&str> {
        self.failure.as_ref().map(|failure| failure.reason.as_str())
    }

    /// Sets the classes with accepted images.
    pub fn set_classes(&mut self, classes: Vec<String>) {
        self.classes = classes;
    }

    /// Classes with accepted images that the champion does not know: all of them without a champion.
    pub fn unknown(&self) -> Vec<&str> {
        let is_known =
            |class: &String| self.champion.as_ref().is_some_and(|model| model.card().classes.contains(class));
        self.classes.iter().filter(|class| !is_known(class)).map(String::as_str).collect()
    }

    /// Reads the link. True when another champion, or none, is in use from now on.
    pub fn follow(&mut self, now: Instant) -> bool {
        let target = std::fs::read_link(self.workspace.champion()).ok();
        let is_due = self.failure.as_ref().is_some_and(|failure| failure.retry_at <= now);
        if target == self.target && !is_due {
            return false;
        }
        self.target.clone_from(&target);
        let Some(target) = target else {
            self.failure = None;
            return self.champion.take().is_some();
        };
        // By its own folder: the link may be swapped again, what it points to now stays whole.
        match self.load(&target) {
            Ok(model) => {
                tracing::info!(model = model.card().run, temperature = model.card().temperature, "champion in use");
                self.failure = None;
                let is_same = self.champion.as_ref().is_some_and(|before| before.card() == model.card());
                self.champion = Some(model);
                !is_same
            }
            Err(error) => {
                let reason = error.to_string();
                if self.problem() != Some(&reason) {
                    tracing::error!(reason, "the champion cannot be used");
                }
                self.failure = Some(Failure { reason, retry_at: now + RETRY });
                false
            }
        }
    }

    fn load(&self, target: &std::path::Path) -> Result<Model, LoadError> {
        Model::open(
            &self.workspace,
            &self.workspace.models().join(target),
            &self.backbones,
            &self.device,
            self.precision,
        )
    }
}
