#!/bin/sh
# Pillow 13.0.0 forgets a QOI run in the table of colours seen. The specification puts each pixel that is seen into the table of 64; the reference decoder
# (imagecodecs 2026.3.6 has it) does so after a run too. It matters for a file that begins with a run of its first colour, opaque black, and names
# that colour by its place in the table later: renderers on black ground make many. Pillow gives transparent black there, without a warning, and
# whoever lays it over white sees holes in the ground. Seen, alpha of the third of three pixels: reference 255, Pillow 0. Exits other than 0 if that changes.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install --no-compile pillow==13.0.0 imagecodecs==2026.3.6 numpy==2.4.6
"$work/venv/bin/python" - <<'PYTHON'
import io
import struct
import imagecodecs
import numpy as np
from PIL import Image

black = (3 * 0 + 5 * 0 + 7 * 0 + 11 * 255) % 64  # the place of opaque black in the table
pixels = b"\xc0" + b"\xfe\xff\xff\xff" + bytes([black])  # a run of one, white, the colour at that place
file = b"qoif" + struct.pack(">IIBB", 3, 1, 4, 0) + pixels + bytes(7) + b"\x01"
reference = imagecodecs.qoi_decode(file)[0]
pillow = np.asarray(Image.open(io.BytesIO(file)))[0]
print("reference", reference.tolist())
print("Pillow   ", pillow.tolist())
assert reference.tolist() == [[0, 0, 0, 255], [255, 255, 255, 255], [0, 0, 0, 255]]
raise SystemExit(pillow.tolist() != [[0, 0, 0, 255], [255, 255, 255, 255], [0, 0, 0, 0]])
PYTHON
