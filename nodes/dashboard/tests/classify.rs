//! `POST /api/classify` over a real server and a champion whose answers are known.
#![cfg(test)]

use clap::Parser;
use node_dashboard::Config;
use node_dashboard::web::Web;
use plugin_api::Workspace;
use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};
use tests::champion::ByColour;

const ONE: ByColour = ByColour { run: "one", classes: ["red", "green", "blue"], scale: 10.0, temperature: Some(2.0) };

struct Served {
    workspace: Workspace,
    address: String,
    _folder: tempfile::TempDir,
}

struct Answer {
    status: u16,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

impl Served {
    fn with(args: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::create(&folder.path().join("home")).unwrap();
        let fixed = ["dashboard", "--listen", "127.0.0.1:0", "--device", "flex", "--network", "none"];
        let web = Web::start(Config::try_parse_from([&fixed[..], args].concat()).unwrap(), workspace.clone()).unwrap();
        let start = Instant::now();
        let address = loop {
            let state = web.state();
            if let Some(address) = state.strip_prefix("http://") {
                break address.split('/').next().unwrap().to_owned();
            }
            assert!(start.elapsed() < Duration::from_secs(10), "{state}");
            std::thread::sleep(Duration::from_millis(5));
        };
        Self { workspace, address, _folder: folder }
    }

    fn send(&self, request: &str, head: &[&str], body: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let more: String = head.iter().flat_map(|line| [*line, "\r\n"]).collect();
        let (host, length) = (&self.address, body.len());
        let text = format!(
            "{request} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {length}\r\n{more}\r\n"
        );
        // What is refused by its head may be refused before the body is sent.
        let _ = stream.write_all(text.as_bytes()).and_then(|()| stream.write_all(body));
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{request}: {text}"));
        Answer { status: head.split(' ').nth(1).unwrap().parse().unwrap(), body: body.to_owned() }
    }
}

/// A dark image with a block of red at its right.
fn image() -> Vec<u8> {
    let image = image::RgbImage::from_fn(160, 80, |x, _| image::Rgb(if x > 120 { [255, 0, 0] } else { [0, 0, 40] }));
    let mut file = std::io::Cursor::new(Vec::new());
    image.write_to(&mut file, image::ImageFormat::Png).unwrap();
    file.into_inner()
}

#[test]
fn programs_get_the_answer_that_the_page_shows() {
    let token = "a-token-of-letters";
    let served = Served::with(&["--max-bytes", "100000", "--token", token]);
    let bearer = format!("Authorization: Bearer {token}");
    let head = ["X-Wakuteka: 1", &bearer];
    let ask = |path: &str, body: &[u8]| served.send(&format!("POST {path}"), &head, body);
    assert_eq!(ask("/api/classify", &image()).status, 503, "no model yet");
    ONE.make_champion(&served.workspace).unwrap();
    let answer = ask("/api/classify", &image());
    assert_eq!(answer.status, 200, "{}", answer.body);
    let (answer, shown) = (answer.json(), ask("/api/try", &image()).json());
    for field in ["model", "classes", "calibrated", "is_novel"] {
        assert_eq!(answer[field], shown["prediction"][field], "{field}");
    }
    assert_eq!((&answer["model"], &answer["calibrated"]), (&"one".into(), &true.into()));
    let sum: f64 = answer["classes"].as_array().unwrap().iter().filter_map(|one| one["probability"].as_f64()).sum();
    assert!((sum - 1.0).abs() < 1e-4, "{answer}");
    assert_eq!(answer["digest"], blake3::hash(&image()).to_hex().as_str());
    let best = ask("/api/classify?top=1", &image()).json();
    assert_eq!(best["classes"].as_array().unwrap()[..], answer["classes"].as_array().unwrap()[..1]);

    // The page's own rules: token, header, size, and nothing but an image.
    assert_eq!(served.send("POST /api/classify", &["X-Wakuteka: 1"], &image()).status, 401);
    assert_eq!(served.send("POST /api/classify", &[&bearer], &image()).status, 403);
    assert_eq!(ask("/api/classify", &vec![0; 100_001]).status, 413);
    assert_eq!(ask("/api/classify", b"no image").status, 415);
    assert_eq!(ask("/api/classify?most=1", &image()).status, 400);
    assert_eq!(served.send("GET /api/classify", &[&bearer], b"").status, 405);
}

#[test]
fn many_programs_at_once_leave_the_page_its_threads() {
    let served = Served::with(&[]);
    ONE.make_champion(&served.workspace).unwrap();
    // Bodies that never come hold both turns for a while.
    let slow: Vec<TcpStream> = (0..2)
        .map(|_| {
            let mut stream = TcpStream::connect(&served.address).unwrap();
            let head = format!(
                "POST /api/classify HTTP/1.1\r\nHost: {}\r\nX-Wakuteka: 1\r\nContent-Length: 999\r\n\r\n",
                served.address
            );
            stream.write_all(head.as_bytes()).unwrap();
            stream
        })
        .collect();
    std::thread::sleep(Duration::from_millis(200));
    let start = Instant::now();
    assert_eq!(served.send("GET /api/runs", &[], b"").status, 200);
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    let ask = || served.send("POST /api/classify", &["X-Wakuteka: 1"], &image()).status;
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..24).map(|_| scope.spawn(ask)).collect();
        std::thread::sleep(Duration::from_millis(200));
        drop(slow);
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(statuses, vec![200; 24], "each is answered once its turn has come");
}
