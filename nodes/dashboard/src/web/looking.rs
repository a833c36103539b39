//! Answers about the data set and its images.

use super::reply::blocking;
use super::{App, Problem};
use crate::class_search::{self, Found, Recent, search};
use crate::image_renderer::Size;
use crate::look::{ClassRow, Filter, PLACES, Page, classes_table, page_of_place};
use crate::now::{self, Overview};
use crate::safe;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use plugin_api::runs::RunFolder;
use plugin_forecast::Forecasts;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A name is a digest: what it names never changes.
const FOR_EVER: &str = "private, max-age=31536000, immutable";
/// A path may name another file soon.
const FOR_NOW: &str = "private, max-age=10";

/// Images that are alike, at most.
const ALIKE: usize = 300;
/// Images of the inbox that are shown as classified last.
const RECENT: usize = 24;

pub fn routes() -> Router<App> {
    Router::new()
        .route("/api/pictures", get(images))
        .route("/api/confusion", get(confusion))
        .route("/api/forecast", get(forecast))
        .route("/api/mood", get(by_class))
        .route("/api/overview", get(overview))
        .route("/api/classes", get(classes_of))
        .route("/api/map", get(map))
        .route("/api/recent", get(recent))
        .route("/api/refused", get(refused))
        .route("/thumbnail/{digest}", get(thumbnail))
        .route("/large/{digest}", get(large))
        .route("/thumbnail", get(thumbnail_of))
        .route("/large", get(large_of))
}

/// `/api/pictures?class=…&from=…`: [`Filter`].
async fn images(State(app): State<App>, Query(filter): Query<Filter>) -> Result<Json<Page>, Problem> {
    if !filter.run.is_empty() && !safe::is_name(&filter.run) {
        return Err(Problem::wrong("that is no run"));
    }
    if !filter.place.is_empty() && !PLACES.contains(&filter.place.as_str()) {
        return Err(Problem::wrong(format!("there is no such place; there are {}", PLACES.join(", "))));
    }
    blocking(move || {
        let now = app.library.available().map_err(Problem::failed)?;
        if !filter.place.is_empty() {
            return Ok(Json(page_of_place(&app.workspace, &filter, now.generation)));
        }
        if !filter.like.is_empty() {
            let embedding = app.embeddings.of(&filter.like).unwrap_or_default();
            let near = app.embeddings.near(&now.view, &embedding, ALIKE);
            return Ok(Json(now.view.page_of(
                near.into_iter().map(|(item, _)| item),
                &filter,
                now.generation,
                &app.workspace,
            )));
        }
        Ok(Json(now.view.page(&filter, now.generation, &app.workspace)))
    })
    .await
}

/// `/api/overview`: who answers and how well, the next run, what waits.
async fn overview(State(app): State<App>) -> Result<Json<Overview>, Problem> {
    blocking(move || Ok(Json(app.overview()))).await
}

/// What the table of classes shows.
#[derive(Serialize)]
struct Classes {
    classes: Vec<ClassRow>,
    /// How many steps can be undone.
    undoable: usize,
}

/// `/api/classes`.
async fn classes_of(State(app): State<App>) -> Result<Json<Classes>, Problem> {
    blocking(move || {
        let (view, _) = app.library.view().map_err(Problem::failed)?;
        Ok(Json(Classes { classes: classes_table(&app.workspace, &view), undoable: app.decider.undoable() }))
    })
    .await
}

/// A map of embeddings, a column a field.
#[derive(Default, Serialize)]
struct Map {
    classes: Vec<String>,
    path: Vec<String>,
    digest: Vec<String>,
    /// Place of the class.
    class: Vec<Option<u16>>,
    x: Vec<f32>,
    y: Vec<f32>,
}

/// `/api/map`: where images lie by their embeddings; without any, no image.
async fn map(State(app): State<App>) -> Result<Json<Map>, Problem> {
    blocking(move || {
        let (view, _) = app.library.view().map_err(Problem::failed)?;
        let mut map = Map { classes: view.classes.clone(), ..Map::default() };
        for (item, [x, y]) in app.embeddings.map(&view) {
            map.path.push(item.path.clone());
            map.digest.push(item.digest.clone());
            map.class.push(item.class);
            map.x.push(x);
            map.y.push(y);
        }
        Ok(Json(map))
    })
    .await
}

/// `/api/recent`: what was classified last.
async fn recent(State(app): State<App>) -> Result<Json<Vec<Recent>>, Problem> {
    blocking(move || Ok(Json(class_search::recent(&app.workspace, RECENT)))).await
}

/// `/api/refused`: files in quarantine and why.
async fn refused(State(app): State<App>) -> Result<Json<Vec<Value>>, Problem> {
    blocking(move || Ok(Json(now::refused(&app.workspace)))).await
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

/// `/api/confusion?run=…`; the champion's, else that of the newest evaluated run, when none is named.
async fn confusion(State(app): State<App>, Query(of): Query<OfRun>) -> Result<Json<Option<Confusion>>, Problem> {
    blocking(move || {
        let has_matrix = |run: &RunFolder| run.verdict().is_some_and(|v| !v.confusion.is_empty());
        let runs: Vec<String> =
            RunFolder::all(&app.workspace.runs()).iter().rev().filter(|r| has_matrix(r)).map(RunFolder::id).collect();
        let champion = plugin_champion::champion(&app.workspace).filter(|id| runs.contains(id));
        let run = if of.run.is_empty() { champion.or_else(|| runs.first().cloned()) } else { Some(of.run) };
        let Some(run) = run else { return Ok(Json(None)) };
        if !runs.contains(&run) {
            return Err(Problem::missing("there is no such run with a confusion matrix"));
        }
        let verdict = RunFolder::new(&app.workspace.runs(), &run).verdict();
        Ok(Json(verdict.map(|v| Confusion { run, runs, classes: v.classes, counts: v.confusion })))
    })
    .await
}

/// `/api/forecast`: what more images of each class would bring, as `inspect` has worked it out; null where it has not.
async fn forecast(State(app): State<App>) -> Result<Json<Option<Forecasts>>, Problem> {
    blocking(move || Ok(Json(Forecasts::read(&app.workspace)))).await
}

/// A class search: a class, and the part of its images to show.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClassQuery {
    class: String,
    #[serde(default)]
    from: usize,
    #[serde(default)]
    count: usize,
}

/// `/api/mood?class=…`: images of inbox and pool, the surest first.
async fn by_class(State(app): State<App>, Query(of): Query<ClassQuery>) -> Result<Json<Found>, Problem> {
    let count = of.count.min(500);
    blocking(move || Ok(Json(search(&app.workspace, &app.pool, &app.decider, &of.class, of.from, count)))).await
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
        let now = app.library.available().map_err(Problem::failed)?;
        let is_there = now.is_whole() || now.view.find(&digest).is_some();
        let view = if is_there { now.view } else { app.library.view().map_err(Problem::failed)?.0 };
        Ok(jpeg(app.renderer.of_digest(&view, &digest, size)?, FOR_EVER))
    })
    .await
}

async fn by_path(app: App, path: String, size: Size) -> Result<Response, Problem> {
    blocking(move || Ok(jpeg(app.renderer.of_path(&path, size)?, FOR_NOW))).await
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
