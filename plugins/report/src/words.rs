//! The words of reports, a table a language: `words/en.txt` and `words/ja.txt`. What nodes have told stands in the catalogues of
//! [`plugin_api::message`], and so do the sentences that reports and tables share.

use super::format::{duration, percent};
use plugin_api::Language;
use plugin_api::message::{Arg, Catalogue};
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// Words of one language. English is the default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Words(pub Language);

impl Words {
    fn catalogue(self) -> &'static Catalogue {
        static ALL: OnceLock<[Catalogue; 2]> = OnceLock::new();
        let tables = || [include_str!("words/en.txt"), include_str!("words/ja.txt")].map(Catalogue::parse);
        let [english, japanese] = ALL.get_or_init(tables);
        if self.0 == Language::Ja { japanese } else { english }
    }

    /// Language of the texts.
    pub fn language(self) -> Language {
        self.0
    }

    /// The text of a code that has no placeholder.
    pub fn t(self, code: &str) -> String {
        self.with(code, [])
    }

    /// The text of a code with these arguments; the code itself where there is no such text.
    pub fn with<const N: usize>(self, code: &str, args: [(&str, Arg); N]) -> String {
        let args: BTreeMap<String, Arg> = args.into_iter().map(|(name, arg)| (name.to_owned(), arg)).collect();
        self.catalogue().render(code, &args, self.0).unwrap_or_else(|| code.to_owned())
    }

    /// The text of an entry of a registry, which has its English itself: of `<kind>_<name>`.
    pub fn of(self, kind: &str, name: &str, english: &str) -> String {
        let code = format!("{kind}_{name}");
        self.catalogue().get(&code).unwrap_or(english).to_owned()
    }

    /// Between the items of a list.
    pub fn comma(self) -> &'static str {
        self.0.comma()
    }

    /// `93.3 %`; in Japanese without a space.
    pub fn percent(self, share: f64) -> String {
        let text = percent(share);
        if self.0 == Language::Ja { text.replace('\u{a0}', "") } else { text }
    }

    /// [`Self::percent`], or a dash for what is not known.
    pub fn percent_or_dash(self, share: Option<f64>) -> String {
        share.map_or_else(|| "–".to_owned(), |share| self.percent(share))
    }

    /// `3 h 12 min`, `4 min 5 s`, `12.5 s`.
    pub fn duration(self, seconds: f64) -> String {
        let text = duration(seconds);
        match self.0 {
            Language::En => text,
            Language::Ja => {
                let units = [("\u{a0}h ", "時間"), ("\u{a0}min ", "分"), ("\u{a0}min", "分"), ("\u{a0}s", "秒")];
                units.iter().fold(text, |text, (unit, own)| text.replace(unit, own))
            }
        }
    }

    /// Classes with numbers, at most `shown` of them.
    pub fn named(self, classes: &[(String, u64)], shown: usize) -> Arg {
        let one = |(name, n): &(String, u64)| format!("{name}\u{a0}{}", super::format::count(*n));
        let mut all: Vec<String> = classes.iter().take(shown).map(one).collect();
        if classes.len() > shown {
            all.push(self.with("and_more", [("n", (classes.len() - shown).into())]));
        }
        all.into()
    }

    /// The title of a run's page.
    pub fn title(self, run: &str, decision: plugin_api::Decision) -> String {
        let decision = self.t(decision.name());
        self.with("title", [("run", run.into()), ("decision", decision.into())])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Registries have their English themselves.
    const REGISTRIES: [&str; 4] = ["metric_", "meaning_", "check_", "about_"];

    #[test]
    fn every_word_is_there_in_both_languages() {
        let [english, japanese] = Language::ALL.map(|language| Words(language).catalogue());
        let codes = |of: &Catalogue| of.codes().collect::<BTreeSet<_>>();
        let of_registries = |code: &&str| REGISTRIES.iter().any(|prefix| code.starts_with(prefix));
        let missing: Vec<_> = codes(english).symmetric_difference(&codes(japanese)).copied().collect();
        assert!(missing.iter().all(of_registries) && codes(english).len() > 100, "{missing:?}");
        for code in codes(english) {
            let asked = |of: &'static Catalogue| of.placeholders(code).into_iter().collect::<BTreeSet<_>>();
            assert_eq!(asked(english), asked(japanese), "{code}");
        }
        for metric in plugin_metric::REGISTRY.iter().filter(|metric| {
            matches!(metric.compute, plugin_metric::Compute::One(_) | plugin_metric::Compute::Paired(_))
        }) {
            for kind in ["metric", "meaning"] {
                assert!(japanese.get(&format!("{kind}_{}", metric.name)).is_some(), "{kind} of {}", metric.name);
            }
        }
    }

    #[test]
    fn every_word_that_is_asked_for_is_there() {
        let source = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let inspect = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../nodes/inspect/src");
        let mut folders = vec![source, inspect];
        let mut asked = 0;
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap().flatten() {
                if entry.path().is_dir() {
                    folders.push(entry.path());
                    continue;
                }
                let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
                for call in ["w.t(\"", "w.with(\""] {
                    for (at, _) in text.match_indices(call) {
                        let code = text[at + call.len()..].split('"').next().unwrap();
                        assert!(Words::default().catalogue().get(code).is_some(), "{code:?} of {:?}", entry.path());
                        asked += 1;
                    }
                }
            }
        }
        assert!(asked > 100, "{asked}");
    }

    #[test]
    fn numbers_are_of_the_language() {
        let [english, japanese] = Language::ALL.map(Words);
        assert_eq!((english.percent(0.933), japanese.percent(0.933)), ("93.3\u{a0}%".to_owned(), "93.3%".to_owned()));
        assert_eq!([12.51, 245.0, 11_520.0].map(|s| japanese.duration(s)), ["12.5秒", "4分5秒", "3時間12分"]);
        assert_eq!(english.with("images_n", [("n", 1u64.into())]), "1\u{a0}image");
        assert_eq!(japanese.with("images_n", [("n", 1234u64.into())]), "写真1\u{202f}234枚");
    }
}
