//! What was found, for the manifest of a run and for a person.

use plugin_augment::{COLOUR, FLIP, ROTATE, Withheld};
use serde::{Deserialize, Serialize};

/// Why an augmentation works against the task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Its name in the registry of augmentations.
    pub augmentation: String,
    /// The class that suffers most.
    pub class: String,
    /// What its transformed images are taken for.
    pub taken_for: String,
    /// How many of them.
    pub images: u64,
    /// Number of images that were examined.
    pub of: u64,
}

impl Finding {
    /// Share of the transformed images that are taken for the other class.
    pub fn share(&self) -> f64 {
        self.images as f64 / self.of.max(1) as f64
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { augmentation, class, taken_for, images, of } = self;
        let (noun, participle) = match &augmentation[..] {
            FLIP => ("mirroring", "mirrored"),
            ROTATE => ("rotation", "rotated"),
            COLOUR => ("colour jitter", "recoloured"),
            other => (other, "changed"),
        };
        write!(f, "{noun} off: {participle} images of '{class}' are taken for '{taken_for}' in {images} of {of}")
    }
}

/// Which augmentations work against the task.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// Images that were looked at; 0 when there was nothing to decide, or too few images of all classes but one.
    pub images: u64,
    /// How well their classes were told apart as they are: mean recall, 0 to 1.
    pub accuracy: f64,
    /// One for each augmentation that does.
    pub findings: Vec<Finding>,
}

impl Decision {
    /// What a run leaves out.
    pub fn withheld(&self) -> Withheld {
        self.findings.iter().map(|finding| &finding.augmentation[..]).collect()
    }

    /// For a person; `None` when nothing was found.
    pub fn reason(&self) -> Option<String> {
        let findings: Vec<String> = self.findings.iter().map(ToString::to_string).collect();
        (!findings.is_empty()).then(|| findings.join("; "))
    }
}
