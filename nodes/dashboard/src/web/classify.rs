//! `POST /api/classify`: an image in, the champion's classes out, for other programs.
//!
//! ```sh
//! curl -H 'X-Wakuteka: 1' --data-binary @photo.jpg http://127.0.0.1:8420/api/classify
//! ```
//!
//! The body is the image's file, of any kind that is taken in elsewhere, up to `--max-bytes`; where there is a `--token`, it comes as
//! `Authorization: Bearer TOKEN`. The answer is that of `predict` for the same bytes: same model, same calibrated probabilities. Nothing
//! is kept of the image.
//!
//! However many programs ask, two images are read and classified at a time, so that the page has threads left; a body is read only
//! when its turn has come, and beyond 64 that wait a request is refused.

use super::reply::blocking;
use super::{App, Problem};
use crate::model_cache::{ClassScore, Prediction};
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequest, Query, Request, State};
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Images at a time.
const AT_ONCE: usize = 2;
/// Requests that wait for their turn, at most.
const WAITING: usize = 64;
/// In so long a body must be here once its turn has come.
const PATIENCE: Duration = Duration::from_secs(30);

/// Who may go on.
#[derive(Clone)]
struct Turns {
    /// One for each request that is not answered yet.
    all: Arc<Semaphore>,
    /// One for each image that is worked on.
    at_work: Arc<Semaphore>,
}

pub fn routes(max_bytes: u64) -> Router<App> {
    let largest = usize::try_from(max_bytes).unwrap_or(usize::MAX);
    let turns = Turns { all: Arc::new(Semaphore::new(AT_ONCE + WAITING)), at_work: Arc::new(Semaphore::new(AT_ONCE)) };
    let classify = move |app: State<App>, options: Query<Options>, request: Request| {
        classify(app, options, request, turns.clone())
    };
    Router::new().route("/api/classify", post(classify)).layer(DefaultBodyLimit::max(largest))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    /// The most probable classes alone, so many.
    top: Option<usize>,
}

/// The answer.
#[derive(Serialize)]
struct Classified {
    /// The champion: a folder in `models/`.
    model: String,
    /// Every class, or the first `top`, the most probable first.
    classes: Vec<ClassScore>,
    /// Whether the probabilities are calibrated.
    calibrated: bool,
    /// Whether the image is unlike anything the model was trained on, so that the probabilities say nothing of it.
    is_novel: bool,
    /// BLAKE3 of the body.
    digest: String,
}

async fn classify(
    State(app): State<App>,
    Query(Options { top }): Query<Options>,
    request: Request,
    turns: Turns,
) -> Result<Json<Classified>, Problem> {
    let unavailable = |text: &str| Problem { status: StatusCode::SERVICE_UNAVAILABLE, text: text.into() };
    let Ok(_waiting) = turns.all.try_acquire() else {
        return Err(unavailable("too many requests wait already; ask again in a moment"));
    };
    let _turn = turns.at_work.acquire().await.map_err(Problem::failed)?;
    let body = timeout(PATIENCE, Bytes::from_request(request, &())).await;
    let late = |_| Problem { status: StatusCode::REQUEST_TIMEOUT, text: "the image did not come in time".into() };
    let bytes =
        body.map_err(late)?.map_err(|error| Problem { status: error.status(), text: error.body_text().into() })?;
    blocking(move || {
        let digest = blake3::hash(&bytes).to_hex().to_string();
        let image = app.renderer.image(&bytes, app.models.scale())?;
        let prediction = app.models.predict(&image, &digest).map_err(Problem::failed)?;
        let Some(Prediction { model, mut classes, calibrated, is_novel, .. }) = prediction else {
            return Err(unavailable("there is no model yet"));
        };
        classes.truncate(top.unwrap_or(usize::MAX));
        Ok(Json(Classified { model, classes, calibrated, is_novel, digest }))
    })
    .await
}
