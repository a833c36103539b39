//! The catalog view as it stands, read again when the data set or the notes changed.

use super::catalog_view::CatalogView;
use super::notes::{Notes, Stamp};
use plugin_api::{Labels, Workspace};
use plugin_catalog::{CatalogError, Reader};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

/// A large catalog view takes a second to read: while it lasts, and so long after it, the one before is shown.
const REST: Duration = Duration::from_millis(700);
/// Files that are shown while the catalog view is read for the first time: so many are there in a moment.
const FIRST_FILES: usize = 1_000;
/// While a page is open the view is compared with the catalog several times a second. When none is, whoever asks for a view that
/// was not compared for so long has it brought up to date.
const FRESH: Duration = Duration::from_secs(2);
/// A catalog view that is read so quickly is waited for; of a larger one the one before is shown meanwhile.
const PROMPT: Duration = Duration::from_millis(300);

/// Keeps the catalog view.
pub struct Library {
    workspace: Workspace,
    shown: Mutex<Shown>,
    /// The catalog; whoever reads it holds it.
    catalog: Mutex<Option<Reader>>,
    /// What is shown before anything has been read as a whole.
    part: Mutex<Option<Arc<CatalogView>>>,
    /// What several classes mean, as `dataset` says.
    is_multi: AtomicBool,
    /// [`FRESH`], or what a test makes of it.
    pub(super) fresh: Duration,
}

#[derive(Clone, Default)]
struct Shown {
    of: Option<(u64, Stamp, Labels)>,
    view: Arc<CatalogView>,
    generation: u64,
    looked: Option<(Instant, Duration)>,
    /// When it was last compared with the catalog.
    compared: Option<Instant>,
}

/// What there is of the catalog view without waiting.
pub struct AvailableView {
    /// The catalog view, or a part of it.
    pub view: Arc<CatalogView>,
    /// The number of the catalog view; 0 for a part.
    pub generation: u64,
}

impl AvailableView {
    /// Whether it is the whole catalog view.
    pub fn is_whole(&self) -> bool {
        self.generation > 0
    }
}

impl Library {
    /// Nothing read yet.
    pub fn new(workspace: Workspace) -> Self {
        let is_multi = AtomicBool::default();
        Self {
            workspace,
            shown: Mutex::default(),
            catalog: Mutex::default(),
            part: Mutex::default(),
            is_multi,
            fresh: FRESH,
        }
    }

    /// Says what several classes mean.
    pub fn set_labels(&self, labels: Labels) {
        self.is_multi.store(labels == Labels::Multi, Ordering::Relaxed);
    }

    fn labels(&self) -> Labels {
        if self.is_multi.load(Ordering::Relaxed) { Labels::Multi } else { Labels::Single }
    }

    fn notes(&self) -> Notes {
        Notes { labels: self.labels(), ..Notes::read(&self.workspace) }
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The catalog; none yet, also while `dataset` has not brought one of an earlier version to this format.
    fn connect(&self) -> Result<Option<Reader>, CatalogError> {
        match Reader::open(&self.workspace) {
            Err(CatalogError::Earlier { .. }) => Ok(None),
            opened => opened,
        }
    }

    /// The view, and a number that another one has not. Reads it when there is none or when it may be of long ago; else that is for
    /// [`Self::renew`].
    ///
    /// # Errors
    /// The catalog's, when there is no catalog view yet.
    pub fn view(self: &Arc<Self>) -> Result<(Arc<CatalogView>, u64), CatalogError> {
        let shown = self.shown().clone();
        if shown.generation == 0 {
            return self.renew();
        }
        if shown.compared.is_some_and(|at| at.elapsed() < self.fresh) {
            return Ok((shown.view, shown.generation));
        }
        if shown.looked.is_some_and(|(_, took)| took < PROMPT)
            && let Ok(renewed) = self.renew()
        {
            return Ok(renewed);
        }
        let library = self.clone();
        std::thread::spawn(move || {
            library.renew().inspect_err(|error| tracing::warn!(%error, "the catalog view is not read"))
        });
        Ok((shown.view, shown.generation))
    }

    /// The catalog view; while it is read for the first time, the first 1,000 files of the catalog, flagged as though
    /// they were all. Reads no more than those.
    ///
    /// # Errors
    /// The catalog's.
    pub fn available(self: &Arc<Self>) -> Result<AvailableView, CatalogError> {
        if self.shown().generation > 0 {
            let (view, generation) = self.view()?;
            return Ok(AvailableView { view, generation });
        }
        let mut part = self.part.lock().unwrap_or_else(PoisonError::into_inner);
        if part.is_none()
            && let Some(db) = self.connect()?
        {
            let view = CatalogView::read(&db, self.notes(), Some(FIRST_FILES))?;
            *part = (view.items.len() == FIRST_FILES).then(|| Arc::new(view));
        }
        if let Some(view) = part.clone() {
            return Ok(AvailableView { view, generation: 0 });
        }
        drop(part);
        let (view, generation) = self.view()?;
        Ok(AvailableView { view, generation })
    }

    /// Whether the catalog view is being read for the first time, so that [`Self::renew`] would have to wait for it.
    pub fn is_opening(&self) -> bool {
        self.shown().generation == 0 && matches!(self.catalog.try_lock(), Err(TryLockError::WouldBlock))
    }

    /// The view as it is now, and its number. Others are answered from the one before meanwhile, and so is whoever asks while
    /// it is read; the first alone is waited for.
    ///
    /// # Errors
    /// The catalog's; the catalog view stays as it was.
    pub fn renew(&self) -> Result<(Arc<CatalogView>, u64), CatalogError> {
        let before = self.shown().clone();
        let mut catalog = match self.catalog.try_lock() {
            Ok(catalog) => catalog,
            Err(TryLockError::Poisoned(catalog)) => catalog.into_inner(),
            Err(TryLockError::WouldBlock) if before.generation > 0 => return Ok((before.view, before.generation)),
            Err(TryLockError::WouldBlock) => self.catalog.lock().unwrap_or_else(PoisonError::into_inner),
        };
        let before = self.shown().clone();
        let early = |(at, took): (Instant, Duration)| at.elapsed() < REST.max(took * 4);
        if before.generation > 0 && before.looked.is_some_and(early) {
            return Ok((before.view, before.generation));
        }
        if catalog.is_none() {
            *catalog = self.connect()?;
        }
        let now = catalog.as_ref().map_or(Ok(0), Reader::version)?;
        let of = (now, Notes::stamp(&self.workspace), self.labels());
        if before.of.as_ref() == Some(&of) && before.generation > 0 {
            self.shown().compared = Some(Instant::now());
            return Ok((before.view, before.generation));
        }
        let begun = Instant::now();
        let notes = self.notes();
        let view = match &*catalog {
            Some(db) => CatalogView::read(db, notes, None)?,
            None => CatalogView::empty(notes),
        };
        tracing::debug!(files = view.items.len(), took = ?begun.elapsed(), "catalog view read");
        let (view, generation) = (Arc::new(view), before.generation + 1);
        let looked = Some((Instant::now(), begun.elapsed()));
        *self.shown() = Shown { of: Some(of), view: view.clone(), generation, looked, compared: Some(begun) };
        *self.part.lock().unwrap_or_else(PoisonError::into_inner) = None;
        Ok((view, generation))
    }
}
