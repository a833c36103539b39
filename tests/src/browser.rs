//! Debian's chromium, driven through chromedriver: [W3C WebDriver](https://www.w3.org/TR/webdriver2/), which is JSON over HTTP
//! on this machine, so a socket is all it takes.

use crate::graph::Failure;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// No window, nothing of its own over the network.
const FLAGS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
];

/// A browser with one page. It ends when dropped.
pub struct Browser {
    driver: Child,
    port: u16,
    session: String,
    profile: TempDir,
}

/// Whether chromium and chromedriver are on the PATH.
pub fn is_there() -> bool {
    let answers = |program: &str| {
        Command::new(program)
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|s| s.success())
    };
    answers("chromium") && answers("chromedriver")
}

/// An expression of JavaScript: the first element of a selector.
pub fn selected(selector: &str) -> String {
    format!("document.querySelector({})", json!(selector))
}

/// Starts chromedriver, and says on which port it listens. The one that it finds free for IPv4 may be taken for IPv6, where it listens
/// too: then it ends at once, and another is to be asked.
fn start_driver() -> Result<(Child, u16), Failure> {
    const TRIES: u32 = 5;
    for _ in 0..TRIES {
        let mut driver =
            Command::new("chromedriver").arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        for line in BufReader::new(driver.stdout.take().ok_or("chromedriver says nothing")?).lines() {
            if let Some((_, rest)) = line?.split_once("started successfully on port ") {
                return Ok((driver, rest.trim_end_matches('.').parse()?));
            }
        }
        driver.wait()?;
    }
    Err(format!("chromedriver found no port {TRIES} times").into())
}

impl Browser {
    /// Starts it, with a window of this size in pixels.
    ///
    /// # Errors
    /// When one of both does not start.
    pub fn start(width: u32, height: u32) -> Result<Self, Failure> {
        Self::start_with(width, height, false)
    }

    /// The same of a phone: a narrow page that is touched.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_touch(width: u32, height: u32) -> Result<Self, Failure> {
        Self::start_with(width, height, true)
    }

    fn start_with(width: u32, height: u32, is_touch: bool) -> Result<Self, Failure> {
        let (driver, port) = start_driver()?;
        let mut browser = Self { driver, port, session: String::new(), profile: tempfile::tempdir()? };
        let mut args: Vec<String> = FLAGS.map(str::to_owned).to_vec();
        args.push(format!("--window-size={width},{height}"));
        args.push(format!("--user-data-dir={}", browser.profile.path().display()));
        let mut options = json!({ "args": args });
        if is_touch {
            let metrics = json!({ "width": width, "height": height, "pixelRatio": 1.0, "touch": true, "mobile": true });
            options["mobileEmulation"] = json!({ "deviceMetrics": metrics });
        }
        let wanted = json!({ "browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": { "browser": "ALL" } });
        let answer = browser.ask("POST", "/session", &json!({ "capabilities": { "alwaysMatch": wanted } }))?;
        answer["sessionId"].as_str().ok_or("no session")?.clone_into(&mut browser.session);
        Ok(browser)
    }

    /// One question to chromedriver.
    fn ask(&self, method: &str, path: &str, body: &Value) -> Result<Value, Failure> {
        let body = if method == "GET" { String::new() } else { body.to_string() };
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(Duration::from_mins(1)))?;
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: localhost:{}\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.port,
            body.len()
        )?;
        // chromedriver does not close when it is asked to: the length says where the answer ends.
        let (mut reader, mut length) = (BufReader::new(stream), 0);
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Err("chromedriver has hung up".into());
            }
            if let Some(text) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = text.trim().parse()?;
            }
            if line.trim().is_empty() {
                break;
            }
        }
        let mut answer = vec![0; length];
        reader.read_exact(&mut answer)?;
        let mut answer: Value = serde_json::from_slice(&answer)?;
        match answer["value"]["error"].as_str() {
            Some(error) => Err(format!("{method} {path}: {error}: {}", answer["value"]["message"]).into()),
            None => Ok(answer["value"].take()),
        }
    }

    fn of_session(&self, method: &str, path: &str, body: &Value) -> Result<Value, Failure> {
        self.ask(method, &format!("/session/{}{path}", self.session), body)
    }

    /// Opens an address and waits until it is loaded.
    ///
    /// # Errors
    /// When nobody answers there.
    pub fn open(&self, address: &str) -> Result<(), Failure> {
        self.of_session("POST", "/url", &json!({ "url": address })).map(drop)
    }

    /// Runs a script in the page and gives what it returns.
    ///
    /// # Errors
    /// When the script throws.
    pub fn run(&self, script: &str) -> Result<Value, Failure> {
        self.of_session("POST", "/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// The text of the first element of a selector; empty when there is none.
    ///
    /// # Errors
    /// When the browser has gone.
    pub fn text(&self, selector: &str) -> Result<String, Failure> {
        let script = format!("return document.querySelector({})?.textContent ?? ''", json!(selector));
        Ok(self.run(&script)?.as_str().unwrap_or_default().to_owned())
    }

    /// Waits until a script returns something true, and gives it and how long that took.
    ///
    /// # Errors
    /// When it has not by `limit`; `what` says what was waited for.
    pub fn wait(&self, what: &str, limit: Duration, script: &str) -> Result<(Value, Duration), Failure> {
        let start = Instant::now();
        loop {
            let value = self.run(script)?;
            if !value.is_null() && value != false && value != "" && value != 0 {
                return Ok((value, start.elapsed()));
            }
            if start.elapsed() > limit {
                let page = self.run("return document.body.innerText")?;
                return Err(format!("waiting for {what} on the page: nothing after {limit:?}\n{page}").into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Presses keys, one after the other.
    ///
    /// # Errors
    /// When the browser has gone.
    pub fn press(&self, keys: &str) -> Result<(), Failure> {
        let actions: Vec<Value> = keys
            .chars()
            .flat_map(|key| ["keyDown", "keyUp"].map(|kind| json!({ "type": kind, "value": key.to_string() })))
            .collect();
        let keyboard = json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": actions }] });
        self.of_session("POST", "/actions", &keyboard).map(drop)
    }

    /// The element that an expression gives, as WebDriver refers to it, scrolled into view.
    fn find(&self, expression: &str) -> Result<Value, Failure> {
        let script = format!(
            "const one = {expression}; one?.scrollIntoView({{ block: 'center', behavior: 'instant' }}); return one ?? null"
        );
        // A list that is made anew lets go of its elements for a moment.
        Ok(self.wait(expression, Duration::from_secs(10), &script)?.0)
    }

    /// Presses the middle of an element with a pointer of some kind, wherever it is by then.
    fn point(&self, expression: &str, kind: &str, held_ms: u64) -> Result<(), Failure> {
        let press = || {
            let actions = json!([
                { "type": "pointerMove", "duration": 0, "x": 0, "y": 0, "origin": self.find(expression)? },
                { "type": "pointerDown", "button": 0 },
                { "type": "pause", "duration": held_ms },
                { "type": "pointerUp", "button": 0 },
            ]);
            let pointer =
                json!({ "type": "pointer", "id": kind, "parameters": { "pointerType": kind }, "actions": actions });
            self.of_session("POST", "/actions", &json!({ "actions": [pointer] })).map(drop)
        };
        loop {
            match press() {
                // A live update put another in its place before it was pressed.
                Err(error) if error.to_string().contains("stale element") => {}
                done => return done,
            }
        }
    }

    /// Clicks the first element of a selector with the mouse.
    ///
    /// # Errors
    /// When there is none.
    pub fn click(&self, selector: &str) -> Result<(), Failure> {
        self.click_on(&selected(selector))
    }

    /// Clicks the element that an expression of JavaScript gives.
    ///
    /// # Errors
    /// When it gives none.
    pub fn click_on(&self, expression: &str) -> Result<(), Failure> {
        self.point(expression, "mouse", 0)
    }

    /// Touches the first element of a selector, for so long.
    ///
    /// # Errors
    /// When there is none.
    pub fn touch(&self, selector: &str, held: Duration) -> Result<(), Failure> {
        self.touch_on(&selected(selector), held)
    }

    /// Touches the element that an expression of JavaScript gives, for so long.
    ///
    /// # Errors
    /// When it gives none.
    pub fn touch_on(&self, expression: &str, held: Duration) -> Result<(), Failure> {
        self.point(expression, "touch", held.as_millis() as u64)
    }

    /// Draws along points of the first element of a selector, each a share of its width and height, with `mouse` or `touch`.
    ///
    /// # Errors
    /// When there is none.
    pub fn draw(&self, selector: &str, kind: &str, points: &[(f64, f64)]) -> Result<(), Failure> {
        self.find(&selected(selector))?;
        // What is drawn lies in the middle of the window, where no bar covers it.
        let height = points.iter().map(|(_, y)| y).sum::<f64>() / points.len().max(1) as f64;
        let place = format!(
            "const one = document.querySelector({}); let r = one.getBoundingClientRect();
             scrollBy({{ top: r.y + {height} * r.height - innerHeight / 2, behavior: 'instant' }});
             r = one.getBoundingClientRect(); return [r.x, r.y, r.width, r.height]",
            json!(selector)
        );
        let place = self.run(&place)?;
        let number = |n: usize| place[n].as_f64().unwrap_or_default();
        let to = |(x, y): &(f64, f64)| {
            let (x, y) = ((number(0) + x * number(2)).round(), (number(1) + y * number(3)).round());
            json!({ "type": "pointerMove", "duration": 20, "x": x as i64, "y": y as i64 })
        };
        let mut actions: Vec<Value> = points.iter().map(to).collect();
        actions.insert(1.min(actions.len()), json!({ "type": "pointerDown", "button": 0 }));
        actions.push(json!({ "type": "pointerUp", "button": 0 }));
        let pointer =
            json!({ "type": "pointer", "id": kind, "parameters": { "pointerType": kind }, "actions": actions });
        self.of_session("POST", "/actions", &json!({ "actions": [pointer] })).map(drop)
    }

    /// Gives a file to an input, as the system's window for files does.
    ///
    /// # Errors
    /// When there is no such input.
    pub fn pick_file(&self, selector: &str, file: &Path) -> Result<(), Failure> {
        let found = self.of_session("POST", "/element", &json!({ "using": "css selector", "value": selector }))?;
        let id = found.as_object().and_then(|one| one.values().next()?.as_str()).ok_or("no element")?;
        let text = std::path::absolute(file)?;
        self.of_session("POST", &format!("/element/{id}/value"), &json!({ "text": text })).map(drop)
    }

    /// Drops files onto the first element of a selector: names and contents.
    ///
    /// # Errors
    /// When there is none.
    pub fn drop_files(&self, selector: &str, files: &[(&str, &[u8])]) -> Result<(), Failure> {
        let files: Vec<Value> = files.iter().map(|(name, bytes)| json!([name, bytes])).collect();
        let script = format!(
            "const data = new DataTransfer();
             for (const [name, bytes] of {}) data.items.add(new File([new Uint8Array(bytes)], name));
             const to = document.querySelector({});
             for (const kind of ['dragover', 'drop']) to.dispatchEvent(new DragEvent(kind, {{ bubbles: true, cancelable: true, dataTransfer: data }}));",
            json!(files),
            json!(selector)
        );
        self.run(&script).map(drop)
    }

    /// What the page complained of since this was asked last: scripts that failed, rules that were broken.
    ///
    /// # Errors
    /// When the browser has gone.
    pub fn complaints(&self) -> Result<Vec<String>, Failure> {
        let lines = self.of_session("POST", "/se/log", &json!({ "type": "browser" }))?;
        let lines = lines.as_array().cloned().unwrap_or_default();
        let told = lines.iter().filter(|line| line["level"] == "SEVERE").filter_map(|line| line["message"].as_str());
        Ok(told.map(str::to_owned).collect())
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.of_session("DELETE", "", &json!({}));
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
