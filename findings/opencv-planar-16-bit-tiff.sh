#!/bin/sh
# OpenCV 5.0.0.93 and 4.14.0.94 read a colour TIFF that keeps its colours in separate planes (PlanarConfiguration 2: scanners, microscopes,
# satellites) as another picture when it has 16 bits or floats: the plane of red is taken for interleaved colour and fills the upper third of each
# strip, green and blue are not read, and the rest is what was in memory, so two readings of one file can differ. No error, right shape and
# type. The same file with IMREAD_COLOR alone (16 bits made 8) is right, and so are 8 bits; IMREAD_UNCHANGED and IMREAD_ANYDEPTH are hit.
# Pillow 13.0.0, libvips 8.18.7 and tifffile 2026.3.3, which writes the files here, are right. (Upstream: pull request 29567, in no release here.)
# Seen, the point (2, 1), right 4000 3000 7777: unchanged 12000 14000 16000, which are the reds of the points 6, 7, 8; with IMREAD_COLOR
# 16 12 30, right. Exits other than 0 if that changes.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/planes.py" <<'PYTHON'
import io
import sys
import cv2
import numpy as np
import pyvips
import tifffile

height, width = 20, 24
red = np.tile(np.arange(width) * 2000, (height, 1))
green = np.tile((np.arange(height) * 3000)[:, None], (1, width))
rgb = np.dstack([red, green, np.full((height, width), 7777)])
ok = True
for kind in (np.uint16, np.float32, np.uint8):
    picture = (rgb >> 8 if kind == np.uint8 else rgb).astype(kind)
    for planes in (False, True):
        file = io.BytesIO()
        if planes:
            tifffile.imwrite(file, np.ascontiguousarray(picture.transpose(2, 0, 1)), photometric="rgb", planarconfig="separate")
        else:
            tifffile.imwrite(file, picture, photometric="rgb")
        data = np.frombuffer(file.getvalue(), np.uint8)
        unchanged = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)[..., ::-1]
        deep = cv2.imdecode(data, cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)[..., ::-1]
        reds = np.array_equal(unchanged.ravel()[:height * width], picture[..., 0].ravel())
        right = np.array_equal(unchanged, picture)
        print(cv2.__version__, kind.__name__, "planes" if planes else "interleaved", unchanged[1, 2].tolist(), "right" if right else "wrong")
        ok &= unchanged.dtype == kind and unchanged.shape == picture.shape and np.array_equal(deep, picture) == right
        ok &= right == (not planes or kind == np.uint8) and reds == (not right)
        ok &= np.array_equal(pyvips.Image.new_from_buffer(file.getvalue(), "").numpy(), picture)
        if kind == np.uint16:
            colour = cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1]
            ok &= np.abs(colour.astype(int) - (rgb >> 8)).max() <= 1
sys.exit(not ok)
PYTHON
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install --no-compile tifffile==2026.3.3 pyvips==3.2.0 pyvips-binary==8.18.7 numpy==2.4.6
for version in 5.0.0.93 4.14.0.94; do
    "$work/venv/bin/pip" -q install --no-compile "opencv-python-headless==$version" numpy==2.4.6
    "$work/venv/bin/python" "$work/planes.py"
done
