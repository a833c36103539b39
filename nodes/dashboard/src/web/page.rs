//! The page itself: plain files of `page/`, in the binary.

use super::Problem;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};

/// A file of the page: name, type, content.
type Asset = (&'static str, &'static str, &'static str);

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

macro_rules! scripts {
    ($($name:literal),+ $(,)?) => { [$(($name, SCRIPT, include_str!(concat!("../../page/", $name)))),+] };
}

/// One file a view, and what they share.
const SCRIPTS: &[Asset] = &scripts![
    "early.js",
    "app.js",
    "dom.js",
    "renew.js",
    "words.js",
    "live.js",
    "ask.js",
    "toast.js",
    "chart.js",
    "bar.js",
    "acts.js",
    "upload.js",
    "home.js",
    "classes.js",
    "recent.js",
    "training.js",
    "images.js",
    "grid.js",
    "selection.js",
    "details.js",
    "heat.js",
    "map.js",
    "review.js",
    "sheet.js",
    "models.js",
    "searches.js",
    "pair.js",
    "try.js",
];
const STYLES: &[Asset] = &[
    ("style.css", STYLE, include_str!("../../page/style.css")),
    ("icon.svg", "image/svg+xml", include_str!("../../page/icon.svg")),
];
/// One file a language, with the same words.
pub const STRINGS: &[Asset] = &[
    ("en.js", SCRIPT, include_str!("../../page/strings/en.js")),
    ("ja.js", SCRIPT, include_str!("../../page/strings/ja.js")),
];

fn answer<'a>(mut assets: impl Iterator<Item = &'a Asset>, file: &str) -> Result<Response, Problem> {
    let found = assets.find(|(name, ..)| *name == file);
    let (_, kind, text) = found.ok_or_else(|| Problem::missing("there is no such page"))?;
    Ok(([("content-type", *kind)], *text).into_response())
}

/// `/`.
pub async fn index() -> Response {
    ([("content-type", "text/html; charset=utf-8")], include_str!("../../page/index.html")).into_response()
}

/// `/{file}`.
pub async fn file(Path(file): Path<String>) -> Result<Response, Problem> {
    answer(SCRIPTS.iter().chain(STYLES), &file)
}

/// `/strings/{file}`.
pub async fn strings(Path(file): Path<String>) -> Result<Response, Problem> {
    answer(STRINGS.iter(), &file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// `name: "…"` a line.
    fn words(text: &str) -> BTreeSet<&str> {
        let name = |line: &'static str| line.trim().split_once(": ").map(|(name, _)| name.trim_matches('"'));
        let text: &'static str = text.to_owned().leak();
        text.lines().filter(|line| line.starts_with("  ")).filter_map(name).collect()
    }

    #[test]
    fn languages_have_the_same_words_and_all_asked_for() {
        let [english, japanese] = [STRINGS[0], STRINGS[1]].map(|(_, _, text)| words(text));
        assert!(english.len() > 30 && english == japanese, "{:?}", english.symmetric_difference(&japanese));
        for (file, _, text) in SCRIPTS {
            for (at, _) in text.match_indices("t(\"").filter(|(at, _)| !text[..*at].ends_with(char::is_alphanumeric)) {
                let word = text[at + 3..].split('"').next().unwrap();
                let begins = |whole: &&str| word.ends_with('_') && whole.starts_with(word);
                assert!(english.contains(word) || english.iter().any(begins), "{file} asks for {word:?}");
            }
        }
    }

    #[test]
    fn the_page_asks_nobody_else() {
        let all = SCRIPTS.iter().chain(STYLES).chain(STRINGS).map(|(name, _, text)| (*name, *text));
        for (name, text) in all.chain([("index.html", include_str!("../../page/index.html"))]) {
            let text = text.replace("http://www.w3.org/2000/svg", "");
            assert!(!text.contains("http://") && !text.contains("https://"), "{name}");
            assert!(!text.contains("innerHTML") && !text.contains("eval("), "{name}: words are text, never markup");
        }
    }

    /// The two colours of a pair `--name: light-dark(#rrggbb, #rrggbb)`, as relative luminance (WCAG 2.2).
    fn luminances(style: &str, name: &str) -> [f64; 2] {
        let pair = style.split(&format!("--{name}: light-dark(")).nth(1).unwrap().split(')').next().unwrap();
        let luminance = |colour: &str| {
            let linear = |at: usize| {
                let value = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
                if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
            };
            0.2126 * linear(1) + 0.7152 * linear(3) + 0.0722 * linear(5)
        };
        let mut colours = pair.split(", ").map(|colour| luminance(colour.trim()));
        [colours.next().unwrap(), colours.next().unwrap()]
    }

    #[test]
    fn text_has_contrast_in_both_themes() {
        let (_, _, style) = STYLES[0];
        for ground in ["card", "back"] {
            for text in ["text", "quiet", "accent", "train", "validation", "good", "bad", "warn"] {
                for (theme, (a, b)) in
                    ["light", "dark"].iter().zip(luminances(style, ground).into_iter().zip(luminances(style, text)))
                {
                    let contrast = (a.max(b) + 0.05) / (a.min(b) + 0.05);
                    assert!(contrast >= 4.5, "{theme}: {text} on {ground} is {contrast:.2}, AA asks for 4.5");
                }
            }
        }
    }
}
