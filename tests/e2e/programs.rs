//! Other programs beside the main graph: they ask for a class, are told of what happened, and read it in sidecars.

use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use tests::champion::ByColour;
use tests::graph::{Failure, Graph};
use tests::images;

const MINUTE: Duration = Duration::from_mins(1);
const ONE: ByColour = ByColour { run: "one", classes: ["あか", "R&B", "blue"], scale: 10.0, temperature: Some(2.0) };
const OPTIONS: &[(&str, &str, &str)] = &[
    ("env", "WAKUTEKA_IMAGE_SIZE", "32"),
    ("inbox", "--arriving-seconds", "1"),
    ("train", "--device", "flex"),
    ("train", "--epochs", "2"),
    ("train", "--cross-validate", "off"),
    ("train", "--debounce-seconds", "1"),
    ("train", "--strategy", "scratch"),
    ("evaluate", "--device", "flex"),
    ("inspect", "--label-errors", "off"),
    ("predict", "--device", "flex"),
    ("predict", "--sidecars", "all"),
    ("dashboard", "--device", "flex"),
];

/// Answers a request with a status, and gives its body.
fn serve(listener: &TcpListener, status: u16) -> std::io::Result<Value> {
    let (mut stream, _) = listener.accept()?;
    let mut bytes = Vec::new();
    loop {
        let mut buffer = vec![0; 65536];
        let n = stream.read(&mut buffer)?;
        bytes.extend_from_slice(&buffer[..n]);
        let body = bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| &bytes[at + 4..]);
        if let Some(body) = body.and_then(|body| serde_json::from_slice::<Value>(body).ok()) {
            write!(stream, "HTTP/1.1 {status} x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?;
            return Ok(body);
        }
        assert!(n > 0, "{}", String::from_utf8_lossy(&bytes));
    }
}

/// A program that is told of events. The first it refuses once.
fn receiver() -> (String, mpsc::Receiver<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let (send, events) = mpsc::channel();
    std::thread::spawn(move || {
        let mut status = 503;
        while let Ok(event) = serve(&listener, status) {
            if status == 200 && send.send(event).is_err() {
                return;
            }
            status = 200;
        }
    });
    (url, events)
}

fn classify(address: &str, image: &[u8]) -> Result<(u16, Value), Failure> {
    let mut stream = TcpStream::connect(address)?;
    let head = format!(
        "POST /api/classify HTTP/1.1\r\nHost: {address}\r\nX-Wakuteka: 1\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        image.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(image)?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let (head, body) = text.split_once("\r\n\r\n").ok_or("no answer")?;
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or("no status")?;
    Ok((status, serde_json::from_str(body)?))
}

/// What `predict` has stored of an image: class and probability of the most probable ones.
fn stored(graph: &Graph, path: &str) -> Option<BTreeMap<String, f64>> {
    let db = rusqlite::Connection::open(graph.workspace.dataset().join("inbox.sqlite")).ok()?;
    let said: Option<String> =
        db.query_row("SELECT prediction FROM files WHERE path = ?", [path], |row| row.get(0)).ok()?;
    let said: Value = serde_json::from_str(&said?).ok()?;
    let score = |one: &Value| Some((one["class"].as_str()?.to_owned(), one["probability"].as_f64()?));
    said["top"].as_array()?.iter().map(score).collect()
}

#[test]
fn programs_ask_are_told_and_read_sidecars() -> Result<(), Failure> {
    let root = tempfile::tempdir()?;
    let (url, events) = receiver();
    let image = images::coloured([250, 90, 10], 7);
    ONE.make_champion(&plugin_api::Workspace::create(&root.path().join("home"))?)?;
    let mut graph = Graph::start_in(root.path(), OPTIONS, &[("WAKUTEKA_WEBHOOK", &url)])?;
    graph.wait("the page", MINUTE, |graph| graph.status("dashboard").state.starts_with("http://"))?;
    let page = graph.status("dashboard").state;
    let address = page.trim_start_matches("http://").split('/').next().unwrap_or_default().to_owned();

    // The same image, asked for and put into the inbox, gets the same answer.
    fs::write(graph.workspace.inbox().join("a.png"), &image)?;
    graph.wait("the answer", MINUTE, |graph| stored(graph, "inbox/a.png").is_some())?;
    let begun = Instant::now();
    let (status, answer) = classify(&address, &image)?;
    eprintln!("POST /api/classify: {:?} with the model to load", begun.elapsed());
    let begun = Instant::now();
    classify(&address, &image)?;
    eprintln!("POST /api/classify: {:?} with it loaded", begun.elapsed());
    assert_eq!((status, &answer["model"], &answer["calibrated"]), (200, &"one".into(), &true.into()), "{answer}");
    let asked: BTreeMap<String, f64> = answer["classes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["class"].as_str().unwrap().to_owned(), one["probability"].as_f64().unwrap()))
        .collect();
    let stored = stored(&graph, "inbox/a.png").unwrap();
    for (class, probability) in &stored {
        assert!((asked[class] - probability).abs() < 1e-6, "{class}: {asked:?} {stored:?}");
    }
    assert_eq!(stored.len(), 3);

    // It was told, at the second try.
    let event = events.recv_timeout(MINUTE)?;
    assert_eq!((&event["event"], &event["model"]), (&"classification".into(), &"one".into()), "{event}");
    assert_eq!(event["images"][0]["path"], "inbox/a.png");
    assert_eq!(event["images"][0]["classes"][0], "あか");

    // Two classes to learn: a verdict is told as it stands in its file, and the images get sidecars.
    for number in 0..24_u32 {
        let (class, colour) = if number % 2 == 0 { ("a|b", [200, 10, 10]) } else { ("うみ", [10, 10, 200]) };
        let folder = graph.workspace.photos().join(class);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(format!("{number}.png")), images::coloured(colour, number))?;
    }
    graph.wait("a verdict", Duration::from_mins(5), |graph| !graph.verdicts().is_empty())?;
    let verdict = graph.verdicts().remove(0);
    let told = loop {
        let event = events.recv_timeout(MINUTE)?;
        if event["event"] == "verdict" {
            break event;
        }
    };
    assert_eq!(
        (&told["run"], &told["decision"]),
        (&verdict.run.clone().into(), &verdict.decision.name().into()),
        "{told}"
    );
    assert_eq!(told["id"], format!("verdict:{}", verdict.run));
    let sidecar = graph.workspace.photos().join("a|b/0.png.xmp");
    graph.wait("sidecars", MINUTE, |_| sidecar.is_file())?;
    let text = fs::read_to_string(&sidecar)?;
    assert_eq!(text.matches("<rdf:li>a|b</rdf:li>").count(), 2, "{text}");
    assert!(text.contains("<lr:hierarchicalSubject>") && text.contains("<rdf:li>a｜b</rdf:li>"), "{text}");
    assert!(graph.status("watch").notices.iter().all(|notice| notice.advice.is_empty()), "sidecars are no trouble");
    graph.end()
}
