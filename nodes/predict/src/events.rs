//! Telling another program what was classified.

use crate::prediction::{ClassScore, Doubt, Prediction};
use plugin_api::status::Notice;
use plugin_webhook::Webhook;
use serde::Serialize;

/// Images a request, at most.
const AT_ONCE: usize = 100;

/// What a program is told of an image.
#[derive(Debug, PartialEq, Serialize)]
struct Classified<'a> {
    /// The file, relative to the workspace.
    path: &'a str,
    /// BLAKE3 of the file.
    digest: &'a str,
    /// The classes that are named; none when the model is unsure or the image unlike anything it was trained on.
    classes: &'a [String],
    /// Why none is named.
    doubt: Option<&'static str>,
    /// The most probable classes, named or not.
    top: &'a [ClassScore],
    /// Whether the probabilities are calibrated.
    calibrated: bool,
}

/// Events of this node.
pub struct Events {
    webhook: Option<Webhook>,
    abstain_below: f64,
}

/// Something that was classified: path, digest and prediction.
pub type Of<'a> = (&'a str, &'a str, &'a Prediction);

impl Events {
    /// Without an address nothing is told.
    pub fn new(webhook: Option<Webhook>, abstain_below: f64) -> Self {
        Self { webhook, abstain_below }
    }

    /// Whether anybody is told.
    pub fn are_wanted(&self) -> bool {
        self.webhook.is_some()
    }

    /// Tells of images that were classified by one model; never waits.
    pub fn classified(&self, images: &[Of<'_>]) {
        let Some(webhook) = &self.webhook else { return };
        for chunk in images.chunks(AT_ONCE) {
            let Some((_, first, prediction)) = chunk.first() else { continue };
            let told: Vec<Classified<'_>> = chunk.iter().map(|image| classified(image, self.abstain_below)).collect();
            let about = serde_json::json!({ "model": prediction.model, "images": told });
            webhook.send("classification", &format!("classification:{}:{first}", prediction.model), &about);
        }
    }

    /// What a person should know of.
    pub fn notice(&self) -> Option<Notice> {
        self.webhook.as_ref().and_then(Webhook::notice)
    }
}

fn classified<'a>((path, digest, prediction): &Of<'a>, abstain_below: f64) -> Classified<'a> {
    let doubt = prediction.doubt(abstain_below).map(Doubt::name);
    let classes = if doubt.is_none() { prediction.classes.as_slice() } else { &[] };
    Classified { path, digest, classes, doubt, top: &prediction.top, calibrated: prediction.calibrated }
}

/// Whether a prediction says something else than the one before.
pub fn is_news(before: Option<&Prediction>, now: &Prediction, abstain_below: f64) -> bool {
    let named = |prediction: &Prediction| {
        let doubt = prediction.doubt(abstain_below);
        (doubt, if doubt.is_none() { prediction.classes.clone() } else { Vec::new() })
    };
    before.is_none_or(|before| named(before) != named(now))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prediction::tests::card;
    use plugin_api::Labels;
    use plugin_inference::Output;

    fn prediction(probabilities: [f32; 4]) -> Prediction {
        let output = Output { probabilities: probabilities.to_vec(), is_novel: false };
        Prediction::new(&card(Labels::Single, Some(1.0)), &output)
    }

    #[test]
    fn classes_are_named_as_in_the_table() {
        let (sure, unsure) = (prediction([0.9, 0.1, 0.0, 0.0]), prediction([0.4, 0.3, 0.2, 0.1]));
        let told = classified(&("inbox/a.jpg", "d", &sure), 0.5);
        assert_eq!((told.classes, told.doubt, told.top[0].class.as_str()), (&["a".to_owned()][..], None, "a"));
        let told = classified(&("inbox/a.jpg", "d", &unsure), 0.5);
        assert_eq!((told.classes.len(), told.doubt, told.calibrated), (0, Some("unsure"), true));
    }

    #[test]
    fn only_another_answer_is_news() {
        let (sure, surer, unsure) =
            (prediction([0.8, 0.2, 0.0, 0.0]), prediction([0.9, 0.1, 0.0, 0.0]), prediction([0.4, 0.3, 0.2, 0.1]));
        let other = prediction([0.1, 0.9, 0.0, 0.0]);
        assert!(is_news(None, &sure, 0.5) && is_news(Some(&sure), &other, 0.5) && is_news(Some(&sure), &unsure, 0.5));
        assert!(!is_news(Some(&sure), &surer, 0.5));
        assert!(!is_news(Some(&unsure), &unsure, 0.5));
    }
}
