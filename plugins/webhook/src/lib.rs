//! Telling another program what happened: a JSON document by HTTP POST for each event.
//!
//! A node hands an event over and goes on: nothing here ever waits for the network. A thread sends events one after another, the
//! oldest first. One that is not taken (no connection, a timeout of ten seconds, status 408, 429 or 5xx) is tried again after 1, 2, 4, …
//! 60 seconds, for up to ten minutes. At most 1,000 wait; beyond that the oldest is given up. So a receiver may get an event twice,
//! told by its `id`, and misses some when it is away for long.

use plugin_api::Message;
use plugin_api::status::Notice;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Events that wait at most.
pub const CAPACITY: usize = 1000;
/// A request that takes longer has failed.
const TIMEOUT: Duration = Duration::from_secs(10);
/// An event is tried again for so long.
const GIVE_UP: Duration = Duration::from_mins(10);
/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// What still waits when the node ends has so long to go out.
const FAREWELL: Duration = Duration::from_secs(2);

/// The option of a node that sends events.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct WebhookOptions {
    /// Where to tell of each event, by HTTP POST of a JSON document. Repeated when it is not taken, for up to ten minutes.
    #[arg(long, env = "WAKUTEKA_WEBHOOK", hide_env_values = true, value_parser = url, value_name = "URL")]
    pub webhook: Option<String>,
}

fn url(text: &str) -> Result<String, String> {
    let uri = text.parse::<ureq::http::Uri>().ok();
    let is_one = |uri: &ureq::http::Uri| {
        matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some_and(|host| !host.is_empty())
    };
    if uri.as_ref().is_some_and(is_one) {
        Ok(text.to_owned())
    } else {
        Err("http://HOST/PATH and https://HOST/PATH are accepted".to_owned())
    }
}

/// Sends events to one address.
#[derive(Debug)]
pub struct Webhook {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    wake: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Event>,
    delivered: u64,
    given_up: u64,
    /// Why the last attempt failed; none when it did not.
    problem: Option<String>,
    /// The node ends.
    is_closing: bool,
}

#[derive(Debug)]
struct Event {
    body: String,
    attempts: u32,
    since: Instant,
}

/// How an attempt failed.
struct Failure {
    why: String,
    /// Whether it may go better later.
    is_passing: bool,
}

impl Webhook {
    /// Starts the thread; `None` when no address is named.
    ///
    /// # Errors
    /// When there is no thread for it.
    pub fn start(options: &WebhookOptions) -> io::Result<Option<Self>> {
        let Some(url) = options.webhook.clone() else { return Ok(None) };
        let shared = Arc::new(Shared::default());
        let of_thread = shared.clone();
        let work = move || of_thread.deliver(|body| post(&url, body), pause);
        let thread = std::thread::Builder::new().name("webhook".to_owned()).spawn(work)?;
        Ok(Some(Self { shared, thread: Some(thread) }))
    }

    /// Hands an event over; never waits. The document has `event`, `id`, `sent_ms` (milliseconds since 1970) and the fields of `about`.
    pub fn send(&self, event: &str, id: &str, about: &impl Serialize) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let mut document = json!({ "event": event, "id": id, "sent_ms": u64::try_from(now).unwrap_or(u64::MAX) });
        if let (Value::Object(fields), Ok(Value::Object(about))) = (&mut document, serde_json::to_value(about)) {
            fields.extend(about);
        }
        self.shared.push(document.to_string());
    }

    /// What a person should know of: that events are not taken.
    pub fn notice(&self) -> Option<Notice> {
        let queue = self.shared.lock();
        let why = queue.problem.as_ref()?;
        Some(Notice {
            kind: "webhook".to_owned(),
            count: queue.waiting.len() as u64 + queue.given_up,
            reason: Message::notice_webhook(why, queue.given_up).into(),
            advice: Message::advice_webhook().into(),
            examples: Vec::new(),
        })
    }
}

impl Drop for Webhook {
    fn drop(&mut self) {
        self.shared.lock().is_closing = true;
        self.shared.wake.notify_all();
        let start = Instant::now();
        while self.thread.as_ref().is_some_and(|thread| !thread.is_finished()) && start.elapsed() < FAREWELL {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, body: String) {
        let mut queue = self.lock();
        if queue.waiting.len() >= CAPACITY {
            queue.waiting.pop_front();
            queue.given_up += 1;
        }
        queue.waiting.push_back(Event { body, attempts: 0, since: Instant::now() });
        drop(queue);
        self.wake.notify_all();
    }

    /// Sends what waits, until the node ends and nothing is left, or an attempt fails then.
    fn deliver(&self, post: impl Fn(&str) -> Result<(), Failure>, pause: impl Fn(u32) -> Duration) {
        while let Some(mut event) = self.next() {
            let outcome = post(&event.body);
            let mut queue = self.lock();
            let Err(Failure { why, is_passing }) = outcome else {
                queue.delivered += 1;
                queue.problem = None;
                continue;
            };
            event.attempts += 1;
            tracing::warn!(why, attempts = event.attempts, "webhook: an event was not taken");
            queue.problem = Some(why);
            if !is_passing || event.since.elapsed() >= GIVE_UP || queue.waiting.len() >= CAPACITY {
                queue.given_up += 1;
                continue;
            }
            let until = Instant::now() + pause(event.attempts);
            queue.waiting.push_front(event);
            loop {
                if queue.is_closing {
                    return;
                }
                let left = until.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    break;
                }
                queue = self.wake.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0;
            }
        }
    }

    /// The oldest event, when there is one; `None` when there will be none.
    fn next(&self) -> Option<Event> {
        let mut queue = self.lock();
        loop {
            if let Some(event) = queue.waiting.pop_front() {
                return Some(event);
            }
            if queue.is_closing {
                return None;
            }
            queue = self.wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

fn pause(attempts: u32) -> Duration {
    Duration::from_secs(1 << attempts.saturating_sub(1).min(10)).min(LONGEST_PAUSE)
}

fn post(url: &str, body: &str) -> Result<(), Failure> {
    let config =
        ureq::Agent::config_builder().timeout_global(Some(TIMEOUT)).http_status_as_error(false).max_redirects(0);
    let agent: ureq::Agent = config.build().into();
    let answer = agent.post(url).header("content-type", "application/json").send(body);
    match answer.map(|answer| answer.status().as_u16()) {
        Ok(200..=299) => Ok(()),
        Ok(status) => {
            Err(Failure { why: format!("status {status}"), is_passing: matches!(status, 408 | 429 | 500..=599) })
        }
        Err(error) => Err(Failure { why: error.to_string(), is_passing: true }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::sync::mpsc;

    #[derive(Debug, Parser)]
    struct Config {
        #[command(flatten)]
        webhook: WebhookOptions,
    }

    /// A server that answers each request with the next of these statuses, and gives the bodies.
    fn server(statuses: &'static [u16]) -> (String, mpsc::Receiver<Value>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let (send, bodies) = mpsc::channel();
        std::thread::spawn(move || {
            for status in statuses {
                let (mut stream, _) = listener.accept().unwrap();
                let mut bytes = Vec::new();
                let body = loop {
                    let mut buffer = [0; 4096];
                    let n = stream.read(&mut buffer).unwrap();
                    bytes.extend_from_slice(&buffer[..n]);
                    let text = String::from_utf8_lossy(&bytes).into_owned();
                    if let Some((head, body)) = text.split_once("\r\n\r\n")
                        && let Ok(body) = serde_json::from_str::<Value>(body)
                    {
                        assert!(head.starts_with("POST /hook ") && head.contains("application/json"), "{head}");
                        break body;
                    }
                };
                write!(stream, "HTTP/1.1 {status} x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
                send.send(body).unwrap();
            }
        });
        (url, bodies)
    }

    fn options(url: &str) -> WebhookOptions {
        WebhookOptions { webhook: Some(url.to_owned()) }
    }

    #[test]
    fn address_that_is_none_is_refused() {
        for good in ["http://localhost:8123/api/webhook/x", "https://example.org"] {
            assert_eq!(Config::try_parse_from(["x", "--webhook", good]).unwrap().webhook.webhook.unwrap(), good);
        }
        for bad in ["localhost:80", "ftp://x/", "http://", "/path", "http://a b/"] {
            let error = Config::try_parse_from(["x", "--webhook", bad]).unwrap_err().to_string();
            assert!(error.contains("--webhook") && error.contains(bad) && error.contains("https://HOST"), "{error}");
        }
    }

    #[test]
    fn event_that_is_not_taken_is_sent_again_in_its_order() {
        let (url, bodies) = server(&[503, 200, 404, 200]);
        let webhook = Webhook::start(&options(&url)).unwrap().unwrap();
        for n in 1..=3 {
            webhook.send("verdict", &format!("verdict:{n}"), &json!({ "n": n }));
        }
        let next = || bodies.recv_timeout(Duration::from_secs(20)).unwrap();
        let ids: Vec<Value> = (0..4).map(|_| next()["id"].clone()).collect();
        assert_eq!(ids, ["verdict:1", "verdict:1", "verdict:2", "verdict:3"], "503 passes, 404 does not");
        let start = Instant::now();
        while webhook.shared.lock().delivered < 2 {
            assert!(start.elapsed() < Duration::from_secs(10));
            std::thread::sleep(Duration::from_millis(5));
        }
        let queue = webhook.shared.lock();
        assert_eq!((queue.given_up, queue.waiting.len(), queue.problem.is_none()), (1, 0, true));
    }

    #[test]
    fn nobody_waits_for_a_receiver_that_does_not_answer() {
        // It takes connections and never answers.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let webhook =
            Webhook::start(&options(&format!("http://{}/", listener.local_addr().unwrap()))).unwrap().unwrap();
        let start = Instant::now();
        for n in 0..5000 {
            webhook.send("classification", &n.to_string(), &json!({ "path": "inbox/a.jpg" }));
        }
        assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
        let counts = |queue: &Queue| (queue.waiting.len(), queue.given_up);
        let (waiting, given_up) = counts(&webhook.shared.lock());
        assert!(waiting == CAPACITY && (3999..=4000).contains(&given_up), "{waiting} {given_up}");
        let start = Instant::now();
        drop(webhook);
        assert!(start.elapsed() < FAREWELL + Duration::from_secs(1), "a node that ends is not held up");
    }

    #[test]
    fn pauses_grow_to_a_minute() {
        assert_eq!([1, 2, 3, 6, 7, 40].map(|attempts| pause(attempts).as_secs()), [1, 2, 4, 32, 60, 60]);
    }

    #[test]
    fn what_waits_goes_out_when_the_node_ends() {
        let (url, bodies) = server(&[200, 200]);
        let webhook = Webhook::start(&options(&url)).unwrap().unwrap();
        webhook.send("verdict", "1", &json!({}));
        webhook.send("verdict", "2", &json!({}));
        drop(webhook);
        assert_eq!(bodies.try_iter().count(), 2);
        assert!(Webhook::start(&WebhookOptions::default()).unwrap().is_none());
    }
}
