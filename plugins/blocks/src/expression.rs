//! Numbers that may be sums: `64`, `channels`, `inputs * 6`, `(channels + 8) / 4`.

use serde::{Deserialize, Deserializer, de::Error as _};
use std::collections::BTreeMap;

/// The largest number a description may hold, so that no product of a few overflows.
pub const LARGEST: u64 = 65_536;

/// What names stand for.
pub type Names = BTreeMap<String, u64>;

/// A whole number, or how to come by one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Number {
    /// As it stands.
    Fixed(u64),
    /// What a name stands for.
    Name(String),
    /// Two numbers and `+`, `-`, `*` or `/`.
    Pair(Box<Number>, char, Box<Number>),
}

impl Number {
    /// Reads it from text.
    ///
    /// # Errors
    /// For a person: what was not understood.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > LONGEST {
            return Err(not_a_number(&format!("{}…", text.chars().take(20).collect::<String>())));
        }
        let mut reader = Reader { rest: text.trim_start() };
        let number = reader.sum(0).ok_or_else(|| not_a_number(text))?;
        if reader.rest.is_empty() { Ok(number) } else { Err(not_a_number(text)) }
    }

    /// The number when names stand for `names`.
    ///
    /// # Errors
    /// For a person: a name that is not known and those that are, or a result that is no whole number from 0 to
    /// [`LARGEST`].
    pub fn value(&self, names: &Names) -> Result<u64, String> {
        let value = match self {
            Self::Fixed(value) => Some(*value),
            Self::Name(name) => Some(*names.get(name).ok_or_else(|| {
                let known: Vec<&str> = names.keys().map(String::as_str).collect();
                format!("{name:?} is not known here; known are: {}", known.join(", "))
            })?),
            Self::Pair(left, operator, right) => {
                let (left, right) = (left.value(names)?, right.value(names)?);
                match operator {
                    '+' => left.checked_add(right),
                    '-' => left.checked_sub(right),
                    '*' => left.checked_mul(right),
                    _ => left.checked_rem(right).filter(|rest| *rest == 0).map(|_| left / right),
                }
            }
        };
        value.filter(|v| *v <= LARGEST).ok_or_else(|| format!("{self} is no whole number from 0 to {LARGEST} here"))
    }
}

fn not_a_number(text: &str) -> String {
    format!("{text:?} is no number; accepted are 64, a name, or a sum like `inputs * 6` or `(a + b) / 2`")
}

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Fixed(value) => write!(f, "{value}"),
            Self::Name(name) => f.write_str(name),
            Self::Pair(left, operator, right) => write!(f, "({left} {operator} {right})"),
        }
    }
}

impl From<u64> for Number {
    fn from(value: u64) -> Self {
        Self::Fixed(value)
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match serde_yaml::Value::deserialize(deserializer)? {
            serde_yaml::Value::String(text) => Self::parse(&text).map_err(D::Error::custom),
            other => other.as_u64().filter(|v| *v <= LARGEST).map(Self::Fixed).ok_or_else(|| {
                let shown = serde_yaml::to_string(&other).unwrap_or_default();
                D::Error::custom(format!("{} is no whole number from 0 to {LARGEST}", shown.trim()))
            }),
        }
    }
}

/// Bytes of a sum, so that it is not nested without end.
const LONGEST: usize = 200;
/// Parentheses in parentheses; more than anybody writes, and little enough for any stack.
const DEEPEST: usize = 20;

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn take(&mut self, accepted: &[char]) -> Option<char> {
        let first = self.rest.chars().next().filter(|c| accepted.contains(c))?;
        self.rest = self.rest[first.len_utf8()..].trim_start();
        Some(first)
    }

    fn word(&mut self, accepted: fn(char) -> bool) -> Option<String> {
        let end = self.rest.find(|c| !accepted(c)).unwrap_or(self.rest.len());
        let word = (end > 0).then(|| self.rest[..end].to_owned())?;
        self.rest = self.rest[end..].trim_start();
        Some(word)
    }

    fn sum(&mut self, depth: usize) -> Option<Number> {
        let mut left = self.product(depth)?;
        while let Some(operator) = self.take(&['+', '-']) {
            left = Number::Pair(Box::new(left), operator, Box::new(self.product(depth)?));
        }
        Some(left)
    }

    fn product(&mut self, depth: usize) -> Option<Number> {
        let mut left = self.atom(depth)?;
        while let Some(operator) = self.take(&['*', '/']) {
            left = Number::Pair(Box::new(left), operator, Box::new(self.atom(depth)?));
        }
        Some(left)
    }

    fn atom(&mut self, depth: usize) -> Option<Number> {
        if self.take(&['(']).is_some() {
            let inner = (depth < DEEPEST).then(|| self.sum(depth + 1))??;
            self.take(&[')'])?;
            return Some(inner);
        }
        if self.rest.starts_with(|c: char| c.is_ascii_digit()) {
            let digits = self.word(|c| c.is_ascii_digit())?;
            return digits.parse().ok().filter(|v| *v <= LARGEST).map(Number::Fixed);
        }
        self.word(|c| c.is_alphanumeric() || c == '_').map(Number::Name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Result<u64, String> {
        let names = Names::from([("inputs".to_owned(), 24), ("a".to_owned(), 3)]);
        Number::parse(text)?.value(&names)
    }

    #[test]
    fn sums_and_products_go_as_in_school() {
        for (text, expected) in [("7", 7), ("inputs", 24), (" inputs*6 ", 144), ("2 + a * 4", 14), ("(2+a)*4", 20)] {
            assert_eq!(value(text).unwrap(), expected, "{text}");
        }
        assert_eq!(value("inputs / 4 / 3").unwrap(), 2);
        assert_eq!(value("10 - 2 - a").unwrap(), 5);
    }

    #[test]
    fn what_is_no_number_is_said_with_what_would_be() {
        for text in ["", "3 +", "3 4", "(3", "a b", "3.5", "*", "-1", "99999999999999999999"] {
            assert!(value(text).unwrap_err().contains("is no number"), "{text}");
        }
        assert!(value("b").unwrap_err().contains("known are: a, inputs"));
        for text in ["a - inputs", "inputs / 7", "a / 0", "inputs * 65536", "65536 * 65536 * 65536 * 65536 * 65536"] {
            assert!(value(text).unwrap_err().contains("no whole number"), "{text}");
        }
        assert!(Number::parse(&"(".repeat(100_000)).is_err());
    }
}
