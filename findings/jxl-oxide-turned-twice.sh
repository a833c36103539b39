#!/bin/sh
# jxl-oxide 0.12.6 with image 0.25.10: the way that image's documentation gives for upright pictures (decoder.orientation(), then
# DynamicImage::apply_orientation) turns a JPEG XL twice. JxlDecoder hands out pixels already turned by the codestream, as JPEG XL has it, and
# the Exif box beside, which JPEG XL says is not to turn anything, as exif_metadata(); image's orientation() reads that. libjxl writes both whenever a
# JPEG from a camera is packed without loss (cjxl's default, pillow-jxl-plugin's too), so portraits of 90 degrees come out upside down or on
# their side, and those of 180 upside down. Formats that image itself reads are right, since their decoders do not turn.
# Seen, a JPEG of 64 x 32 with Orientation 6 packed as JPEG XL, the corner red: the decoder gives 32 x 64 upright, which is right, and says
# Rotate90; applied 64 x 32. The JPEG itself: 64 x 32, Rotate90, applied 32 x 64. Exits other than 0 if that changes.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip -q install --no-compile pillow==13.0.0 pillow-jxl-plugin==1.3.8
venv/bin/python -W ignore - <<'PYTHON'
import pillow_jxl
from PIL import Image

exif = Image.Exif()
exif[0x112] = 6
image = Image.new("RGB", (64, 32), (20, 20, 20))
image.paste((250, 0, 0), (0, 0, 16, 16))
image.save("photo.jpg", quality=95, subsampling=0, exif=exif)
Image.open("photo.jpg").save("photo.jxl")  # by libjxl, without loss
PYTHON
mkdir src
cat > Cargo.toml <<'TOML'
[package]
name = "turned"
version = "0.0.0"
edition = "2024"

[dependencies]
image = { version = "=0.25.10", default-features = false, features = ["jpeg"] }
jxl-oxide = { version = "=0.12.6", default-features = false, features = ["image"] }
TOML
cat > src/main.rs <<'RUST'
use image::{DynamicImage, ImageDecoder, codecs::jpeg::JpegDecoder, metadata::Orientation};
use jxl_oxide::integration::JxlDecoder;
use std::{fs::File, io::BufReader};

type Seen = ((u32, u32), Orientation, (u32, u32), bool);

/// Size as decoded, orientation, size once applied, and whether the red corner is where it is to be: above on the right.
fn seen(mut decoder: impl ImageDecoder) -> Seen {
    let stored = decoder.dimensions();
    let orientation = decoder.orientation().unwrap();
    let mut image = DynamicImage::from_decoder(decoder).unwrap();
    image.apply_orientation(orientation);
    let (width, height) = (image.width(), image.height());
    let upright = image.to_rgb8().get_pixel(width - 4, 4).0[0] > 200;
    (stored, orientation, (width, height), upright)
}

fn main() {
    let open = |name| BufReader::new(File::open(name).unwrap());
    let jpeg = seen(JpegDecoder::new(open("photo.jpg")).unwrap());
    let jxl = seen(JxlDecoder::new(open("photo.jxl")).unwrap());
    println!("JPEG {jpeg:?}\nJPEG XL {jxl:?}");
    assert_eq!(jpeg, ((64, 32), Orientation::Rotate90, (32, 64), true));
    assert_eq!(jxl, ((32, 64), Orientation::Rotate90, (64, 32), false));
}
RUST
cargo run --quiet
