//! What nodes tell people: a code with arguments, rendered by one catalogue a language.
//!
//! A [`Message`] is made by the function named after its code ([`CODES`] lists them), so that a code without its arguments does
//! not compile. A [`Text`] is a row of messages as it stands in `status/<node>.json`, `run.json` and `verdict.json`: beside the
//! codes it keeps the English text, so that those files can be read by eye and by other programs. In files of earlier versions
//! it is a plain string, which is shown as it is in every language.
//!
//! A catalogue is a plain table, `message/en.txt` and `message/ja.txt`, a line a code: `code = text`. A line that begins with a
//! space goes on with the text before; `~` is a no-break space; a placeholder in braces is an argument: `{n}`, with one decimal
//! `{n.1}`, in groups of three digits `{n,}` (of narrow spaces `{n'}`), and `{n?image|images}` is `image` where `n` is 1.

mod codes;

pub use codes::CODES;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::{BTreeMap, HashMap};
use std::fmt::{self, Write as _};
use std::io::{self, ErrorKind};
use std::ops::Deref;
use std::sync::OnceLock;

/// A language of the catalogues.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// English; of logs and of the command line, too.
    #[default]
    En,
    /// Japanese.
    Ja,
}

impl Language {
    /// All of them, English first.
    pub const ALL: [Self; 2] = [Self::En, Self::Ja];

    /// The code of ISO 639-1: `en`, `ja`.
    pub fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Ja => "ja",
        }
    }

    /// Between the items of a list.
    pub fn comma(self) -> &'static str {
        match self {
            Self::En => ", ",
            Self::Ja => "、",
        }
    }

    /// Between sentences.
    fn space(self) -> &'static str {
        match self {
            Self::En => " ",
            Self::Ja => "",
        }
    }
}

/// The texts of one language by code.
#[derive(Debug)]
pub struct Catalogue(HashMap<&'static str, String>);

impl Catalogue {
    /// Reads a table; see the module for its form. Lines without ` = ` are left out.
    pub fn parse(table: &'static str) -> Self {
        let mut texts: Vec<(&'static str, String)> = Vec::new();
        for line in table.lines().filter(|line| !line.starts_with('#')) {
            if let Some(more) = line.strip_prefix(' ') {
                if let Some((_, text)) = texts.last_mut() {
                    text.push_str(if text.ends_with(|c: char| c.is_ascii()) { " " } else { "" });
                    text.push_str(more.trim());
                }
            } else if let Some((code, text)) = line.split_once(" = ") {
                texts.push((code, text.to_owned()));
            }
        }
        Self(texts.into_iter().map(|(code, text)| (code, text.replace('~', "\u{a0}"))).collect())
    }

    /// That of the messages of nodes.
    pub fn of(language: Language) -> &'static Self {
        static ALL: OnceLock<[Catalogue; 2]> = OnceLock::new();
        let [english, japanese] =
            ALL.get_or_init(|| [include_str!("message/en.txt"), include_str!("message/ja.txt")].map(Catalogue::parse));
        match language {
            Language::En => english,
            Language::Ja => japanese,
        }
    }

    /// The text of a code, with its placeholders.
    pub fn get(&self, code: &str) -> Option<&str> {
        self.0.get(code).map(String::as_str)
    }

    /// All codes, in no order.
    pub fn codes(&self) -> impl Iterator<Item = &'static str> {
        self.0.keys().copied()
    }

    /// Names of the arguments that the text of a code asks for.
    pub fn placeholders(&self, code: &str) -> Vec<&str> {
        let parts = self.get(code).unwrap_or_default().split('{').skip(1);
        parts.filter_map(|part| Some(placeholder(part.split_once('}')?.0).0)).collect()
    }

    /// The text of a code with these arguments; `None` where there is no such code.
    pub fn render(&self, code: &str, args: &BTreeMap<String, Arg>, language: Language) -> Option<String> {
        let mut rest = self.get(code)?;
        let mut out = String::new();
        while let Some((before, after)) = rest.split_once('{') {
            out.push_str(before);
            let Some((inside, after)) = after.split_once('}') else { break };
            let (name, format) = placeholder(inside);
            match args.get(name) {
                Some(arg) => out.push_str(&arg.render(format, language)),
                None => out.push('…'),
            }
            rest = after;
        }
        out.push_str(rest);
        Some(out)
    }
}

/// Name and format of a placeholder: `n`, `.1`; `n`, `?image|images`.
fn placeholder(inside: &str) -> (&str, &str) {
    inside.split_at(inside.find(['.', ',', '\'', '?']).unwrap_or(inside.len()))
}

/// An argument of a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Arg {
    /// A number of things.
    Count(u64),
    /// A figure; finite.
    Number(f64),
    /// A name, a path, the error of a library: the same in every language.
    Text(String),
    /// A message within the message.
    Message(Message),
    /// Several, told with commas between them.
    List(Vec<Arg>),
}

// Numbers are finite: see `From<f64>`; JSON has no others.
impl Eq for Arg {}

impl Arg {
    fn render(&self, format: &str, language: Language) -> String {
        match (self, format.split_at_checked(1)) {
            (Self::Count(n), Some(("?", forms))) => {
                let (one, many) = forms.split_once('|').unwrap_or((forms, forms));
                if *n == 1 { one } else { many }.to_owned()
            }
            (Self::Count(n), Some((",", _))) => grouped(*n, ','),
            (Self::Count(n), Some(("'", _))) => grouped(*n, '\u{202f}'),
            (Self::Count(n), _) => n.to_string(),
            (Self::Number(x), Some((".", digits))) => format!("{x:.*}", digits.parse().unwrap_or(1)),
            (Self::Number(x), _) => x.to_string(),
            (Self::Text(text), _) => text.clone(),
            (Self::Message(message), _) => message.render(language),
            (Self::List(all), _) => {
                let parts: Vec<String> = all.iter().map(|one| one.render("", language)).collect();
                parts.join(language.comma())
            }
        }
    }
}

/// Formats a number in groups of three digits: `1234567` as `1,234,567`.
pub fn grouped(n: u64, comma: char) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(comma);
        }
        text.push(digit);
    }
    text
}

macro_rules! arg_from {
    ($($type:ty: $value:ident => $arg:expr),+ $(,)?) => {
        $(impl From<$type> for Arg { fn from($value: $type) -> Self { $arg } })+
    };
}

arg_from! {
    u64: n => Self::Count(n),
    u32: n => Self::Count(u64::from(n)),
    usize: n => Self::Count(n as u64),
    f64: x => if x.is_finite() { Self::Number(x) } else { Self::Text(x.to_string()) },
    &str: text => Self::Text(text.to_owned()),
    String: text => Self::Text(text),
    &String: text => Self::Text(text.clone()),
    Message: message => Self::Message(message),
    Vec<Message>: all => Self::List(all.into_iter().map(Self::Message).collect()),
    Vec<String>: all => Self::List(all.into_iter().map(Self::Text).collect()),
}

impl From<Text> for Arg {
    fn from(text: Text) -> Self {
        match <[Message; 1]>::try_from(text.messages) {
            Ok([message]) => Self::Message(message),
            Err(none) if none.is_empty() => Self::Text(text.english),
            Err(several) => several.into(),
        }
    }
}

/// One thing that is told, a sentence or a part of one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// One of [`CODES`]; of a later version perhaps another one.
    pub code: String,
    /// Arguments by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub args: BTreeMap<String, Arg>,
}

impl Message {
    /// What it says in that language. A code that is not known is shown as it is, with its arguments.
    pub fn render(&self, language: Language) -> String {
        let known = Catalogue::of(language).render(&self.code, &self.args, language);
        known.unwrap_or_else(|| {
            let mut text = self.code.clone();
            for (name, arg) in &self.args {
                let _ = write!(text, " {name}={}", arg.render("", language));
            }
            text
        })
    }
}

impl Message {
    /// An error that carries this message to whoever tells a person of it; see [`Text`]'s `From<&io::Error>`.
    pub fn into_error(self, kind: ErrorKind) -> io::Error {
        io::Error::new(kind, self)
    }
}

impl std::error::Error for Message {}

/// In English.
impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(Language::En))
    }
}

/// A row of messages with their English text, to which it dereferences; see the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    english: String,
    /// Empty: the text is not by code, and the same in every language.
    messages: Vec<Message>,
}

impl Text {
    /// The messages; none where the text is not by code.
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// Adds a sentence.
    pub fn push(&mut self, message: Message) {
        if self.messages.is_empty() && !self.english.is_empty() {
            self.messages.push(Message::plain(std::mem::take(&mut self.english)));
        }
        self.messages.push(message);
        self.english = self.render(Language::En);
    }

    /// Whether any of the messages is of that code.
    pub fn has(&self, code: &str) -> bool {
        self.messages.iter().any(|message| message.code == code)
    }

    /// What it says in that language.
    pub fn render(&self, language: Language) -> String {
        if self.messages.is_empty() {
            return self.english.clone();
        }
        let sentences: Vec<String> = self.messages.iter().map(|message| message.render(language)).collect();
        sentences.join(language.space())
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.english
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.english)
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.english == other
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        self.english == *other
    }
}

impl PartialEq<String> for Text {
    fn eq(&self, other: &String) -> bool {
        self.english == *other
    }
}

impl From<Message> for Text {
    fn from(message: Message) -> Self {
        vec![message].into()
    }
}

impl From<Vec<Message>> for Text {
    fn from(messages: Vec<Message>) -> Self {
        let mut text = Self { english: String::new(), messages };
        text.english = text.render(Language::En);
        text
    }
}

/// The message that an error was made of, or one for the usual errors of the system; else its text, in English.
impl From<&io::Error> for Text {
    fn from(error: &io::Error) -> Self {
        if let Some(message) = error.get_ref().and_then(|inner| inner.downcast_ref::<Message>()) {
            return message.clone().into();
        }
        match error.kind() {
            // With words of somebody's own.
            _ if error.raw_os_error().is_none() => error.to_string().into(),
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Message::system_full().into(),
            ErrorKind::ReadOnlyFilesystem => Message::system_read_only().into(),
            ErrorKind::PermissionDenied => Message::system_denied().into(),
            ErrorKind::NotFound => Message::system_missing().into(),
            ErrorKind::AlreadyExists => Message::system_exists().into(),
            _ => error.to_string().into(),
        }
    }
}

/// Text that is not by code: the error of a library, an address.
impl From<String> for Text {
    fn from(english: String) -> Self {
        Self { english, messages: Vec::new() }
    }
}

/// As from a `String`.
impl From<&str> for Text {
    fn from(english: &str) -> Self {
        english.to_owned().into()
    }
}

/// As it is kept.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Stored<'a> {
    Plain(std::borrow::Cow<'a, str>),
    Coded { text: std::borrow::Cow<'a, str>, messages: std::borrow::Cow<'a, [Message]> },
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.english.as_str().into();
        match &self.messages[..] {
            [] => Stored::Plain(text),
            messages => Stored::Coded { text, messages: messages.into() },
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Stored::deserialize(deserializer)? {
            Stored::Plain(english) => english.into_owned().into(),
            Stored::Coded { text, messages } => Self { english: text.into_owned(), messages: messages.into_owned() },
        })
    }
}

#[cfg(test)]
mod tests;
