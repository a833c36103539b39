//! The page in a real browser over the real graph: watched, decided on by keyboard, rolled back; killed and not missed.

use plugin_api::Workspace;
use plugin_api::runs::RunFolder;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tests::browser::{self, Browser};
use tests::graph::{Failure, Graph};
use tests::{catalog, images};

/// Small and quick: what is tested is the way, not the accuracy.
const QUICK: &[(&str, &str, &str)] = &[
    ("env", "WAKUTEKA_IMAGE_SIZE", "32"),
    ("train", "--epochs", "4"),
    ("train", "--cross-validate", "off"),
    ("train", "--debounce-seconds", "2"),
    ("train", "--device", "flex"),
    ("evaluate", "--device", "flex"),
    ("predict", "--device", "flex"),
    ("inspect", "--label-errors", "off"),
];
/// Every image of the pool is near enough to a seed.
const BY_PHASH: &[(&str, &str, &str)] =
    &[("embed", "--network", "none"), ("gather", "--metric", "phash"), ("gather", "--radius", "64")];
const MINUTE: Duration = Duration::from_mins(1);
const MINUTES_3: Duration = Duration::from_mins(3);
/// What is live is there long before; the figures are printed, as a test that is timed closely fails on a busy machine.
const SOON: Duration = Duration::from_secs(10);
/// As WebDriver names the key.
const ENTER: &str = "\u{E007}";

fn address(graph: &mut Graph) -> Result<String, Failure> {
    let state = |g: &Graph| g.status("dashboard").state;
    graph.wait("the page to be somewhere", MINUTE, |g| {
        g.pid("dashboard").is_some() && state(g).starts_with("http://")
    })?;
    Ok(state(graph).split(',').next().unwrap_or_default().to_owned())
}

/// Number in a column of a node's row: 1 in, 2 through.
fn cell(node: &str, column: usize) -> String {
    format!(
        "Number((document.querySelector('tr[data-node={node}]')?.children[{column}]?.textContent || '').replace(/\\D/g, ''))"
    )
}

fn evaluated(graph: &Graph) -> Vec<String> {
    let runs = RunFolder::all(&graph.workspace.runs());
    runs.iter().filter(|run| run.verdict().is_some()).map(RunFolder::id).collect()
}

/// Lets the real `gather` choose from a pool of animals by three seeds, by a hash, so that no network is needed; returns how many
/// candidates there are.
fn lay_candidates(root: &Path, first: &[(String, PathBuf)], heap: &[(String, PathBuf)]) -> Result<usize, Failure> {
    let digests: BTreeSet<_> =
        heap.iter().map(|(_, file)| fs::read(file).map(|b| blake3::hash(&b).to_hex())).collect::<Result<_, _>>()?;
    let wanted = digests.len();
    let workspace = Workspace::create(&root.join("home"))?;
    for (class, file) in first.iter().filter(|(class, _)| class == "animals").take(3) {
        images::drop_into(&workspace.seeds(), class, file)?;
    }
    for (_, file) in heap {
        fs::copy(file, workspace.pool().join(file.file_name().unwrap()))?;
    }
    let mut graph = Graph::start_of("curate.yml", root, BY_PHASH)?;
    let lie_there = || fs::read_dir(workspace.candidates().join("animals")).map_or(0, Iterator::count);
    graph.wait("gather to lay candidates", MINUTE, |g| {
        lie_there() == wanted && !g.status("gather").state.ends_with("choosing")
    })?;
    graph.end()?;
    Ok(wanted)
}

/// An image of the inbox is found by its class, moved to its class by one key, and back by another.
fn decide_by_class(graph: &mut Graph, browser: &Browser, page: &str) -> Result<(), Failure> {
    let workspace = graph.workspace.clone();
    let (_, file) = images::demo().pop().ok_or("no image")?;
    let name = file.file_name().unwrap().to_string_lossy().into_owned();
    let inbox = workspace.inbox().join(&name);
    fs::copy(&file, &inbox)?;
    let said = || {
        let table = fs::read_to_string(workspace.inbox().join("predictions.csv")).ok()?;
        let row = table.lines().find(|line| line.starts_with("inbox/"))?.to_owned();
        row.split(',').nth(2).map(str::to_owned)
    };
    graph.wait("a prediction", MINUTE, |_| said().is_some())?;
    let class = said().ok_or("no prediction")?;
    browser.open("about:blank")?;
    browser.open(&format!("{page}?lang=en#try?class={class}"))?;
    browser.wait("the image", MINUTE, "return document.querySelector('.tile[data-path^=\"inbox/\"] img') !== null")?;
    // The same model answers for the pool.
    browser.wait(
        "the pool",
        MINUTE,
        "return /pool\\/: \\d+ images predicted by the champion/.test(document.getElementById('view').textContent)",
    )?;
    let labelled = workspace.photos().join(&class).join(&name);
    // Images of the pool may be shown beside it.
    browser.click(".tile[data-path^='inbox/'] .corner")?;
    browser.press("a")?;
    graph.wait("the image to be moved", MINUTE, |_| labelled.exists() && !inbox.exists())?;
    browser.wait(
        "it to be gone",
        MINUTE,
        "return document.querySelector('.tile[data-path^=\"inbox/\"]:not(.gone) img') === null",
    )?;
    browser.press("u")?;
    graph.wait("the image to be back", MINUTE, |_| inbox.exists() && !labelled.exists())
}

#[test]
fn watched_decided_and_rolled_back_in_a_browser() -> Result<(), Failure> {
    if !browser::is_there() {
        assert!(std::env::var_os("CI").is_none(), "CI is set: chromium and chromedriver have to be there");
        tests::skipped("there is no chromium with chromedriver: apt-get install chromium chromium-driver");
        return Ok(());
    }
    let root = tempfile::tempdir()?;
    let all = images::first_of_each(images::demo(), 30);
    let (later, first): (Vec<_>, Vec<_>) = all.into_iter().partition(|(class, file)| {
        class == "animals" && images::demo().iter().filter(|(c, _)| c == class).position(|(_, f)| f == file) > Some(13)
    });
    assert!(later.len() >= 13 && first.len() > 150, "{} and {}", later.len(), first.len());
    let (reserve, heap) = later.split_last().ok_or("no image")?;
    let laid = lay_candidates(root.path(), &first, heap)?;
    assert!(laid >= 11, "{laid} candidates");

    let mut graph = Graph::start(root.path(), QUICK)?;
    let workspace = graph.workspace.clone();
    let page = address(&mut graph)?;
    let browser = Browser::start(1280, 900)?;
    browser.open(&format!("{page}?lang=en"))?;
    browser.wait("the nodes", MINUTE, "return document.querySelectorAll('tr.alive').length >= 11")?;
    let opened = browser.run("return performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd")?;
    eprintln!("the page opens in {opened} ms");
    assert!(opened.as_f64().unwrap_or(f64::MAX) < 10_000.0, "{opened} ms");

    // Images come: counts and curves move.
    for (class, file) in &first {
        images::drop_into(&workspace.photos(), class, file)?;
    }
    // A message that dora lost is sent again, and its images then count twice.
    let hashed = |g: &Graph| g.status("hash").counters.get("pictures_out").copied().unwrap_or_default();
    let all_hashed = |g: &Graph| hashed(g) >= first.len() as u64;
    graph.wait("hash to be through", MINUTES_3, all_hashed)?;
    let shown = format!("return {} >= {}", cell("decode", 2), first.len());
    let (_, took) = browser.wait("the count of hash", MINUTE, &shown)?;
    eprintln!("what hash says of itself is on the page {took:?} later");
    assert!(took < SOON, "{took:?}");
    let epochs = |n: usize| {
        format!(
            "return (document.querySelector('.chart .line.train')?.getAttribute('d') || '').split(/[ML]/).length > {n}"
        )
    };
    browser.wait("a curve", MINUTES_3, &epochs(1))?;
    browser.wait("the curve to grow", MINUTES_3, &epochs(3))?;
    graph.wait("the first verdict", MINUTES_3, |g| !evaluated(g).is_empty())?;
    let one = evaluated(&graph).remove(0);
    let (_, took) = browser.wait(
        "the verdict",
        MINUTE,
        &format!("return document.querySelector('.verdict')?.textContent.includes({one:?})"),
    )?;
    eprintln!("the verdict is on the page {took:?} later");
    assert!(took < SOON, "{took:?}");
    assert!(browser.text(".verdict")?.contains("promoted"), "{}", browser.text(".verdict")?);

    // The candidates that gather has laid out.
    browser.open(&format!("{page}#review?queue=candidates"))?;
    let left = |n: usize| {
        format!("return [...document.querySelectorAll('.tabs a')].some((tab) => tab.textContent === 'candidates {n}')")
    };
    browser.wait("the candidates", MINUTE, &left(laid))?;
    let candidates = || fs::read_dir(workspace.candidates().join("animals")).map_or(0, Iterator::count);
    // One is refused by mistake, and comes back.
    browser.press("x")?;
    browser.wait("one less", MINUTE, &left(laid - 1))?;
    assert_eq!((candidates(), workspace.root().join("trash/candidates/animals").is_dir()), (laid - 1, true));
    browser.press("u")?;
    browser.wait("it to be back", MINUTE, &left(laid))?;
    assert_eq!(candidates(), laid);
    let start = Instant::now();
    for _ in 0..10 {
        browser.press("a")?;
    }
    browser.wait("ten less", MINUTE, &left(laid - 10))?;
    let took = start.elapsed();
    eprintln!("ten candidates accepted in {took:?}");
    assert!(took < Duration::from_secs(20), "30 a minute: {took:?}");
    let accepted = |g: &Graph| catalog::files(&g.workspace).keys().filter(|p| p.starts_with("photos/animals/")).count();
    let before = first.iter().filter(|(class, _)| class == "animals").count();
    graph.wait("the data set to have them", MINUTE, |g| accepted(g) == before + 10)?;
    assert_eq!(candidates(), laid - 10);

    // That leads to a run by itself, and its verdict.
    browser.open(&format!("{page}#home"))?;
    graph.wait("the second verdict", MINUTES_3, |g| evaluated(g).len() > 1)?;
    let two = evaluated(&graph).pop().ok_or("no second run")?;
    browser.wait(
        "the second verdict",
        MINUTE,
        &format!("return document.querySelector('.verdict')?.textContent.includes({two:?})"),
    )?;

    // Whatever the verdict was, a person may promote it, and take that back.
    browser.open(&format!("{page}#models"))?;
    browser.wait("both runs", MINUTE, "return document.querySelectorAll('table.runs tbody tr').length >= 2")?;
    let champion = || fs::read_link(workspace.champion()).unwrap_or_default();
    if champion() != Path::new(&two) {
        browser.run(&format!("[...document.querySelectorAll('table.runs tbody tr')].find((row) => row.textContent.includes({two:?})).querySelector('button').click()"))?;
        graph.wait("the promotion", MINUTE, |_| champion() == Path::new(&two))?;
    }
    browser.wait("the way back", MINUTE, "return document.getElementById('rollback') !== null")?;
    browser.run("document.getElementById('rollback').click()")?;
    graph.wait("the rollback", MINUTE, |_| champion() == Path::new(&one))?;
    browser.wait(
        "it on the page",
        MINUTE,
        &format!("return document.querySelector('.champion')?.textContent.includes({one:?})"),
    )?;

    decide_by_class(&mut graph, &browser, &page)?;

    // Every view, in both languages, without a complaint of the browser.
    for (language, words) in
        [("ja", ["ホーム", "写真", "確認", "モデル", "試す"]), ("en", ["Home", "Images", "Review", "Models", "Try"])]
    {
        for (view, word) in ["home", "images", "review", "models", "try"].into_iter().zip(words) {
            browser.open("about:blank")?;
            browser.open(&format!("{page}?lang={language}#{view}"))?;
            let current = format!("return document.querySelector('nav a[aria-current]')?.textContent === {word:?}");
            browser.wait(view, MINUTE, &current)?;
        }
        if language == "ja" {
            nodes_speak_japanese(&mut graph, &browser)?;
        }
    }
    browser.open(&format!("{page}?lang=en#images"))?;
    browser.wait(
        "thumbnails",
        MINUTE,
        "return [...document.querySelectorAll('.tile img')].filter((i) => i.complete && i.naturalWidth > 0).length > 8",
    )?;
    live_updates_leave_the_keyboard(&workspace, &browser, &page)?;
    assert_eq!(browser.complaints()?, Vec::<String>::new());

    // Killed, it is not missed, and comes back.
    let others = ["watch", "decode", "hash", "resize", "dataset", "augment", "train", "evaluate", "predict"];
    let pids = others.map(|node| graph.pid(node));
    let mine = graph.pid("dashboard");
    graph.signal("dashboard", "KILL")?;
    let (class, file) = reserve;
    images::drop_into(&workspace.photos(), class, file)?;
    graph.wait("one more image", MINUTE, |g| accepted(g) == before + 11)?;
    graph.wait("the page to be back", MINUTE, |g| g.pid("dashboard").is_some() && g.pid("dashboard") != mine)?;
    assert_eq!(pids, others.map(|node| graph.pid(node)), "a node was started again");
    let page = address(&mut graph)?;
    browser.open(&page)?;
    browser.wait("the nodes again", MINUTE, "return document.querySelectorAll('tr.alive').length >= 11")?;
    graph.end()
}

/// Lists are made anew when images come: what had the focus keeps it, and keys go on reaching it.
fn live_updates_leave_the_keyboard(workspace: &Workspace, browser: &Browser, page: &str) -> Result<(), Failure> {
    let count = "document.querySelector('tr[data-class=food] td:nth-child(2) span').textContent";
    let shown = "document.querySelector('.filters [role=status]').textContent";
    for (turn, view, used, told) in [
        (0, "home", "tr[data-class=food] [data-act=rename]", count),
        (1, "images", ".counted select", shown),
        (2, "images", ".chips button", shown),
    ] {
        browser.open("about:blank")?;
        browser.open(&format!("{page}?lang=en#{view}"))?;
        browser.wait(used, MINUTE, &format!("return document.querySelector({used:?}) !== null"))?;
        browser.run(&format!(
            "window.used = document.querySelector({used:?}); used.focus(); window.told = () => {told}; window.before = told()"
        ))?;
        fs::write(
            workspace.photos().join(format!("food/live-{turn}.png")),
            images::coloured([10, 60 * turn as u8, 200], 90 + turn),
        )?;
        browser.wait("the new number", MINUTE, "return told() !== before")?;
        assert_eq!(browser.run("return used.isConnected && document.activeElement === used")?, true, "{used}");
        if turn == 0 {
            browser.press(ENTER)?;
            browser.wait("the question", SOON, "return document.querySelector('dialog.asks[open]') !== null")?;
        }
    }
    Ok(())
}

/// What nodes say here is shown in Japanese. Names may stay as they are.
fn nodes_speak_japanese(graph: &mut Graph, browser: &Browser) -> Result<(), Failure> {
    let shown = "return [...document.querySelectorAll('tr.alive:not([data-node=augment]) td.state, .verdict p, li.needs, li.left')]
        .map((one) => one.textContent).filter((text) => text && !text.startsWith('http://'))";
    let are_there = "location.hash = '#home'; return document.querySelectorAll('tr.alive td.state').length > 6";
    browser.wait("what nodes say", MINUTE, are_there)?;
    let shown = browser.run(shown)?;
    let shown: Vec<String> =
        shown.as_array().ok_or("no list")?.iter().map(|text| text.as_str().unwrap_or_default().to_owned()).collect();
    assert!(shown.len() > 6, "{shown:?}");
    let reasons = graph.verdicts().into_iter().map(|verdict| verdict.reason);
    let runs = RunFolder::all(&graph.workspace.runs()).into_iter().filter_map(|run| Some(run.manifest()?.reason));
    let told = reasons.chain(runs).map(|text| text.render(plugin_api::Language::Ja));
    for text in shown.into_iter().chain(told) {
        // Classes stand in brackets; options, files and names of runs have signs or digits in them.
        let own: String = text.split(['「', '」']).step_by(2).collect::<Vec<_>>().join(" ");
        let is_part = |c: char| c.is_ascii_alphanumeric() || "-/._".contains(c);
        // `multi` is what --labels may be.
        let is_word = |word: &&str| word.len() > 2 && word.bytes().all(|b| b.is_ascii_lowercase()) && *word != "multi";
        let english_words: Vec<&str> = own.split(|c: char| !is_part(c)).filter(is_word).collect();
        assert!(!text.is_empty() && english_words.is_empty(), "{english_words:?} in {text:?}");
    }
    Ok(())
}
