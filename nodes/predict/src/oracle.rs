//! Who answers: the champion; or the head while there is no champion, or it does not know all classes, or is shown to be the
//! worse of the two.
//!
//! The link `models/champion` is looked at again and again, so that whatever swaps it, a verdict or a person, is noticed.

use crate::head::Head;
use crate::head::learner::{Latest, Learner};
use crate::model::Model;
use plugin_api::Home;
use plugin_model::Precision;
use plugin_model::device::Opened;
use plugin_standing::{Answers, Comparison, Standing, compare, of_run};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// A champion that cannot be used is tried again after so long.
const AGAIN: Duration = Duration::from_secs(5);

/// The champion, whoever that is now, and the head beside it.
pub struct Oracle {
    home: Home,
    device: Opened,
    precision: Precision,
    learner: Learner,
    /// Classes with accepted pictures.
    classes: Vec<String>,
    /// Where the link pointed when it was last looked at.
    target: Option<PathBuf>,
    champion: Option<Model>,
    /// What the champion said of the pictures that were held out from it.
    heldout: Answers,
    /// Champion and head on the same pictures, by the head's name; forgotten when the champion changes.
    compared: Option<(String, Option<Comparison>)>,
    /// The head, while it is needed.
    head: Option<Model>,
    /// Who answers, as it was last written down.
    standing: Option<Standing>,
    /// Why the champion cannot be used, and when to try again.
    failed: Option<(String, Instant)>,
}

impl Oracle {
    /// Nobody yet.
    pub fn new(home: &Home, device: Opened, precision: Precision, learner: Learner) -> Self {
        let home = home.clone();
        Self {
            home,
            device,
            precision,
            learner,
            classes: Vec::new(),
            target: None,
            champion: None,
            heldout: Answers::new(),
            compared: None,
            head: None,
            standing: None,
            failed: None,
        }
    }

    /// Who answers; none when there is no champion that can be used, and no head.
    pub fn model(&self) -> Option<&Model> {
        self.head.as_ref().or(self.champion.as_ref())
    }

    /// Why the present champion cannot be used.
    pub fn problem(&self) -> Option<&str> {
        self.failed.as_ref().map(|(why, _)| why.as_str())
    }

    /// Classes with accepted pictures, as of now.
    pub fn set_classes(&mut self, classes: Vec<String>) {
        self.classes = classes;
    }

    /// Classes with accepted pictures that the champion does not know. All of them without a champion.
    pub fn unknown(&self) -> Vec<&str> {
        let known = |class: &String| self.champion.as_ref().is_some_and(|model| model.card().classes.contains(class));
        self.classes.iter().filter(|class| !known(class)).map(String::as_str).collect()
    }

    /// Champion and head on the same pictures, when the head answers because it is the better of the two.
    pub fn comparison(&self) -> Option<&Comparison> {
        self.head.as_ref().and(self.compared.as_ref()?.1.as_ref()).filter(|_| self.unknown().is_empty())
    }

    /// The learner of the head.
    pub fn learner(&self) -> &Learner {
        &self.learner
    }

    /// Looks at the link and at the head. True when somebody else, or nobody, answers from now on.
    pub fn follow(&mut self, now: Instant) -> bool {
        let before = self.model().map(|model| model.card().run.clone());
        let reloaded = self.follow_champion(now);
        let latest = self.learner.latest();
        let settled = latest.settled;
        self.follow_head(latest);
        if settled {
            self.write_standing();
        }
        let after = self.model().map(|model| &model.card().run);
        before.as_ref() != after || (reloaded && self.head.is_none())
    }

    fn follow_head(&mut self, latest: Latest) {
        let found = latest.head.zip(latest.eyes).filter(|(head, _)| self.helps(head));
        match (found, &self.head) {
            (Some((head, _)), Some(model)) if *model.card() == head.card => {}
            (Some((head, eyes)), _) => self.head = Model::of_head(head, eyes, &self.home).ok(),
            (None, _) => self.head = None,
        }
    }

    /// Tells others who answers. Not to be asked before that is known: after a start, what was written before holds until the
    /// head is there again. When that fails, they know it from the next change on.
    fn write_standing(&mut self) {
        let run = |model: &Model| model.card().run.clone();
        let standing = Standing {
            answers: self.model().map(run),
            champion: self.champion.as_ref().map(run),
            comparison: self.comparison().copied(),
        };
        if self.standing.as_ref() == Some(&standing) {
            return;
        }
        if let Err(error) = standing.write(&self.home) {
            tracing::warn!(%error, "who answers is not written down");
        }
        self.standing = Some(standing);
    }

    /// There is no champion, or the head knows a class more, or is better.
    fn helps(&mut self, head: &Head) -> bool {
        let new = self.unknown();
        if self.champion.is_none() || head.card.classes.iter().any(|class| new.contains(&class.as_str())) {
            return true;
        }
        let is_known = |(name, _): &(String, Option<Comparison>)| *name == head.card.run;
        if !self.compared.as_ref().is_some_and(is_known) {
            let found = compare(&head.told, &self.heldout);
            if let Some(Comparison { pictures, head: ours, champion, lead }) = found {
                tracing::info!(head = head.card.run, pictures, ours, champion, lead, "head and champion compared");
            }
            self.compared = Some((head.card.run.clone(), found));
        }
        self.compared.as_ref().and_then(|(_, found)| *found).is_some_and(|found| found.head_is_better())
    }

    /// True when another champion, or none, is there from now on.
    fn follow_champion(&mut self, now: Instant) -> bool {
        let target = std::fs::read_link(self.home.champion()).ok();
        let is_time = self.failed.as_ref().is_some_and(|(_, again)| *again <= now);
        if target == self.target && !is_time {
            return false;
        }
        self.target.clone_from(&target);
        let Some(target) = target else {
            self.failed = None;
            return self.champion.take().is_some();
        };
        // By its own folder: the link may be swapped again, what it points to now stays whole.
        match Model::load(&self.home.models().join(target), &self.device, self.precision) {
            Ok(model) => {
                tracing::info!(model = model.card().run, temperature = model.card().temperature, "champion in use");
                self.failed = None;
                (self.heldout, self.compared) = (of_run(&self.home, &model.card().run), None);
                let same = self.champion.as_ref().is_some_and(|before| before.card() == model.card());
                self.champion = Some(model);
                !same
            }
            Err(why) => {
                if self.problem() != Some(&why) {
                    tracing::error!(why, "the champion cannot be used");
                }
                self.failed = Some((why, now + AGAIN));
                false
            }
        }
    }
}
