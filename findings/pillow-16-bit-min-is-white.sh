#!/bin/sh
# Pillow 13.0.0 reads a TIFF of 16-bit greys with PhotometricInterpretation 0 (min-is-white, usual for scanned film and
# X-rays) as a negative, silently; the 8-bit one it turns round. OpenCV 5.0.0.93 turns the 16-bit one with IMREAD_COLOR and
# IMREAD_GRAYSCALE and leaves the negative with IMREAD_UNCHANGED and IMREAD_ANYDEPTH, so 8 bits and 16 bits of one file are
# opposite pictures. libvips 8.18.7 is right. In the other byte order Pillow refuses the file ("cannot identify image file").
# Seen, stored 0 100 20000 65535, right 65535 65435 45535 0: Pillow 0 100 20000 65535, OpenCV 0 100 20000 65535 or, in 8
# bits, 255 255 177 0 (grey). Exits other than 0 if that changes.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install --no-compile pillow==13.0.0 opencv-python-headless==5.0.0.93 pyvips==3.2.0 \
    pyvips-binary==8.18.7 tifffile==2026.3.3 numpy==2.4.6
"$work/venv/bin/python" - <<'PYTHON'
import io
import cv2
import numpy as np
import pyvips
import tifffile
from PIL import Image, UnidentifiedImageError

stored = np.array([[0, 100, 20000, 65535]], np.uint16)


def tiff(array, order="<"):
    file = io.BytesIO()
    tifffile.imwrite(file, array, photometric="miniswhite", byteorder=order)
    return file.getvalue()


data, small = tiff(stored), tiff((stored >> 8).astype(np.uint8))
raw = np.frombuffer(data, np.uint8)
seen = {
    "Pillow 8": np.asarray(Image.open(io.BytesIO(small))).ravel().tolist(),
    "Pillow 16": np.asarray(Image.open(io.BytesIO(data))).ravel().tolist(),
    "libvips 16": pyvips.Image.new_from_buffer(data, "").numpy().ravel().tolist(),
    "OpenCV unchanged": cv2.imdecode(raw, cv2.IMREAD_UNCHANGED).ravel().tolist(),
    "OpenCV anydepth": cv2.imdecode(raw, cv2.IMREAD_ANYDEPTH).ravel().tolist(),
    "OpenCV grey": cv2.imdecode(raw, cv2.IMREAD_GRAYSCALE).ravel().tolist(),
    "OpenCV colour": cv2.imdecode(raw, cv2.IMREAD_COLOR)[..., 0].ravel().tolist()}
for who, values in seen.items():
    print(who, values)
negative, right = stored.ravel().tolist(), (65535 - stored).ravel().tolist()
ok = seen["Pillow 8"] == [255, 255, 177, 0] and seen["Pillow 16"] == negative and seen["libvips 16"] == right
ok &= seen["OpenCV unchanged"] == negative and seen["OpenCV anydepth"] == negative
ok &= all(np.abs(np.array(seen[k]) - [255, 255, 177, 0]).max() <= 1 for k in ("OpenCV grey", "OpenCV colour"))
try:
    Image.open(io.BytesIO(tiff(stored, ">")))
    ok = False
except UnidentifiedImageError as error:
    print("big-endian:", str(error)[:28])
raise SystemExit(not ok)
PYTHON
