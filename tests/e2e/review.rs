//! The review of look-alikes in a real browser, over a catalog without a graph: what is asked, answered by keyboard, undone, and
//! not asked again after a restart.

use clap::Parser;
use node_dashboard::Config;
use node_dashboard::web::Web;
use plugin_api::Workspace;
use plugin_api::decisions::{self, Decision};
use plugin_catalog::{Image, fixture};
use std::fs;
use std::time::{Duration, Instant};
use tests::browser::{self, Browser};
use tests::graph::Failure;
use tests::images;

const MINUTE: Duration = Duration::from_mins(1);

/// A gate open and closed, one of the open ones misfiled; a good and a bad part that look alike; one image in two classes.
fn fill(workspace: &Workspace) -> Result<(), Failure> {
    let add = |path: &str, number: u32, group: &str| -> Result<(), Failure> {
        let content = images::coloured([40, 90, 160], number);
        let digest = blake3::hash(&content).to_hex().to_string();
        let file = workspace.root().join(path);
        fs::create_dir_all(file.parent().unwrap())?;
        fs::write(file, &content)?;
        let image = Image { group: group.to_owned(), ..fixture::image(&digest) };
        fixture::add(workspace, &[(fixture::file(path, &digest), image)])?;
        Ok(())
    };
    for n in 0..8 {
        let class = if n == 3 { "closed" } else { "open" };
        add(&format!("photos/{class}/{n}.png"), n, "gate")?;
    }
    add("photos/good/1.png", 20, "part")?;
    add("photos/bad/1.png", 21, "part")?;
    add("photos/apple/same.png", 30, "same")?;
    add("photos/pear/same.png", 30, "same")?;
    Ok(())
}

fn page(workspace: &Workspace) -> Result<(Web, String), Failure> {
    let web = Web::start(Config::try_parse_from(["dashboard", "--listen", "127.0.0.1:0"])?, workspace.clone())?;
    loop {
        let state = web.state();
        if state.starts_with("http://") {
            return Ok((web, state.split(", ").next().unwrap_or_default().to_owned()));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn left(n: usize) -> String {
    format!(
        "return [...document.querySelectorAll('.tabs a')].some((tab) => tab.textContent === 'in several classes {n}')"
    )
}

fn asks(words: &str) -> String {
    format!("return document.querySelector('.answers')?.textContent.includes({})", serde_json::json!(words))
}

#[test]
fn look_alikes_are_decided_and_not_asked_again() -> Result<(), Failure> {
    if !browser::is_there() {
        assert!(std::env::var_os("CI").is_none(), "CI is set: chromium and chromedriver have to be there");
        tests::skipped("there is no chromium with chromedriver: apt-get install chromium chromium-driver");
        return Ok(());
    }
    let root = tempfile::tempdir()?;
    let workspace = Workspace::create(root.path())?;
    fill(&workspace)?;
    let (_web, address) = page(&workspace)?;
    let browser = Browser::start(1280, 900)?;
    browser.open(&format!("{address}?lang=en#review?queue=conflicts"))?;

    // What cannot be trained on comes first, and "right as it is" is no answer to it.
    browser.wait("three questions", MINUTE, &left(3))?;
    browser.wait("equal pixels", MINUTE, &asks("The same image in apple, pear."))?;
    browser.press("k")?;
    browser.wait("them still", MINUTE, &left(3))?;
    browser.press("1")?;
    browser.wait("a choice", MINUTE, &left(2))?;
    browser.wait("the extra copy to go", MINUTE, &asks("In closed, but looks like an image in open"))?;
    assert_eq!(
        (
            workspace.photos().join("pear/same.png").exists(),
            workspace.root().join("trash/photos/pear/same.png").exists()
        ),
        (false, true)
    );

    browser.press("k")?;
    browser.wait("the next", MINUTE, &asks("2 images look alike and are in several classes: bad: 1, good: 1."))?;
    browser.press("d")?;
    browser.wait("no question", MINUTE, "return document.querySelector('.nothing') !== null")?;
    let made = || -> Vec<(Decision, usize)> {
        let made = decisions::read(&workspace).unwrap().made;
        made.iter().map(|one| (one.decision, one.digests.len())).collect()
    };
    // The page goes on before the answer is written.
    let wait_for = |count: usize| {
        let start = Instant::now();
        while made().len() < count && start.elapsed() < MINUTE {
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    wait_for(2);
    assert_eq!(made(), [(Decision::Keep, 1), (Decision::Different, 2)]);
    browser.press("u")?;
    browser.wait("the last to be back", MINUTE, &asks("bad: 1, good: 1"))?;
    wait_for(3);
    assert_eq!(made()[2..], [(Decision::Withdrawn, 2)]);
    browser.press("k")?;
    browser.wait("no question", MINUTE, "return document.querySelector('.nothing') !== null")?;
    wait_for(4);
    assert_eq!(browser.complaints()?, Vec::<String>::new());

    // Another process knows what was decided.
    let (_web, address) = page(&workspace)?;
    browser.open("about:blank")?;
    browser.open(&format!("{address}?lang=ja#review?queue=conflicts"))?;
    let none = "return [...document.querySelectorAll('.tabs a')].some((tab) => tab.textContent === 'クラスの重複 0')";
    browser.wait("nothing left", MINUTE, none)?;
    browser.wait(
        "it in Japanese",
        MINUTE,
        "return document.querySelector('.nothing')?.textContent.startsWith('クラスの重複はありません')",
    )?;
    Ok(())
}
