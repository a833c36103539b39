//! Settings of blocks: `64`, `True`, `Stage2Maps/4`, `Input[0]*2`, `1,r*2+1`, `*KernelShape`.

use std::collections::BTreeMap;
use std::fmt;

/// What names stand for: each a list of numbers.
pub type Arguments = BTreeMap<String, Vec<Formula>>;

/// A number, or how to come by one.
#[derive(Clone, Debug, PartialEq)]
pub enum Formula {
    /// As it stands; `True` is 1, `False` 0.
    Number(f64),
    /// A side of the block's input, without the batch: 0 is the channels.
    Input(usize),
    /// What a name stands for.
    Name(String),
    /// Two numbers and an operator: `+`, `-`, `*`, `/`, `%`, `^` for Python's `**`, `f` for its `//`.
    Pair(Box<Formula>, char, Box<Formula>),
    /// A function of Python.
    Call(Function, Vec<Formula>),
}

/// Functions that settings may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// `int`: without what is behind the point.
    Int,
    /// `floor`, also of `math` and `np`.
    Floor,
    /// Smallest integer not below the argument.
    Ceil,
    /// `round`: halves go to the even number.
    Round,
    /// Absolute value.
    Abs,
    /// Square root.
    Sqrt,
    /// Largest argument.
    Max,
    /// Smallest argument.
    Min,
}

impl Function {
    fn named(name: &str) -> Option<Self> {
        Some(match name.rsplit('.').next()? {
            "int" => Self::Int,
            "floor" => Self::Floor,
            "ceil" => Self::Ceil,
            "round" => Self::Round,
            "abs" => Self::Abs,
            "sqrt" => Self::Sqrt,
            "max" => Self::Max,
            "min" => Self::Min,
            _ => return None,
        })
    }

    fn of(self, values: &[f64]) -> Option<f64> {
        match (self, values) {
            (Self::Int, [x]) => Some(x.trunc()),
            (Self::Floor, [x]) => Some(x.floor()),
            (Self::Ceil, [x]) => Some(x.ceil()),
            (Self::Round, [x]) => Some(x.round_ties_even()),
            (Self::Abs, [x]) => Some(x.abs()),
            (Self::Sqrt, [x]) => Some(x.sqrt()),
            (Self::Max, [_, _, ..]) => values.iter().copied().reduce(f64::max),
            (Self::Min, [_, _, ..]) => values.iter().copied().reduce(f64::min),
            _ => None,
        }
    }
}

impl Formula {
    /// Reads one.
    ///
    /// # Errors
    /// For a person: what is no number.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut reader = Reader { rest: text.trim(), depth: 0 };
        let formula = reader.sum().filter(|_| reader.rest.is_empty());
        formula.ok_or_else(|| format!("{text:?} is no number"))
    }

    /// With numbers for names, and worked out as far as that goes.
    ///
    /// # Errors
    /// For a person: a name that stands for nothing, or for a list.
    pub fn with(&self, arguments: &Arguments) -> Result<Self, String> {
        Ok(match self {
            Self::Number(_) | Self::Input(_) => self.clone(),
            Self::Name(name) => match arguments.get(name).map(Vec::as_slice) {
                Some([one]) => one.clone(),
                Some(_) => return Err(format!("{name} stands for several numbers")),
                None => return Err(format!("{name} stands for nothing here")),
            },
            Self::Pair(left, operator, right) => {
                let pair = Self::Pair(Box::new(left.with(arguments)?), *operator, Box::new(right.with(arguments)?));
                pair.value(&[]).map_or(pair, Self::Number)
            }
            Self::Call(function, inner) => {
                let inner = inner.iter().map(|formula| formula.with(arguments)).collect::<Result<_, _>>()?;
                let call = Self::Call(*function, inner);
                call.value(&[]).map_or(call, Self::Number)
            }
        })
    }

    /// The number, for an input of these sides; `None` if it names what is not known.
    pub fn value(&self, input: &[u64]) -> Option<f64> {
        Some(match self {
            Self::Number(value) => *value,
            Self::Input(axis) => *input.get(*axis)? as f64,
            Self::Name(_) => return None,
            Self::Pair(left, operator, right) => {
                let (left, right) = (left.value(input)?, right.value(input)?);
                match operator {
                    '+' => left + right,
                    '-' => left - right,
                    '*' => left * right,
                    '%' => left - right * (left / right).floor(),
                    '^' => left.powf(right),
                    'f' => (left / right).floor(),
                    _ => left / right,
                }
            }
            Self::Call(function, inner) => {
                let values: Option<Vec<f64>> = inner.iter().map(|formula| formula.value(input)).collect();
                function.of(&values?)?
            }
        })
    }

    /// The same where a network's YAML can say it, which knows sums of whole numbers; the number otherwise.
    pub fn written(&self, input: &[u64]) -> Self {
        if self.is_whole(input) { self.clone() } else { self.value(input).map_or_else(|| self.clone(), Self::Number) }
    }

    /// Whether it and all of its parts are sums of whole numbers.
    fn is_whole(&self, input: &[u64]) -> bool {
        let whole = self.value(input).is_some_and(|value| value.fract() == 0.0 && value >= 0.0);
        whole
            && match self {
                Self::Pair(left, operator, right) => {
                    matches!(operator, '+' | '-' | '*' | '/') && left.is_whole(input) && right.is_whole(input)
                }
                Self::Call(..) => false,
                _ => true,
            }
    }
}

/// As a network's YAML has it: `inputs * 2`.
impl fmt::Display for Formula {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(value) => write!(f, "{value}"),
            Self::Input(0) => f.write_str("inputs"),
            Self::Input(1) => f.write_str("height"),
            Self::Input(_) => f.write_str("width"),
            Self::Name(name) => f.write_str(name),
            Self::Pair(left, operator, right) => {
                let side = |formula: &Self| match formula {
                    Self::Pair(..) => format!("({formula})"),
                    _ => formula.to_string(),
                };
                write!(f, "{} {operator} {}", side(left), side(right))
            }
            Self::Call(function, inner) => write!(f, "{function:?}{inner:?}"),
        }
    }
}

/// Parts at commas outside of brackets; an empty last one, which NNC writes now and then, does not count.
pub fn list(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut from) = (Vec::new(), 0_i32, 0);
    for (at, letter) in text.char_indices() {
        match letter {
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(text[from..at].trim());
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(text[from..].trim());
    if parts.len() > 1 && parts.last().is_some_and(|last| last.is_empty()) {
        parts.pop();
    }
    parts
}

struct Reader<'a> {
    rest: &'a str,
    depth: usize,
}

/// Brackets in brackets, and lengths, that anybody writes.
const DEEPEST: usize = 20;

impl Reader<'_> {
    fn take(&mut self, accepted: &[char]) -> Option<char> {
        let first = self.rest.chars().next().filter(|c| accepted.contains(c))?;
        self.rest = self.rest[first.len_utf8()..].trim_start();
        Some(first)
    }

    fn sum(&mut self) -> Option<Formula> {
        let mut left = self.product()?;
        while let Some(operator) = self.take(&['+', '-']) {
            left = Formula::Pair(Box::new(left), operator, Box::new(self.product()?));
        }
        Some(left)
    }

    fn product(&mut self) -> Option<Formula> {
        let mut left = self.power()?;
        while let Some(operator) = self.take(&['*', '/', '%']) {
            let operator = if operator == '/' && self.take(&['/']).is_some() { 'f' } else { operator };
            left = Formula::Pair(Box::new(left), operator, Box::new(self.power()?));
        }
        Some(left)
    }

    /// `base ** exponent`, from right to left.
    fn power(&mut self) -> Option<Formula> {
        let base = self.atom()?;
        let Some(rest) = self.rest.strip_prefix("**") else { return Some(base) };
        self.rest = rest.trim_start();
        self.depth += 1;
        if self.depth > DEEPEST * 10 {
            return None;
        }
        Some(Formula::Pair(Box::new(base), '^', Box::new(self.power()?)))
    }

    fn atom(&mut self) -> Option<Formula> {
        self.depth += 1;
        if self.depth > DEEPEST * 10 {
            return None;
        }
        if self.take(&['(']).is_some() {
            let inner = self.sum()?;
            self.take(&[')'])?;
            return Some(inner);
        }
        if self.take(&['-']).is_some() {
            let inner = self.atom()?;
            return Some(match inner {
                Formula::Number(value) => Formula::Number(-value),
                other => Formula::Pair(Box::new(Formula::Number(0.0)), '-', Box::new(other)),
            });
        }
        if self.rest.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
            return self.number();
        }
        let end = self.rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.')).unwrap_or(self.rest.len());
        let name = (end > 0).then(|| self.rest[..end].to_owned())?;
        self.rest = self.rest[end..].trim_start();
        match name.as_str() {
            "True" | "true" => return Some(Formula::Number(1.0)),
            "False" | "false" => return Some(Formula::Number(0.0)),
            _ => {}
        }
        if let Some(function) = Function::named(&name)
            && self.take(&['(']).is_some()
        {
            let mut inner = vec![self.sum()?];
            while self.take(&[',']).is_some() {
                inner.push(self.sum()?);
            }
            self.take(&[')'])?;
            return Some(Formula::Call(function, inner));
        }
        if self.take(&['[']).is_none() {
            return Some(Formula::Name(name));
        }
        let Formula::Number(axis) = self.number()? else { return None };
        self.take(&[']'])?;
        (name == "Input" && axis.fract() == 0.0 && (0.0..8.0).contains(&axis)).then_some(Formula::Input(axis as usize))
    }

    fn number(&mut self) -> Option<Formula> {
        let bytes = self.rest.as_bytes();
        let mut end = 0;
        while end < bytes.len() {
            let exponent = end > 0 && matches!(bytes[end], b'e' | b'E');
            let sign = matches!(bytes[end], b'+' | b'-') && end > 0 && matches!(bytes[end - 1], b'e' | b'E');
            if !(bytes[end].is_ascii_digit() || bytes[end] == b'.' || exponent || sign) {
                break;
            }
            end += 1;
        }
        let value: f64 = self.rest[..end].parse().ok()?;
        self.rest = self.rest[end..].trim_start();
        value.is_finite().then_some(Formula::Number(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_worked_out_as_far_as_they_go() {
        let arguments = Arguments::from([
            ("g".to_owned(), vec![Formula::Number(8.0)]),
            ("pair".to_owned(), vec![Formula::Number(1.0), Formula::Number(2.0)]),
        ]);
        for (text, shown, value) in [
            ("64", "64", 64.0),
            ("6e-5", "0.00006", 6e-5),
            ("10/255", "0.0392156862745098", 10.0 / 255.0),
            ("Input[0]/16", "inputs / 16", 2.0),
            ("g*2+1", "17", 17.0),
            ("Input[0]/g", "inputs / 8", 4.0),
            ("(Input[1]+1)*2", "(height + 1) * 2", 14.0),
            ("-1.99", "-1.99", -1.99),
            ("True", "1", 1.0),
            ("int(g * 1.4)", "11", 11.0),
            ("2**3 ** 2 // 100 % 3", "2", 2.0),
            ("max(g, 3, math.ceil(8.5))", "9", 9.0),
            ("round(2.5) - 1", "1", 1.0),
        ] {
            let formula = Formula::parse(text).unwrap().with(&arguments).unwrap();
            assert_eq!((formula.to_string().as_str(), formula.value(&[32, 6, 6])), (shown, Some(value)), "{text}");
        }
        // What a network's YAML cannot say is a number there.
        for (text, written) in
            [("Input[0] // 5", "6"), ("int(Input[0] * 0.5)", "16"), ("Input[0] / 4 + 1", "inputs / 4 + 1")]
        {
            let formula = Formula::parse(text).unwrap().with(&arguments).unwrap();
            assert!(
                formula.written(&[32, 6, 6]).to_string().replace(['(', ')'], "").starts_with(written),
                "{formula:?}"
            );
        }
        for text in ["", "max(3)x", "int(", "1 2", "Input[9]", "(1", "1..2", "a b"] {
            assert!(Formula::parse(text).is_err(), "{text}");
        }
        assert!(Formula::parse("pair").unwrap().with(&arguments).unwrap_err().contains("several"));
        assert!(Formula::parse("h").unwrap().with(&arguments).unwrap_err().contains("nothing"));
    }

    #[test]
    fn lists_are_cut_at_commas() {
        assert_eq!(list("0,20,20,"), ["0", "20", "20"]);
        assert_eq!(list("ConvGroup, Input[0]/ConvGroup"), ["ConvGroup", "Input[0]/ConvGroup"]);
        assert_eq!(list("(1,2),3"), ["(1,2)", "3"]);
        assert_eq!(list(""), [""]);
    }
}
