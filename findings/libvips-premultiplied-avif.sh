#!/bin/sh
# libvips 8.18.7 (pyvips-binary) hands out the colours of an AVIF with premultiplied alpha as stored, that is already
# multiplied, and calls them straight. flatten() multiplies once more: red at alpha 32 of 255 on white becomes grey.
# Pillow 13.0.0, OpenCV 5.0.0.93 and imagecodecs 2026.3.6 divide. Pillow itself writes such files (alpha_premultiplied=True,
# avifenc --premultiply likewise); the same picture saved with straight alpha is right in all four.
# Seen, 200,60,40 with alpha 32:   Pillow, OpenCV, imagecodecs 200,56,40 (8 bit)   libvips 25,7,5
#             on white by libvips: straight 248,230,228   premultiplied 226,223,223. Exits other than 0 if that changes.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install --no-compile pillow==13.0.0 pyvips==3.2.0 pyvips-binary==8.18.7 imagecodecs==2026.3.6 \
    opencv-python-headless==5.0.0.93 numpy==2.4.6
"$work/venv/bin/python" - <<'PYTHON'
import io
import cv2
import imagecodecs
import numpy as np
import pyvips
from PIL import Image

colour, alpha = (200, 60, 40), 32
seen = {}
for premultiplied in (False, True):
    file = io.BytesIO()
    Image.new("RGBA", (64, 64), (*colour, alpha)).save(file, "AVIF", quality=100, subsampling="4:4:4",
                                                       alpha_premultiplied=premultiplied)
    data = file.getvalue()
    assert (b"prem" in data) == premultiplied
    vips = pyvips.Image.new_from_buffer(data, "")
    white = vips.flatten(background=[255, 255, 255])
    cv = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)[9, 9].tolist()
    seen[premultiplied] = {
        "Pillow": list(Image.open(io.BytesIO(data)).getpixel((9, 9))), "OpenCV": [cv[2], cv[1], cv[0], cv[3]],
        "imagecodecs": imagecodecs.avif_decode(data)[9, 9].tolist(), "libvips": [int(v) for v in vips.getpoint(9, 9)],
        "libvips on white": [int(v) for v in white.getpoint(9, 9)]}
    print("premultiplied" if premultiplied else "straight", seen[premultiplied])


def near(a, b, by):
    return max(abs(x - y) for x, y in zip(a, b)) <= by


ok = all(near(seen[p][who], (*colour, alpha), 8) for p in seen for who in ("Pillow", "OpenCV", "imagecodecs"))
ok &= near(seen[False]["libvips"], (*colour, alpha), 8) and near(seen[True]["libvips"], (25, 7, 5, 32), 2)
ok &= near(seen[False]["libvips on white"], (248, 231, 228), 2) and near(seen[True]["libvips on white"], (226, 224, 224), 2)
raise SystemExit(not ok)
PYTHON
