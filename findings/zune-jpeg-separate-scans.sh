#!/bin/sh
# zune-jpeg 0.5.15, the JPEG decoder of Rust's image crate: two kinds of sequential JPEGs come out in other colours, without an error. Where each
# component has a scan of its own (cjpeg -scans, scanners, devices of little memory) and brightness has twice the rows of the colours (4:2:0, as
# nearly all photos are, and 4:4:0), the whole picture is green, as its colours are read as 0. In one scan they are right, and so are 4:2:2 in three
# (but for the last blocks here) and progressive files. And where the colours are finer than brightness (1 x 1, 2 x 2, 2 x 2, which T.81
# allows as well), each block's last rows are dark. Pillow 13.0.0 (libjpeg-turbo) and jpeg-decoder 0.3.2 agree on all of them.
# The files, of flat blocks, are written here, as no encoder at hand has the option.
# Seen, share of pixels more than 40 levels off: 4:2:0 in one scan 0, in three 1 (161 20 0 is read as 0 195 0); 4:4:0 0 and 1; 4:2:2 0 and 0.08;
# colours finer 0.5. Needs cargo. Exits other than 0 if that changes.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip -q install --no-compile pillow==13.0.0
cat > files.py <<'PYTHON'
import pathlib
from PIL import Image

SIDE = 64
CODES = ["00", "010", "011", "100", "101"] + ["1" * n + "0" for n in range(2, 9)]  # Annex K, differences of 0 to 11 bits
FILES = {
    "420-one": ([(2, 2), (1, 1), (1, 1)], False), "420-three": ([(2, 2), (1, 1), (1, 1)], True),
    "440-one": ([(1, 2), (1, 1), (1, 1)], False), "440-three": ([(1, 2), (1, 1), (1, 1)], True),
    "422-one": ([(2, 1), (1, 1), (1, 1)], False), "422-three": ([(2, 1), (1, 1), (1, 1)], True),
    "finer-one": ([(1, 1), (2, 2), (2, 2)], False),
}


def segment(marker, content):
    return bytes([0xFF, marker]) + (len(content) + 2).to_bytes(2, "big") + content


def value(component, row, column):
    """What all samples of a block are: brightness in steps, colours of a red that changes little."""
    return (60 + 20 * ((3 * column + 5 * row) % 7), 94 + (7 * column + 3 * row) % 5, 200 + (5 * column + row) % 5)[component]


def jpeg(factors, separate):
    """Flat blocks, quantised by 1: of each the first coefficient alone, which is 8 times its value less 128."""
    high, wide = max(v for _, v in factors), max(h for h, _ in factors)

    def blocks(parts):
        """Component, row and column of the blocks of a scan, in its order."""
        if len(parts) == 1:
            part, = parts
            h, v = factors[part]
            return [(part, row, column) for row in range(SIDE * v // high // 8) for column in range(SIDE * h // wide // 8)]
        units = [(row, column) for row in range(SIDE // high // 8) for column in range(SIDE // wide // 8)]
        return [(part, row * v + y, column * h + x) for row, column in units
                for part, (h, v) in enumerate(factors) for y in range(v) for x in range(h)]

    def scan(parts):
        bits, before = "", dict.fromkeys(parts, 0)
        for part, row, column in blocks(parts):
            now = 8 * (value(part, row, column) - 128)
            change, before[part] = now - before[part], now
            size = abs(change).bit_length()
            bits += CODES[size] + (format(change if change > 0 else change + (1 << size) - 1, f"0{size}b") if size else "") + "0"
        bits += "1" * (-len(bits) % 8)
        data = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")
        return segment(0xDA, bytes([len(parts)]) + b"".join(bytes([i + 1, 0]) for i in parts) + b"\0\x3f\0") + data

    frame = b"\x08" + SIDE.to_bytes(2, "big") * 2 + b"\x03" + b"".join(bytes([i + 1, h << 4 | v, 0]) for i, (h, v) in enumerate(factors))
    tables = segment(0xDB, b"\0" + bytes([1]) * 64) + segment(0xC0, frame)
    tables += segment(0xC4, b"\0" + bytes([0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0]) + bytes(range(12)))
    tables += segment(0xC4, b"\x10" + bytes([1] + [0] * 15) + b"\0")
    scans = [[0], [1], [2]] if separate else [[0, 1, 2]]
    return b"\xff\xd8" + segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0") + tables + b"".join(map(scan, scans)) + b"\xff\xd9"


for name, (factors, separate) in FILES.items():
    pathlib.Path(f"{name}.jpg").write_bytes(jpeg(factors, separate))
    pathlib.Path(f"{name}.rgb").write_bytes(Image.open(f"{name}.jpg").convert("RGB").tobytes())
PYTHON
venv/bin/python files.py
mkdir src
cat > Cargo.toml <<'TOML'
[package]
name = "scans"
version = "0.0.0"
edition = "2024"

[dependencies]
jpeg-decoder = "=0.3.2"
zune-core = "=0.5.3"
zune-jpeg = "=0.5.15"
TOML
cat > src/main.rs <<'RUST'
/// The share of pixels that are more than 40 levels away from what libjpeg-turbo reads.
fn off(pixels: &[u8], right: &[u8]) -> f64 {
    assert_eq!(pixels.len(), right.len());
    let pairs = pixels.chunks_exact(3).zip(right.chunks_exact(3));
    let off = pairs.filter(|(seen, right)| seen.iter().zip(*right).any(|(seen, right)| seen.abs_diff(*right) > 40));
    off.count() as f64 * 3.0 / right.len() as f64
}

fn main() {
    let expected = [
        ("420-one", 0.0..=0.0), ("420-three", 0.9..=1.0), ("440-one", 0.0..=0.0), ("440-three", 0.9..=1.0),
        ("422-one", 0.0..=0.0), ("422-three", 0.0..=0.2), ("finer-one", 0.3..=0.7),
    ];
    for (name, shares) in expected {
        let (file, right) = (std::fs::read(format!("{name}.jpg")).unwrap(), std::fs::read(format!("{name}.rgb")).unwrap());
        let by_zune = zune_jpeg::JpegDecoder::new(zune_core::bytestream::ZCursor::new(&file)).decode().unwrap();
        let by_jpeg_decoder = jpeg_decoder::Decoder::new(file.as_slice()).decode().unwrap();
        let (zune, other) = (off(&by_zune, &right), off(&by_jpeg_decoder, &right));
        println!("{name}: zune-jpeg {zune:.2}, jpeg-decoder {other:.2}; {:?} for {:?}", &by_zune[..3], &right[..3]);
        assert!(shares.contains(&zune) && other == 0.0);
    }
}
RUST
cargo run --quiet
