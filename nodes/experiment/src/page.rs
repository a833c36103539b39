//! Results as a page and a table on disk.

use crate::error::ExperimentError;
use crate::table::Table;
use maud::{Markup, html};
use plugin_api::Language;
use plugin_api::files::{with_path, write_atomically};
use plugin_report::{STYLE, document};
use std::fmt::Write;
use std::path::Path;

/// What a page shows.
pub struct Page<'a> {
    /// Its heading.
    pub title: &'a str,
    /// Lines above the table.
    pub notes: &'a [String],
    /// The figures.
    pub table: &'a Table,
    /// The figures as a drawing.
    pub chart: Option<Markup>,
}

/// Writes `NAME.html`, `NAME.csv` and, with a drawing, `NAME.svg` into the folder, and says so.
///
/// # Errors
/// [`ExperimentError::Io`].
pub fn write(folder: &Path, name: &str, page: &Page<'_>) -> Result<String, ExperimentError> {
    std::fs::create_dir_all(folder).map_err(|e| with_path(folder, &e))?;
    let (table, html) = (folder.join(format!("{name}.csv")), folder.join(format!("{name}.html")));
    write_atomically(&table, &page.table.csv().map_err(std::io::Error::from)?)?;
    write_atomically(&html, render(page).as_bytes())?;
    let mut written = format!("written: {} and {}", html.display(), table.display());
    if let Some(drawing) = page.chart.as_ref().and_then(alone) {
        let path = folder.join(format!("{name}.svg"));
        write_atomically(&path, drawing.as_bytes())?;
        let _ = write!(written, " and {}", path.display());
    }
    Ok(written)
}

/// The drawing as a file of its own, with the page's style.
fn alone(chart: &Markup) -> Option<String> {
    let (_, rest) = chart.0.split_once("<svg ")?;
    let (drawing, _) = rest.split_once("</svg>")?;
    let (attributes, drawing) = drawing.split_once('>')?;
    let style = "font-family: system-ui, 'Noto Sans', sans-serif; background: var(--paper); margin: 0; display: block";
    // Of the attributes, a style is about the drawing's place in the page.
    let attributes = attributes.split(" style=").next()?;
    Some(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"curves\" style=\"{style}\" {attributes}>\
         <style>{STYLE}</style>{drawing}</svg>\n"
    ))
}

fn render(page: &Page<'_>) -> String {
    let rows = &page.table.0;
    let main = html! {
        // The report's own heading is a verdict, and large.
        h1 style="font-size: 32px; color: inherit; letter-spacing: -.01em" { (page.title) }
        @for note in page.notes { p.note { (note) } }
        @if let Some(chart) = &page.chart { div.curves style="display: block; margin: 28px 0" { (chart) } }
        div.scroll {
            table.plain style="font-variant-numeric: tabular-nums; width: auto" {
                thead { tr { @for cell in rows.iter().take(1).flatten() { th { (cell) } } } }
                tbody { @for row in rows.iter().skip(1) { tr { @for cell in row { td { (cell) } } } } }
            }
        }
    };
    document(page.title, "", &main, Language::En, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawing_stands_alone() {
        let line = crate::lines::Line { label: "a & b", points: vec![(1.0, 0.5), (2.0, 0.6)] };
        let drawing = alone(&crate::lines::svg(&crate::lines::Lines { x: "images", lines: &[line] })).unwrap();
        assert!(drawing.starts_with("<svg xmlns=") && drawing.ends_with("</svg>\n") && drawing.contains("viewBox="));
        assert!(
            drawing.contains("<polyline") && drawing.contains("a &amp; b") && drawing.matches("style=\"").count() > 2
        );
        // It must be XML: no style sheet may have what that forbids, and no attribute may come twice.
        assert!(!STYLE.contains(['<', '&']) && drawing.split('>').next().unwrap().matches("style=").count() == 1);
        assert_eq!(alone(&html! { p { "nothing" } }), None);
    }
}
