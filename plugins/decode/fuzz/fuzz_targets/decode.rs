//! Whole decoding of any bytes: an image or an error, no panic that is not caught, no hang, no more memory than the limits allow.
#![no_main]

mod panics;

use libfuzzer_sys::fuzz_target;
use plugin_decode::{Limits, decode};

fuzz_target!(init: panics::count_only_ours(), |bytes: &[u8]| {
    let limits = Limits { max_pixels: 1 << 20, max_bytes: 1 << 20 };
    if let Ok(image) = decode(bytes, &limits) {
        assert!(image.width > 0 && image.height > 0);
        assert_eq!(image.pixels.len(), image.width as usize * image.height as usize * 3);
    }
});
