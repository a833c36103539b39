//! What the nodes are doing, in lines for a person: read from `status/*.json` in the workspace.

use crate::checkout::Checkout;
use crate::columns::aligned;
use crate::error::Error;
use crate::overview::Overview;
use crate::screen::Screen;
use crate::{cli, interrupt, say};
use plugin_api::status::{self, Notice, Status};
use plugin_forecast::{ClassForecast, Expected, Forecasts};
use std::fmt::Write;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// How often the display looks again.
pub const PAUSE: Duration = Duration::from_millis(250);

/// So many paths are shown of a kind.
const EXAMPLES: usize = 3;
/// Classes of which it is said what more images would bring, at most.
const CLASSES: usize = 12;

/// `cargo wakuteka status`.
///
/// # Errors
/// [`Error::Interrupted`] on Ctrl-C.
pub fn run(checkout: &Checkout, options: &cli::Status) -> Result<(), Error> {
    let workspace = options.workspace.folder(checkout);
    if !options.watch {
        let overview = Overview::read(&workspace);
        let forecasts = overview.forecast.as_ref().map(more_images).unwrap_or_default();
        let nodes = overview.node_lines();
        let nodes = if nodes.is_empty() { nodes } else { [vec![String::new(), "Nodes".to_owned()], nodes].concat() };
        let all = [overview.needs_you.clone(), overview.left_alone.clone()].concat();
        let lines = [overview.lines(SystemTime::now()), notices(&all), forecasts, nodes].concat();
        say::either(&overview, &lines);
        return Ok(());
    }
    let mut screen = Screen::default();
    let mut before = String::new();
    loop {
        let overview = Overview::read(&workspace);
        let lines = [overview.lines(SystemTime::now()), vec![String::new()], overview.node_lines()].concat();
        let all: Vec<Status> =
            overview.nodes.iter().filter(|node| node.is_running).map(|node| node.status.clone()).collect();
        if say::is_json() {
            let now = serde_json::to_string(&overview).unwrap_or_default();
            if now != before {
                say::event(&overview);
                before = now;
            }
        } else {
            screen.show(&lines, &summary(&all));
        }
        interrupt::sleep(PAUSE)?;
    }
}

/// The page's address, or why it is nowhere yet, as its node says.
pub fn page_state(all: &[Status]) -> Option<String> {
    let page = all.iter().find(|status| status.program() == "dashboard" && status.is_alive())?;
    Some(page.state.split(", ").next().unwrap_or_default().to_owned())
}

/// The page's address, while it is there.
pub fn page(all: &[Status]) -> Option<String> {
    page_state(all).filter(|state| state.starts_with("http://"))
}

/// Whether a run is trained at this moment: its figures stay when it has ended.
pub fn is_training(status: &Status) -> bool {
    status.state.starts_with("run ") && status.gauges.contains_key("epoch")
}

/// The status of every node of a workspace, in the order of the pipeline.
pub fn read(workspace: &Path) -> Vec<Status> {
    status::read_in_order(&workspace.join("status"))
}

/// One node: `hash        2,366 (1 rejected)   waiting`; how far learning is goes below it.
pub fn lines(status: &Status) -> Vec<String> {
    let mut text = format!("{:<9} {:>7}", status.node, images(status).map(say::count).unwrap_or_default());
    if let Some(rejected) = status.counters.get("rejected").filter(|n| **n > 0) {
        let _ = write!(text, " ({} rejected)", say::count(*rejected));
    }
    if !status.state.is_empty() {
        let _ = write!(text, "   {}", status.state);
    }
    let below = Some(learning(status)).filter(|learning| !learning.is_empty());
    std::iter::once(text).chain(below.map(|learning| format!("{:>20}{learning}", ""))).collect()
}

/// What was left alone, refused or kept out, below a heading: number and reason, what to do, and a few paths.
pub fn notices(notices: &[Notice]) -> Vec<String> {
    let mut lines = Vec::new();
    for (heading, is_quiet) in [("Needs you", false), ("Left alone", true)] {
        let of: Vec<&Notice> = notices.iter().filter(|notice| notice.advice.is_empty() == is_quiet).collect();
        if of.is_empty() {
            continue;
        }
        lines.extend([String::new(), heading.to_owned()]);
        for notice in of {
            lines.push(format!("{:>7} {}", say::count(notice.count), notice.reason));
            if !is_quiet {
                lines.push(format!("{:>7} {}", "", notice.advice));
            }
            let shown = notice.examples.iter().take(EXAMPLES).map(String::as_str).collect::<Vec<_>>().join(", ");
            let more = if notice.count > EXAMPLES as u64 { ", …" } else { "" };
            lines.extend((!shown.is_empty()).then(|| format!("{:>9}{shown}{more}", "")));
        }
    }
    lines
}

/// What more images would bring, a line a class, below a heading: the classes that would gain most.
pub fn more_images(forecasts: &Forecasts) -> Vec<String> {
    let mut classes: Vec<&ClassForecast> = forecasts.classes.iter().collect();
    classes.sort_by(|a, b| b.gain().total_cmp(&a.gain()));
    let heading = ["class", "images", "correct now", "with 2x", "with 4x", "taken for"].map(str::to_owned).to_vec();
    let rows: Vec<Vec<String>> =
        std::iter::once(heading).chain(classes.iter().take(CLASSES).map(|class| forecast_row(class))).collect();
    let mut lines = vec![String::new(), "What more images would bring".to_owned()];
    lines.extend(aligned(&rows, &[1, 2]).into_iter().map(|line| format!("  {line}")));
    if let Some(more) = classes.len().checked_sub(CLASSES).filter(|more| *more > 0) {
        lines.push(format!("  and {more} more classes: dataset/report.html"));
    }
    lines
}

fn forecast_row(of: &ClassForecast) -> Vec<String> {
    let expected = |forecast: &Expected| {
        let [accuracy, low, high] = [forecast.accuracy, forecast.low, forecast.high].map(|share| share * 100.0);
        format!("{accuracy:.0} % ({low:.0} to {high:.0})")
    };
    let with = of.forecast.as_ref().map(|forecast| [&forecast.twice, &forecast.four_times].map(expected));
    let [twice, four_times] = with.unwrap_or_else(|| ["too few to tell", ""].map(str::to_owned));
    let taken_for = of.taken_for.iter().map(|other| format!("{} {:.0} %", other.class, other.share * 100.0));
    let taken_for = taken_for.collect::<Vec<_>>().join(", ");
    let now = format!("{:.0} %", of.accuracy * 100.0);
    vec![of.class.clone(), say::count(of.images), now, twice, four_times, taken_for]
}

/// All nodes in one line, for a log: images by node, and how far learning is.
pub fn summary(all: &[Status]) -> String {
    let counts = all.iter().filter_map(|s| Some(format!("{} {}", s.node, say::count(images(s)?))));
    let learning = all.iter().filter(|status| is_training(status)).map(learning);
    let parts: Vec<String> = counts.chain(learning).collect();
    if parts.is_empty() { "the nodes are starting".to_owned() } else { parts.join(", ") }
}

/// Images that have passed a node.
fn images(status: &Status) -> Option<u64> {
    ["pictures", "pictures_found", "pictures_out", "pictures_in"]
        .iter()
        .find_map(|name| status.counters.get(*name))
        .copied()
}

/// `epoch 7/30, loss 1.43, accuracy 0.48, 0:52 left`: whatever of it the node knows.
fn learning(status: &Status) -> String {
    if !is_training(status) {
        return String::new();
    }
    let gauge = |name: &str| status.gauges.get(name).copied().filter(|value| value.is_finite());
    let epoch = gauge("epoch").map(|epoch| match gauge("epochs") {
        Some(epochs) => format!("epoch {epoch:.0}/{epochs:.0}"),
        None => format!("epoch {epoch:.0}"),
    });
    let figure = |name: &'static str| gauge(name).map(|value| format!("{name} {value:.2}"));
    let left = gauge("seconds_left").filter(|s| *s > 0.0);
    let left = left.map(|s| format!("{} left", say::clock(Duration::from_secs_f64(s.min(1e7)))));
    let parts = [epoch, figure("loss"), figure("accuracy"), left];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use plugin_api::status::StatusFile;

    fn status(node: &str, counters: &[(&str, u64)], gauges: &[(&str, f64)]) -> Status {
        let counters = counters.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect();
        let gauges = gauges.iter().map(|(name, x)| ((*name).to_owned(), *x)).collect();
        Status { node: node.into(), state: "waiting".into(), counters, gauges, ..Status::default() }
    }

    #[test]
    fn a_stage_shows_its_images_and_rejects() {
        let hash = status("hash", &[("pictures_in", 2367), ("pictures_out", 2366), ("rejected", 1)], &[]);
        assert_eq!(lines(&hash), ["hash        2,366 (1 rejected)   waiting"]);
        assert_eq!(lines(&status("augment", &[], &[])), ["augment             waiting"]);
    }

    #[test]
    fn notices_say_number_reason_and_advice() {
        let notice = |kind: &str, count, advice: &str, examples: &[&str]| Notice {
            kind: kind.into(),
            count,
            reason: format!("{kind}s").into(),
            advice: advice.into(),
            examples: examples.iter().map(|path| (*path).to_owned()).collect(),
        };
        let all = [notice("link", 1200, "Copy them.", &["a", "b", "c"]), notice("film", 2, "", &["d", "e"])];
        assert_eq!(
            notices(&all),
            [
                "",
                "Needs you",
                "  1,200 links",
                "        Copy them.",
                "         a, b, c, …",
                "",
                "Left alone",
                "      2 films",
                "         d, e",
            ]
        );
        assert!(notices(&[]).is_empty());
    }

    #[test]
    fn training_shows_what_it_knows() {
        let mut train = status("train", &[], &[("epoch", 7.0), ("epochs", 30.0), ("loss", 1.4321), ("accuracy", 0.48)]);
        assert_eq!(lines(&train).len(), 1, "the run has ended");
        train.state = "run 1: epoch 7 of 30".into();
        assert_eq!(lines(&train)[1], "                    epoch 7/30, loss 1.43, accuracy 0.48");
        train.gauges.insert("seconds_left".into(), 52.4);
        train.gauges.insert("loss".into(), f64::NAN);
        assert_eq!(learning(&train), "epoch 7/30, accuracy 0.48, 0:52 left");
        assert_eq!(
            summary(&[status("watch", &[("pictures_out", 1200)], &[]), train]),
            "watch 1,200, epoch 7/30, accuracy 0.48, 0:52 left"
        );
        assert_eq!(summary(&[]), "the nodes are starting");
        assert_eq!(summary(&[status("evaluate", &[], &[("accuracy", 0.5)])]), "the nodes are starting");
    }

    #[test]
    fn nodes_come_in_the_order_of_the_pipeline() {
        let workspace = tempfile::tempdir().unwrap();
        std::fs::create_dir(workspace.path().join("status")).unwrap();
        for node in ["augment", "dashboard", "hash", "train", "watch"] {
            StatusFile::new(&workspace.path().join("status"), node).write();
        }
        let names: Vec<String> = read(workspace.path()).into_iter().map(|s| s.node).collect();
        assert_eq!(names, ["watch", "hash", "augment", "train", "dashboard"]);
    }

    #[test]
    fn a_process_of_another_name_is_not_the_node() {
        let mut me = status("train", &[], &[]);
        me.pid = std::process::id();
        assert!(!me.is_alive());
        let program = std::env::current_exe().unwrap().file_name().unwrap().to_string_lossy().into_owned();
        me.node.clone_from(&program);
        assert!(me.is_alive());
        me.node = "collect".into();
        assert!(!me.is_alive());
        me.program = program;
        assert!(me.is_alive(), "an id of the YAML is not the program's name");
    }

    #[test]
    fn more_images_are_told_where_they_would_help_most() {
        let expected = |accuracy: f64| Expected { accuracy, low: accuracy - 0.05, high: accuracy + 0.04 };
        let forecast =
            |four_times| plugin_forecast::Forecast { twice: expected(0.8), four_times: expected(four_times) };
        let class = |n: usize| ClassForecast {
            class: format!("c{n}"),
            images: 1000 + n as u64,
            accuracy: 0.75,
            forecast: (n > 0).then(|| forecast(0.8 + n as f64 / 100.0)),
            taken_for: vec![plugin_forecast::Confusion { class: "other".to_owned(), share: 0.2 }],
        };
        let mut forecasts = Forecasts {
            version: 1,
            images: 9,
            accuracy: 0.75,
            forecast: forecast(0.9),
            classes: vec![class(0), class(3)],
        };
        let lines = more_images(&forecasts);
        assert_eq!(lines[1], "What more images would bring");
        assert!(lines[3].starts_with("  c3      1,003         75 %  80 % (75 to 84)"), "{lines:?}");
        assert!(lines[3].ends_with("83 % (78 to 87)  other 20 %") && lines[4].contains("too few to tell"), "{lines:?}");
        forecasts.classes = (0..15).map(class).collect();
        assert_eq!(more_images(&forecasts).last().unwrap(), "  and 3 more classes: dataset/report.html");
    }
}
