//! The reduced JPEG reader on any bytes after a JPEG's first three: an image of the promised size or an error.
#![no_main]

mod panics;

use libfuzzer_sys::fuzz_target;
use plugin_decode::{Limits, reduced};

fuzz_target!(init: panics::count_only_ours(), |bytes: &[u8]| {
    let limits = Limits { max_pixels: 1 << 22, max_bytes: 1 << 20 };
    let file = [&b"\xFF\xD8\xFF"[..], bytes].concat();
    if let Ok(reduced) = reduced(&file, &limits, 8) {
        let image = reduced.image;
        assert!(image.width > 0 && image.width <= reduced.source_width.max(8));
        assert!(image.height > 0 && image.height <= reduced.source_height.max(8));
        assert_eq!(image.pixels.len(), image.width as usize * image.height as usize * 3);
    }
});
