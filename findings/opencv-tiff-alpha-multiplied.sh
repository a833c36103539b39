#!/bin/sh
# OpenCV 5.0.0.93 and 4.14.0.94: the colours of an 8-bit TIFF with straight alpha (ExtraSamples 2, what Pillow and most programs write) come
# out multiplied by alpha. IMREAD_UNCHANGED gives 50 15 10 64 where 200 60 40 64 is stored and PNG, WebP and AVIF give just that, and
# IMREAD_COLOR gives the picture on black where the others leave alpha out, so a cut-out object is classified on another ground by its
# file's format. With 16 bits UNCHANGED is straight and COLOR multiplied. A grey TIFF with alpha has none any more. OpenCV's own writer leaves the kind
# of alpha unsaid, for which the reader does not multiply, so its round trip hides it.
# Pillow 13.0.0 and libvips 8.18.7 give 200 60 40 64. Exits other than 0 if that changes.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/alpha.py" <<'PYTHON'
import io
import sys
import cv2
import numpy as np
import pyvips
import tifffile
from PIL import Image

colour = [200, 60, 40, 64]
picture = np.tile(np.array(colour, np.uint8), (16, 16, 1))


def pillow(kind, array=picture, **options):
    file = io.BytesIO()
    Image.fromarray(array, "LA" if array.shape[2] == 2 else "RGBA").save(file, kind, **options)
    return file.getvalue()


def point(data, flag):
    array = cv2.imdecode(np.frombuffer(data, np.uint8), flag)[3, 3]
    values = np.atleast_1d(array).tolist()
    return values[2::-1] + values[3:] if len(values) >= 3 else values


deep = io.BytesIO()
tifffile.imwrite(deep, picture.astype(np.uint16) * 257, photometric="rgb", extrasamples=["unassalpha"])
own = cv2.imencode(".tiff", picture[..., [2, 1, 0, 3]])[1].tobytes()
files = {"PNG": pillow("PNG"), "WebP": pillow("WEBP", lossless=True), "TIFF": pillow("TIFF"), "TIFF 16": deep.getvalue(), "TIFF of OpenCV": own,
         "PNG grey": pillow("PNG", picture[..., [0, 3]]), "TIFF grey": pillow("TIFF", picture[..., [0, 3]])}
seen = {name: (point(data, cv2.IMREAD_UNCHANGED), point(data, cv2.IMREAD_COLOR)) for name, data in files.items()}
for name, pair in seen.items():
    print(cv2.__version__, name, "unchanged", pair[0], "colour", pair[1])
straight = (colour, colour[:3])
for name in ("PNG", "TIFF"):
    assert list(Image.open(io.BytesIO(files[name])).getpixel((3, 3))) == colour
    assert [int(v) for v in pyvips.Image.new_from_buffer(files[name], "").getpoint(3, 3)] == colour
sys.exit(not (
    seen["PNG"] == seen["WebP"] == seen["TIFF of OpenCV"] == straight
    and seen["TIFF"] == ([50, 15, 10, 64], [50, 15, 10])
    and seen["TIFF 16"] == ([v * 257 for v in colour], [50, 15, 10])
    and seen["PNG grey"][0] == [200, 200, 200, 64] and seen["TIFF grey"][0] == [200]))
PYTHON
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install --no-compile pillow==13.0.0 tifffile==2026.3.3 pyvips==3.2.0 pyvips-binary==8.18.7 numpy==2.4.6
for version in 5.0.0.93 4.14.0.94; do
    "$work/venv/bin/pip" -q install --no-compile "opencv-python-headless==$version" numpy==2.4.6
    "$work/venv/bin/python" -W ignore "$work/alpha.py"
done
