//! The server: one thread, which waits for nobody but browsers.

mod archive;
mod classify;
mod comparing;
mod deciding;
mod details;
mod events;
mod guard;
mod looking;
mod page;
mod reply;
mod searching;
#[cfg(test)]
pub(crate) mod tests;
mod workshop;

pub use guard::Guard;
pub use reply::Problem;

use crate::config::Config;
use crate::decide::Decider;
use crate::error::DashboardError;
use crate::look::{Alike, Library};
use crate::model_cache::ModelCache;
use crate::mood::Heap;
use crate::now::{Board, Overview, OverviewReader, Watcher};
use crate::sight::Sight;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::get;
use plugin_api::{Home, Labels};
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
    pub home: Home,
    /// The options.
    pub config: Arc<Config>,
    /// The data set.
    pub library: Arc<Library>,
    /// Images for the eye.
    pub sight: Arc<Sight>,
    /// The champion's word.
    pub models: Arc<ModelCache>,
    /// What is decided.
    pub decider: Arc<Decider>,
    /// Embeddings.
    pub alike: Arc<Alike>,
    /// The pool, as the champion sees it.
    pub heap: Arc<Heap>,
    /// What a person wants to know first.
    pub overview: Arc<Mutex<OverviewReader>>,
    board: watch::Sender<Board>,
    bell: Arc<Notify>,
}

impl Web {
    /// Starts the server's thread.
    ///
    /// # Errors
    /// When there is no thread for it. That the port is taken is no error: it is tried again and again.
    pub fn start(config: Config, home: Home) -> Result<Self, DashboardError> {
        let app = App::new(config, home);
        let state = Arc::new(Mutex::new("starting".to_owned()));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(READERS)
            .build()
            .map_err(DashboardError::Thread)?;
        let web = Self { app: app.clone(), state: state.clone() };
        // The album is read before anybody asks for it, and holds up nobody who does.
        let library = app.library.clone();
        let read = move || {
            if let Err(error) = library.renew() {
                tracing::warn!(%error, "the catalog cannot be read yet");
            }
        };
        std::thread::Builder::new().name("album".to_owned()).spawn(read).map_err(DashboardError::Thread)?;
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
    pub fn look(&self) {
        self.app.bell.notify_one();
    }

    /// Says what several classes mean.
    pub fn set_labels(&self, labels: Labels) {
        self.app.library.set_labels(labels);
    }

    /// Where the page is and how many watch it, or why it is nowhere.
    pub fn state(&self) -> String {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match self.app.board.receiver_count() {
            0 => state,
            n => format!("{state}, {n} watching"),
        }
    }
}

impl App {
    /// All that answers need.
    pub fn new(config: Config, home: Home) -> Self {
        let (board, bell) = (watch::Sender::new(Board::new()), Arc::new(Notify::new()));
        let library = Arc::new(Library::new(home.clone()));
        let sight = Arc::new(Sight::new(home.clone(), config.limits.clone()));
        let models = Arc::new(ModelCache::new(home.clone(), config.embed.device));
        let decider = Arc::new(Decider::new(home.clone()));
        let overview = OverviewReader::new(home.clone(), library.clone(), decider.clone());
        Self {
            overview: Arc::new(Mutex::new(overview)),
            heap: Arc::new(Heap::new(home.clone(), library.clone(), models.clone(), sight.clone())),
            library,
            sight,
            models,
            decider,
            alike: Arc::new(Alike::new(home.clone(), config.embed.clone())),
            home,
            config: Arc::new(config),
            board,
            bell,
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
            .merge(workshop::routes(self.config.limits.max_bytes))
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
    let mut watcher = Watcher::new(app.home.clone());
    loop {
        let _ = tokio::time::timeout(BEAT, app.bell.notified()).await;
        if app.board.receiver_count() == 0 {
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
            let board = watcher.look(Instant::now());
            (watcher, board)
        });
        match looked.await {
            Ok((back, board)) => {
                watcher = back;
                app.board.send_if_modified(|before| {
                    let changed = board.len() != before.len()
                        || board.iter().any(|(name, text)| before.get(name).is_none_or(|b| !Arc::ptr_eq(b, text)));
                    *before = board;
                    changed
                });
            }
            Err(error) => {
                tracing::error!(%error, "looking at the files failed");
                watcher = Watcher::new(app.home.clone());
            }
        }
    }
}
