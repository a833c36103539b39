//! What a person comes to the page for: each job in five actions at most, in a real browser over the real graph, by mouse, by
//! keyboard and, at 390 px, by touch. One workspace and one browser of each kind for all of them.

use plugin_api::runs::RunFolder;
use plugin_embed::Cache;
use serde_json::{Value, json};
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;
use tests::browser::{self, Browser, selected};
use tests::graph::{Failure, Graph};
use tests::images;

/// Small and quick: what is tested is the way, not the accuracy. One change is not enough for a run.
const QUICK: &[(&str, &str, &str)] = &[
    ("env", "WAKUTEKA_IMAGE_SIZE", "32"),
    ("train", "--epochs", "2"),
    ("train", "--cross-validate", "off"),
    ("train", "--debounce-seconds", "2"),
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

/// What a person has at hand. Each job is done with each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hand {
    Mouse,
    Keyboard,
    Touch,
}

impl Hand {
    const ALL: [Self; 3] = [Self::Mouse, Self::Keyboard, Self::Touch];
}

/// The graph, and the page in a browser.
struct PageSession {
    graph: Graph,
    page: String,
    browser: Browser,
    hand: Hand,
    /// What the person has done in this job so far.
    actions: Cell<u32>,
    left: BTreeMap<String, Vec<PathBuf>>,
    /// Images of the inbox, one for each hand.
    unlabelled: Vec<String>,
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

impl PageSession {
    /// Labelled images and, for each hand, one in the wrong class, one in two, and a class of candidates; one that is broken; the
    /// first run is over.
    fn open() -> Result<Self, Failure> {
        let root = tempfile::tempdir()?;
        let mut left: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
        let all = images::demo().into_iter().filter(|(class, _)| CLASSES.contains(&class.as_str()));
        let all: Vec<(String, PathBuf)> = all.collect();
        // Some images of the fixtures are in several classes themselves, under other numbers: the conflicts are ours.
        let mut classes_of: BTreeMap<String, BTreeSet<&String>> = BTreeMap::new();
        for (class, file) in &all {
            classes_of.entry(title(file)).or_default().insert(class);
        }
        for (class, file) in &all {
            if classes_of[&title(file)].len() == 1 {
                left.entry(class.clone()).or_default().push(file.clone());
            }
        }
        let workspace = plugin_api::Workspace::create(&root.path().join("home"))?;
        for (class, files) in &mut left {
            for file in files.drain(..EACH) {
                images::drop_into(&workspace.photos(), class, &file)?;
            }
        }
        let mut rows = "path,class,distance,rank,candidate,claimed_by\n".to_owned();
        for (hand, candidate) in CLASSES.iter().enumerate() {
            let wrong = left.get_mut("animals").unwrap().remove(0);
            fs::copy(&wrong, workspace.photos().join(format!("food/misplaced-{hand}.png")))?;
            for class in ["animals", "buildings"] {
                let image = images::coloured([200, 10 + 80 * hand as u8, 90], 3 + hand as u32);
                fs::write(workspace.photos().join(class).join(format!("twice-{hand}.png")), image)?;
            }
            fs::create_dir_all(workspace.candidates().join(candidate))?;
            for (rank, file) in left.get_mut(*candidate).unwrap().drain(..4).enumerate() {
                let link = format!("{rank:02}_{}", name(&file));
                fs::copy(&file, workspace.candidates().join(candidate).join(&link))?;
                let _ = writeln!(rows, "pool/{},{candidate},0.1,{rank},candidates/{candidate}/{link},", name(&file));
            }
        }
        fs::write(workspace.photos().join("food/broken.jpg"), b"\xff\xd8\xff\xe0 and nothing more")?;
        fs::write(workspace.candidates().join("candidates.csv"), rows)?;
        let mut graph = Graph::start(root.path(), QUICK)?;
        let evaluated = |g: &Graph| RunFolder::all(&g.workspace.runs()).iter().any(|run| run.verdict().is_some());
        graph.wait("the first verdict", MINUTES_3, evaluated)?;
        let mut unlabelled = Vec::new();
        for file in left.get_mut("buildings").unwrap().drain(..Hand::ALL.len()) {
            let path = format!("inbox/{}", name(&file));
            fs::copy(&file, graph.workspace.root().join(&path))?;
            unlabelled.push(path);
        }
        let page = graph.status("dashboard").state.split(',').next().unwrap_or_default().to_owned();
        let browser = Browser::start(1280, 900)?;
        let (hand, actions) = (Hand::Mouse, Cell::new(0));
        Ok(Self { graph, page, browser, hand, actions, left, unlabelled, _root: root })
    }

    /// Which of the things that there is one of for each hand.
    fn turn(&self) -> usize {
        self.hand as usize
    }

    fn show(&self, view: &str) -> Result<(), Failure> {
        self.browser.open("about:blank")?;
        self.browser.open(&format!("{}?lang=en#{view}", self.page))
    }

    fn sees(&self, what: &str, script: &str) -> Result<Value, Failure> {
        Ok(self.browser.wait(what, MINUTE, &format!("return {script}"))?.0)
    }

    fn sees_one(&self, selector: &str) -> Result<(), Failure> {
        self.sees(selector, &format!("document.querySelector({}) !== null", json!(selector))).map(drop)
    }

    fn acts(&self) {
        self.actions.set(self.actions.get() + 1);
    }

    /// Presses the first element of a selector: by keyboard it has to be one that Tab comes to.
    fn press(&self, selector: &str) -> Result<(), Failure> {
        self.press_on(&selected(selector))
    }

    /// The same of the element that an expression of JavaScript gives.
    fn press_on(&self, expression: &str) -> Result<(), Failure> {
        match self.hand {
            Hand::Mouse => {
                self.acts();
                self.browser.click_on(expression)
            }
            Hand::Touch => {
                self.acts();
                self.browser.touch_on(expression, Duration::ZERO)
            }
            Hand::Keyboard => {
                self.focus_on(expression)?;
                let is_box = self.browser.run("return document.activeElement.type === 'checkbox'")? == true;
                self.browser.press(if is_box { " " } else { ENTER })
            }
        }
    }

    /// Goes to the first element of a selector by Tab.
    fn focus(&self, selector: &str) -> Result<(), Failure> {
        self.focus_on(&selected(selector))
    }

    fn focus_on(&self, expression: &str) -> Result<(), Failure> {
        self.acts();
        let script = format!(
            "const one = {expression}; one?.focus(); return one && document.activeElement === one && one.tabIndex >= 0"
        );
        self.browser.wait(&format!("{expression} to have the focus"), MINUTE, &script).map(drop)
    }

    fn types(&self, keys: &str) -> Result<(), Failure> {
        self.acts();
        self.browser.press(keys)
    }

    /// Presses the button with these words among those of `within`; by keyboard, these keys instead where there are some.
    fn chooses(&self, within: &str, words: &str, keys: Option<&str>) -> Result<(), Failure> {
        if let (Hand::Keyboard, Some(keys)) = (self.hand, keys) {
            return self.types(keys);
        }
        let button = format!(
            "[...document.querySelectorAll({})].find((each) => each.textContent.includes({}) && !each.disabled)",
            json!(format!("{within} button")),
            json!(words)
        );
        self.sees(&format!("{words} in {within}"), &format!("{button} !== undefined"))?;
        self.press_on(&button)
    }

    /// Chooses a tile: by its corner, by a long press; by keyboard the grid has the focus and stands on it.
    fn marks(&self, tile: &str) -> Result<(), Failure> {
        self.sees_one(tile)?;
        match self.hand {
            Hand::Keyboard => return self.focus(".grid"),
            Hand::Mouse => self.browser.click(&format!("{tile} .corner"))?,
            Hand::Touch => self.browser.touch(tile, LONG_PRESS)?,
        }
        self.acts();
        self.sees_one(".selection:not([hidden])")
    }

    fn undoes(&self) -> Result<(), Failure> {
        self.sees_one(".toast.done button")?;
        if self.hand == Hand::Keyboard { self.types("u") } else { self.press(".toast.done button") }
    }

    /// Whether an element can be read without scrolling sideways.
    fn can_read(&self, selector: &str) -> Result<(), Failure> {
        let script = format!(
            "(() => {{ const r = document.querySelector({}).getBoundingClientRect(); return r.width > 0 && r.left >= 0 && r.right <= innerWidth + 1; }})()",
            json!(selector)
        );
        self.sees(&format!("{selector} within the page"), &script).map(drop)
    }

    fn is(&mut self, what: &str, path: &str, is_there: bool) -> Result<(), Failure> {
        let file = self.graph.workspace.root().join(path);
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

    fn evaluated(&self) -> Vec<String> {
        let runs = RunFolder::all(&self.graph.workspace.runs());
        runs.iter().filter(|run| run.verdict().is_some()).map(RunFolder::id).collect()
    }

    fn champion(&self) -> Option<String> {
        Some(fs::read_link(self.graph.workspace.champion()).ok()?.to_string_lossy().into_owned())
    }
}

/// A tile by the name of its file.
fn tile(file: &str) -> String {
    format!(".tile[data-path$={}]", json!(format!("/{file}")))
}

/// A job, by its name.
type Job = (&'static str, fn(&mut PageSession) -> Result<(), Failure>);

const JOBS: [Job; 14] = [
    ("why it is not training and when it will", why_it_is_not_training_and_when_it_will),
    ("whether there are enough images", whether_there_are_enough_images),
    ("what was refused and why", what_was_refused_and_why),
    ("a label is corrected", a_label_is_corrected_where_it_is_seen),
    ("an image is deleted", an_image_is_deleted_and_comes_back),
    ("an image is found by name", an_image_is_found_by_name),
    ("a conflict is resolved", a_conflict_is_resolved),
    ("candidates", candidates_are_accepted_and_refused),
    ("what no class holds", what_no_class_holds_is_labelled),
    ("a class is made", a_class_is_made),
    ("a class is renamed", a_class_is_renamed),
    ("an image of one's own", an_image_of_ones_own_is_classified),
    ("two runs are compared", two_runs_are_compared),
    ("promoted and rolled back", a_run_is_promoted_and_rolled_back),
];

#[test]
fn every_job_takes_five_actions_at_most() -> Result<(), Failure> {
    if !browser::is_there() {
        assert!(std::env::var_os("CI").is_none(), "CI is set: chromium and chromedriver have to be there");
        tests::skipped("there is no chromium with chromedriver: apt-get install chromium chromium-driver");
        return Ok(());
    }
    let mut session = PageSession::open()?;
    a_run_is_asked_for(&mut session)?;
    for hand in Hand::ALL {
        if hand == Hand::Touch {
            assert_eq!(session.browser.complaints()?, Vec::<String>::new());
            session.browser = Browser::start_touch(390, 844)?;
        }
        session.hand = hand;
        for (job, done) in JOBS {
            session.actions.set(0);
            done(&mut session).map_err(|error| format!("{job}, by {hand:?}: {error}"))?;
            assert!(session.actions.get() <= 5, "{job} takes {} actions by {hand:?}", session.actions.get());
        }
        if hand == Hand::Mouse {
            a_class_takes_files_and_is_deleted(&mut session)?;
            one_image_has_one_answer(&mut session)?;
            images_are_found_by_date(&session)?;
        }
        if hand != Hand::Keyboard {
            a_lasso_chooses_images_that_look_alike(&session)?;
        }
    }
    no_view_is_wider_than_a_phone(&session)?;
    assert_eq!(session.browser.complaints()?, Vec::<String>::new());
    when_it_is_stopped_it_says_so(session)
}

/// One change of 500, and a run without waiting for the others.
fn a_run_is_asked_for(session: &mut PageSession) -> Result<(), Failure> {
    session.show("home")?;
    let next = session.sees("what comes next", "document.querySelector('#bar .next span')?.textContent")?;
    assert!(next.as_str().unwrap().starts_with("Up to date"), "{next}");
    let who = session.browser.text("#bar .who")?;
    assert!(who.contains("own network") && who.contains("test images"), "{who}");
    let file = session.left.get_mut("food").unwrap().remove(0);
    images::drop_into(&session.graph.workspace.photos(), "food", &file)?;
    session.sees(
        "one change of 500",
        "/1 of 500 changes, .+ at the latest/.test(document.getElementById('bar').textContent)",
    )?;
    session.press("#bar [data-act=train]")?;
    session.graph.wait("a second verdict", MINUTES_3, |g| {
        RunFolder::all(&g.workspace.runs()).iter().filter(|run| run.verdict().is_some()).count() == 2
    })
}

fn why_it_is_not_training_and_when_it_will(session: &mut PageSession) -> Result<(), Failure> {
    session.show("home")?;
    session.sees(
        "why not",
        "/Up to date|\\d+ of 500 changes, .+ at the latest/.test(document.querySelector('#bar .next')?.textContent)",
    )?;
    session.can_read("#bar .next")?;
    session.press("#bar [data-act=pause]")?;
    session.sees("the pause", "/paused/i.test(document.querySelector('#bar .next').textContent)")?;
    session.press("#bar [data-act=pause]")?;
    session.sees("the end of it", "!/paused/i.test(document.querySelector('#bar .next').textContent)").map(drop)
}

fn whether_there_are_enough_images(session: &mut PageSession) -> Result<(), Failure> {
    session.show("home")?;
    let row = "document.querySelector('tr[data-class=food]')?.innerText.replace(/\\s+/g, ' ')";
    let told = session.sees("the class", &format!("{row}?.includes('%') ? {row} : null"))?;
    let told = told.as_str().unwrap();
    // Recall with its interval and its images, and what would help.
    assert!(told.contains(" to ") && told.contains("images"), "{told}");
    let advice = session.browser.text("tr[data-class=food] td:nth-child(5)")?;
    assert!(["Add images", "More images", "Enough"].iter().any(|words| advice.starts_with(words)), "{advice}");
    // The class in the reports.
    session.sees_one("tr[data-class=food] a[href$='/index.html#class-food']")?;
    session.can_read("tr[data-class=food] td:nth-child(5)")
}

fn what_was_refused_and_why(session: &mut PageSession) -> Result<(), Failure> {
    session.sees_one("[data-need=notices]")?;
    session.press("[data-need=notices]")?;
    session.sees(
        "the file and why",
        "/food\\/broken\\.jpg.*(cut off|damaged|not an image)/s.test(document.querySelector('.refused')?.textContent)",
    )?;
    session.can_read(".refused")
}

fn a_label_is_corrected_where_it_is_seen(session: &mut PageSession) -> Result<(), Failure> {
    let file = format!("misplaced-{}.png", session.turn());
    let (wrong, right) = (format!("photos/food/{file}"), format!("photos/animals/{file}"));
    session.show(&format!("images?class=food&name={file}"))?;
    session.marks(&tile(&file))?;
    session.chooses(".selection", "animals", Some("1"))?;
    session.is("it to be moved", &right, true)?;
    session.sees("what was done", "/animals/.test(document.querySelector('.toast.done')?.textContent)")?;
    session.undoes()?;
    session.is("it to be back", &wrong, true)?;
    // The same beside the image.
    session.actions.set(0);
    session.sees_one(&format!("{}:not(.gone)", tile(&file)))?;
    match session.hand {
        Hand::Keyboard => {
            session.focus(".grid")?;
            session.types(ENTER)?;
        }
        _ => session.press(&tile(&file))?,
    }
    session.sees_one("dialog.details .scores")?;
    session.chooses("dialog.details .doing", "animals", Some("1"))?;
    session.is("it to be moved", &right, true)
}

fn an_image_is_deleted_and_comes_back(session: &mut PageSession) -> Result<(), Failure> {
    session.show("images?class=buildings&sort=name")?;
    let first = session.sees("an image", "document.querySelector('.tile.at')?.dataset.path")?;
    let path = first.as_str().unwrap().to_owned();
    session.marks(".tile.at")?;
    session.chooses(".selection", "Trash", Some("x"))?;
    session.is("it to be in trash/", &format!("trash/{path}"), true)?;
    session.undoes()?;
    session.is("it to be back", &path, true)?;
    session.sees(
        "it to be shown",
        &format!("document.querySelector('.tile.at:not(.gone)')?.dataset.path === {}", json!(path)),
    )?;
    let active =
        session.sees("who is active", "document.querySelector('.grid').getAttribute('aria-activedescendant')")?;
    session.sees("the same", &format!("document.getElementById({active}).classList.contains('at')")).map(drop)
}

fn an_image_is_found_by_name(session: &mut PageSession) -> Result<(), Failure> {
    let file = format!("misplaced-{}.png", session.turn());
    session.show("images")?;
    session.sees("images", "document.querySelectorAll('.tile img').length > 3")?;
    if session.hand == Hand::Keyboard {
        session.types("/")?;
    } else {
        session.press(".filters input[type=search]")?;
    }
    session.types(&file.to_uppercase())?;
    session.sees("one image", &format!("document.querySelectorAll('.tile').length === 1 && document.querySelector('.tile').dataset.path.endsWith({})", json!(file))).map(drop)
}

fn a_conflict_is_resolved(session: &mut PageSession) -> Result<(), Failure> {
    session.show("review?queue=conflicts")?;
    session.sees(
        "the conflict",
        "document.querySelector('.answers')?.textContent.includes('The same image in animals, buildings')",
    )?;
    let shown = "document.querySelector('.ask figcaption span')?.textContent";
    let file = session.sees("its name", shown)?;
    let file = file.as_str().unwrap().to_owned();
    if session.hand == Hand::Keyboard {
        // Arrows only navigate.
        session.types("\u{E014}\u{E012}")?;
        session.sees("the same conflict", &format!("{shown} === {}", json!(file)))?;
        session.is("the copy to stay", &format!("photos/buildings/{file}"), true)?;
    }
    session.chooses(".answers .classes", "animals", Some("1"))?;
    session.is("the copy to go", &format!("photos/buildings/{file}"), false)?;
    session.is("the image to stay", &format!("photos/animals/{file}"), true)?;
    session.is("the copy to be kept", &format!("trash/photos/buildings/{file}"), true)
}

fn candidates_are_accepted_and_refused(session: &mut PageSession) -> Result<(), Failure> {
    session.show("review?queue=candidates&as=sheet")?;
    session.sees("four candidates", "document.querySelectorAll('.card-tile').length === 4")?;
    let wrong = session.sees("the first", "document.querySelector('.card-tile').title")?;
    let wrong = wrong.as_str().unwrap().to_owned();
    // The wrong one is marked, the rest accepted, the wrong one refused.
    session.press(".card-tile")?;
    session.sees_one(".card-tile.wrong")?;
    session.press("#sheet-accept")?;
    session.sees("one left", "document.querySelectorAll('.card-tile').length === 1")?;
    session.press("#sheet-refuse")?;
    session.is("the wrong one to go", &format!("trash/{wrong}"), true)?;
    // Accepted files have their own names back.
    let class = wrong.split('/').nth(1).unwrap_or_default();
    let accepted = fs::read_dir(session.graph.workspace.photos().join(class))?.flatten();
    let names: Vec<String> = accepted.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    assert!(names.iter().all(|name| !name.starts_with("01_") && !name.starts_with("02_")), "{names:?}");
    Ok(())
}

fn what_no_class_holds_is_labelled(session: &mut PageSession) -> Result<(), Failure> {
    let inbox = session.unlabelled[session.turn()].clone();
    session.show("home")?;
    let row = format!(".recent li[data-path={}]", json!(inbox));
    session.sees_one(&row)?;
    session.press(&format!("{row} [data-act=correct]"))?;
    if session.hand == Hand::Keyboard {
        session.types("build")?;
        session.types(ENTER)?;
    } else {
        session.chooses("dialog.pick .picks", "buildings", None)?;
    }
    session.is("it to be labelled", &inbox.replace("inbox/", "photos/buildings/"), true)?;
    session.sees("it to be gone", &format!("document.querySelector({}) === null", json!(row))).map(drop)
}

/// Types a name into the question that is open, and agrees.
fn answers(session: &PageSession, text: &str) -> Result<(), Failure> {
    session.sees_one("dialog.asks[open] input")?;
    session.types(text)?;
    if session.hand == Hand::Keyboard { session.types(ENTER) } else { session.press("dialog.asks button.main") }
}

fn a_class_is_made(session: &mut PageSession) -> Result<(), Failure> {
    let class = format!("toys-{}", session.turn());
    session.show("home")?;
    session.press("#new-class")?;
    answers(session, &class)?;
    session.is("the class", &format!("photos/{class}"), true)?;
    session.sees_one(&format!("tr[data-class={class}]"))
}

fn a_class_is_renamed(session: &mut PageSession) -> Result<(), Failure> {
    let (from, to) = (format!("toys-{}", session.turn()), format!("玩具-{}", session.turn()));
    session.press(&format!("tr[data-class={from}] [data-act=rename]"))?;
    answers(session, &to)?;
    session.is("the new name", &format!("photos/{to}"), true)?;
    session.is("the old name to be gone", &format!("photos/{from}"), false)?;
    session.sees_one(&format!("tr[data-class={to}]"))
}

/// Files that are dropped onto a class's row are of the class; what is deleted comes back.
fn a_class_takes_files_and_is_deleted(session: &mut PageSession) -> Result<(), Failure> {
    session.show("home")?;
    session.sees_one("tr[data-class=玩具-0]")?;
    let image = images::coloured([20, 200, 90], 77);
    session.browser.drop_files("tr[data-class=玩具-0]", &[("おもちゃ.png", &image), (".hidden", b"x")])?;
    let file = "photos/玩具-0/おもちゃ.png";
    session.is("the image", file, true)?;
    session.press("tr[data-class=玩具-0] [data-act=delete]")?;
    session.is("the class to be gone", "photos/玩具-0", false)?;
    session.undoes()?;
    session.is("it to be back", file, true)
}

fn an_image_of_ones_own_is_classified(session: &mut PageSession) -> Result<(), Failure> {
    session.show("try")?;
    let file = session.left["animals"].last().unwrap();
    session.sees_one(".drop")?;
    if session.hand == Hand::Mouse {
        session.browser.drop_files(".drop", &[(&name(file), &fs::read(file)?)])?;
    } else {
        // The zone is a button, which opens the system's own window for files; what was picked there comes by the input.
        session.focus(".drop")?;
        session.browser.pick_file("input[type=file]", file)?;
    }
    session.acts();
    let told = session.sees("its answer", "document.querySelector('.result .scores')?.textContent")?;
    assert!(CLASSES.iter().all(|class| told.as_str().unwrap().contains(class)), "{told}");
    Ok(())
}

/// Inbox, recent, grid, details, Try and the cell of the confusion matrix say the same of one image.
fn one_image_has_one_answer(session: &mut PageSession) -> Result<(), Failure> {
    let run = session.champion().ok_or("no champion")?;
    let table = fs::read_to_string(session.graph.workspace.runs().join(&run).join("report/predictions.csv"))?;
    let mut rows = table.lines().skip(1).map(|line| line.split(',').collect::<Vec<_>>());
    let is_there = |row: &Vec<&str>| session.graph.workspace.root().join(row[0]).is_file();
    let row = rows.find(is_there).ok_or("no held-out image")?;
    let (path, digest, truth, said) = (row[0], row[1], row[2], row[3]);
    let probability: f64 = row[4].parse()?;
    let bytes = fs::read(session.graph.workspace.root().join(path))?;
    fs::write(session.graph.workspace.inbox().join("one answer.png"), &bytes)?;
    let answered = |g: &Graph| {
        fs::read_to_string(g.workspace.inbox().join("predictions.csv"))
            .is_ok_and(|text| text.lines().any(|line| line.starts_with("inbox/one answer.png") && line.contains(&run)))
    };
    session.graph.wait("the answer of the inbox", MINUTE, answered)?;
    let mut answers: Vec<(&str, String, f64)> = Vec::new();
    let mut put = |place, answer: &Value| {
        let class = answer["class"].as_str().unwrap_or_default().to_owned();
        answers.push((place, class, answer["probability"].as_f64().unwrap_or(f64::NAN)));
    };
    let recent = session.ask("/api/recent")?;
    let recent =
        recent.as_array().unwrap().iter().find(|one| one["path"] == "inbox/one answer.png").ok_or("not recent")?;
    put("recent", &recent["classes"][0]);
    put("inbox", &session.ask("/api/pictures?place=inbox&name=one%20answer")?["items"][0]["predicted"]);
    put("details", &session.ask(&format!("/api/picture/{digest}"))?["prediction"]["classes"][0]);
    put("details by path", &session.ask("/api/picture?path=inbox/one%20answer.png")?["prediction"]["classes"][0]);
    let send = format!(
        "return fetch('/api/try', {{ method: 'POST', headers: {{ 'x-wakuteka': '1', 'content-type': 'application/octet-stream' }}, body: new Uint8Array({}) }}).then((answer) => answer.json())",
        json!(bytes)
    );
    put("try", &session.browser.run(&send)?["prediction"]["classes"][0]);
    let cell = session.ask(&format!("/api/pictures?run={run}&truth={truth}&prediction={said}&count=500"))?;
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

/// The grid shows files of a span of days, by when they came.
fn images_are_found_by_date(session: &PageSession) -> Result<(), Failure> {
    session.show("images?since=2000-01-01&until=2000-01-31")?;
    session
        .sees("none of so long ago", "document.querySelector('.filters [role=status]').textContent === '0 files'")?;
    session.show("images?since=2000-01-01")?;
    session.sees("all that came since", "document.querySelectorAll('.tile img').length > 10")?;
    let since = session.sees("the day", "document.querySelector('[data-date=since]').value")?;
    assert_eq!(since, "2000-01-01");
    Ok(())
}

/// Embeddings of three places, one a class: a loop around one of them on the map chooses its images in the grid.
fn a_lasso_chooses_images_that_look_alike(session: &PageSession) -> Result<(), Failure> {
    let mut cache = Cache::open(&session.graph.workspace, "of-classes", CLASSES.len())?;
    let all = session.ask("/api/pictures?count=500")?;
    for one in all["items"].as_array().ok_or("no images")? {
        let (class, digest) = (one["class"].as_str().unwrap_or_default(), one["digest"].as_str().unwrap_or_default());
        if let Some(at) = CLASSES.iter().position(|known| *known == class) {
            let place: Vec<f32> = (0..CLASSES.len()).map(|axis| f32::from(u8::from(axis == at))).collect();
            cache.put(digest, &place)?;
        }
    }
    cache.sync()?;
    session.show("images")?;
    session.sees_one("#map summary")?;
    let map = session.ask("/api/map")?;
    let food =
        map["classes"].as_array().ok_or("no classes")?.iter().position(|class| class == "food").ok_or("no food")?;
    let all = 0..map["path"].as_array().ok_or("no points")?.len();
    let at = all.clone().find(|&at| map["class"][at] == food).ok_or("no point of food")?;
    // An image that is in several classes has one embedding: with those of food lie some that are named otherwise.
    let place = |at: usize| ["x", "y"].map(|axis| map[axis][at].as_f64().unwrap_or_default());
    let is_near = |other: usize| (0..2).all(|axis| (place(other)[axis] - place(at)[axis]).abs() < 0.01);
    let expected = all.filter(|&other| is_near(other)).count();
    session.browser.run("document.querySelector('#map').open = true")?;
    session.sees_one("canvas.map")?;
    let side =
        session.sees("its size", "document.querySelector('canvas.map').clientWidth")?.as_f64().ok_or("no size")?;
    // As map.js places a point.
    let margin = 14.0 / side;
    let [x, y] = [place(at)[0], 1.0 - place(at)[1]].map(|v| margin + v * (1.0 - 2.0 * margin));
    let corner = |angle: f64| (x + 0.08 * angle.cos(), y + 0.08 * angle.sin());
    // Begun on the side of the middle, as the point may lie at the edge.
    let inward = (0.5 - y).atan2(0.5 - x);
    let around: Vec<(f64, f64)> =
        (0..=12).map(|n| corner(inward + f64::from(n) * std::f64::consts::TAU / 12.0)).collect();
    session.browser.draw("canvas.map", if session.hand == Hand::Touch { "touch" } else { "mouse" }, &around)?;
    let chosen =
        session.sees("what was chosen", "document.querySelector('.selection:not([hidden]) b')?.textContent")?;
    assert_eq!(chosen, format!("{expected} chosen"));
    Ok(())
}

fn two_runs_are_compared(session: &mut PageSession) -> Result<(), Failure> {
    session.show("models")?;
    // Two runs are beside each other at once: by class, and by the images they differ on.
    let is_shown = "document.querySelectorAll('.pair tbody tr').length >= 3 && /Both were evaluated on \\d+ images/.test(document.querySelector('.pair').textContent)";
    session.sees("both by class", is_shown)?;
    let second = "table.runs tbody tr:nth-child(2) input";
    session.press(second)?;
    session.sees("that there is one alone", "document.querySelectorAll('.pair tbody tr').length === 0")?;
    session.press(second)?;
    session.sees("both again", is_shown).map(drop)
}

fn a_run_is_promoted_and_rolled_back(session: &mut PageSession) -> Result<(), Failure> {
    let before = session.champion().ok_or("no champion")?;
    let other = session.evaluated().into_iter().find(|id| *id != before).ok_or("one run alone")?;
    let button = format!(
        "[...document.querySelectorAll('table.runs tbody tr')].find((row) => row.querySelector('td.name').textContent.includes({}))?.querySelector('button')",
        json!(other)
    );
    session.sees("its button", &format!("{button} instanceof Element"))?;
    session.press_on(&button)?;
    session.graph.wait("the promotion", MINUTE, |g| {
        fs::read_link(g.workspace.champion()).is_ok_and(|to| to == Path::new(&other))
    })?;
    session.sees("the way back", &format!("document.querySelector('.champion')?.textContent.includes({}) && document.getElementById('rollback') !== null", json!(other)))?;
    session.press("#rollback")?;
    session.graph.wait("the rollback", MINUTE, |g| {
        fs::read_link(g.workspace.champion()).is_ok_and(|to| to == Path::new(&before))
    })
}

fn no_view_is_wider_than_a_phone(session: &PageSession) -> Result<(), Failure> {
    for view in ["home", "images", "review", "models", "try"] {
        session.show(view)?;
        session.sees(view, "document.querySelector('main:not(.opening)')?.childNodes.length > 0")?;
        let wide = session.browser.run("return [document.documentElement.scrollWidth, innerWidth]")?;
        assert!(wide[0].as_i64() <= wide[1].as_i64(), "{view} is {wide} px wide");
    }
    Ok(())
}

fn when_it_is_stopped_it_says_so(mut session: PageSession) -> Result<(), Failure> {
    session.show("home")?;
    session.sees("lamps", "document.querySelectorAll('tr.alive').length >= 11")?;
    session.graph.end()?;
    session.sees("how to start it", "document.getElementById('bar').textContent.includes('cargo wakuteka start')")?;
    session.sees("no lamp that is green", "document.querySelectorAll('.alive .lamp, .lamp.on').length === 0")?;
    Ok(())
}
