//! The reduced JPEG reader on any bytes after a JPEG's first three: an image of the promised size or an error.
#![no_main]

mod panics;

use libfuzzer_sys::fuzz_target;
use plugin_decode::{Limits, reduced};

fuzz_target!(init: panics::count_only_ours(), |bytes: &[u8]| {
    let limits = Limits { max_pixels: 1 << 22, max_bytes: 1 << 20 };
    let file = [&b"\xFF\xD8\xFF"[..], bytes].concat();
    if let Ok(image) = reduced(&file, &limits, 8) {
        let picture = image.picture;
        assert!(picture.width > 0 && picture.width <= image.source_width.max(8));
        assert!(picture.height > 0 && picture.height <= image.source_height.max(8));
        assert_eq!(picture.pixels.len(), picture.width as usize * picture.height as usize * 3);
    }
});
