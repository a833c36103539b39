//! Blocks as the YAML of a network.

use std::fmt::Write as _;

/// One block, or several.
#[derive(Clone, Debug, PartialEq)]
pub enum Block {
    /// `{…}` without its braces, or a word.
    Plain(String),
    /// The last layer that gives one number a class: its name, and its outputs in the project.
    Affine {
        /// What it is called.
        name: String,
        /// Numbers that come out.
        outputs: f64,
        /// Whether a number is added to each.
        bias: bool,
    },
    /// A convolution, which may turn out to be the classifier.
    Convolution {
        /// `{…}` without its braces.
        text: String,
        /// What it is called.
        name: String,
        /// Channels that come out, and whether it sees one pixel alone.
        outputs: Option<f64>,
        /// Whether its window is one pixel.
        pointwise: bool,
    },
    /// A function of each number and a constant: `multiply-scalar`.
    Scalar {
        /// Which function.
        kind: &'static str,
        /// The constant.
        value: f64,
    },
    /// What is done to images before the network: no block, but an option, or nothing.
    Preparation {
        /// What its author calls it.
        name: String,
        /// Layer type, as the project names it.
        kind: String,
    },
    /// Class probabilities, which the loss has in it.
    Softmax(String),
    /// Blocks with a name in common.
    Sequence(String, Vec<Block>),
    /// Blocks several times.
    Repeat(u64, String, Vec<Block>),
    /// Added to what comes in, or to what the second list makes of it.
    Residual(Vec<Block>, Vec<Block>),
    /// `concatenation`, `multiply` and so on.
    Branches(&'static str, Vec<Vec<Block>>),
}

/// The text of blocks, a line each or more.
pub fn blocks(blocks: &[Block], indent: usize) -> String {
    let mut text = String::new();
    for block in blocks {
        one(&mut text, block, indent);
    }
    text
}

fn one(text: &mut String, block: &Block, indent: usize) {
    let space = " ".repeat(indent);
    match block {
        Block::Plain(inside) | Block::Convolution { text: inside, .. } => {
            let braces = inside.contains([':', ',']);
            let _ = if braces { writeln!(text, "{space}- {{{inside}}}") } else { writeln!(text, "{space}- {inside}") };
        }
        Block::Affine { name, outputs, bias } => {
            let bias = if *bias { "" } else { ", bias: false" };
            let _ = writeln!(text, "{space}- {{affine: {outputs}{bias}, name: {name}}}");
        }
        Block::Scalar { kind, value } => {
            let _ = writeln!(text, "{space}- {{{kind}: {value}}}");
        }
        Block::Preparation { .. } | Block::Softmax(_) => {}
        Block::Sequence(name, inner) => {
            let _ = writeln!(text, "{space}- name: {name}");
            list(text, "  sequence", inner, indent);
        }
        Block::Repeat(times, name, inner) => {
            let _ = writeln!(text, "{space}- repeat: {times}\n{space}  name: {name}");
            list(text, "  blocks", inner, indent);
        }
        Block::Residual(body, shortcut) => {
            list(text, "- residual", body, indent);
            if !shortcut.is_empty() {
                list(text, "  shortcut", shortcut, indent);
            }
        }
        Block::Branches(kind, branches) => {
            let _ = writeln!(text, "{space}- {kind}:");
            for branch in branches {
                let inner = blocks(branch, indent + 6);
                match inner.get(indent + 6..) {
                    Some(first) if !inner.is_empty() => {
                        let _ = write!(text, "{space}    - {first}");
                    }
                    _ => {
                        let _ = writeln!(text, "{space}    - []");
                    }
                }
            }
        }
    }
}

fn list(text: &mut String, key: &str, inner: &[Block], indent: usize) {
    let space = " ".repeat(indent);
    let lines = blocks(inner, indent + 4);
    let _ = if lines.is_empty() { writeln!(text, "{space}{key}: []") } else { write!(text, "{space}{key}:\n{lines}") };
}

/// A name that blocks may have: what is not accepted becomes `_`.
pub fn name(text: &str) -> String {
    let good = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.') { c } else { '_' };
    let parts = text.chars().map(good).collect::<String>();
    let parts: Vec<&str> = parts.split('.').filter(|part| !part.is_empty()).collect();
    if parts.is_empty() { "block".to_owned() } else { parts.join(".") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_nested_as_the_parser_reads_them() {
        let relu = || Block::Plain("relu".to_owned());
        let all = vec![
            Block::Sequence("a".to_owned(), vec![relu(), Block::Scalar { kind: "add-scalar", value: -1.5 }]),
            Block::Repeat(2, "r".to_owned(), vec![Block::Residual(vec![relu()], vec![])]),
            Block::Branches("multiply", vec![vec![], vec![relu(), Block::Branches("add", vec![vec![relu()], vec![]])]]),
            Block::Affine { name: "fc".to_owned(), outputs: 7.0, bias: true },
        ];
        let text = format!("blocks:\n{}", blocks(&all, 2)).replace("affine: 7", "affine: classes");
        let graph = plugin_blocks::Description::parse("net", &text).unwrap().graph(8, 3).unwrap();
        let kinds: Vec<&str> = graph.nodes.iter().map(|node| node.op.kind()).collect();
        let expected =
            ["input", "relu", "add-scalar", "relu", "add", "relu", "add", "relu", "relu", "add", "multiply", "affine"];
        assert_eq!(kinds, expected, "{text}");
    }

    #[test]
    fn names_are_made_acceptable() {
        for (given, expected) in [("y'", "y_"), ("Conv 1", "Conv_1"), ("..a..b", "a.b"), ("", "block")] {
            assert_eq!(name(given), expected);
        }
    }
}
