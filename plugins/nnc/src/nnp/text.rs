//! Protobuf as text: `network { name: "main" shape { dim: 1 dim: 2 } }`.

use crate::error::NncError;

/// A message: names and values in their order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Message(Vec<(String, Value)>);

/// A field of a protobuf text: a scalar or a message.
#[derive(Clone, Debug, PartialEq)]
enum Value {
    /// Text, a number or a word.
    Word(String),
    /// A message.
    Inner(Message),
}

/// Messages in messages that anybody writes.
const DEEPEST: usize = 30;

impl Message {
    /// Reads text.
    ///
    /// # Errors
    /// [`NncError::Form`] with what was not expected.
    pub fn parse(text: &str) -> Result<Self, NncError> {
        let mut reader = Reader { rest: text };
        let message = reader.message(0)?;
        reader.space();
        if reader.rest.is_empty() { Ok(message) } else { Err(reader.unexpected()) }
    }

    /// All messages of this name.
    pub fn inner<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Message> {
        self.0.iter().filter_map(move |(key, value)| match value {
            Value::Inner(message) if key == name => Some(message),
            _ => None,
        })
    }

    /// The first number of this name.
    pub fn number(&self, name: &str) -> Option<usize> {
        self.word(name).parse().ok()
    }

    /// All words of this name.
    pub fn words<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter_map(move |(key, value)| match value {
            Value::Word(word) if key == name => Some(word.as_str()),
            _ => None,
        })
    }

    /// The first word of this name; empty when there is none.
    pub fn word(&self, name: &str) -> &str {
        self.0
            .iter()
            .find_map(|(key, value)| match value {
                Value::Word(word) if key == name => Some(word.as_str()),
                _ => None,
            })
            .unwrap_or_default()
    }

    /// The message whose name ends so.
    pub fn ending(&self, end: &str) -> Option<&Message> {
        self.0.iter().find_map(|(key, value)| match value {
            Value::Inner(message) if key.ends_with(end) => Some(message),
            _ => None,
        })
    }

    /// Numbers `dim` of an inner message of this name, or words of the name itself.
    pub fn numbers(&self, name: &str) -> Vec<i64> {
        let dims = self.inner(name).flat_map(|inner| inner.words("dim"));
        dims.chain(self.words(name)).filter_map(|word| word.parse().ok()).collect()
    }
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn space(&mut self) {
        loop {
            self.rest = self.rest.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, ',' | ';'));
            let Some(comment) = self.rest.strip_prefix('#') else { return };
            self.rest = comment.find('\n').map_or("", |end| &comment[end..]);
        }
    }

    fn unexpected(&self) -> NncError {
        let shown: String = self.rest.chars().take(20).collect();
        NncError::Form(format!("its network is no protobuf text: {shown:?} is not expected there"))
    }

    fn message(&mut self, depth: usize) -> Result<Message, NncError> {
        let mut message = Message::default();
        loop {
            self.space();
            if self.rest.is_empty() || self.rest.starts_with(['}', '>']) {
                return Ok(message);
            }
            let end = self.rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(self.rest.len());
            if end == 0 || depth > DEEPEST {
                return Err(self.unexpected());
            }
            let name = self.rest[..end].to_owned();
            self.rest = &self.rest[end..];
            self.space();
            let colon = self.rest.strip_prefix(':');
            if let Some(rest) = colon {
                self.rest = rest;
                self.space();
            }
            if let Some(rest) = self.rest.strip_prefix(['{', '<']) {
                self.rest = rest;
                let inner = self.message(depth + 1)?;
                self.rest = self.rest.strip_prefix(['}', '>']).ok_or_else(|| self.unexpected())?;
                message.0.push((name, Value::Inner(inner)));
            } else if colon.is_some() {
                if let Some(rest) = self.rest.strip_prefix('[') {
                    self.rest = rest;
                    loop {
                        self.space();
                        if let Some(rest) = self.rest.strip_prefix(']') {
                            self.rest = rest;
                            break;
                        }
                        message.0.push((name.clone(), Value::Word(self.word()?)));
                    }
                } else {
                    message.0.push((name, Value::Word(self.word()?)));
                }
            } else {
                return Err(self.unexpected());
            }
        }
    }

    /// Text in quotes, a number or a word.
    fn word(&mut self) -> Result<String, NncError> {
        let quote = self.rest.chars().next().filter(|c| matches!(c, '"' | '\''));
        let Some(quote) = quote else {
            let end = self.rest.find(|c: char| c.is_whitespace() || ",;]}>#".contains(c)).unwrap_or(self.rest.len());
            if end == 0 {
                return Err(self.unexpected());
            }
            let word = self.rest[..end].to_owned();
            self.rest = &self.rest[end..];
            return Ok(word);
        };
        let mut bytes = Vec::new();
        let mut letters = self.rest[1..].char_indices();
        while let Some((at, letter)) = letters.next() {
            if letter == quote {
                self.rest = &self.rest[1 + at + 1..];
                return String::from_utf8(bytes)
                    .map_err(|_| NncError::Form("its network has text that is not UTF-8".to_owned()));
            }
            if letter != '\\' {
                bytes.extend(letter.encode_utf8(&mut [0; 4]).bytes());
                continue;
            }
            match letters.next().map(|(_, letter)| letter) {
                Some('n') => bytes.push(b'\n'),
                Some('t') => bytes.push(b'\t'),
                Some('r') => bytes.push(b'\r'),
                Some(first @ '0'..='7') => {
                    let mut value = first as u32 - 48;
                    for _ in 0..2 {
                        let Some((_, next @ '0'..='7')) = letters.clone().next() else { break };
                        letters.next();
                        value = value * 8 + (next as u32 - 48);
                    }
                    bytes.push(value as u8);
                }
                Some(other) => bytes.extend(other.encode_utf8(&mut [0; 4]).bytes()),
                None => break,
            }
        }
        Err(self.unexpected())
    }
}

/// Text in quotes, as protobuf's text has it.
pub fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            '\n' => quoted.push_str("\\n"),
            other => quoted.push(other),
        }
    }
    quoted + "\""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_as_protobuf_writes_it() {
        let text = "# a comment\nnetwork {\n name: \"a \\\"b\\\" \\347\\214\\253\"\n shape { dim: -1 dim: 3 }\n on: true; axes: [1, 2]\n}\n\
                    network < name: 'c' >";
        let message = Message::parse(text).unwrap();
        let networks: Vec<&Message> = message.inner("network").collect();
        assert_eq!((networks[0].word("name"), networks[1].word("name")), ("a \"b\" 猫", "c"));
        assert_eq!((networks[0].numbers("shape"), networks[0].numbers("axes")), (vec![-1, 3], vec![1, 2]));
        assert_eq!(networks[0].word("on"), "true");
        let again = Message::parse(&format!("name: {}", quoted("a \"b\"\\ 猫\n"))).unwrap();
        assert_eq!(again.word("name"), "a \"b\"\\ 猫\n");
    }

    #[test]
    fn what_is_no_text_is_refused() {
        for text in ["network {", "network", "name: ", "}", "name: \"a", "= 3"] {
            assert!(Message::parse(text).is_err(), "{text}");
        }
    }
}
