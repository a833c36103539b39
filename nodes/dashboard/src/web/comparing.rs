//! Answers about runs and models, and who is champion.

use super::reply::blocking;
use super::{App, Problem};
use crate::compare::{Pair, Table};
use crate::now::{Curves, curves};
use crate::safe;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use plugin_api::Message;
use plugin_api::runs::RunFolder;
use plugin_champion::Refused;
use serde::Deserialize;
use serde_json::{Value, json};

/// A page that a node wrote, with styles and images in it: no script, no form, nothing from elsewhere.
const DOCUMENT: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; \
                        frame-ancestors 'none'; sandbox allow-popups";
/// Bytes of such a page at most.
const DOCUMENT_BYTES: u64 = 64 << 20;

pub fn routes() -> Router<App> {
    Router::new()
        .route("/api/runs", get(runs))
        .route("/api/run/{id}", get(run))
        .route("/api/pair", get(pair))
        .route("/api/promote", post(promote))
        .route("/api/rollback", post(rollback))
        .route("/report/{id}", get(report))
        .route("/report/{id}/{file}", get(report_file))
        .route("/report", get(data_report))
        .route("/report.html", get(data_report))
        .route("/report.ja.html", get(japanese_data_report))
        .route("/experiment/{name}", get(experiment))
}

async fn runs(State(app): State<App>) -> Result<Json<Table>, Problem> {
    blocking(move || Ok(Json(Table::read(&app.workspace)))).await
}

fn named(id: &str, what: &str) -> Result<(), Problem> {
    if safe::is_name(id) { Ok(()) } else { Err(Problem::missing(what)) }
}

/// The curves of a run.
async fn run(State(app): State<App>, Path(id): Path<String>) -> Result<Json<Curves>, Problem> {
    named(&id, "there is no such run")?;
    blocking(move || Ok(Json(curves(&RunFolder::new(&app.workspace.runs(), &id).metrics())))).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Two {
    a: String,
    b: String,
}

/// `/api/pair?a=…&b=…`: two runs by class and by the images they differ on.
async fn pair(State(app): State<App>, Query(two): Query<Two>) -> Result<Json<Option<Pair>>, Problem> {
    named(&two.a, "there is no such run")?;
    named(&two.b, "there is no such run")?;
    blocking(move || {
        let (view, _) = app.library.view().map_err(Problem::failed)?;
        Ok(Json(Pair::read(&app.workspace, &view, [&two.a, &two.b])))
    })
    .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Chosen {
    id: String,
}

fn refused(error: Refused) -> Problem {
    match error {
        Refused::File(error) => error.into(),
        Refused::Already(id) => Problem::conflict(Message::page_champion_already(id)),
        Refused::Unknown { id, .. } => Problem::conflict(Message::page_no_model(id)),
        Refused::Run { id, why } => Problem::conflict(Message::page_not_promoted(id, why)),
        Refused::Nobody => Problem::conflict(Message::page_no_champion()),
        Refused::First(id) => Problem::conflict(Message::page_first_champion(id)),
        Refused::Gone { champion, previous, .. } => Problem::conflict(Message::page_champion_gone(champion, previous)),
    }
}

async fn promote(State(app): State<App>, chosen: Result<Json<Chosen>, JsonRejection>) -> Result<Json<Value>, Problem> {
    let Json(Chosen { id }) =
        chosen.map_err(|error| Problem { status: error.status(), text: error.body_text().into() })?;
    named(&id, "there is no such run")?;
    blocking(move || {
        let before = plugin_champion::promote_by_hand(&app.workspace, &id).map_err(refused)?;
        tracing::info!(model = id, "made champion on the page");
        Ok(Json(json!({ "champion": id, "previous": before })))
    })
    .await
}

async fn rollback(State(app): State<App>) -> Result<Json<Value>, Problem> {
    blocking(move || {
        let (was, is) = plugin_champion::roll_back(&app.workspace).map_err(refused)?;
        tracing::info!(was, is, "rolled back on the page");
        Ok(Json(json!({ "champion": is, "previous": was })))
    })
    .await
}

async fn document(app: App, path: String) -> Result<Response, Problem> {
    blocking(move || {
        let bytes = safe::document(app.workspace.root(), &path, DOCUMENT_BYTES)?;
        let head = [("content-type", "text/html; charset=utf-8"), ("content-security-policy", DOCUMENT)];
        Ok((head, bytes).into_response())
    })
    .await
}

async fn report(State(app): State<App>, Path(id): Path<String>) -> Result<Response, Problem> {
    if DATA_TABLES.contains(&id.as_str()) {
        return table(app, format!("dataset/report/{id}")).await;
    }
    named(&id, "there is no such report")?;
    document(app, format!("runs/{id}/report/index.html")).await
}

/// Tables beside the report of the data set.
const DATA_TABLES: [&str; 5] = ["classes.csv", "duplicates.csv", "conflicts.csv", "issues.csv", "label_errors.csv"];

/// A file beside the report of a run; the English page for the Japanese one where a run of earlier versions has none.
async fn report_file(State(app): State<App>, Path((id, file)): Path<(String, String)>) -> Result<Response, Problem> {
    named(&id, "there is no such report")?;
    let path = format!("runs/{id}/report/{file}");
    match file.as_str() {
        "predictions.csv" | "confusion.csv" | "per_class.csv" => table(app, path).await,
        "index.ja.html" if app.workspace.root().join(&path).is_file() => document(app, path).await,
        "index.html" | "index.ja.html" => document(app, format!("runs/{id}/report/index.html")).await,
        _ => Err(Problem::missing("there is no such report")),
    }
}

/// What `inspect` has written of the data set.
async fn data_report(State(app): State<App>) -> Result<Response, Problem> {
    document(app, "dataset/report.html".to_owned()).await
}

/// The same in Japanese; in English where an earlier version has written it.
async fn japanese_data_report(State(app): State<App>) -> Result<Response, Problem> {
    let path = "dataset/report.ja.html";
    let path = if app.workspace.root().join(path).is_file() { path } else { "dataset/report.html" };
    document(app, path.to_owned()).await
}

async fn table(app: App, path: String) -> Result<Response, Problem> {
    blocking(move || {
        let bytes = safe::document(app.workspace.root(), &path, DOCUMENT_BYTES)?;
        Ok(([("content-type", "text/csv; charset=utf-8")], bytes).into_response())
    })
    .await
}

async fn experiment(State(app): State<App>, Path(name): Path<String>) -> Result<Response, Problem> {
    named(&name, "there is no such page")?;
    document(app, format!("experiments/{name}.html")).await
}
