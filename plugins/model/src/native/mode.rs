//! Whether layers learn. On a device without burn's autodiff nothing in a tensor says so.

use std::cell::Cell;

thread_local! {
    static LEARNING: Cell<bool> = const { Cell::new(false) };
}

/// While it lives, layers on this thread behave as in training.
pub struct Learning {
    before: bool,
}

impl Learning {
    /// Begins the span.
    #[must_use]
    pub fn begin() -> Self {
        Self { before: LEARNING.replace(true) }
    }
}

impl Drop for Learning {
    fn drop(&mut self) {
        LEARNING.set(self.before);
    }
}

/// Whether layers on this thread learn.
pub fn learning() -> bool {
    LEARNING.get()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_ends_with_its_guard() {
        assert!(!learning());
        let outer = Learning::begin();
        drop(Learning::begin());
        assert!(learning(), "the outer one goes on");
        drop(outer);
        assert!(!learning());
    }
}
