#!/usr/bin/env bash
# fast_image_resize 6.1.0 shrinks bytes along columns first, Pillow 13.0.0 along rows first, each rounding to bytes in between: with the same filter a sixth of the bytes
# of noise (a quarter for some shapes) differ by 1. Its source says it is "based on C-implementation from Pillow-SIMD". Turned about the diagonal before and after,
# nearly all are Pillow's bytes: models that were trained on squares of one and are asked with squares of the other see other pixels.
# Needs cargo and Python 3 with venv.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip -q install pillow==13.0.0 numpy==2.4.6

cargo new -q --vcs none --bin shrink
cat > shrink/Cargo.toml <<'TOML'
[package]
name = "shrink"
version = "0.1.0"
edition = "2021"
[dependencies]
fast_image_resize = "=6.1.0"
TOML
cat > shrink/src/main.rs <<'RUST'
use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let n = |i: usize| a[i].parse::<u32>().unwrap();
    let bytes = std::fs::read(&a[1]).unwrap();
    let source = ImageRef::new(n(2), n(3), &bytes, PixelType::U8x3).unwrap();
    let mut target = Image::new(n(4), n(5), PixelType::U8x3);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
    Resizer::new().resize(&source, &mut target, &options).unwrap();
    std::fs::write(&a[6], target.buffer()).unwrap();
}
RUST
cargo build -q --manifest-path shrink/Cargo.toml

cat > compare.py <<'PYTHON'
import subprocess
import numpy
from PIL import Image

rng = numpy.random.default_rng(1)
pixels = rng.integers(0, 256, (300, 400, 3), dtype=numpy.uint8)
pixels.tofile("in.rgb")
subprocess.run(["shrink/target/debug/shrink", "in.rgb", "400", "300", "160", "120", "out.rgb"], check=True)
found = numpy.fromfile("out.rgb", numpy.uint8).reshape(120, 160, 3).astype(int)
image = Image.fromarray(pixels)
plain = numpy.asarray(image.resize((160, 120), Image.BILINEAR)).astype(int)
diagonal = Image.Transpose.TRANSPOSE
turned = numpy.asarray(image.transpose(diagonal).resize((120, 160), Image.BILINEAR).transpose(diagonal)).astype(int)
shares = [float((other != found).mean()) for other in (plain, turned)]
print(f"bytes that differ from Pillow's: {shares[0]:.1%} (by {abs(plain - found).max()}), turned about the diagonal {shares[1]:.1%}")
assert shares[0] > 0.15 and abs(plain - found).max() == 1, shares
assert shares[1] < 0.03, shares
PYTHON
venv/bin/python compare.py
