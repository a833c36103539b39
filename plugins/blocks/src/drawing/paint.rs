//! Writes the SVG.

use super::layout::{BOX, GAP, INSIDE, SIGN, TITLE, middles, size};
use crate::dims::Window;
use crate::graph::{Elementwise, Graph, Op, Part};
use crate::table::{grouped, sides};
use std::fmt::Write as _;

const STYLE: &str = "text{font:11px system-ui,'Noto Sans','DejaVu Sans',sans-serif;fill:#1f2933}.s{fill:#6b7785}\
    .l{font-weight:700;fill:#fff;text-anchor:middle}.g{font-weight:600;fill:#52606d}.e{text-anchor:end}\
    .h{font-size:15px;font-weight:700}path{fill:none;stroke:#9aa5b1;stroke-width:1.4}";

/// The drawing so far.
pub(super) struct Paint<'a> {
    graph: &'a Graph,
    text: String,
}

impl<'a> Paint<'a> {
    pub fn new(graph: &'a Graph, width: f64, height: f64, title: &str) -> Self {
        let mut text = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
             viewBox=\"0 0 {width:.0} {height:.0}\">\n<style>{STYLE}</style>\n<defs><marker id=\"a\" \
             viewBox=\"0 0 6 6\" refX=\"5.5\" refY=\"3\" markerWidth=\"6\" markerHeight=\"6\" orient=\"auto\">\
             <polygon points=\"0,0 6,3 0,6\" fill=\"#9aa5b1\"/></marker></defs>\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
        );
        let figures = format!(
            "{} parameters, {} multiply-adds an image",
            grouped(graph.parameters()),
            grouped(graph.multiply_adds())
        );
        let _ = writeln!(text, "<text x=\"28\" y=\"26\" class=\"h\">{}</text>", escaped(title));
        let _ = writeln!(text, "<text x=\"28\" y=\"43\" class=\"s\">{figures}</text>");
        Self { graph, text }
    }

    pub fn finish(mut self) -> String {
        self.text.push_str("</svg>\n");
        self.text
    }

    /// A line through points, with an arrow at its end or without.
    pub fn path(&mut self, points: &[(f64, f64)], arrow: bool) {
        let steps: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let arrow = if arrow { " marker-end=\"url(#a)\"" } else { "" };
        let _ = writeln!(self.text, "<path d=\"M{}\"{arrow}/>", steps.join(" L"));
    }

    /// Blocks one below the other; returns where the last one ends.
    pub fn column(&mut self, parts: &[Part], middle: f64, top: f64) -> f64 {
        let mut y = top;
        for (i, part) in parts.iter().enumerate() {
            if i > 0 {
                if !matches!(part, Part::From(_)) {
                    self.path(&[(middle, y), (middle, y + GAP)], is_box(part));
                }
                y += GAP;
            }
            self.part(part, middle, y);
            y += size(part).height;
        }
        y
    }

    fn part(&mut self, part: &Part, middle: f64, top: f64) {
        match part {
            Part::One(node) => self.block(*node, middle, top),
            Part::From(node) => self.taken_up(*node, middle, top),
            Part::Group { title, parts } => {
                let size = size(part);
                let left = middle - size.width / 2.0;
                let _ = writeln!(
                    self.text,
                    "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"6\" fill=\"#000\" \
                     fill-opacity=\".035\" stroke=\"#cbd2d9\"/>",
                    size.width, size.height
                );
                let (x, y) = (left + INSIDE, top + TITLE);
                let _ = writeln!(self.text, "<text x=\"{x:.1}\" y=\"{y:.1}\" class=\"g\">{}</text>", escaped(title));
                let first = top + INSIDE + TITLE;
                self.path(&[(middle, top), (middle, first)], parts.first().is_some_and(is_box));
                let bottom = self.column(parts, middle, first);
                self.path(&[(middle, bottom), (middle, top + size.height)], false);
            }
            Part::Branches { branches, join } => self.branches(branches, *join, middle, top, size(part).height),
        }
    }

    fn branches(&mut self, branches: &[Vec<Part>], join: usize, middle: f64, top: f64, height: f64) {
        let (first, sign) = (top + GAP, top + height - SIGN);
        for (branch, aside) in branches.iter().zip(middles(branches)) {
            let x = middle + aside;
            let bottom = if branch.is_empty() { first } else { self.column(branch, x, first) };
            let turn = top + GAP / 2.0;
            if !matches!(branch.first(), None | Some(Part::From(_))) {
                self.path(&[(middle, top), (middle, turn), (x, turn), (x, first)], true);
            }
            // Into the sign from above, or from the side.
            let side = sign + SIGN / 2.0;
            let radius = if symbol(&self.graph.nodes[join].op).is_some() { SIGN / 2.0 } else { BOX.width / 2.0 };
            let start =
                if branch.is_empty() { vec![(middle, top), (middle, turn), (x, turn)] } else { vec![(x, bottom)] };
            let end = if aside.abs() < radius {
                vec![(x, sign)]
            } else {
                vec![(x, side), (middle + radius * aside.signum(), side)]
            };
            self.path(&[start, end].concat(), true);
        }
        match symbol(&self.graph.nodes[join].op) {
            Some(symbol) => self.sign(symbol, join, middle, sign),
            None => self.block(join, middle, sign),
        }
    }

    /// A dashed box that names the block whose value goes on here.
    fn taken_up(&mut self, node: usize, middle: f64, top: f64) {
        let left = middle - BOX.width / 2.0;
        let _ = writeln!(
            self.text,
            "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"4\" fill=\"#fff\" stroke=\"#9aa5b1\" \
             stroke-dasharray=\"3 2\"/><text x=\"{:.1}\" y=\"{:.1}\" class=\"s\">from {}</text>",
            BOX.width,
            BOX.height,
            left + 8.0,
            top + BOX.height / 2.0 + 4.0,
            escaped(&self.graph.nodes[node].name),
        );
    }

    fn sign(&mut self, symbol: &str, node: usize, middle: f64, top: f64) {
        let (radius, y) = (SIGN / 2.0, top + SIGN / 2.0);
        let _ = writeln!(
            self.text,
            "<g><title>{}</title><circle cx=\"{middle:.1}\" cy=\"{y:.1}\" r=\"{radius:.1}\" fill=\"#52606d\"/>\
             <text x=\"{middle:.1}\" y=\"{:.1}\" class=\"l\">{symbol}</text></g>",
            self.hint(node),
            y + 4.0
        );
    }

    fn block(&mut self, node: usize, middle: f64, top: f64) {
        let (letter, colour) = badge(&self.graph.nodes[node].op);
        let height = if self.graph.nodes[node].op == Op::Concatenation { SIGN } else { BOX.height };
        let (left, y) = (middle - BOX.width / 2.0, top + height / 2.0 + 4.0);
        let node_here = &self.graph.nodes[node];
        let _ = writeln!(
            self.text,
            "<g><title>{}</title><rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{height:.1}\" rx=\"4\" \
             fill=\"#fff\" stroke=\"{colour}\"/><rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"20\" \
             height=\"{height:.1}\" rx=\"4\" fill=\"{colour}\"/><text x=\"{:.1}\" y=\"{y:.1}\" class=\"l\">{letter}</text>\
             <text x=\"{:.1}\" y=\"{y:.1}\">{}</text><text x=\"{:.1}\" y=\"{y:.1}\" class=\"s e\">{}</text></g>",
            self.hint(node),
            BOX.width,
            left + 10.0,
            left + 26.0,
            escaped(&label(&node_here.op)),
            left + BOX.width - 6.0,
            node_here.output.to_string().replace(' ', ""),
        );
    }

    /// What shows under the mouse.
    fn hint(&self, node: usize) -> String {
        let node = &self.graph.nodes[node];
        let parameters = match node.parameters() {
            0 => String::new(),
            count => format!(", {} parameters", grouped(count)),
        };
        escaped(&format!("{}: {}, gives {}{parameters}", node.name, node.summary(), node.output))
    }
}

/// Whether an arrow ends at its upper edge; in others the line goes on.
pub(super) fn is_box(part: &Part) -> bool {
    matches!(part, Part::One(_) | Part::From(_))
}

/// Few enough letters for the box.
fn label(op: &Op) -> String {
    let step = |stride: [u64; 2], usual: [u64; 2]| {
        if stride == usual { String::new() } else { format!(" /{}", sides(stride)) }
    };
    let kernel = |[height, width]: [u64; 2]| format!("{height}×{width}");
    let pooling = |w: &Window| format!("{} {}{}", op.kind(), kernel(w.kernel), step(w.stride, w.kernel));
    match op {
        Op::Convolution(c) => {
            let what = if c.groups > 1 && c.groups == c.channels[0] { "depthwise" } else { "convolution" };
            format!("{what} {}{}", kernel(c.window.kernel), step(c.window.stride, [1; 2]))
        }
        Op::MaxPooling(window) | Op::AveragePooling { window, .. } | Op::SumPooling(window) => pooling(window),
        Op::Dropout { rate } => format!("dropout {rate}"),
        Op::GlobalAveragePooling => "global average".to_owned(),
        other => other.kind().to_owned(),
    }
}

/// The letter and colour of a kind of block, letters as in Sony's Neural Network Console where it has them.
fn badge(op: &Op) -> (&'static str, &'static str) {
    match op {
        Op::Input => ("I", "#3e4c59"),
        Op::Convolution(_) => ("C", "#2b6cb0"),
        Op::BatchNormalization { .. } | Op::GroupNormalization { .. } => ("B", "#805ad5"),
        Op::PRelu { .. } => ("P", "#c05621"),
        Op::Affine { .. } => ("A", "#b83280"),
        Op::MaxPooling(_) => ("M", "#2f855a"),
        Op::AveragePooling { .. } | Op::SumPooling(_) => ("P", "#2f855a"),
        Op::GlobalAveragePooling => ("G", "#2f855a"),
        Op::Activation(_) => (letter(op.kind()), "#c05621"),
        Op::Dropout { .. } => ("D", "#718096"),
        Op::Flatten => ("F", "#718096"),
        Op::Add => ("+", "#52606d"),
        Op::Concatenation => ("C", "#52606d"),
        Op::Grey => ("G", "#3e4c59"),
        Op::Elementwise(_) | Op::Scalar(_) => ("=", "#52606d"),
        Op::Pad { .. } | Op::Transpose { .. } | Op::Reshape | Op::ChannelShuffle { .. } | Op::Slice { .. } => {
            ("N", "#718096")
        }
    }
}

/// The sign in which two branches end.
fn symbol(op: &Op) -> Option<&'static str> {
    match op {
        Op::Add => Some("+"),
        Op::Elementwise(Elementwise::Subtract) => Some("−"),
        Op::Elementwise(Elementwise::Multiply) => Some("×"),
        Op::Elementwise(Elementwise::Divide) => Some("÷"),
        Op::Elementwise(Elementwise::Maximum) => Some("∨"),
        Op::Elementwise(Elementwise::Minimum) => Some("∧"),
        _ => None,
    }
}

fn letter(kind: &'static str) -> &'static str {
    match kind {
        "tanh" => "T",
        "sigmoid" => "S",
        "gelu" => "G",
        "elu" | "selu" => "E",
        _ => "R",
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
