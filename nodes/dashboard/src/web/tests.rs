//! Real requests over a real socket.

use super::*;
use ::tests::champion::ByColour;
use clap::Parser;
use std::io::{Read, Write};
use std::net::TcpStream;

/// A server over a workspace of its own.
pub(crate) struct Served {
    pub workspace: Workspace,
    pub address: SocketAddr,
    _folder: tempfile::TempDir,
}

/// Status, head and body of an answer.
pub(crate) struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[allow(dead_code)]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }
}

impl Served {
    pub fn with(args: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::create(&folder.path().join("home")).unwrap();
        let args = [&["dashboard", "--listen", "127.0.0.1:0"], args].concat();
        let web = Web::start(Config::try_parse_from(args).unwrap(), workspace.clone()).unwrap();
        let start = Instant::now();
        let address = loop {
            let state = web.state();
            if let Some(address) = state.strip_prefix("http://") {
                break address.split('/').next().unwrap().parse().unwrap();
            }
            assert!(start.elapsed() < Duration::from_secs(10), "{state}");
            std::thread::sleep(Duration::from_millis(5));
        };
        Self { workspace, address, _folder: folder }
    }

    pub fn new() -> Self {
        Self::with(&[])
    }

    /// A request with these lines of a head. `Host` is that of the server unless the lines have one.
    pub fn send(&self, line: &str, head: &[&str], body: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let (host, length) = (format!("Host: {}", self.address), format!("Content-Length: {}", body.len()));
        let mut lines = vec![format!("{line} HTTP/1.1"), "Connection: close".to_owned(), length];
        if !head.iter().any(|line| line.starts_with("Host")) {
            lines.push(host);
        }
        lines.extend(head.iter().map(|line| (*line).to_owned()));
        stream.write_all(format!("{}\r\n\r\n", lines.join("\r\n")).as_bytes()).unwrap();
        // What is refused may be answered before all of it is sent.
        let _ = stream.write_all(body);
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        let end = bytes.windows(4).position(|w| w == b"\r\n\r\n").expect("an answer");
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut body = bytes[end + 4..].to_vec();
        if head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
            body = dechunked(&body);
        }
        Answer { status, head: head.to_ascii_lowercase(), body }
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send(&format!("GET {path}"), &[], b"")
    }

    #[allow(dead_code)]
    pub fn post(&self, path: &str, body: &serde_json::Value) -> Answer {
        let head = ["Content-Type: application/json", "X-Wakuteka: 1"];
        self.send(&format!("POST {path}"), &head, body.to_string().as_bytes())
    }
}

fn dechunked(mut body: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Some(end) = body.windows(2).position(|w| w == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&body[..end]).unwrap(), 16).unwrap();
        let next = (end + 2 + size).min(body.len());
        whole.extend_from_slice(&body[end + 2..next]);
        body = &body[(next + 2).min(body.len())..];
    }
    whole
}

#[test]
fn the_page_is_there_with_strict_headers() {
    let served = Served::new();
    let page = served.get("/");
    assert!(page.status == 200 && page.text().contains("<script type=\"module\" src=\"/app.js\""), "{}", page.text());
    for header in
        ["script-src 'self'", "default-src 'none'", "frame-ancestors 'none'", "nosniff", "cache-control: no-store"]
    {
        assert!(page.head.contains(header), "{header}: {}", page.head);
    }
    assert!(!page.head.contains("unsafe-inline"));
    for file in ["/app.js", "/style.css", "/strings/ja.js"] {
        assert_eq!(served.get(file).status, 200, "{file}");
    }
    for file in ["/none.js", "/../Cargo.toml", "/%2e%2e/Cargo.toml", "/strings/..%2Fapp.js", "/strings/"] {
        assert_eq!(served.get(file).status, 404, "{file}");
    }
}

#[test]
fn only_this_machine_by_its_own_names_and_no_other_page() {
    let served = Served::with(&["--host", "Workshop.local"]);
    let port = served.address.port();
    let ask = |head: &[&str]| served.send("GET /", head, b"").status;
    for good in ["localhost", "127.0.0.1", "[::1]", "LOCALHOST", "workshop.local", "127.0.0.1:99"] {
        assert_eq!(ask(&[&format!("Host: {good}")]), 200, "{good}");
        assert_eq!(ask(&[&format!("Host: {good}:{port}").replace(":99:", ":")]), 200, "{good}");
    }
    for bad in
        ["evil.example", "evil.example:80", "localhost.evil.example", "192.168.0.7", "127.0.0.1.evil.example", ""]
    {
        assert_eq!(ask(&[&format!("Host: {bad}")]), 403, "{bad}");
    }
    assert_eq!(ask(&["Host: localhost", "Host: evil.example"]), 403);
    let own = format!("Origin: http://{}", served.address);
    assert_eq!(ask(&[&own]), 200);
    for other in ["http://evil.example", "null", "http://localhost:1", &format!("ftp://{}", served.address)] {
        assert_eq!(ask(&[&format!("Origin: {other}")]), 403, "{other}");
    }
    assert_eq!(ask(&["Sec-Fetch-Site: same-origin"]), 200);
    assert_eq!(ask(&["Sec-Fetch-Site: cross-site"]), 403);
    assert_eq!(ask(&["Sec-Fetch-Site: same-site"]), 403);
    // Without the header that another page may not set, nothing is changed.
    assert_eq!(served.send("POST /api/undo", &["Content-Type: application/json"], b"{}").status, 403);
}

#[test]
fn a_token_is_asked_for_once() {
    let token = "a-token-of-letters";
    let served = Served::with(&["--token", token]);
    assert_eq!(served.get("/").status, 401);
    assert_eq!(served.get("/api/events").status, 401);
    assert_eq!(served.get("/?token=another-token-than-it").status, 401);
    let brought = served.get(&format!("/?token={token}"));
    assert!(brought.status == 303 && brought.head.contains("location: /\r\n"), "{}", brought.head);
    assert!(brought.head.contains("httponly") && brought.head.contains("samesite=strict"));
    let with = |head: &str| served.send("GET /", &[head], b"").status;
    assert_eq!(with(&format!("Cookie: other=1; wakuteka={token}")), 200);
    assert_eq!(with("Cookie: wakuteka=a-token-of-lettera"), 401);
    assert_eq!(with(&format!("Authorization: Bearer {token}")), 200);
}

#[test]
fn a_port_that_is_taken_is_named_and_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let workspace = Workspace::create(folder.path()).unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    let web = Web::start(Config::try_parse_from(["dashboard", "--listen", &listen]).unwrap(), workspace).unwrap();
    let until = |met: &dyn Fn(&str) -> bool| {
        let start = Instant::now();
        while !met(&web.state()) {
            assert!(start.elapsed() < Duration::from_secs(10), "{}", web.state());
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    until(&|state| state.contains(&format!("--listen {listen}")) && state.contains("trying again"));
    drop(taken);
    until(&|state| state.starts_with("http://"));
}

#[test]
fn news_come_within_a_second_past_a_stalled_browser() {
    let served = Served::new();
    let connect = || {
        let mut stream = TcpStream::connect(served.address).unwrap();
        let head = format!("GET /api/events HTTP/1.1\r\nHost: {}\r\n\r\n", served.address);
        stream.write_all(head.as_bytes()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream
    };
    let _deaf = connect();
    let mut stream = connect();
    let mut heard = String::new();
    let mut until = |word: &str| {
        let start = Instant::now();
        while !heard.contains(word) {
            assert!(start.elapsed() < Duration::from_secs(10), "no {word} in {heard}");
            let mut bytes = [0; 4096];
            let n = stream.read(&mut bytes).unwrap();
            heard.push_str(&String::from_utf8_lossy(&bytes[..n]));
        }
        start.elapsed()
    };
    until("event: nodes");
    let mut status = plugin_api::status::StatusFile::new(&served.workspace.status(), "hash");
    for n in 0..200 {
        status.state(format!("word {n} {}", "x".repeat(20_000)));
        status.write();
    }
    status.state("the last word");
    status.write();
    let took = until("the last word");
    assert!(took < Duration::from_secs(1), "{took:?}");
}

/// An image in a class folder and in the catalog; returns its digest.
pub(crate) fn put(served: &Served, db: &Workspace, path: &str, colour: [u8; 3]) -> String {
    let file = served.workspace.root().join(path);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    image::RgbImage::from_pixel(300, 150, image::Rgb(colour)).save(&file).unwrap();
    let digest = blake3::hash(&std::fs::read(&file).unwrap()).to_hex().to_string();
    crate::look::tests::add(db, path, &digest, &digest, "train", 1);
    digest
}

#[test]
fn images_are_listed_told_of_and_encoded_anew() {
    let served = Served::new();
    let db = crate::look::tests::catalog(&served.workspace);
    let red = put(&served, &db, "photos/きゅん/a b&c.png", [200, 0, 0]);
    put(&served, &db, "photos/dog/d.png", [0, 200, 0]);
    let wait = Instant::now();
    let page = loop {
        let page = served.get("/api/pictures?class=%E3%81%8D%E3%82%85%E3%82%93").json();
        if page["total"] == 1 {
            break page;
        }
        // Somebody watches, so the page is told of the new catalog.
        assert!(wait.elapsed() < Duration::from_secs(10), "{page}");
        let mut stream = TcpStream::connect(served.address).unwrap();
        write!(stream, "GET /api/events HTTP/1.1\r\nHost: {}\r\n\r\n", served.address).unwrap();
        std::thread::sleep(Duration::from_millis(900));
    };
    assert_eq!((page["items"][0]["digest"].as_str(), &page["choices"]["class"]["dog"]), (Some(&red[..]), &1.into()));
    let told = served.get(&format!("/api/picture/{red}")).json();
    assert_eq!((&told["width"], &told["files"][0]["path"]), (&300.into(), &"photos/きゅん/a b&c.png".into()));
    assert!(
        told["prediction"].is_null() && told["problem"].is_null() && told["by_hash"].as_array().unwrap().len() == 1
    );
    for path in
        [format!("/thumbnail/{red}"), "/thumbnail?path=photos%2F%E3%81%8D%E3%82%85%E3%82%93/a%20b%26c.png".to_owned()]
    {
        let answer = served.get(&path);
        assert!(
            answer.status == 200 && answer.head.contains("image/jpeg") && answer.body.starts_with(&[0xFF, 0xD8]),
            "{path}"
        );
    }
    assert!(served.workspace.dataset().join(format!("thumbnails/{}/{red}.jpg", &red[..2])).is_file());
    std::fs::write(served.workspace.root().join("photos/page.html.png"), "<script>alert(1)</script>").unwrap();
    assert_eq!(served.get("/large?path=photos/page.html.png").status, 415);
    for path in [
        "/thumbnail/0000",
        "/thumbnail/..%2F..%2Fcatalog.sqlite",
        "/thumbnail?path=../../etc/passwd",
        "/thumbnail?path=dataset/catalog.sqlite",
        "/large?path=%2Fetc%2Fpasswd",
        "/large?path=photos/%2e%2e/dataset/catalog.sqlite",
        "/api/picture/x",
        "/api/confusion?run=..",
    ] {
        assert_eq!(served.get(path).status, 404, "{path}");
    }
    assert_eq!(served.get("/api/pictures?run=..%2Fx").status, 400);
    assert_eq!(served.get("/api/pictures?order=by").status, 400);
}

#[test]
fn a_decision_moves_a_file_and_undo_moves_it_back() {
    let served = Served::new();
    let at = |path: &str| served.workspace.root().join(path);
    std::fs::create_dir_all(at("candidates/きゅん")).unwrap();
    std::fs::write(at("candidates/きゅん/01_a.jpg"), "a").unwrap();
    assert_eq!(served.get("/api/queue/candidates").json()["total"], 1);
    let action =
        |path: &str, class: &str| serde_json::json!({ "acts": [{ "label": { "path": path, "class": class } }] });
    let body = action("candidates/きゅん/01_a.jpg", "きゅん");
    // Not by another page, not without the header.
    let json = "Content-Type: application/json";
    for head in [&[json][..], &[json, "X-Wakuteka: 1", "Origin: http://evil.example"]] {
        assert_eq!(served.send("POST /api/decide", head, body.to_string().as_bytes()).status, 403);
    }
    let done = served.post("/api/decide", &body);
    assert!(done.status == 200 && done.json()["undoable"] == 1, "{}", done.text());
    assert!(at("photos/きゅん/01_a.jpg").is_file() && !at("candidates/きゅん/01_a.jpg").exists());
    assert_eq!(served.get("/api/queues").json()["candidates"], 0);
    assert_eq!(served.post("/api/decide", &body).status, 404, "it is there no more");
    assert_eq!(served.post("/api/undo", &serde_json::json!({})).json()["moved"][0][1], "candidates/きゅん/01_a.jpg");
    assert!(at("candidates/きゅん/01_a.jpg").is_file() && !at("photos/きゅん").exists());
    assert_eq!(served.post("/api/undo", &serde_json::json!({})).status, 404);
    for (path, class) in [("../x.jpg", "a"), ("models/champion", "a"), ("candidates/きゅん/01_a.jpg", "../a")] {
        let status = served.post("/api/decide", &action(path, class)).status;
        assert!(status == 404 || status == 400, "{path} {class}: {status}");
    }
    assert_eq!(served.post("/api/decide", &serde_json::json!({ "acts": [{ "delete": "x" }] })).status, 422);
    let large = vec![b' '; BODY_BYTES + 1];
    assert_eq!(served.send("POST /api/decide", &[json, "X-Wakuteka: 1"], &large).status, 413);
}

#[test]
fn runs_are_promoted_and_reports_have_no_script() {
    let served = Served::new();
    for id in ["r1", "r2"] {
        crate::compare::tests::put(&served.workspace, id, 32, 2.0, 0.5);
    }
    assert_eq!(served.get("/api/runs").json()["runs"].as_array().unwrap().len(), 2);
    assert_eq!(served.get("/api/run/r1").json(), serde_json::json!({}));
    let promote = |id: &str| served.post("/api/promote", &serde_json::json!({ "id": id }));
    assert_eq!(promote("r1").json()["champion"], "r1");
    let second = promote("r2");
    assert_eq!((second.status, second.json()["previous"].as_str()), (200, Some("r1")));
    assert_eq!((promote("r2").status, promote("r9").status, promote("../r1").status), (409, 409, 404));
    let back = served.post("/api/rollback", &serde_json::json!({}));
    assert_eq!((back.status, back.json()["champion"].as_str()), (200, Some("r1")));
    assert_eq!(std::fs::read_link(served.workspace.champion()).unwrap(), std::path::Path::new("r1"));
    assert_eq!(served.post("/api/rollback", &serde_json::json!({})).status, 409, "it was the first");
    let report = served.get("/report/r1");
    assert!(report.status == 200 && report.text().contains("report"));
    assert!(report.head.contains("sandbox") && !report.head.contains("script-src"), "{}", report.head);
    let japanese = || served.get("/report/r1/index.ja.html");
    assert_eq!(japanese().text(), report.text(), "a run of earlier versions has an English report alone");
    std::fs::write(served.workspace.runs().join("r1/report/index.ja.html"), "<p>日本語</p>").unwrap();
    assert!(japanese().text().contains("日本語") && japanese().head.contains("sandbox"));
    std::fs::write(served.workspace.runs().join("r1/report/per_class.csv"), "class\n").unwrap();
    assert_eq!(served.get("/report/r1/per_class.csv").text(), "class\n");
    assert_eq!((served.get("/report/r1/run.json").status, served.get("/report.ja.html").status), (404, 404));
    std::fs::write(served.workspace.dataset().join("report.html"), "<p>data</p>").unwrap();
    assert_eq!(
        (served.get("/report.ja.html").text(), served.get("/report/classes.csv").status),
        ("<p>data</p>".to_owned(), 404)
    );
    std::fs::create_dir_all(served.workspace.runs().join("r3/report")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", served.workspace.runs().join("r3/report/index.html")).unwrap();
    for path in
        ["/report/r3", "/report/..", "/report/r9", "/experiment/sizes", "/experiment/..%2Fruns%2Fr1%2Freport%2Findex"]
    {
        assert_eq!(served.get(path).status, 404, "{path}");
    }
}

/// A white image with a block of red at its right.
fn half_red() -> Vec<u8> {
    let image = image::RgbImage::from_fn(160, 80, |x, _| image::Rgb(if x > 120 { [255, 0, 0] } else { [0, 0, 40] }));
    let mut file = std::io::Cursor::new(Vec::new());
    image.write_to(&mut file, image::ImageFormat::Png).unwrap();
    file.into_inner()
}

#[test]
fn image_from_a_browser_is_classified_with_its_heat() {
    let served = Served::with(&["--max-bytes", "100000", "--device", "flex", "--network", "none"]);
    let head = ["X-Wakuteka: 1", "Content-Type: application/octet-stream"];
    let send = |path: &str, body: &[u8]| served.send(&format!("POST {path}"), &head, body);
    let told = send("/api/try", &half_red()).json();
    assert!(told["prediction"].is_null() && told["width"] == 160, "no champion yet: {told}");
    let colours = ByColour { run: "one", classes: ["red", "green", "blue"], scale: 10.0, temperature: None };
    colours.make_champion(&served.workspace).unwrap();
    let told = send("/api/try", &half_red()).json();
    assert_eq!(
        (&told["prediction"]["model"], &told["prediction"]["classes"][0]["class"]),
        (&"one".into(), &"red".into())
    );
    let heat = send("/api/try/heat?class=red", &half_red()).json();
    assert_eq!((&heat["grid"], &heat["frame"][2]), (&serde_json::json!([16, 16]), &1.0.into()));
    let value = |x: usize| heat["values"][5 * 16 + x].as_f64().unwrap();
    assert!(value(15) > 0.99 && value(3) < 0.01, "{} {}", value(15), value(3));
    assert_eq!(send("/api/try/heat?class=purple", &half_red()).status, 400);
    std::fs::write(served.workspace.inbox().join("a.png"), half_red()).unwrap();
    assert_eq!(served.get("/api/picture?path=inbox/a.png").json()["prediction"], told["prediction"]);
    assert_eq!(served.get("/api/heat?class=red&path=inbox/a.png").json(), heat);
    let shown = send("/api/try/large", &half_red());
    assert!(shown.status == 200 && shown.body.starts_with(&[0xFF, 0xD8]), "it is shown encoded anew: {}", shown.head);
    // What is no image, or too much, is refused; and nothing is kept of what is sent.
    assert_eq!(send("/api/try", b"<svg onload=alert(1)>").status, 415);
    assert_eq!(send("/api/try", &vec![0; 100_001]).status, 413);
    assert_eq!(send("/api/try", &half_red()[..300]).status, 415);
}

#[test]
fn forecasts_are_those_of_the_report() {
    let served = Served::new();
    assert!(served.get("/api/forecast").json().is_null());
    let text = r#"{"version": 3, "images": 40, "accuracy": 0.5, "forecast": {
        "twice": {"accuracy": 0.6, "low": 0.5, "high": 0.7}, "four_times": {"accuracy": 0.7, "low": 0.5, "high": 0.8}},
        "classes": [{"class": "きゅん", "images": 3, "accuracy": 0.4, "forecast": null,
            "taken_for": [{"class": "b", "share": 0.2}]}]}"#;
    std::fs::create_dir_all(served.workspace.dataset().join("report")).unwrap();
    std::fs::write(served.workspace.dataset().join("report/forecast.json"), text).unwrap();
    let answer = served.get("/api/forecast").json();
    assert_eq!((&answer["classes"][0]["class"], &answer["forecast"]["twice"]["high"]), (&"きゅん".into(), &0.7.into()));
}

#[test]
fn files_come_into_a_class_as_one_step() {
    let served = Served::with(&["--max-bytes", "1000"]);
    let head = ["X-Wakuteka: 1", "Content-Type: application/octet-stream"];
    let send = |path: &str, body: &[u8]| served.send(&format!("POST {path}"), &head, body);
    assert_eq!(served.get("/api/limits").json()["max_bytes"], 1000);
    let paths: Vec<String> = ["a.jpg", "a.jpg", "%E7%8C%AB.jpg"]
        .iter()
        .map(|name| {
            send(&format!("/api/upload?batch=b1&name={name}"), b"x").json()["path"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(paths, ["trash/uploads/b1/a.jpg", "trash/uploads/b1/a (2).jpg", "trash/uploads/b1/猫.jpg"]);
    let actions: Vec<_> =
        paths.iter().map(|path| serde_json::json!({ "label": { "path": path, "class": "cat" } })).collect();
    let done = served.post("/api/decide", &serde_json::json!({ "acts": actions })).json();
    assert_eq!((done["moved"].as_array().unwrap().len(), &done["undoable"]), (3, &1.into()));
    assert!(served.workspace.photos().join("cat/猫.jpg").is_file());
    let row = &served.get("/api/classes").json()["classes"][0];
    assert_eq!((&row["class"], &row["advice"]["code"]), (&"cat".into(), &"empty".into()), "the data set has none yet");
    served.post("/api/undo", &serde_json::json!({}));
    assert!(
        !served.workspace.photos().join("cat").exists()
            && served.workspace.root().join("trash/uploads/b1/猫.jpg").is_file()
    );
    assert_eq!(send("/api/upload?batch=b1&name=a.jpg", &[0; 1001]).status, 413);
    for odd in ["batch=..&name=a.jpg", "batch=b&name=..%2Fa.jpg", "batch=b&name=", "name=a.jpg"] {
        assert_eq!(send(&format!("/api/upload?{odd}"), b"x").status, 400, "{odd}");
    }
    assert_eq!(served.send("POST /api/upload?batch=b&name=a.jpg", &[head[1]], b"x").status, 403, "not by another page");
}

#[test]
fn runs_are_asked_for_and_put_off() {
    let served = Served::new();
    let next = || served.get("/api/overview").json()["next"].clone();
    assert_eq!((&next()["code"], &next()["is_paused"]), (&"stopped".into(), &false.into()));
    assert_eq!(served.post("/api/train", &serde_json::json!({})).status, 200);
    assert!(served.workspace.runs().join("request.json").is_file() && next()["is_asked"] == true);
    for paused in [true, false, false] {
        assert_eq!(served.post("/api/pause", &serde_json::json!({ "paused": paused })).json()["paused"], paused);
        assert_eq!(next()["is_paused"], paused);
    }
    assert_eq!(served.post("/api/pause", &serde_json::json!({ "paused": 3 })).status, 422);
}

#[test]
fn every_folder_can_be_looked_through_and_downloads_are_named() {
    let served = Served::new();
    for name in ["b 10.png", "b 2.png", "notes.txt"] {
        std::fs::write(served.workspace.pool().join(name), "x").unwrap();
    }
    let page = served.get("/api/pictures?place=pool&name=B").json();
    let paths: Vec<_> = page["items"].as_array().unwrap().iter().map(|item| item["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["pool/b 2.png", "pool/b 10.png"]);
    assert_eq!(served.get("/api/pictures?place=models").status, 400);
    assert_eq!(served.get("/api/pictures?sort=other").status, 400);
    std::fs::create_dir_all(served.workspace.runs().join("r1/report")).unwrap();
    std::fs::write(served.workspace.runs().join("r1/report/predictions.csv"), "path\n").unwrap();
    let table = served.get("/export/r1/predictions.csv");
    assert!(table.status == 200 && table.head.contains("filename=\"r1-predictions.csv\""), "{}", table.head);
    for path in
        ["/export/r2/predictions.csv", "/export/..%2Fr1/predictions.csv", "/export/r1/run.json", "/export/r1/model.exe"]
    {
        assert_eq!(served.get(path).status, 404, "{path}");
    }
}

#[test]
fn class_folders_are_archived() {
    let served = Served::new();
    for (path, text) in [
        ("photos/猫/a.jpg", "meow"),
        ("photos/dog/sub/b.jpg", ""),
        ("photos/dog/.hidden", "x"),
        ("seeds/dog/s.jpg", "x"),
    ] {
        let file = served.workspace.root().join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }
    let archive = served.get("/export/classes.zip");
    assert!(archive.status == 200 && archive.head.contains("application/zip"), "{}", archive.head);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("classes.zip");
    std::fs::write(&file, &archive.body).unwrap();
    // Python's zipfile checks every header and CRC.
    let script = "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); print(z.testzip(), sorted((i.filename, z.read(i).decode()) for i in z.infolist()))";
    let told = std::process::Command::new("python3").args(["-c", script]).arg(&file).output().unwrap();
    let text = String::from_utf8_lossy(&told.stdout);
    assert_eq!(
        text.trim(),
        "None [('dog/sub/b.jpg', ''), ('猫/a.jpg', 'meow')]",
        "{}",
        String::from_utf8_lossy(&told.stderr)
    );
}
