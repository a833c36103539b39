//! What a person reads of a search: `search/<id>/report/index.html`, one file that fetches nothing; `summary.json` for the page;
//! and the file of each network, `networks/0007.yml`, with its drawing, `networks/0007.svg`.

mod chart;
mod tree;

use crate::search::{Attempt, Objective, Outcome, Search};
use maud::{Markup, PreEscaped, html};
use plugin_api::Language;
use plugin_api::files::{with_path, write_atomically};
use plugin_api::runs::write_json;
use plugin_blocks::{Description, drawing};
use plugin_report::document;
use plugin_report::format::{count, duration, percent, percent_or_dash, utc};
use serde::Serialize;
use std::io;
use std::path::Path;

/// The summary's name in the folder of a search.
pub const SUMMARY: &str = "summary.json";

/// A search for other programs, in few words.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary<'a> {
    /// Id of the search.
    pub search: &'a str,
    /// `random` or `gaussian-process`.
    pub method: crate::Method,
    /// `error` or `error-and-cost`.
    pub objective: Objective,
    /// Milliseconds since 1970.
    pub started_ms: u64,
    /// Seconds it has worked.
    pub seconds: f64,
    /// Why it has ended.
    pub finished: Option<&'a str>,
    /// The attempts that are the best for their cost.
    pub front: Vec<u64>,
    /// All attempts.
    pub attempts: Vec<Line<'a>>,
}

/// An attempt in few words.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line<'a> {
    /// Its number.
    pub attempt: u64,
    /// Id of the run that trained the network.
    pub run: &'a str,
    /// The attempt it was made from.
    pub parent: Option<u64>,
    /// What was changed.
    pub change: &'a str,
    /// How it stands.
    pub outcome: Outcome,
    /// Why it failed or was stopped.
    pub reason: Option<&'a str>,
    /// Epochs done.
    pub epochs: usize,
    /// Smallest validation error.
    pub error: Option<f64>,
    /// Share of the test images that was right.
    pub test_accuracy: Option<f64>,
    /// Multiply-adds of an image.
    pub multiply_adds: u64,
    /// Trainable parameters.
    pub parameters: u64,
    /// Seconds of training.
    pub seconds: f64,
}

/// The search in few words.
pub fn summary(search: &Search) -> Summary<'_> {
    Summary {
        search: &search.id,
        method: search.settings.method,
        objective: search.settings.objective,
        started_ms: search.started_ms,
        seconds: search.seconds,
        finished: search.finished.as_deref(),
        front: search.front(),
        attempts: search.attempts.iter().map(line).collect(),
    }
}

fn line(attempt: &Attempt) -> Line<'_> {
    let Attempt { proposed, outcome, reason, curve, seconds, test, .. } = attempt;
    Line {
        attempt: proposed.attempt,
        run: &proposed.run,
        parent: proposed.parent,
        change: &proposed.change,
        outcome: *outcome,
        reason: reason.as_deref(),
        epochs: curve.len(),
        error: attempt.error(),
        test_accuracy: test.as_ref().map(|test| test.accuracy),
        multiply_adds: proposed.multiply_adds,
        parameters: proposed.parameters,
        seconds: *seconds,
    }
}

/// Writes report and summary, and the networks that are not written yet, into the folder of a search.
///
/// # Errors
/// Any error of the file system, with the path in its text.
pub fn write(folder: &Path, search: &Search) -> io::Result<()> {
    let (networks, report) = (folder.join("networks"), folder.join("report"));
    for folder in [&networks, &report] {
        std::fs::create_dir_all(folder).map_err(|e| with_path(folder, &e))?;
    }
    for attempt in &search.attempts {
        let stem = stem(attempt.proposed.attempt);
        let file = networks.join(format!("{stem}.yml"));
        if file.is_file() {
            continue;
        }
        if let Some(svg) = draw(search, attempt) {
            write_atomically(&networks.join(format!("{stem}.svg")), svg.as_bytes())?;
        }
        write_atomically(&file, attempt.proposed.definition.as_bytes())?;
    }
    write_json(&folder.join(SUMMARY), &summary(search))?;
    write_atomically(&report.join("index.html"), html(search).as_bytes())
}

fn stem(attempt: u64) -> String {
    format!("{attempt:04}")
}

/// The drawing of an attempt's network; `None` when it is none.
fn draw(search: &Search, attempt: &Attempt) -> Option<String> {
    let limits = search.limits();
    let description = Description::parse("attempt", &attempt.proposed.definition).ok()?;
    let graph = description.graph(limits.size_px, limits.classes).ok()?;
    Some(drawing::svg(&graph, &format!("Attempt {}", attempt.proposed.attempt)))
}

/// An outcome, for a person.
fn told(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Training => "in training",
        Outcome::Trained => "trained",
        Outcome::Stopped => "stopped early",
        Outcome::Failed => "failed",
    }
}

/// The page.
pub fn html(search: &Search) -> String {
    let front = search.front();
    let settings = &search.settings;
    let objective = match settings.objective {
        Objective::Error => "validation error",
        Objective::ErrorAndCost => "validation error and multiply-adds",
    };
    let by = |outcome| search.attempts.iter().filter(|attempt| attempt.outcome == outcome).count();
    let lead = search.best().map(|best| {
        format!(
            "Attempt {} has the smallest validation error, {}, at {} multiply-adds.",
            best.proposed.attempt,
            percent_or_dash(best.error()),
            count(best.proposed.multiply_adds)
        )
    });
    let main = html! {
        p.run { "Structure search " (search.id) ", begun " (utc(search.started_ms)) }
        h1.plain-heading { (search.attempts.len()) " attempts in " (duration(search.seconds)) }
        @if let Some(lead) = &lead { p.reason { (lead) } }
        @if let Some(finished) = &search.finished { p.note { "Ended: " (finished) "." } }
        p.note {
            "From " (settings.network) ", " (settings.size_px) " px, " (settings.epochs) " epochs; method "
            (serde_plain(&settings.method)) "; small is to be the " (objective) ". "
            (by(Outcome::Trained)) " trained to the end, " (by(Outcome::Stopped)) " stopped early, "
            (by(Outcome::Failed)) " failed."
        }
        section {
            h2 { "Error against cost" }
            p.note { "The line joins the attempts that none betters in both: the Pareto front. Hollow points were stopped early." }
            div.curves style="display: block" { (chart::scatter(search, &front)) }
        }
        section {
            h2 { "Family tree" }
            p.note { "Each attempt below the one it was made from. Filled points are on the front." }
            div.curves.scroll style="display: block" { (tree::svg(search, &front)) }
        }
        section {
            h2 { "Attempts" }
            p.note {
                "The smallest validation error decides; the test images are never chosen by. Any attempt with weights "
                "is made champion with " code { "cargo wakuteka models promote RUN" } "; its network's file is in "
                code { "networks/" } "."
            }
            (table(search, &front))
        }
        section {
            h2 { "Networks of the front" }
            @for number in &front { (network(search, *number)) }
        }
    };
    document(&format!("Search {}", search.id), OWN_STYLE, &main, Language::En, None)
}

const OWN_STYLE: &str = "h1.plain-heading{color:inherit;font-size:clamp(30px,4vw,44px)} .hollow{fill:var(--paper);stroke:var(--soft);\
    stroke-width:1.5} .link{fill:none;stroke:var(--rule);stroke-width:1.5} .failed{fill:none;stroke:var(--bad);stroke-width:1.5} \
    tr.front th{color:var(--accent)} .network svg{max-width:100%;height:auto}";

/// A unit variant as it is written.
fn serde_plain(value: &impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

fn table(search: &Search, front: &[u64]) -> Markup {
    html! {
        div.scroll {
            table.plain {
                thead { tr {
                    th { "attempt" } th { "from" } th { "change" } th { "outcome" } th.n { "epochs" } th.n { "error" }
                    th.n { "expected" } th.n { "test" } th.n { "multiply-adds" } th.n { "parameters" } th { "run" }
                } }
                tbody { @for attempt in &search.attempts {
                    @let of = &attempt.proposed;
                    tr.front[front.contains(&of.attempt)] id=(format!("attempt-{}", of.attempt)) {
                        th { a href=(format!("../networks/{}.svg", stem(of.attempt))) { (of.attempt) } }
                        td { @if let Some(parent) = of.parent { a href=(format!("#attempt-{parent}")) { (parent) } } @else { "–" } }
                        td.meaning { (of.change) @if let Some(from) = of.inherits { " (weights of " (from) ")" } }
                        td { (told(attempt.outcome)) @if let Some(reason) = &attempt.reason { ": " (reason) } }
                        td.n { (attempt.curve.len()) }
                        td.n { (percent_or_dash(attempt.error())) }
                        td.n { @if let Some([mean, deviation]) = of.expected { (percent(mean)) " ± " (percent(deviation)) } @else { "–" } }
                        td.n { @if let Some(test) = &attempt.test { (percent(1.0 - test.accuracy)) } @else { "–" } }
                        td.n { (count(of.multiply_adds)) }
                        td.n { (count(of.parameters)) }
                        td {
                            @if attempt.test.is_some() { a href=(format!("../../../runs/{}/report/index.html", of.run)) { (of.run) } }
                            @else { (of.run) }
                        }
                    }
                } }
            }
        }
    }
}

fn network(search: &Search, number: u64) -> Markup {
    let Some(attempt) = search.attempts.get(number as usize) else { return html! {} };
    html! {
        details.network {
            summary {
                "Attempt " (number) ": " (percent_or_dash(attempt.error())) " at " (count(attempt.proposed.multiply_adds))
                " multiply-adds"
            }
            pre { (attempt.proposed.definition) }
            @if let Some(svg) = draw(search, attempt) { div.scroll { (PreEscaped(svg)) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::tests::{epochs, proposed, search_of};
    use crate::search::Event;

    fn search() -> Search {
        let mut events = Vec::new();
        for (i, (error, cost)) in [(0.5, 4_000_000), (0.4, 9_000_000), (0.6, 1_000_000)].into_iter().enumerate() {
            let number = i as u64;
            let mut of = proposed(number, cost);
            of.change = format!("<script>{number}</script>");
            events.push(Event::Proposed(of));
            events.extend(epochs(number, &[error]));
            let outcome = if number == 1 { Outcome::Stopped } else { Outcome::Trained };
            events.push(Event::Ended { attempt: number, outcome, reason: None });
        }
        events.push(Event::Proposed(proposed(3, 5)));
        events.push(Event::Ended { attempt: 3, outcome: Outcome::Failed, reason: Some("out of memory".to_owned()) });
        search_of(events)
    }

    #[test]
    fn every_attempt_is_on_the_page_and_text_stays_text() {
        let text = html(&search());
        for part in ["4 attempts", "out of memory", "Attempt 1 has the smallest", "models promote", "id=\"attempt-3\""]
        {
            assert!(text.contains(part), "{part}");
        }
        assert!(!text.contains("<script>") && text.contains("&lt;script&gt;"));
        assert_eq!(text.matches("<details").count(), 3, "one a network of the front");
    }

    #[test]
    fn files_are_written_once_and_the_summary_can_be_read() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &search()).unwrap();
        let network = folder.path().join("networks/0002.yml");
        assert!(Description::read(&network).is_ok() && folder.path().join("networks/0002.svg").is_file());
        let text = std::fs::read_to_string(folder.path().join(SUMMARY)).unwrap();
        let summary: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(summary["front"], serde_json::json!([1, 0, 2]));
        assert_eq!(summary["attempts"][3]["outcome"], "failed");
        write(folder.path(), &search_of([])).unwrap();
    }
}
