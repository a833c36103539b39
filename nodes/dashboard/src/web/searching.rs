//! Structure searches: what has been found, the network of each attempt, and a search that is asked for.

use super::reply::blocking;
use super::{App, Problem};
use crate::safe;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use plugin_api::files::with_path;
use plugin_api::run_id::now_ms;
use plugin_api::runs::{read_json, write_json};
use plugin_api::status;
use plugin_architecture_search::{FOLDER, Request, read_search, report, searches};
use plugin_blocks::shipped;
use serde::Deserialize;
use serde_json::{Value, json};

/// Bytes of a network's file, its drawing or a report at most.
const FILE_BYTES: u64 = 64 << 20;
/// A drawing or a report: styles, but no script, and nothing from elsewhere.
const DOCUMENT: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; \
                        frame-ancestors 'none'; sandbox allow-popups";

pub fn routes() -> Router<App> {
    Router::new()
        .route("/api/searches", get(all).post(ask))
        .route("/search/{id}/report", get(whole_report))
        .route("/search/{id}/networks/{file}", get(network))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    /// The newest when it is not said.
    id: Option<String>,
}

/// `/api/searches?id=…`: names of all searches, newest first, one of them in few words, and what can be asked for.
async fn all(State(app): State<App>, Query(which): Query<Which>) -> Result<Json<Value>, Problem> {
    blocking(move || {
        let root = app.workspace.root().join(FOLDER);
        let folders = searches(&root).into_iter().rev();
        let names: Vec<String> = folders.filter_map(|folder| Some(folder.file_name()?.to_str()?.to_owned())).collect();
        let id = which.id.as_ref().or(names.first()).filter(|id| names.contains(id));
        let shown = match id {
            // By the journal itself: the summary on disk may be some seconds old, or another version's.
            Some(id) => {
                read_search(&root.join(id)).map_err(Problem::failed)?.map(|search| json!(report::summary(&search)))
            }
            None => None,
        };
        let alive =
            |node: &str| status::read_all(&app.workspace.status()).get(node).is_some_and(status::Status::is_alive);
        Ok(Json(json!({
            "searches": names,
            "shown": shown,
            "asked": read_json::<Request>(&root.join(Request::FILE)).is_ok(),
            "runs": alive("search"),
            "networks": shipped::names(),
        })))
    })
    .await
}

/// What a browser asks for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// A network that comes with the program.
    network: Option<String>,
    /// Or that of an attempt: the search, and the number.
    attempt: Option<(String, u64)>,
    method: Option<plugin_architecture_search::Method>,
    objective: Option<plugin_architecture_search::Objective>,
    epochs: Option<u64>,
    attempts: Option<u64>,
    hours: Option<f64>,
}

/// `POST /api/searches`: a search is wanted.
async fn ask(State(app): State<App>, wanted: Result<Json<Wanted>, JsonRejection>) -> Result<Json<Value>, Problem> {
    let Json(wanted) = wanted.map_err(|error| Problem { status: error.status(), text: error.body_text().into() })?;
    blocking(move || {
        let root = app.workspace.root().join(FOLDER);
        let (mut network, mut definition) = (wanted.network, None);
        if let Some((id, number)) = &wanted.attempt {
            if !safe::is_name(id) {
                return Err(Problem::missing("there is no such search"));
            }
            let search = read_search(&root.join(id)).map_err(Problem::failed)?;
            let attempt = search.as_ref().and_then(|search| search.attempts.get(usize::try_from(*number).ok()?));
            let attempt = attempt.ok_or_else(|| Problem::missing("there is no such attempt"))?;
            definition = Some(attempt.proposed.definition.clone());
            network = Some(format!("attempt-{number}-of-{id}"));
        }
        let request = Request {
            asked_ms: now_ms(),
            network,
            definition,
            method: wanted.method,
            objective: wanted.objective,
            epochs: wanted.epochs,
            attempts: wanted.attempts,
            hours: wanted.hours,
        };
        request.checked().map_err(Problem::wrong)?;
        std::fs::create_dir_all(&root).map_err(|e| with_path(&root, &e))?;
        write_json(&root.join(Request::FILE), &request)?;
        tracing::info!("a search was asked for on the page");
        Ok(Json(json!({})))
    })
    .await
}

/// `/search/ID/report`: the page that the node `search` wrote.
async fn whole_report(State(app): State<App>, Path(id): Path<String>) -> Result<Response, Problem> {
    let path = format!("{FOLDER}/{id}/report/index.html");
    document(app, path, "text/html; charset=utf-8", "inline").await
}

/// `/search/ID/networks/0007.svg`, the drawing of an attempt's network, and `….yml`, its file.
async fn network(State(app): State<App>, Path((id, file)): Path<(String, String)>) -> Result<Response, Problem> {
    let path = format!("{FOLDER}/{id}/networks/{file}");
    match file.rsplit_once('.') {
        Some((_, "svg")) => document(app, path, "image/svg+xml", "inline").await,
        Some((_, "yml")) => document(app, path, "text/yaml; charset=utf-8", "attachment").await,
        _ => Err(Problem::missing("there is no such file")),
    }
}

async fn document(app: App, path: String, kind: &'static str, shown: &'static str) -> Result<Response, Problem> {
    blocking(move || {
        let bytes = safe::document(app.workspace.root(), &path, FILE_BYTES)?;
        let head = [("content-type", kind), ("content-disposition", shown), ("content-security-policy", DOCUMENT)];
        Ok((head, bytes).into_response())
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::super::tests::Served;
    use super::*;
    use plugin_api::{DatasetState, Labels};
    use plugin_architecture_search::{Event, Journal, Method, Objective, Outcome, Proposed, Settings};

    const BLOCKS: &str = "blocks: [{affine: classes, name: fc}]";

    /// A workspace in which two networks were tried.
    fn served() -> Served {
        let served = Served::new();
        let root = served.workspace.root().join(FOLDER);
        std::fs::create_dir_all(&root).unwrap();
        let settings = Settings {
            network: "lenet".to_owned(),
            definition: BLOCKS.to_owned(),
            method: Method::Random,
            objective: Objective::ErrorAndCost,
            size_px: 32,
            epochs: 2,
            halving: 1,
            inherit: false,
            max_multiply_adds: 1 << 30,
            max_parameters: 1 << 30,
            seed: 1,
        };
        let classes = ["a", "b"].map(str::to_owned).to_vec();
        let data = DatasetState {
            version: 1,
            fingerprint: "f".to_owned(),
            counts: vec![[9, 3, 3, 0]; 2],
            classes,
            labels: Labels::Single,
        };
        let mut journal = Journal::create(&root, "one", settings, data, 5).unwrap();
        for (attempt, error) in [(0, 0.5), (1, 0.25)] {
            let proposed = Proposed {
                attempt,
                run: format!("run-{attempt}"),
                parent: attempt.checked_sub(1),
                change: "relu removed".to_owned(),
                definition: BLOCKS.to_owned(),
                multiply_adds: 100,
                parameters: 10,
                expected: None,
                inherits: None,
                worker: 0,
            };
            journal.record(Event::Proposed(proposed)).unwrap();
            journal.record(Event::Epoch { attempt, epoch: 0, error, seconds: 1.0 }).unwrap();
            journal.record(Event::Ended { attempt, outcome: Outcome::Trained, reason: None }).unwrap();
        }
        report::write(journal.folder(), journal.search()).unwrap();
        served
    }

    #[test]
    fn searches_are_shown_with_their_networks() {
        let served = served();
        let found = served.get("/api/searches").json();
        assert_eq!(
            (&found["searches"], &found["asked"], &found["runs"]),
            (&json!(["one"]), &json!(false), &json!(false))
        );
        assert_eq!((&found["shown"]["front"], &found["shown"]["attempts"][1]["error"]), (&json!([1]), &json!(0.25)));
        let drawing = served.get("/search/one/networks/0001.svg");
        assert!(drawing.text().starts_with("<svg") && drawing.head.contains("sandbox"), "{}", drawing.head);
        let file = served.get("/search/one/networks/0001.yml");
        assert!(file.text() == BLOCKS && file.head.contains("attachment"), "{}", file.head);
        assert!(served.get("/search/one/report").text().contains("Family tree"));
        for path in ["/search/two/report", "/search/..%2f..%2fmodels/report", "/search/one/networks/..%2fjournal.jsonl"]
        {
            assert_eq!(served.get(path).status, 404, "{path}");
        }
    }

    #[test]
    fn a_search_is_asked_for_by_network_or_attempt() {
        let served = served();
        let path = served.workspace.root().join(FOLDER).join(Request::FILE);
        assert_eq!(served.post("/api/searches", &json!({ "network": "resnet19" })).status, 400);
        assert_eq!(served.post("/api/searches", &json!({ "attempt": ["one", 9] })).status, 404);
        assert!(!path.exists());
        let asked = served.post("/api/searches", &json!({ "network": "lenet", "method": "random", "hours": 0.5 }));
        assert_eq!(asked.status, 200, "{}", asked.text());
        let request: Request = read_json(&path).unwrap();
        assert_eq!((request.network.as_deref(), request.method), (Some("lenet"), Some(Method::Random)));
        assert_eq!(served.post("/api/searches", &json!({ "attempt": ["one", 1], "attempts": 7 })).status, 200);
        let request: Request = read_json(&path).unwrap();
        assert_eq!((request.definition.as_deref(), request.attempts), (Some(BLOCKS), Some(7)));
        assert_eq!(served.get("/api/searches").json()["asked"], json!(true));
    }
}
