//! A network as a drawing: blocks from top to bottom, shortcuts and branches beside each other, in SVG.

mod layout;
mod paint;

use crate::graph::{Graph, Part};
use layout::{GAP, Size, column, size};
use paint::{Paint, is_box};

/// Between two columns of blocks, and around all.
const MARGIN: f64 = 28.0;
/// Height of the title.
const HEAD: f64 = 40.0;
/// No column is broken that is lower than this.
const LOW: f64 = 520.0;

/// Draws the graph. `title` stands above.
pub fn svg(graph: &Graph, title: &str) -> String {
    let mut parts = vec![Part::One(0)];
    parts.extend(graph.tree.iter().cloned());
    let columns = columns(parts);
    let sizes: Vec<Size> = columns.iter().map(|parts| column(parts)).collect();
    let width = sizes.iter().map(|s| s.width + MARGIN).sum::<f64>() + MARGIN;
    let height = sizes.iter().map(|s| s.height).fold(0.0, f64::max) + HEAD + 2.0 * MARGIN;
    let mut paint = Paint::new(graph, width.max(320.0), height, title);
    let (top, mut left) = (HEAD + MARGIN, MARGIN);
    let mut before: Option<(f64, f64)> = None;
    for (parts, size) in columns.iter().zip(&sizes) {
        let middle = left + size.width / 2.0;
        if let Some((x, bottom)) = before {
            // From below one column to above the next, through the space between them.
            let (below, between, above) = (bottom + GAP, left - MARGIN / 2.0, top - GAP);
            paint.path(
                &[(x, bottom), (x, below), (between, below), (between, above), (middle, above), (middle, top)],
                parts.first().is_some_and(is_box),
            );
        }
        let bottom = paint.column(parts, middle, top);
        before = Some((middle, bottom));
        left += size.width + MARGIN;
    }
    paint.finish()
}

/// Breaks a long row of blocks into columns, so that the drawing is somewhat wider than high.
fn columns(parts: Vec<Part>) -> Vec<Vec<Part>> {
    let Size { width, height } = column(&parts);
    let count = (height * 1.2 / (width + MARGIN)).sqrt().round().max(1.0);
    let most = (height / count * 1.08).max(LOW);
    let mut columns = vec![Vec::new()];
    let mut filled = 0.0;
    for part in opened(parts, most, "") {
        let needs = size(&part).height + GAP;
        if filled > 0.0 && filled + needs > most {
            columns.push(Vec::new());
            filled = 0.0;
        }
        filled += needs;
        if let Some(column) = columns.last_mut() {
            column.push(part);
        }
    }
    columns
}

/// Groups that are too high for a column are opened: their blocks take their place.
fn opened(parts: Vec<Part>, most: f64, prefix: &str) -> Vec<Part> {
    let mut all = Vec::new();
    for part in parts {
        match part {
            Part::Group { title, parts }
                if size(&Part::Group { title: title.clone(), parts: parts.clone() }).height > most =>
            {
                all.extend(opened(parts, most, &format!("{prefix}{title}.")));
            }
            Part::Group { title, parts } => all.push(Part::Group { title: format!("{prefix}{title}"), parts }),
            other => all.push(other),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shipped::{find, names};

    fn count(svg: &str, what: &str) -> usize {
        svg.matches(what).count()
    }

    #[test]
    fn every_block_is_drawn_once_and_all_within_the_drawing() {
        for name in names() {
            let graph = find(name).unwrap().unwrap().graph(64, 8).unwrap();
            let svg = svg(&graph, name);
            assert_eq!(count(&svg, "<title>"), graph.nodes.len(), "{name}");
            for node in &graph.nodes {
                assert_eq!(count(&svg, &format!("<title>{}: ", node.name)), 1, "{name}: {}", node.name);
            }
            assert_eq!(count(&svg, "<g"), count(&svg, "</g>"));
            let number =
                |after: &str| svg.split(after).nth(1).unwrap().split('"').next().unwrap().parse::<f64>().unwrap();
            let (width, height) = (number("width=\""), number("height=\""));
            for (field, most) in [(" x=\"", width), (" y=\"", height), (" cx=\"", width), (" cy=\"", height)] {
                for text in svg.split(field).skip(1) {
                    let place: f64 = text.split('"').next().unwrap().parse().unwrap();
                    assert!((0.0..=most).contains(&place), "{name}: {field}{place} of {most}");
                }
            }
            assert!(height < 3.0 * width && width < 4.0 * height, "{name}: {width} × {height}");
        }
    }

    #[test]
    fn titles_cannot_break_the_drawing() {
        let text = "definitions: {\"<b>&\": {blocks: [relu]}}\nblocks: [{use: \"<b>&\"}, {affine: classes}]";
        let graph = crate::Description::parse("a", text).unwrap().graph(32, 2).unwrap();
        let svg = svg(&graph, "\"<x>");
        assert!(!svg.contains("<b>") && !svg.contains("<x>") && svg.contains("&lt;b&gt;&amp;"));
    }
}
