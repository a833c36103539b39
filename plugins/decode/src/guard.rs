//! Keeps a decoder's panic from taking the process with it, and giant images from being decoded all at once.

use crate::error::DecodeError;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Runs a decoder; its panic becomes an error. The process's panic hook is left alone.
pub fn caught<T>(format: &'static str, decode: impl FnOnce() -> Result<T, DecodeError>) -> Result<T, DecodeError> {
    // A decoder shares nothing with the outside but the bytes, which it only reads.
    catch_unwind(AssertUnwindSafe(decode))
        .unwrap_or_else(|panic| Err(DecodeError::Panicked { format, detail: message(panic.as_ref()) }))
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message").to_owned()
}

/// From this size on, images are decoded one at a time: a progressive JPEG needs about nine bytes a pixel.
const GIANT_PIXELS: u64 = 1 << 25;

static ONE_GIANT: Mutex<()> = Mutex::new(());

/// To be held while an image of this many pixels is decoded.
pub fn turn(pixels: u64) -> Option<MutexGuard<'static, ()>> {
    (pixels >= GIANT_PIXELS).then(|| ONE_GIANT.lock().unwrap_or_else(PoisonError::into_inner))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error_with_its_message() {
        let index = std::hint::black_box(3);
        let error = caught::<u8>("GIF", || Ok([1, 2, 3][index])).unwrap_err();
        assert_eq!(error.reason().name(), "panicked");
        assert!(error.to_string().contains("index out of bounds"), "{error}");
    }

    #[test]
    fn only_giants_take_turns_and_a_panic_does_not_block_the_next() {
        assert!(turn(1000).is_none());
        let _ = caught::<u8>("PNG", || {
            let _turn = turn(GIANT_PIXELS);
            panic!("in the middle")
        });
        assert!(turn(GIANT_PIXELS).is_some());
    }
}
