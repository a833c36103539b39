#!/bin/sh
# libvips 8.18.7 (pyvips-binary) and OpenCV 5.0.0.93 and 4.14.0.94 read a TIFF whose compression they lack as a black picture of the right size, and
# report no error. libvips: every compression that the wheel is built without, Zstandard (GDAL, QGIS, tifffile) and LZMA among them,
# as its default fail_on=none stands for more than a file cut short; with fail_on="error" it says what is missing. OpenCV: JPEG 2000, JPEG XL,
# JPEG XR and PNG in TIFF (microscope slides, newer DNGs); for Zstandard it returns None. tifffile 2026.3.3, which writes the files, reads all.
# Pillow 13.0.0 reads Zstandard and LZMA and refuses the rest. Seen, a picture of 200 60 40, the mean of what is read:
#   libvips zstd 0, lzma 0, jpeg2000 0, jpegxl 0, lzw 100     OpenCV zstd None, lzma None, jpeg2000 0, jpegxl 0, lzw 100
# Exits other than 0 if that changes.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/black.py" <<'PYTHON'
import io
import sys
import cv2
import numpy as np
import pyvips
import tifffile

picture = np.tile(np.array([200, 60, 40], np.uint8), (64, 64, 1))
ok = True
for compression in ("zstd", "lzma", "jpeg2000", "jpegxl", "lzw"):
    file = io.BytesIO()
    tifffile.imwrite(file, picture, photometric="rgb", compression=compression)
    data = file.getvalue()
    vips = pyvips.Image.new_from_buffer(data, "")
    vips = (vips.width, vips.height, round(vips.avg()))
    try:
        strict = round(pyvips.Image.new_from_buffer(data, "", fail_on="error").avg())
    except pyvips.Error as error:
        strict = str(error).strip().splitlines()[-1][:50]
    array = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    opencv = None if array is None else (array.shape[1], array.shape[0], round(array.mean()))
    print(f"{compression}: libvips {vips}, with fail_on {strict}; OpenCV {cv2.__version__} {opencv}")
    known = compression == "lzw"
    ok &= vips == (64, 64, 100 if known else 0) and isinstance(strict, int) == known
    ok &= opencv == (None if compression in ("zstd", "lzma") else (64, 64, 100 if known else 0))
    file.seek(0)
    ok &= np.abs(tifffile.imread(file).astype(int) - picture).max() < 6
sys.exit(not ok)
PYTHON
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install --no-compile tifffile==2026.3.3 imagecodecs==2026.3.6 pyvips==3.2.0 pyvips-binary==8.18.7 numpy==2.4.6
for version in 5.0.0.93 4.14.0.94; do
    "$work/venv/bin/pip" -q install --no-compile "opencv-python-headless==$version" numpy==2.4.6
    "$work/venv/bin/python" "$work/black.py" 2> "$work/errors" || { cat "$work/errors"; exit 1; }
done
