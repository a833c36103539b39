//! The server: one thread, which waits for nobody but browsers.

mod archive;
mod classify;
mod comparing;
mod deciding;
mod details;
mod events;
mod guard;
mod looking;
mod operations;
mod page;
mod reply;
mod searching;
#[cfg(test)]
pub(crate) mod tests;

pub use guard::Guard;
pub use reply::Problem;

use crate::class_search::Pool;
use crate::config::Config;
use crate::decide::Decider;
use crate::error::DashboardError;
use crate::image_renderer::ImageRenderer;
use crate::look::{EmbeddingIndex, Library};
use crate::model_cache::ModelCache;
use crate::now::{LiveState, Overview, OverviewReader, Watcher};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::get;
use plugin_api::{Labels, Workspace};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};

/// So often the files are looked at while somebody watches.
const BEAT: Duration = Duration::from_millis(250);
/// A port that is taken is tried again after so long.
const AGAIN: Duration = Duration::from_secs(2);
/// Threads that read files for browsers at most.
const READERS: usize = 4;
/// Bytes of what a browser sends at most, images aside.
const BODY_BYTES: usize = 1 << 20;

/// The server as the node sees it.
pub struct Web {
    app: App,
    state: Arc<Mutex<String>>,
}

/// What every answer is made from. Cheap to clone.
#[derive(Clone)]
pub struct App {
    /// The workspace.
    pub workspace: Workspace,
    /// The options.
    pub config: Arc<Config>,
    /// The data set.
    pub library: Arc<Library>,
    /// Images to show.
    pub renderer: Arc<ImageRenderer>,
    /// The champion's word.
    pub models: Arc<ModelCache>,
    /// What is decided.
    pub decider: Arc<Decider>,
    /// Embeddings.
    pub embeddings: Arc<EmbeddingIndex>,
    /// The pool, as the champion sees it.
    pub pool: Arc<Pool>,
    /// What a person wants to know first.
    pub overview: Arc<Mutex<OverviewReader>>,
    live: watch::Sender<LiveState>,
    wake: Arc<Notify>,
}

impl Web {
    /// Starts the server's thread.
    ///
    /// # Errors
    /// When there is no thread for it. That the port is taken is no error: it is tried again and again.
    pub fn start(config: Config, workspace: Workspace) -> Result<Self, DashboardError> {
        let app = App::new(config, workspace);
        let state = Arc::new(Mutex::new("starting".to_owned()));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(READERS)
            .build()
            .map_err(DashboardError::Thread)?;
        let web = Self { app: app.clone(), state: state.clone() };
        // The catalog view is read before anybody asks for it, and holds up nobody who does.
        let library = app.library.clone();
        let read = move || {
            if let Err(error) = library.renew() {
                tracing::warn!(%error, "the catalog cannot be read yet");
            }
        };
        std::thread::Builder::new().name("catalog-view".to_owned()).spawn(read).map_err(DashboardError::Thread)?;
        std::thread::Builder::new()
            .name("web".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    tokio::spawn(watch_files(app.clone()));
                    serve(app, &state).await;
                });
            })
            .map_err(DashboardError::Thread)?;
        Ok(web)
    }

    /// A message came: look at once. Never waits.
    pub fn wake(&self) {
        self.app.wake.notify_one();
    }

    /// Says what several classes mean.
    pub fn set_labels(&self, labels: Labels) {
        self.app.library.set_labels(labels);
    }

    /// Where the page is and how many watch it, or why it is nowhere.
    pub fn state(&self) -> String {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match self.app.live.receiver_count() {
            0 => state,
            n => format!("{state}, {n} watching"),
        }
    }
}

impl App {
    /// All that answers need.
    pub fn new(config: Config, workspace: Workspace) -> Self {
        let (live, wake) = (watch::Sender::new(LiveState::new()), Arc::new(Notify::new()));
        let library = Arc::new(Library::new(workspace.clone()));
        let renderer = Arc::new(ImageRenderer::new(workspace.clone(), config.limits.clone()));
        let models = Arc::new(ModelCache::new(workspace.clone(), config.embed.device));
        let decider = Arc::new(Decider::new(workspace.clone()));
        let overview = OverviewReader::new(workspace.clone(), library.clone(), decider.clone());
        Self {
            overview: Arc::new(Mutex::new(overview)),
            pool: Arc::new(Pool::new(workspace.clone(), library.clone(), models.clone(), renderer.clone())),
            library,
            renderer,
            models,
            decider,
            embeddings: Arc::new(EmbeddingIndex::new(workspace.clone(), config.embed.clone())),
            workspace,
            config: Arc::new(config),
            live,
            wake,
        }
    }

    /// What a person wants to know first, as it is now.
    pub fn overview(&self) -> Overview {
        self.overview.lock().unwrap_or_else(PoisonError::into_inner).read()
    }

    /// Everything the server answers, behind the guard.
    pub fn router(self, address: SocketAddr) -> Router {
        let guard = Arc::new(Guard::new(&self.config, address));
        Router::new()
            .route("/", get(page::index))
            .route("/{file}", get(page::file))
            .route("/strings/{file}", get(page::strings))
            .route("/api/events", get(events::stream))
            .merge(looking::routes())
            .merge(deciding::routes())
            .merge(comparing::routes())
            .merge(searching::routes())
            .layer(DefaultBodyLimit::max(BODY_BYTES))
            .merge(details::routes(self.config.limits.max_bytes))
            .merge(operations::routes(self.config.limits.max_bytes))
            .merge(classify::routes(self.config.limits.max_bytes))
            .layer(middleware::from_fn_with_state(guard, guard::check))
            .with_state(self)
    }
}

/// Listens, as soon as it may, until the process ends.
async fn serve(app: App, state: &Mutex<String>) {
    let say = |text: String| *state.lock().unwrap_or_else(PoisonError::into_inner) = text;
    let wanted = app.config.listen;
    loop {
        let bound = match TcpListener::bind(wanted).await {
            Ok(listener) => listener.local_addr().map(|address| (listener, address)),
            Err(error) => Err(error),
        };
        let error = match bound {
            Ok((listener, address)) => {
                tracing::info!(page = format!("http://{address}/"), "the page is there");
                say(format!("http://{address}/"));
                axum::serve(listener, app.clone().router(address)).await.err()
            }
            Err(error) => Some(error),
        };
        let error = error.map_or_else(|| "it ended".to_owned(), |e| e.to_string());
        let text = format!("--listen {wanted}: {error}; trying again every {} s", AGAIN.as_secs());
        tracing::debug!(text, "no page");
        say(text);
        tokio::time::sleep(AGAIN).await;
    }
}

/// Looks at the files and tells browsers what changed, as long as there are any.
async fn watch_files(app: App) {
    let mut watcher = Watcher::new(app.workspace.clone());
    loop {
        let _ = tokio::time::timeout(BEAT, app.wake.notified()).await;
        if app.live.receiver_count() == 0 {
            continue;
        }
        let (library, now) = (app.library.clone(), app.clone());
        let looked = tokio::task::spawn_blocking(move || {
            if !library.is_opening()
                && let Ok((_, generation)) = library.renew()
            {
                watcher.put("album", &generation);
            }
            watcher.put("overview", &now.overview());
            let live = watcher.read(Instant::now());
            (watcher, live)
        });
        match looked.await {
            Ok((back, live)) => {
                watcher = back;
                app.live.send_if_modified(|before| {
                    let changed = live.len() != before.len()
                        || live.iter().any(|(name, text)| before.get(name).is_none_or(|b| !Arc::ptr_eq(b, text)));
                    *before = live;
                    changed
                });
            }
            Err(error) => {
                tracing::error!(%error, "looking at the files failed");
                watcher = Watcher::new(app.workspace.clone());
            }
        }
    }
}
