#!/bin/sh
# re_rav1d 0.1.3 (the port of dav1d to Rust that AVIF readers use through its C interface, its only one): a Dav1dPicture that has been
# released by dav1d_picture_unref(), as dav1d's manual asks, still owns 48 bytes on the heap, and there is no call that frees them. The
# function puts an empty picture in the place of the released one, and its empty picture has a list of metadata on the heap. Releasing it
# again frees one and makes one. In C's dav1d a released picture owns nothing, so a decoder with a picture on the stack for each file, as
# everybody writes it, leaks with re_rav1d: a block a file. One structure used again and again does not.
# Seen: 1,000 pictures, empty and released once each, leave 48,000 bytes in 1,000 blocks; one released 1,000 times leaves 48 in 1.
# Exits other than 0 if that has changed.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir src
cat > Cargo.toml <<'TOML'
[package]
name = "unref"
version = "0.0.0"
edition = "2024"

[dependencies]
re_rav1d = { version = "=0.1.3", default-features = false, features = ["bitdepth_8"] }
TOML
cat > src/main.rs <<'RUST'
use re_rav1d::include::dav1d::picture::Dav1dPicture;
use re_rav1d::src::lib::dav1d_picture_unref;
use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

struct Counting;
static BYTES: AtomicI64 = AtomicI64::new(0);
static BLOCKS: AtomicI64 = AtomicI64::new(0);

unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        BYTES.fetch_add(layout.size() as i64, Relaxed);
        BLOCKS.fetch_add(1, Relaxed);
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        BYTES.fetch_sub(layout.size() as i64, Relaxed);
        BLOCKS.fetch_sub(1, Relaxed);
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() {
    let now = || (BYTES.load(Relaxed), BLOCKS.load(Relaxed));
    let before = now();
    for _ in 0..1000 {
        let mut picture = Dav1dPicture::default();
        unsafe { dav1d_picture_unref(Some(NonNull::from(&mut picture))) };
    }
    let between = now();
    let mut picture = Dav1dPicture::default();
    for _ in 0..1000 {
        unsafe { dav1d_picture_unref(Some(NonNull::from(&mut picture))) };
    }
    let after = now();
    let each = (between.0 - before.0, between.1 - before.1);
    let one = (after.0 - between.0, after.1 - between.1);
    println!("re_rav1d 0.1.3: 1000 released pictures left {} bytes in {} blocks, one released 1000 times {} in {}", each.0, each.1, one.0, one.1);
    assert_eq!((each, one), ((48_000, 1000), (48, 1)));
}
RUST
cargo run --quiet
