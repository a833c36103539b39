//! Memory that is kept between steps, and between the batches of a network in use.
//!
//! LibTorch asks the C library for every tensor on the CPU, and gives it back. The C library hands large pieces back to the
//! system at once, which then has to clear them anew, page by page: of a step of ResNet-50 a quarter of the time, of
//! EfficientNet-Lite0's embeddings an eighth to a third. Told to keep them, it does without.
#![allow(unsafe_code, reason = "mallopt and malloc_trim are functions of C")]

#[cfg(target_env = "gnu")]
use std::{ffi::c_int, sync::Once};

#[cfg(target_env = "gnu")]
static ONCE: Once = Once::new();

/// Lets freed memory stay with this process.
pub fn keep() {
    #[cfg(target_env = "gnu")]
    ONCE.call_once(|| {
        // One heap that is never cut: pieces of their own are not to be had, and what is freed at its end stays.
        let options: [(c_int, c_int); 4] =
            [(libc::M_ARENA_MAX, 1), (libc::M_MMAP_MAX, 0), (libc::M_TRIM_THRESHOLD, -1), (libc::M_TOP_PAD, 64 << 20)];
        for (option, value) in options {
            // SAFETY: takes two numbers and changes settings of the allocator, which may be done at any time.
            let _ = unsafe { libc::mallopt(option, value) };
        }
    });
}

/// Gives back what is free now.
pub fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: takes a number; the allocator gives back pages that nobody uses.
    let _ = unsafe { libc::malloc_trim(0) };
}
