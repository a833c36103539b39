//! Questions that wait for a decision, and what is done about them.

use super::reply::blocking;
use super::{App, Problem};
use crate::decide::{Action, Done, QUEUES, Queue, decided};
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::ErrorKind;

pub fn routes() -> Router<App> {
    Router::new()
        .route("/api/queues", get(counts))
        .route("/api/queue/{name}", get(queue))
        .route("/api/decide", post(decide))
        .route("/api/undo", post(undo))
}

async fn counts(State(app): State<App>) -> Result<Json<BTreeMap<&'static str, usize>>, Problem> {
    blocking(move || {
        let (view, _) = app.library.view().map_err(Problem::failed)?;
        let of = |name| Some((name, Queue::of(name, &app.workspace, &view, &app.decider)?.total));
        Ok(Json(QUEUES.into_iter().filter_map(of).collect()))
    })
    .await
}

async fn queue(State(app): State<App>, Path(name): Path<String>) -> Result<Json<Queue>, Problem> {
    blocking(move || {
        let (view, _) = app.library.view().map_err(Problem::failed)?;
        let found = Queue::of(&name, &app.workspace, &view, &app.decider);
        found.map(Json).ok_or_else(|| Problem::missing("there is no such queue"))
    })
    .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    #[serde(rename = "acts")]
    actions: Vec<Action>,
}

fn told(done: std::io::Result<Done>) -> Result<Json<Done>, Problem> {
    done.map(Json).map_err(|error| match error.kind() {
        ErrorKind::InvalidInput => Problem::wrong(&error),
        _ => error.into(),
    })
}

async fn decide(State(app): State<App>, step: Result<Json<Step>, JsonRejection>) -> Result<Json<Done>, Problem> {
    let Json(Step { actions }) =
        step.map_err(|error| Problem { status: error.status(), text: error.body_text().into() })?;
    blocking(move || {
        let (view, _) = app.library.view().map_err(Problem::failed)?;
        told(app.decider.decide(&actions, &|key, decision| decided(key, decision, &app.workspace, &view)))
    })
    .await
}

async fn undo(State(app): State<App>) -> Result<Json<Done>, Problem> {
    blocking(move || told(app.decider.undo())).await
}
