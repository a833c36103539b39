use super::*;
use std::collections::BTreeSet;

#[test]
fn every_code_has_a_text_in_every_language() {
    let mut unused: BTreeSet<(&str, &str)> =
        CODES.iter().flat_map(|(code, args)| args.iter().map(|arg| (*code, *arg))).collect();
    let codes: BTreeSet<&str> = CODES.iter().map(|(code, _)| *code).collect();
    assert_eq!(codes.len(), CODES.len(), "a code stands twice");
    for language in Language::ALL {
        let catalogue = Catalogue::of(language);
        let has: BTreeSet<&str> = catalogue.codes().collect();
        assert!(has == codes, "{}: {:?}", language.code(), has.symmetric_difference(&codes));
        for (code, args) in CODES {
            assert!(!catalogue.get(code).unwrap().trim().is_empty() || code.starts_with("advice_"), "{code}");
            let args: BTreeSet<&str> = args.iter().copied().collect();
            let asked: BTreeSet<&str> = catalogue.placeholders(code).into_iter().collect();
            assert!(asked.is_subset(&args), "{}: {code} asks for {:?}", language.code(), asked.difference(&args));
            unused.retain(|(of, arg)| of != code || !asked.contains(arg));
        }
    }
    assert!(unused.is_empty(), "arguments that no language shows: {unused:?}");
}

/// Names of programs and what is typed for them.
const NAMES: [&str; 8] = ["off", "convmv", "unzip", "dora", "daemon", "train", "scratch", "multi"];

#[test]
fn tables_have_a_code_once_and_japanese_is_japanese() {
    for (language, table) in [("en", include_str!("en.txt")), ("ja", include_str!("ja.txt"))] {
        let lines = table.lines().filter(|line| !line.starts_with(['#', ' ']) && !line.is_empty());
        let codes: Vec<&str> =
            lines.map(|line| line.split_once(" = ").unwrap_or_else(|| panic!("{language}: {line}")).0).collect();
        let once: BTreeSet<&&str> = codes.iter().collect();
        assert_eq!(once.len(), codes.len(), "{language}");
    }
    let is_japanese = |c: char| matches!(c, '\u{3040}'..='\u{30ff}' | '\u{4e00}'..='\u{9fff}');
    for (code, _) in CODES {
        let text = Catalogue::of(Language::Ja).get(code).unwrap();
        let fixed: String = text.split('{').map(|part| part.split_once('}').map_or(part, |(_, after)| after)).collect();
        let has_words = fixed.replace("px", "").chars().any(char::is_alphabetic);
        assert!(!has_words || fixed.contains(is_japanese), "{code}: {text}");
        // Commands stand in brackets; options, files and names have signs or digits in them.
        let outside: String = fixed.split(['「', '」']).step_by(2).collect::<Vec<_>>().join(" ");
        let is_part = |c: char| c.is_ascii_alphanumeric() || "-/._".contains(c);
        let is_word =
            |word: &&str| word.len() > 2 && word.bytes().all(|b| b.is_ascii_lowercase()) && !NAMES.contains(word);
        let words: Vec<&str> = outside.split(|c: char| !is_part(c)).filter(is_word).collect();
        assert!(words.is_empty(), "{code} has {words:?} in {text}");
    }
}

#[test]
fn numbers_and_plurals_are_rendered() {
    let sentence = |n: u64| Message::waiting_kept(n).to_string();
    assert_eq!(
        [1, 12, 999, 1000, 1_234_567].map(sentence),
        ["1 image", "12 images", "999 images", "1,000 images", "1,234,567 images"]
            .map(|images| format!("waiting for {images} to be kept"))
    );
    let share = Message::balanced_not_worse(62.26, 37.0, 1u64);
    assert_eq!(
        share.to_string(),
        "Balanced accuracy of 62.3\u{a0}% is not worse than the champion's 37.0\u{a0}% on the same 1 image."
    );
    assert_eq!(Message::run_epoch_train("r", 1u64, f64::NAN).to_string(), "run r: epoch 1 of NaN, train");
}

#[test]
fn messages_nest_and_lists_have_commas_of_their_language() {
    let classes = ["cat", "dog"].map(|name| Message::class_share(name, 7u64, 8u64)).to_vec();
    let mut text = Text::from(Message::no_champion());
    text.push(Message::recall_by_class(classes));
    assert_eq!(text, "There was no champion. Recall by class: cat 7 of 8, dog 7 of 8.");
    assert_eq!(
        text.render(Language::Ja),
        "これまでチャンピオンがありませんでした。クラスごとの再現率：「cat」7／8、「dog」7／8。"
    );
    assert!(text.has("recall_by_class") && text.contains("dog 7 of 8"));
}

#[test]
fn texts_of_earlier_versions_stay_as_they_are() {
    let plain: Text = serde_json::from_str("\"first run\"").unwrap();
    assert_eq!((plain.render(Language::Ja).as_str(), plain.messages().len()), ("first run", 0));
    assert_eq!(serde_json::to_string(&plain).unwrap(), "\"first run\"");
    let mut more = plain;
    more.push(Message::no_champion());
    assert_eq!(more.render(Language::Ja), "first runこれまでチャンピオンがありませんでした。");
}

#[test]
fn texts_are_kept_with_code_and_english() {
    let text = Text::from(vec![
        Message::sure_better(95.0, 0.5),
        Message::of_champion(Message::champion_other_size(64u64, 32u64)),
    ]);
    let json = serde_json::to_value(&text).unwrap();
    assert_eq!(json["messages"][0]["code"], "sure_better");
    assert_eq!(
        json["text"],
        "With 95\u{a0}% confidence it is 0.5 points better at least. Of the champion: It reads images of 64 px; those of 32 px were resized for it."
    );
    assert_eq!(serde_json::from_value::<Text>(json).unwrap(), text);
}

#[test]
fn codes_of_later_versions_are_shown() {
    let json = r#"{"text": "New.", "messages": [{"code": "of_tomorrow", "args": {"n": 3}}]}"#;
    let text: Text = serde_json::from_str(json).unwrap();
    assert_eq!((&*text, text.render(Language::Ja).as_str()), ("New.", "of_tomorrow n=3"));
}

#[test]
fn errors_carry_their_message() {
    let text = |error: io::Error| Text::from(&error);
    let carried = text(Message::page_no_class("cat").into_error(ErrorKind::NotFound));
    assert_eq!(
        (&*carried, carried.render(Language::Ja)),
        ("there is no class cat", "クラス「cat」はありません".to_owned())
    );
    let full = text(io::Error::from_raw_os_error(28));
    assert_eq!(full.render(Language::Ja), "ディスクがいっぱいです");
    let nested = Message::page_file("photos/cat/a.jpg", full);
    assert_eq!(nested.render(Language::Ja), "photos/cat/a.jpg：ディスクがいっぱいです");
    assert_eq!(text(io::Error::other("words of a library")).render(Language::Ja), "words of a library");
}
