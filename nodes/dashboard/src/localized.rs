//! What nodes tell people, in the languages of the page: the server renders, so that there is one catalogue a language.

use plugin_api::status::Notice;
use plugin_api::{Language, Text};
use serde::Serialize;

/// A text in each language of the page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LocalizedText {
    /// In English.
    pub en: String,
    /// In Japanese.
    pub ja: String,
}

impl From<&Text> for LocalizedText {
    fn from(text: &Text) -> Self {
        Self { en: text.render(Language::En), ja: text.render(Language::Ja) }
    }
}

/// A notice of a node.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LocalizedNotice {
    /// As in [`Notice`].
    pub kind: String,
    /// As in [`Notice`].
    pub count: u64,
    /// As in [`Notice`].
    pub reason: LocalizedText,
    /// What to do about it; `None` when there is nothing to do.
    pub advice: Option<LocalizedText>,
    /// As in [`Notice`].
    pub examples: Vec<String>,
}

impl From<Notice> for LocalizedNotice {
    fn from(Notice { kind, count, reason, advice, examples }: Notice) -> Self {
        let advice = (!advice.is_empty()).then(|| (&advice).into());
        Self { kind, count, reason: (&reason).into(), advice, examples }
    }
}
