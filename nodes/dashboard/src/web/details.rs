//! All there is to say of one image, whether it is in the data set, elsewhere in the workspace, or came from a browser.

use super::reply::blocking;
use super::{App, Problem};
use crate::look::{CatalogView, Item, Shown};
use crate::model_cache::{HeatMap, Prediction};
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use plugin_decode::DecodedImage;
use serde::{Deserialize, Serialize};

/// Neighbours that are shown.
const NEIGHBOURS: usize = 12;

pub fn routes(max_bytes: u64) -> Router<App> {
    let largest = usize::try_from(max_bytes).unwrap_or(usize::MAX);
    let sent = Router::new().route("/api/try", post(tried)).route("/api/try/heat", post(tried_heat));
    let sent = sent.route("/api/try/large", post(tried_large));
    Router::new()
        .route("/api/picture/{digest}", get(of_digest))
        .route("/api/picture", get(of_path))
        .route("/api/heat", get(heat))
        .merge(sent.layer(DefaultBodyLimit::max(largest)))
}

/// A neighbour and how near it is: bits that differ, or the cosine of the angle between embeddings.
#[derive(Serialize)]
struct Neighbour {
    #[serde(flatten)]
    shown: Shown,
    near: f32,
}

#[derive(Serialize)]
struct Details {
    /// Files of the data set that hold it.
    files: Vec<Shown>,
    width: u32,
    height: u32,
    scores: Vec<(&'static str, f32)>,
    /// The champion's prediction.
    prediction: Option<Prediction>,
    /// Why there is none.
    problem: Option<String>,
    by_hash: Vec<Neighbour>,
    by_embedding: Vec<Neighbour>,
}

/// Looks at an image from all sides.
fn details(app: &App, view: &CatalogView, digest: &str, bytes: &[u8]) -> Result<Details, Problem> {
    let image = app.renderer.image(bytes, app.models.scale())?;
    let (prediction, problem) = match app.models.predict(&image, digest) {
        Ok(prediction) => (prediction, None),
        Err(why) => (None, Some(why)),
    };
    let item = view.find(digest);
    let phash = item.map(|item| item.phash).or_else(|| phash(&image));
    let near = |(one, near): (&Item, f32)| (one.digest != digest).then(|| Neighbour { shown: view.shown(one), near });
    let by_hash = phash.map(|phash| view.near(phash, NEIGHBOURS + 1)).unwrap_or_default().into_iter();
    let by_hash = by_hash.filter_map(|(one, bits)| near((one, bits as f32)));
    let embedding =
        app.embeddings.of(digest).or_else(|| app.embeddings.embed(&app.workspace, &image)).unwrap_or_default();
    let by_embedding = app.embeddings.near(view, &embedding, NEIGHBOURS + 1).into_iter().filter_map(near);
    let scores = item.map(|item| item.facts.scores);
    let scores =
        scores.map(|of| [("dark", of.dark), ("bright", of.bright), ("blur", of.blur), ("information", of.information)]);
    Ok(Details {
        files: view.files(digest).into_iter().map(|one| view.shown(one)).collect(),
        width: image.width,
        height: image.height,
        scores: scores.into_iter().flatten().filter(|(_, score)| score.is_finite()).collect(),
        prediction,
        problem,
        by_hash: by_hash.take(NEIGHBOURS).collect(),
        by_embedding: by_embedding.take(NEIGHBOURS).collect(),
    })
}

fn phash(image: &DecodedImage) -> Option<u64> {
    plugin_hash::Hashes::of(image.width, image.height, &image.pixels).map(|hashes| hashes.phash)
}

async fn of_digest(State(app): State<App>, Path(digest): Path<String>) -> Result<Json<Details>, Problem> {
    blocking(move || {
        let (view, _) = app.library.view().map_err(Problem::failed)?;
        let bytes = app.renderer.bytes(&view, &digest)?;
        details(&app, &view, &digest, &bytes).map(Json)
    })
    .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfPath {
    path: String,
}

async fn of_path(State(app): State<App>, Query(of): Query<OfPath>) -> Result<Json<Details>, Problem> {
    blocking(move || of_bytes(&app, &app.renderer.file(&of.path)?)).await
}

/// `POST /api/try`, the body the image's file.
async fn tried(State(app): State<App>, bytes: Bytes) -> Result<Json<Details>, Problem> {
    blocking(move || of_bytes(&app, &bytes)).await
}

/// `POST /api/try/large`: what was sent, encoded anew, as everything the page shows.
async fn tried_large(State(app): State<App>, bytes: Bytes) -> Result<Response, Problem> {
    blocking(move || Ok(([("content-type", "image/jpeg")], app.renderer.of_bytes(&bytes)?).into_response())).await
}

fn of_bytes(app: &App, bytes: &[u8]) -> Result<Json<Details>, Problem> {
    let (view, _) = app.library.view().map_err(Problem::failed)?;
    details(app, &view, blake3::hash(bytes).to_hex().as_str(), bytes).map(Json)
}

/// Which image, and for which class it is asked where the network looked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfClass {
    #[serde(default)]
    digest: String,
    #[serde(default)]
    path: String,
    class: String,
}

/// `/api/heat?class=…&digest=…` or `&path=…`.
async fn heat(State(app): State<App>, Query(of): Query<OfClass>) -> Result<Json<Option<HeatMap>>, Problem> {
    blocking(move || {
        let bytes = if of.path.is_empty() {
            let (view, _) = app.library.view().map_err(Problem::failed)?;
            app.renderer.bytes(&view, &of.digest)?
        } else {
            app.renderer.file(&of.path)?
        };
        heat_of(&app, &bytes, &of.class)
    })
    .await
}

/// `POST /api/try/heat?class=…`, the body the image's file.
async fn tried_heat(
    State(app): State<App>,
    Query(of): Query<OfClass>,
    bytes: Bytes,
) -> Result<Json<Option<HeatMap>>, Problem> {
    blocking(move || heat_of(&app, &bytes, &of.class)).await
}

fn heat_of(app: &App, bytes: &[u8], class: &str) -> Result<Json<Option<HeatMap>>, Problem> {
    let image = app.renderer.image(bytes, app.models.scale())?;
    app.models.heat(&image, class).map(Json).map_err(Problem::wrong)
}
