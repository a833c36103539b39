#!/bin/sh
# Pillow 13.0.0 opens, of an icon's images of the largest size, the one with the fewest colours: most icons of the years before PNG hold each size in 16
# colours, 256 and 32 bits, and open as the one of 16, jagged and in garish colours, where Windows, browsers and GIMP show the last.
# `ico.sizes()` names the size once, so nothing hints at the others. Seen, of a blue that 16 colours do not have: (0, 0, 255) and not (40, 90, 200).
# Exits other than 0 if that changes.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install --no-compile pillow==13.0.0
"$work/venv/bin/python" - <<'PYTHON'
import io
import struct
from PIL import Image

SIDE = 16

def bitmap(bits, palette, row):
    """The image of an icon: header with twice the height, palette, rows, mask of 1 bit."""
    header = struct.pack("<IiiHHIIiiII", 40, SIDE, 2 * SIDE, 1, bits, 0, 0, 0, 0, 0, 0)
    return header + palette + row * SIDE + bytes(4 * SIDE)

# Colours are stored as blue, green, red.
few = bitmap(4, bytes([255, 0, 0, 0]) + bytes(15 * 4), bytes(SIDE // 2))
many = bitmap(32, b"", bytes([200, 90, 40, 255]) * SIDE)
for order in ((few, many), (many, few)):
    entries, at = b"", 6 + 16 * len(order)
    for image in order:
        bits = image[14]
        entries += struct.pack("<BBBBHHII", SIDE, SIDE, 16 if bits == 4 else 0, 0, 1, bits, len(image), at)
        at += len(image)
    image = Image.open(io.BytesIO(struct.pack("<HHH", 0, 1, len(order)) + entries + b"".join(order)))
    seen = image.convert("RGB").getpixel((8, 8))
    print([i[14] for i in order], "bits:", seen, image.info["sizes"])
    if seen != (0, 0, 255):
        raise SystemExit(1)
PYTHON
