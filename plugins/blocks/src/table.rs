//! A network as a table for the terminal: a line a block, and totals.

use crate::dims::{Padding, Window};
use crate::graph::{Activation, Graph, Node, Op, Scalar};
use std::fmt::Write as _;

impl Node {
    /// What it does with its numbers, in a few words: `convolution 3 × 3, stride 2`.
    pub fn summary(&self) -> String {
        let kind = self.op.kind();
        match &self.op {
            Op::Convolution(c) => {
                let mut text = format!("{kind} {}", square(&c.window, [1; 2]));
                if c.groups > 1 {
                    let _ = write!(text, ", {} groups", c.groups);
                }
                if !c.bias {
                    text.push_str(", no bias");
                }
                text
            }
            Op::MaxPooling(window) | Op::AveragePooling { window, .. } | Op::SumPooling(window) => {
                format!("{kind} {}", square(window, window.kernel))
            }
            Op::Activation(Activation::LeakyRelu { slope: number } | Activation::Elu { alpha: number })
            | Op::Scalar(
                Scalar::Multiply(number)
                | Scalar::Add(number)
                | Scalar::Power(number)
                | Scalar::Maximum(number)
                | Scalar::Minimum(number),
            ) => format!("{kind} {number}"),
            Op::PRelu { slopes: 1 } => format!("{kind}, one slope"),
            Op::Pad { around: [(top, bottom), (left, right)], .. } => {
                format!("{kind} {top}, {bottom}, {left}, {right}")
            }
            Op::Affine { bias: false, .. } => format!("{kind}, no bias"),
            Op::Transpose { axes } => format!("{kind} {axes:?}"),
            Op::GroupNormalization { groups, .. } | Op::ChannelShuffle { groups } => format!("{kind}, {groups} groups"),
            Op::Slice { start, stop, .. } => format!("{kind} {start:?} to {stop:?}"),
            Op::Dropout { rate } => format!("{kind} {rate}"),
            _ => kind.to_owned(),
        }
    }
}

/// `usual` is the stride that goes without saying.
fn square(window: &Window, usual: [u64; 2]) -> String {
    let Window { kernel: [height, width], stride, padding, dilation, ignore_border } = *window;
    let mut text = format!("{height} × {width}");
    if stride != usual {
        let _ = write!(text, ", stride {}", sides(stride));
    }
    if dilation != [1, 1] {
        let _ = write!(text, ", dilation {}", sides(dilation));
    }
    match padding {
        Padding::Same if height.max(width) > 1 => text.push_str(", padding same"),
        Padding::Pixels(pixels) if pixels != [0, 0] => {
            let _ = write!(text, ", padding {}", sides(pixels));
        }
        _ => {}
    }
    if !ignore_border {
        text.push_str(", with its border");
    }
    text
}

/// One number where height and width are the same.
pub(crate) fn sides([height, width]: [u64; 2]) -> String {
    if height == width { height.to_string() } else { format!("{height} × {width}") }
}

/// Formats a number in groups of three digits: `1234567` as `1,234,567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The table, a line a block, and the totals. Ends with a line feed.
pub fn table(graph: &Graph) -> String {
    let head = ["block", "what it is", "output", "parameters", "multiply-adds"].map(str::to_owned);
    let number = |n: u64| if n == 0 { String::new() } else { grouped(n) };
    let row = |node: &Node| {
        let name = if node.op == Op::Input { String::new() } else { node.name.clone() };
        [name, node.summary(), node.output.to_string(), number(node.parameters()), number(node.multiply_adds())]
    };
    let total = [
        "total".to_owned(),
        format!("{} blocks", graph.nodes.len() - 1),
        String::new(),
        grouped(graph.parameters()),
        grouped(graph.multiply_adds()),
    ];
    let rows: Vec<[String; 5]> = graph.nodes.iter().map(row).collect();
    let width = |i: usize| rows.iter().chain([&head, &total]).map(|r| r[i].chars().count()).max().unwrap_or(0);
    let widths: [usize; 5] = std::array::from_fn(width);
    let mut text = String::new();
    let rule = "─".repeat(widths.iter().sum::<usize>() + 2 * (widths.len() - 1));
    let mut line = |[name, what, output, parameters, adds]: &[String; 5]| {
        let [a, b, c, d, e] = widths;
        let line = format!("{name:<a$}  {what:<b$}  {output:>c$}  {parameters:>d$}  {adds:>e$}");
        text.push_str(line.trim_end());
        text.push('\n');
    };
    line(&head);
    line(&std::array::from_fn(|i| if i == 0 { rule.clone() } else { String::new() }));
    rows.iter().for_each(&mut line);
    line(&std::array::from_fn(|i| if i == 0 { rule.clone() } else { String::new() }));
    line(&total);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shipped::find;

    #[test]
    fn numbers_are_grouped_by_threes() {
        for (number, text) in [(0, "0"), (12, "12"), (123, "123"), (1234, "1,234"), (11_689_512, "11,689,512")] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn a_small_network_as_a_table() {
        let graph = find("cnn-relu").unwrap().unwrap().graph(32, 4).unwrap();
        let found = table(&graph);
        let third: Vec<&str> = found.lines().nth(3).unwrap_or_default().split_whitespace().collect();
        assert_eq!(third.join(" "), "conv1 convolution 5 × 5, padding 2 16 × 32 × 32 1,216 1,228,800");
        let last = found.lines().last().unwrap();
        let multiply_adds = 32 * 32 * 16 * 75 + 16 * 16 * 32 * 400 + 2048 * 4;
        assert!(last.contains(&grouped(1216 + 12_832 + 8196)) && last.ends_with(&grouped(multiply_adds)), "{last}");
        let columns: Vec<usize> = found.lines().map(|l| l.chars().count()).collect();
        assert_eq!(columns[1], columns[columns.len() - 1], "aligned:\n{found}");
    }

    /// torchvision's documentation: 1.81 and 4.09 GFLOPS (of multiply-adds) at 224 px.
    #[test]
    fn multiply_adds_are_as_published() {
        for (name, expected) in [("resnet18", 1.81), ("resnet34", 3.66), ("resnet50", 4.09)] {
            let found = find(name).unwrap().unwrap().graph(224, 1000).unwrap().multiply_adds() as f64 / 1e9;
            assert!((found - expected).abs() < 0.01, "{name}: {found}");
        }
    }
}
