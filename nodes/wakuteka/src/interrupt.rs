//! Ctrl-C, a polite kill, or a closed terminal: noted here, acted on by whoever waits.

use crate::error::Error;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

static HAPPENED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// Starts to listen. The first signal is noted; a second one ends the program at once.
///
/// # Errors
/// [`Error::File`] when the system refuses.
pub fn listen() -> Result<(), Error> {
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&HAPPENED))?;
        signal_hook::flag::register(signal, Arc::clone(&HAPPENED))?;
    }
    Ok(())
}

/// Has a signal come?
pub fn happened() -> bool {
    HAPPENED.load(Ordering::Relaxed)
}

/// # Errors
/// [`Error::Interrupted`] when a signal has come.
pub fn check() -> Result<(), Error> {
    if happened() { Err(Error::Interrupted) } else { Ok(()) }
}

/// Sleeps, but not through a signal.
///
/// # Errors
/// [`Error::Interrupted`] when a signal has come.
pub fn sleep(time: Duration) -> Result<(), Error> {
    let until = Instant::now() + time;
    loop {
        check()?;
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        std::thread::sleep(left.min(Duration::from_millis(50)));
    }
}
