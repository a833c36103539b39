//! What a person does on the page besides decisions: files that come by the browser, runs that are asked for or put off, models and
//! tables that are taken away.

use super::reply::blocking;
use super::{App, Problem, archive};
use crate::decide::Uploads;
use crate::safe;
use axum::body::Bytes;
use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use plugin_api::Message;
use plugin_api::runs::{Pause, RunRequest, write_json};
use serde::Deserialize;
use serde_json::{Value, json};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

/// Bytes of a model that is taken away at most.
const MODEL_BYTES: u64 = 2 << 30;
/// Formats that `exchange export-model` may know.
const FORMATS: [&str; 3] = ["safetensors", "onnx", "nnp"];

pub fn routes(max_bytes: u64) -> Router<App> {
    let largest = usize::try_from(max_bytes).unwrap_or(usize::MAX);
    let sent = Router::new().route("/api/upload", post(upload)).layer(DefaultBodyLimit::max(largest));
    Router::new()
        .route("/api/limits", get(limits))
        .route("/api/train", post(train))
        .route("/api/pause", post(pause))
        .route("/export/classes.zip", get(classes))
        .route("/export/{run}/{file}", get(export))
        .merge(sent)
}

/// `/api/limits`: what may be uploaded.
async fn limits(State(app): State<App>) -> Json<Value> {
    Json(json!({ "max_bytes": app.config.limits.max_bytes, "max_files": crate::decide::MOST }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Upload {
    /// Files of one drop share it.
    batch: String,
    name: String,
}

/// `POST /api/upload?batch=…&name=…`, the body the file: it lies in `trash/uploads/<batch>/` until a decision labels it, so that a
/// drop that ends in the middle leaves no class half filled, and undo has somewhere to put it back.
async fn upload(State(app): State<App>, Query(of): Query<Upload>, bytes: Bytes) -> Result<Json<Value>, Problem> {
    if !safe::is_name(&of.batch) || !safe::is_name(&of.name) {
        return Err(Problem::wrong("that is no name of a file"));
    }
    blocking(move || {
        let path = Uploads::open(app.workspace.root())?.keep(&of.batch, &of.name, &bytes)?;
        Ok(Json(json!({ "path": path })))
    })
    .await
}

/// `POST /api/train`: a run is wanted now, as `cargo wakuteka runs retrain` asks for one.
async fn train(State(app): State<App>) -> Result<Json<Value>, Problem> {
    blocking(move || {
        write_json(&app.workspace.runs().join(RunRequest::FILE), &RunRequest::default())?;
        tracing::info!("a run was asked for on the page");
        Ok(Json(json!({})))
    })
    .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Paused {
    paused: bool,
}

/// `POST /api/pause`: whether runs start by themselves.
async fn pause(State(app): State<App>, wanted: Result<Json<Paused>, JsonRejection>) -> Result<Json<Value>, Problem> {
    let Json(Paused { paused }) =
        wanted.map_err(|error| Problem { status: error.status(), text: error.body_text().into() })?;
    blocking(move || {
        let file = app.workspace.runs().join(Pause::FILE);
        if paused {
            let since_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64;
            write_json(&file, &Pause { since_ms })?;
        } else if file.exists() {
            std::fs::remove_file(&file)?;
        }
        tracing::info!(paused, "runs by themselves, as decided on the page");
        Ok(Json(json!({ "paused": paused })))
    })
    .await
}

/// `/export/classes.zip`: the labelled images, a folder a class.
async fn classes(State(app): State<App>) -> Result<Response, Problem> {
    blocking(move || {
        let body = archive::of_classes(&app.workspace)?;
        let head =
            [("content-type", "application/zip"), ("content-disposition", "attachment; filename=\"classes.zip\"")];
        Ok((head, body).into_response())
    })
    .await
}

/// `/export/<run>/predictions.csv`, `/export/inbox/predictions.csv`, `/export/<run>/model.<format>`.
async fn export(State(app): State<App>, Path((run, file)): Path<(String, String)>) -> Result<Response, Problem> {
    if !safe::is_name(&run) {
        return Err(Problem::missing("there is no such run"));
    }
    blocking(move || {
        let root = app.workspace.root();
        if file == "predictions.csv" {
            let path = if run == "inbox" {
                "inbox/predictions.csv".to_owned()
            } else {
                format!("runs/{run}/report/predictions.csv")
            };
            let bytes = safe::document(root, &path, MODEL_BYTES)?;
            return Ok(download(bytes, "text/csv; charset=utf-8", &format!("{run}-predictions.csv")));
        }
        let format = file.strip_prefix("model.").filter(|format| FORMATS.contains(format));
        let format = format.ok_or_else(|| Problem::missing("there is no such export"))?;
        let bytes = exported(&app, &run, format)?;
        Ok(download(bytes, "application/octet-stream", &format!("{run}.{format}")))
    })
    .await
}

fn download(bytes: Vec<u8>, kind: &'static str, name: &str) -> Response {
    // Names of runs are letters, digits and hyphens; anything else is left out of the header.
    let plain: String = name.chars().filter(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).collect();
    ([("content-type", kind.to_owned()), ("content-disposition", format!("attachment; filename=\"{plain}\""))], bytes)
        .into_response()
}

/// A model as another program reads it, written by the program `exchange` that lies beside this one.
fn exported(app: &App, run: &str, format: &str) -> Result<Vec<u8>, Problem> {
    let exchange = std::env::current_exe()?.with_file_name("exchange");
    if !exchange.is_file() {
        return Err(Problem::conflict(Message::page_no_exchange(exchange.display().to_string())));
    }
    let folder = tempfile::tempdir_in(app.workspace.root().join("dashboard")).or_else(|_| {
        std::fs::create_dir_all(app.workspace.root().join("dashboard"))
            .and_then(|()| tempfile::tempdir_in(app.workspace.root().join("dashboard")))
    })?;
    let out = folder.path().join("model");
    let done = Command::new(exchange)
        .args(["export-model", "--home"])
        .arg(app.workspace.root())
        .args(["--run", run, "--format", format, "--out"])
        .arg(&out)
        .output()?;
    if !done.status.success() {
        return Err(Problem::conflict(Message::page_export_failed(String::from_utf8_lossy(&done.stderr).trim())));
    }
    Ok(std::fs::read(&out)?)
}
