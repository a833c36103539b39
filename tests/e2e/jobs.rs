//! What a person comes to the page for, each job in five actions at most, in a real browser over the real graph: by mouse, by
//! keyboard and, on a phone's page, by touch. One workspace and one browser of each kind for all of them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use plugin_api::runs::RunFolder;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;
use tests::browser::{self, Browser};
use tests::graph::{Failure, Graph};
use tests::pictures;

/// Small and quick: what is tested is the way, not the accuracy. One change is not enough for a run.
const QUICK: &[(&str, &str, &str)] = &[
    ("env", "WAKUTEKA_IMAGE_SIZE", "32"),
    ("train", "--epochs", "2"),
    ("train", "--cross-validate", "off"),
    ("train", "--quiet-seconds", "2"),
    ("train", "--min-new", "500"),
    ("train", "--longest-wait-seconds", "86400"),
    ("train", "--device", "flex"),
    ("evaluate", "--device", "flex"),
    ("predict", "--device", "flex"),
    ("inspect", "--label-errors", "off"),
];
const MINUTE: Duration = Duration::from_mins(1);
const MINUTES_3: Duration = Duration::from_mins(3);
const LONG_PRESS: Duration = Duration::from_millis(700);
const CLASSES: [&str; 3] = ["animals", "buildings", "food"];
/// Images of each class that are labelled.
const EACH: usize = 40;
/// Enter as WebDriver names it.
const ENTER: &str = "\u{E007}";

/// The graph, and the page in a browser.
struct Workshop {
    graph: Graph,
    page: String,
    browser: Browser,
    left: BTreeMap<String, Vec<PathBuf>>,
    _root: TempDir,
}

fn name(file: &Path) -> String {
    file.file_name().unwrap().to_string_lossy().into_owned()
}

/// The name of a fixture without its number.
fn title(file: &Path) -> String {
    let name = name(file);
    name.split_once('_').map_or_else(|| name.clone(), |(_, title)| title.to_owned())
}

impl Workshop {
    /// Labelled images with one in the wrong class, one in two and one that is broken; candidates; the first run is over.
    fn open() -> Result<Self, Failure> {
        let root = tempfile::tempdir()?;
        let mut left: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
        let all = pictures::demo().into_iter().filter(|(class, _)| CLASSES.contains(&class.as_str()));
        let all: Vec<(String, PathBuf)> = all.collect();
        // Some images of the fixtures are in several classes themselves, under other numbers: the one conflict is ours.
        let mut classes_of: BTreeMap<String, BTreeSet<&String>> = BTreeMap::new();
        for (class, file) in &all {
            classes_of.entry(title(file)).or_default().insert(class);
        }
        for (class, file) in &all {
            if classes_of[&title(file)].len() == 1 {
                left.entry(class.clone()).or_default().push(file.clone());
            }
        }
        let home = plugin_api::Home::create(&root.path().join("home"))?;
        for (class, files) in &mut left {
            for file in files.drain(..EACH) {
                pictures::drop_into(&home.photos(), class, &file)?;
            }
        }
        let wrong = left.get_mut("animals").unwrap().remove(0);
        fs::copy(&wrong, home.photos().join("food/misplaced.png"))?;
        for class in ["animals", "buildings"] {
            fs::write(home.photos().join(class).join("twice.png"), pictures::coloured([200, 10, 90], 3))?;
        }
        fs::write(home.photos().join("food/broken.jpg"), b"\xff\xd8\xff\xe0 and nothing more")?;
        fs::create_dir_all(home.candidates().join("animals"))?;
        let mut rows = "path,class,distance,rank,candidate,claimed_by\n".to_owned();
        for (rank, file) in left.get_mut("animals").unwrap().drain(..4).enumerate() {
            let link = format!("{rank:02}_{}", name(&file));
            fs::copy(&file, home.candidates().join("animals").join(&link))?;
            let _ = writeln!(rows, "pool/{},animals,0.1,{rank},candidates/animals/{link},", name(&file));
        }
        fs::write(home.candidates().join("candidates.csv"), rows)?;
        let mut graph = Graph::start(root.path(), QUICK)?;
        let judged = |g: &Graph| RunFolder::all(&g.home.runs()).iter().any(|run| run.verdict().is_some());
        graph.wait("the first verdict", MINUTES_3, judged)?;
        let page = graph.status("dashboard").state.split(',').next().unwrap_or_default().to_owned();
        Ok(Self { graph, page, browser: Browser::start(1280, 900)?, left, _root: root })
    }

    fn show(&self, view: &str) -> Result<(), Failure> {
        self.browser.open("about:blank")?;
        self.browser.open(&format!("{}?lang=en#{view}", self.page))
    }

    fn sees(&self, what: &str, script: &str) -> Result<Value, Failure> {
        Ok(self.browser.wait(what, MINUTE, &format!("return {script}"))?.0)
    }

    fn is(&mut self, what: &str, path: &str, is_there: bool) -> Result<(), Failure> {
        let file = self.graph.home.root().join(path);
        let waited = self.graph.wait(what, MINUTE, |_| file.exists() == is_there);
        // What the page says tells more than the log.
        waited.map_err(|error| match self.browser.text("body") {
            Ok(text) => format!("{what}: {path}\n{text}\n{error}").into(),
            Err(_) => error,
        })
    }

    /// What the server says.
    fn ask(&self, path: &str) -> Result<Value, Failure> {
        self.browser.run(&format!("return fetch({}).then((answer) => answer.json())", json!(path)))
    }

    fn judged(&self) -> Vec<String> {
        let runs = RunFolder::all(&self.graph.home.runs());
        runs.iter().filter(|run| run.verdict().is_some()).map(RunFolder::id).collect()
    }

    fn champion(&self) -> Option<String> {
        Some(fs::read_link(self.graph.home.champion()).ok()?.to_string_lossy().into_owned())
    }
}

/// A tile by the name of its file.
fn tile(file: &str) -> String {
    format!(".tile[data-path$={}]", json!(format!("/{file}")))
}

#[test]
fn every_job_takes_five_actions_at_most() -> Result<(), Failure> {
    if !browser::is_there() {
        assert!(std::env::var_os("CI").is_none(), "CI is set: chromium and chromedriver have to be there");
        tests::skipped("there is no chromium with chromedriver: apt-get install chromium chromium-driver");
        return Ok(());
    }
    let mut shop = Workshop::open()?;
    why_it_is_not_training_and_when_it_will(&mut shop)?;
    whether_there_are_enough_images(&mut shop)?;
    what_was_refused_and_why(&mut shop)?;
    a_label_is_corrected_where_it_is_seen(&mut shop)?;
    an_image_is_deleted_and_comes_back(&mut shop)?;
    an_image_is_found_by_name(&mut shop)?;
    a_conflict_is_resolved(&mut shop)?;
    candidates_are_accepted_and_refused(&mut shop)?;
    what_no_class_holds_is_labelled(&mut shop)?;
    a_class_is_made_and_renamed(&mut shop)?;
    a_dropped_image_is_classified(&mut shop)?;
    one_image_has_one_answer(&mut shop)?;
    two_runs_are_compared_promoted_and_rolled_back(&mut shop)?;
    assert_eq!(shop.browser.complaints()?, Vec::<String>::new());
    by_touch_on_a_phone(&mut shop)?;
    when_it_is_stopped_it_says_so(shop)
}

fn why_it_is_not_training_and_when_it_will(shop: &mut Workshop) -> Result<(), Failure> {
    shop.show("home")?;
    let next = shop.sees("what comes next", "document.querySelector('#bar .next span')?.textContent")?;
    assert!(next.as_str().unwrap().starts_with("Up to date"), "{next}");
    let who = shop.browser.text("#bar .who")?;
    assert!(who.contains("own network") && who.contains("test images"), "{who}");
    // One change: of how many, and until when.
    let file = shop.left.get_mut("food").unwrap().remove(0);
    pictures::drop_into(&shop.graph.home.photos(), "food", &file)?;
    shop.sees(
        "one change of 500",
        "/1 of 500 changes, .+ at the latest/.test(document.getElementById('bar').textContent)",
    )?;
    shop.browser.click("#bar [data-act=pause]")?;
    shop.sees("the pause", "document.querySelector('#bar .next').textContent.startsWith('Paused')")?;
    shop.browser.click("#bar [data-act=pause]")?;
    // 1: asked for, it begins at once.
    shop.browser.click("#bar [data-act=train]")?;
    shop.graph.wait("a second verdict", MINUTES_3, |g| {
        RunFolder::all(&g.home.runs()).iter().filter(|run| run.verdict().is_some()).count() == 2
    })
}

fn whether_there_are_enough_images(shop: &mut Workshop) -> Result<(), Failure> {
    let row = "document.querySelector('tr[data-class=food]')?.innerText.replace(/\\s+/g, ' ')";
    let told = shop.sees("the class", &format!("{row}?.includes(' 42 ') ? {row} : null"))?;
    let told = told.as_str().unwrap();
    // Recall with its interval and its images, and what would help.
    assert!(told.contains('%') && told.contains(" to ") && told.contains("images"), "{told}");
    let advice = shop.browser.text("tr[data-class=food] td:nth-child(5)")?;
    assert!(["Add images", "More images", "Enough"].iter().any(|words| advice.starts_with(words)), "{advice}");
    Ok(())
}

fn what_was_refused_and_why(shop: &mut Workshop) -> Result<(), Failure> {
    shop.sees("that something was refused", "document.querySelector('[data-need=notices]') !== null")?;
    shop.browser.click("[data-need=notices]")?;
    shop.sees(
        "the file and why",
        "/food\\/broken\\.jpg.*(cut off|damaged|not an image)/s.test(document.querySelector('.refused')?.textContent)",
    )?;
    Ok(())
}

fn a_label_is_corrected_where_it_is_seen(shop: &mut Workshop) -> Result<(), Failure> {
    shop.show("images?class=food&name=misplaced")?;
    let wrong = tile("misplaced.png");
    shop.sees("the image", &format!("document.querySelector({}) !== null", json!(wrong)))?;
    // 1: chosen by its corner; 2: to the first class by its key.
    shop.browser.click(&format!("{wrong} .corner"))?;
    shop.browser.press("1")?;
    shop.is("it to be moved", "photos/animals/misplaced.png", true)?;
    shop.sees("a way back", "/animals/.test(document.querySelector('.toast.done')?.textContent)")?;
    shop.browser.click(".toast.done button")?;
    shop.is("it to be back", "photos/food/misplaced.png", true)?;
    // The same beside the image: a click opens it, a button moves it.
    shop.browser.wait("the image", MINUTE, &format!("return document.querySelector({}) !== null", json!(wrong)))?;
    shop.browser.click(&wrong)?;
    shop.sees("its prediction", "document.querySelector('dialog.details .scores') !== null")?;
    shop.browser.run("[...document.querySelectorAll('dialog.details .doing button')].find((b) => b.textContent.includes('animals')).click()")?;
    shop.is("it to be moved", "photos/animals/misplaced.png", true)
}

fn an_image_is_deleted_and_comes_back(shop: &mut Workshop) -> Result<(), Failure> {
    shop.show("images?class=buildings&sort=name")?;
    let first = shop.sees("an image", "document.querySelector('.tile.at')?.dataset.path")?;
    let path = first.as_str().unwrap().to_owned();
    // 1: the grid by Tab; 2: to trash/ by X; 3: back by U.
    let focus = "(document.querySelector('.grid').focus(), document.activeElement === document.querySelector('.grid'))";
    shop.sees("the focus", focus)?;
    shop.browser.press("x")?;
    shop.is("it to be in trash/", &format!("trash/{path}"), true)?;
    shop.browser.press("u")?;
    shop.is("it to be back", &path, true)?;
    shop.sees(
        "it to be shown",
        &format!("document.querySelector('.tile.at:not(.gone)')?.dataset.path === {}", json!(path)),
    )?;
    let active = shop.sees("who is active", "document.querySelector('.grid').getAttribute('aria-activedescendant')")?;
    shop.sees("the same", &format!("document.getElementById({active}).classList.contains('at')"))?;
    Ok(())
}

fn an_image_is_found_by_name(shop: &mut Workshop) -> Result<(), Failure> {
    // 1: a key; 2: a part of its name.
    shop.show("images")?;
    shop.sees("images", "document.querySelectorAll('.tile img').length > 10")?;
    shop.browser.press("/")?;
    shop.browser.press("MISPLAC")?;
    shop.sees("one image", "document.querySelectorAll('.tile').length === 1 && document.querySelector('.tile').dataset.path.endsWith('/misplaced.png')")?;
    Ok(())
}

fn a_conflict_is_resolved(shop: &mut Workshop) -> Result<(), Failure> {
    shop.show("review?queue=conflicts")?;
    shop.sees(
        "the conflict",
        "document.querySelector('.answers')?.textContent.includes('The same image in animals, buildings')",
    )?;
    // Arrows only navigate.
    shop.browser.press("\u{E014}")?;
    shop.browser.press("\u{E012}")?;
    shop.is("the copy to stay", "photos/buildings/twice.png", true)?;
    // 1: the first class.
    shop.browser.press("1")?;
    shop.is("the copy to go", "photos/buildings/twice.png", false)?;
    shop.is("the image to stay", "photos/animals/twice.png", true)?;
    shop.is("the copy to be kept", "trash/photos/buildings/twice.png", true)
}

fn candidates_are_accepted_and_refused(shop: &mut Workshop) -> Result<(), Failure> {
    shop.show("review?queue=candidates&as=sheet")?;
    shop.sees("four candidates", "document.querySelectorAll('.card-tile').length === 4")?;
    let wrong = shop.sees("the first", "document.querySelector('.card-tile').title")?;
    // 1: the wrong one; 2: the rest is right; 3: the wrong one goes.
    shop.browser.click(".card-tile")?;
    shop.browser.click("#sheet-accept")?;
    shop.sees("one left", "document.querySelectorAll('.card-tile').length === 1")?;
    shop.browser.click("#sheet-refuse")?;
    shop.is("the wrong one to go", &format!("trash/{}", wrong.as_str().unwrap()), true)?;
    // Accepted files have their own names back.
    let accepted = fs::read_dir(shop.graph.home.photos().join("animals"))?.flatten();
    let names: Vec<String> = accepted.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    assert!(names.iter().all(|name| !name.starts_with("01_") && !name.starts_with("02_")), "{names:?}");
    Ok(())
}

fn what_no_class_holds_is_labelled(shop: &mut Workshop) -> Result<(), Failure> {
    let file = shop.left.get_mut("buildings").unwrap().remove(0);
    let inbox = format!("inbox/{}", name(&file));
    fs::copy(&file, shop.graph.home.root().join(&inbox))?;
    let known =
        |g: &Graph| fs::read_to_string(g.home.inbox().join("predictions.csv")).is_ok_and(|text| text.contains(&inbox));
    shop.graph.wait("its answer", MINUTE, known)?;
    shop.show("home")?;
    let row = format!(".recent li[data-path={}]", json!(inbox));
    shop.sees("it among the recent ones", &format!("document.querySelector({}) !== null", json!(row)))?;
    // 1: another class; 2: a part of its name; 3: Enter.
    shop.browser.click(&format!("{row} [data-act=correct]"))?;
    shop.browser.press("build")?;
    shop.browser.press(ENTER)?;
    shop.is("it to be labelled", &format!("photos/buildings/{}", name(&file)), true)?;
    shop.sees("it to be gone", &format!("document.querySelector({}) === null", json!(row)))?;
    Ok(())
}

fn a_class_is_made_and_renamed(shop: &mut Workshop) -> Result<(), Failure> {
    // 1: the button; 2: a name; 3: Enter.
    shop.browser.click("#new-class")?;
    shop.browser.press("toys")?;
    shop.browser.press(ENTER)?;
    shop.is("the class", "photos/toys", true)?;
    shop.sees("it in the table", "document.querySelector('tr[data-class=toys]') !== null")?;
    // Files that are dropped onto its row are of the class.
    let image = pictures::coloured([20, 200, 90], 77);
    shop.browser.drop_files("tr[data-class=toys]", &[("おもちゃ.png", &image), (".hidden", b"x")])?;
    shop.is("the image", "photos/toys/おもちゃ.png", true)?;
    // 1: the button; 2: another name; 3: Enter.
    shop.browser.click("tr[data-class=toys] [data-act=rename]")?;
    shop.browser.press("玩具")?;
    shop.browser.press(ENTER)?;
    shop.is("the new name", "photos/玩具/おもちゃ.png", true)?;
    shop.is("the old name to be gone", "photos/toys", false)?;
    shop.sees("it in the table", "document.querySelector('tr[data-class=玩具]') !== null")?;
    shop.browser.click("tr[data-class=玩具] [data-act=delete]")?;
    shop.is("the class to be gone", "photos/玩具", false)?;
    for left in ["photos/玩具/おもちゃ.png", "photos/toys/おもちゃ.png"] {
        shop.sees("a way back", "document.querySelector('.toast.done button') !== null")?;
        shop.browser.press("u")?;
        shop.is("it to be back", left, true)?;
    }
    Ok(())
}

fn a_dropped_image_is_classified(shop: &mut Workshop) -> Result<(), Failure> {
    shop.show("try")?;
    let file = shop.left["animals"].last().unwrap();
    shop.sees("the zone", "document.querySelector('.drop') !== null")?;
    shop.browser.drop_files(".drop", &[(&name(file), &fs::read(file)?)])?;
    let told = shop.sees("its answer", "document.querySelector('.result .scores')?.textContent")?;
    assert!(CLASSES.iter().all(|class| told.as_str().unwrap().contains(class)), "{told}");
    Ok(())
}

/// Inbox, recent, grid, details, Try and the cell of the confusion matrix say the same of one image.
fn one_image_has_one_answer(shop: &mut Workshop) -> Result<(), Failure> {
    let run = shop.champion().ok_or("no champion")?;
    let table = fs::read_to_string(shop.graph.home.runs().join(&run).join("report/predictions.csv"))?;
    let mut rows = table.lines().skip(1).map(|line| line.split(',').collect::<Vec<_>>());
    let is_there = |row: &Vec<&str>| shop.graph.home.root().join(row[0]).is_file();
    let row = rows.find(is_there).ok_or("no held-out image")?;
    let (path, digest, truth, said) = (row[0], row[1], row[2], row[3]);
    let probability: f64 = row[4].parse()?;
    let bytes = fs::read(shop.graph.home.root().join(path))?;
    fs::write(shop.graph.home.inbox().join("one answer.png"), &bytes)?;
    let answered = |g: &Graph| {
        fs::read_to_string(g.home.inbox().join("predictions.csv"))
            .is_ok_and(|text| text.lines().any(|line| line.starts_with("inbox/one answer.png") && line.contains(&run)))
    };
    shop.graph.wait("the answer of the inbox", MINUTE, answered)?;
    let mut answers: Vec<(&str, String, f64)> = Vec::new();
    let mut put = |place, answer: &Value| {
        let class = answer["class"].as_str().unwrap_or_default().to_owned();
        answers.push((place, class, answer["probability"].as_f64().unwrap_or(f64::NAN)));
    };
    let recent = shop.ask("/api/recent")?;
    let recent =
        recent.as_array().unwrap().iter().find(|one| one["path"] == "inbox/one answer.png").ok_or("not recent")?;
    put("recent", &recent["classes"][0]);
    put("inbox", &shop.ask("/api/pictures?place=inbox&name=one%20answer")?["items"][0]["predicted"]);
    put("details", &shop.ask(&format!("/api/picture/{digest}"))?["prediction"]["classes"][0]);
    put("details by path", &shop.ask("/api/picture?path=inbox/one%20answer.png")?["prediction"]["classes"][0]);
    let send = format!(
        "return fetch('/api/try', {{ method: 'POST', headers: {{ 'x-wakuteka': '1', 'content-type': 'application/octet-stream' }}, body: new Uint8Array({}) }}).then((answer) => answer.json())",
        json!(bytes)
    );
    put("try", &shop.browser.run(&send)?["prediction"]["classes"][0]);
    let cell = shop.ask(&format!("/api/pictures?run={run}&truth={truth}&prediction={said}&count=500"))?;
    let tile =
        cell["items"].as_array().unwrap().iter().find(|one| one["digest"] == *digest).ok_or("not in its cell")?;
    put("grid and matrix", &tile["predicted"]);
    assert_eq!(answers.len(), 6);
    for (place, class, p) in &answers {
        assert!(
            class == said && (p - probability).abs() < 0.01,
            "{place}: {class} {p}, evaluate: {said} {probability}"
        );
    }
    Ok(())
}

fn two_runs_are_compared_promoted_and_rolled_back(shop: &mut Workshop) -> Result<(), Failure> {
    let judged = shop.judged();
    shop.show("models")?;
    // Two runs are beside each other at once: by class, and by the images they differ on.
    shop.sees("both by class", "document.querySelectorAll('.pair tbody tr').length >= 3")?;
    shop.sees(
        "how many images",
        "/Both were evaluated on \\d+ images/.test(document.querySelector('.pair').textContent)",
    )?;
    let before = shop.champion().ok_or("no champion")?;
    let other = judged.iter().find(|id| **id != before).ok_or("one run alone")?.clone();
    let button = format!(
        "[...document.querySelectorAll('table.runs tbody tr')].find((row) => row.textContent.includes({}))?.querySelector('button')",
        json!(other)
    );
    // 1: promoted; 2: rolled back.
    shop.sees("a button", &format!("{button} != null"))?;
    shop.browser.run(&format!("{button}.click()"))?;
    shop.graph
        .wait("the promotion", MINUTE, |g| fs::read_link(g.home.champion()).is_ok_and(|to| to == Path::new(&other)))?;
    shop.sees("the way back", &format!("document.querySelector('.champion')?.textContent.includes({}) && document.getElementById('rollback') !== null", json!(other)))?;
    shop.browser.click("#rollback")?;
    shop.graph
        .wait("the rollback", MINUTE, |g| fs::read_link(g.home.champion()).is_ok_and(|to| to == Path::new(&before)))
}

/// A long press chooses, a touch moves, undo is at hand; no view is wider than the page.
fn by_touch_on_a_phone(shop: &mut Workshop) -> Result<(), Failure> {
    shop.browser = Browser::start_touch(390, 844)?;
    shop.show("images?class=animals&name=misplaced")?;
    let wrong = tile("misplaced.png");
    shop.sees("it", &format!("document.querySelector({}) !== null", json!(wrong)))?;
    shop.browser.touch(&wrong, LONG_PRESS)?;
    shop.sees("the tools", "document.querySelector('.selection:not([hidden])') !== null")?;
    shop.browser.run(
        "[...document.querySelectorAll('.selection button')].find((b) => b.textContent.includes('food')).id = 'food'",
    )?;
    shop.browser.touch("#food", Duration::ZERO)?;
    shop.is("it to be moved", "photos/food/misplaced.png", true)?;
    shop.sees("a way back", "document.querySelector('.toast.done button') !== null")?;
    shop.browser.touch(".toast.done button", Duration::ZERO)?;
    shop.is("it to be back", "photos/animals/misplaced.png", true)?;
    for view in ["home", "images", "review", "models", "try"] {
        shop.show(view)?;
        shop.sees(view, "document.querySelector('main:not(.opening)')?.childNodes.length > 0")?;
        let wide = shop.browser.run("return [document.documentElement.scrollWidth, innerWidth]")?;
        assert!(wide[0].as_i64() <= wide[1].as_i64(), "{view} is {wide} px wide");
    }
    assert_eq!(shop.browser.complaints()?, Vec::<String>::new());
    Ok(())
}

fn when_it_is_stopped_it_says_so(mut shop: Workshop) -> Result<(), Failure> {
    shop.show("home")?;
    shop.sees("lamps", "document.querySelectorAll('tr.alive').length >= 11")?;
    shop.graph.end()?;
    shop.sees("how to start it", "document.getElementById('bar').textContent.includes('cargo wakuteka start')")?;
    shop.sees("no lamp that is green", "document.querySelectorAll('.alive .lamp, .lamp.on').length === 0")?;
    Ok(())
}
