//! Results as a page and a table on disk.

use crate::error::ExperimentError;
use crate::table::Table;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use plugin_api::files::{named, write_atomically};
use plugin_metric::report::STYLE;
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

/// Writes `NAME.html` and `NAME.csv` into the folder, and says so.
///
/// # Errors
/// [`ExperimentError::Io`].
pub fn write(folder: &Path, name: &str, page: &Page<'_>) -> Result<String, ExperimentError> {
    std::fs::create_dir_all(folder).map_err(|e| named(folder, &e))?;
    let (table, html) = (folder.join(format!("{name}.csv")), folder.join(format!("{name}.html")));
    write_atomically(&table, page.table.csv().as_bytes())?;
    write_atomically(&html, render(page).as_bytes())?;
    Ok(format!("written: {} and {}", html.display(), table.display()))
}

fn render(page: &Page<'_>) -> String {
    let rows = &page.table.0;
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (page.title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
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
                }
            }
        }
    }
    .into_string()
}
