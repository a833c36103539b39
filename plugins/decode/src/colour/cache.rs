//! What the last profiles ask for, so that the thousand files of a camera cost one look at their profile.

use super::Conversion;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// Number of profiles that are remembered.
const KEPT: usize = 16;

static CONVERSIONS: Mutex<VecDeque<(Vec<u8>, Conversion)>> = Mutex::new(VecDeque::new());

/// The conversion of a profile, worked out by `make` the first time.
pub fn conversion(profile: &[u8], make: impl FnOnce(&[u8]) -> Conversion) -> Conversion {
    let lock = || CONVERSIONS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, known)) = lock().iter().find(|(of, _)| of == profile) {
        return known.clone();
    }
    // Not under the lock: a profile may be large, or make its reader panic.
    let made = make(profile);
    let mut conversions = lock();
    conversions.truncate(KEPT - 1);
    conversions.push_front((profile.to_vec(), made.clone()));
    made
}
