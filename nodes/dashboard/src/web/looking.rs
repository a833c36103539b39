//! Answers about the data set and its pictures.

use super::reply::blocking;
use super::{App, Problem};
use crate::look::{Filter, Page, Shown};
use crate::safe;
use crate::seer::Answer;
use crate::sight::Size;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use plugin_api::runs::RunFolder;
use serde::{Deserialize, Serialize};

/// Neighbours that are shown.
const NEIGHBOURS: usize = 12;
/// A name is a digest: what it names never changes.
const FOR_EVER: &str = "private, max-age=31536000, immutable";
/// A path may name another file soon.
const FOR_NOW: &str = "private, max-age=10";

pub fn routes() -> Router<App> {
    Router::new()
        .route("/api/pictures", get(pictures))
        .route("/api/picture/{digest}", get(picture))
        .route("/api/confusion", get(confusion))
        .route("/thumbnail/{digest}", get(thumbnail))
        .route("/large/{digest}", get(large))
        .route("/thumbnail", get(thumbnail_of))
        .route("/large", get(large_of))
}

/// `/api/pictures?class=…&from=…`: [`Filter`].
async fn pictures(State(app): State<App>, Query(filter): Query<Filter>) -> Result<Json<Page>, Problem> {
    if !filter.run.is_empty() && !safe::is_name(&filter.run) {
        return Err(Problem::wrong("that is no run"));
    }
    blocking(move || {
        let (album, generation) = app.library.album().map_err(Problem::failed)?;
        Ok(Json(album.page(&filter, generation, &app.home)))
    })
    .await
}

/// A neighbour and how near it is.
#[derive(Serialize)]
struct Neighbour {
    #[serde(flatten)]
    shown: Shown,
    near: f32,
}

/// All there is to say of a picture.
#[derive(Serialize)]
struct Details {
    files: Vec<Shown>,
    width: u32,
    height: u32,
    scores: Vec<(&'static str, f32)>,
    answer: Option<Answer>,
    problem: Option<String>,
    by_hash: Vec<Neighbour>,
    by_embedding: Vec<Neighbour>,
}

async fn picture(State(app): State<App>, Path(digest): Path<String>) -> Result<Json<Details>, Problem> {
    blocking(move || {
        let (album, _) = app.library.album().map_err(Problem::failed)?;
        let item = album.find(&digest).ok_or_else(|| Problem::missing("there is no such picture"))?;
        let asked = app.sight.bytes(&album, &digest).and_then(|bytes| app.sight.picture(&bytes));
        let asked = asked.map_err(|e| e.to_string()).and_then(|picture| app.seer.ask(&picture));
        let (answer, problem) = asked.map_or_else(|why| (None, Some(why)), |answer| (answer, None));
        let other = |one: &crate::look::Item| one.digest != digest;
        let by_hash = album.near(item.phash, NEIGHBOURS + 1).into_iter().filter(|(one, _)| other(one));
        let by_hash = by_hash.map(|(one, bits)| Neighbour { shown: album.shown(one), near: bits as f32 });
        let embedding = app.alike.of(&digest).unwrap_or_default();
        let alike = app.alike.near(&album, &embedding, NEIGHBOURS + 1).into_iter().filter(|(one, _)| other(one));
        let alike = alike.map(|(one, cosine)| Neighbour { shown: album.shown(one), near: cosine });
        let scores = item.facts.scores;
        let scores = [
            ("dark", scores.dark),
            ("bright", scores.bright),
            ("blur", scores.blur),
            ("information", scores.information),
        ];
        Ok(Json(Details {
            files: album.files(&digest).into_iter().map(|one| album.shown(one)).collect(),
            width: item.facts.width,
            height: item.facts.height,
            scores: scores.into_iter().filter(|(_, score)| score.is_finite()).collect(),
            answer,
            problem,
            by_hash: by_hash.take(NEIGHBOURS).collect(),
            by_embedding: alike.take(NEIGHBOURS).collect(),
        }))
    })
    .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfRun {
    #[serde(default)]
    run: String,
}

/// A run's confusion matrix: `[truth][prediction]`.
#[derive(Serialize)]
struct Confusion {
    run: String,
    runs: Vec<String>,
    classes: Vec<String>,
    counts: Vec<Vec<u64>>,
}

/// `/api/confusion?run=…`; the champion's, else that of the newest judged run, when none is named.
async fn confusion(State(app): State<App>, Query(of): Query<OfRun>) -> Result<Json<Option<Confusion>>, Problem> {
    blocking(move || {
        let has_matrix = |run: &RunFolder| run.verdict().is_some_and(|v| !v.confusion.is_empty());
        let runs: Vec<String> =
            RunFolder::all(&app.home.runs()).iter().rev().filter(|r| has_matrix(r)).map(RunFolder::id).collect();
        let champion = plugin_champion::champion(&app.home).filter(|id| runs.contains(id));
        let run = if of.run.is_empty() { champion.or_else(|| runs.first().cloned()) } else { Some(of.run) };
        let Some(run) = run else { return Ok(Json(None)) };
        if !runs.contains(&run) {
            return Err(Problem::missing("there is no such run with a confusion matrix"));
        }
        let verdict = RunFolder::new(&app.home.runs(), &run).verdict();
        Ok(Json(verdict.map(|v| Confusion { run, runs, classes: v.classes, counts: v.confusion })))
    })
    .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfPath {
    path: String,
}

fn jpeg(bytes: Vec<u8>, keep: &'static str) -> Response {
    ([("content-type", "image/jpeg"), ("cache-control", keep)], bytes).into_response()
}

async fn by_digest(app: App, digest: String, size: Size) -> Result<Response, Problem> {
    blocking(move || {
        let (album, _) = app.library.album().map_err(Problem::failed)?;
        Ok(jpeg(app.sight.of_digest(&album, &digest, size)?, FOR_EVER))
    })
    .await
}

async fn by_path(app: App, path: String, size: Size) -> Result<Response, Problem> {
    blocking(move || Ok(jpeg(app.sight.of_path(&path, size)?, FOR_NOW))).await
}

async fn thumbnail(State(app): State<App>, Path(digest): Path<String>) -> Result<Response, Problem> {
    by_digest(app, digest, Size::Thumbnail).await
}

async fn large(State(app): State<App>, Path(digest): Path<String>) -> Result<Response, Problem> {
    by_digest(app, digest, Size::Large).await
}

async fn thumbnail_of(State(app): State<App>, Query(of): Query<OfPath>) -> Result<Response, Problem> {
    by_path(app, of.path, Size::Thumbnail).await
}

async fn large_of(State(app): State<App>, Query(of): Query<OfPath>) -> Result<Response, Problem> {
    by_path(app, of.path, Size::Large).await
}
