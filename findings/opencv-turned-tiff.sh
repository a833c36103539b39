#!/bin/sh
# OpenCV 5.0.0.93 and 4.14.0.94: imread() gives None for every TIFF whose Orientation is 5 to 8 (a camera held upright)
# unless it is square, with any flag, IMREAD_UNCHANGED too: "Internal imread issue: original_ptr == real_mat.data". The
# same bytes through imdecode() or imreadmulti() are read and turned right. So a data set loses its upright pictures.
# And imdecode() with IMREAD_REDUCED_..._2, _4, _8 turns the picture and then squeezes it into the frame it had before:
# 40 x 24 with Orientation 6 becomes 20 x 12 where 12 x 20 is right, silently. JPEG, PNG and WebP are right throughout.
# Pillow 13.0.0 writes the files. Exits other than 0 if that changes.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/turned.py" <<'PYTHON'
import sys
import cv2
import numpy as np
from PIL import Image

folder = sys.argv[1]
bad = 0
for kind, size in (("tiff", (40, 24)), ("tiff", (40, 40)), ("png", (40, 24))):
    for orientation in range(1, 9):
        image = Image.new("L", size, 20)
        image.paste(250, (0, 0, 20, 12))
        exif = Image.Exif()
        exif[0x112] = orientation
        path = f"{folder}/{orientation}.{kind}"
        image.save(path, exif=exif)
        data = np.fromfile(path, np.uint8)
        stored = np.asarray(image)
        turned = orientation >= 5
        right = {1: stored, 2: stored[:, ::-1], 3: stored[::-1, ::-1], 4: stored[::-1], 5: stored.T,
                 6: np.rot90(stored, -1), 7: stored[::-1, ::-1].T, 8: np.rot90(stored)}[orientation]
        read = cv2.imread(path, cv2.IMREAD_GRAYSCALE)
        decoded = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)
        many = cv2.imreadmulti(path, flags=cv2.IMREAD_GRAYSCALE)[1][0]
        half = cv2.imdecode(data, cv2.IMREAD_REDUCED_GRAYSCALE_2)
        want_half = (right.shape[0] // 2, right.shape[1] // 2)
        lost = kind == "tiff" and turned and size[0] != size[1]
        if orientation in (1, 6):
            print(cv2.__version__, kind, size, "Orientation", orientation, "imread", None if read is None else read.shape,
                  "imdecode", decoded.shape, "reduced", half.shape, "of", want_half)
        bad += not np.array_equal(decoded, right) or not np.array_equal(many, right)
        bad += not (read is None if lost else np.array_equal(read, right))
        bad += half.shape != (want_half[::-1] if lost else want_half)
        if lost:
            bad += cv2.imread(path, cv2.IMREAD_UNCHANGED) is not None
sys.exit(bad != 0)
PYTHON
for version in 5.0.0.93 4.14.0.94; do
    python3 -m venv "$work/$version"
    "$work/$version/bin/pip" -q install --no-compile "opencv-python-headless==$version" pillow==13.0.0 numpy==2.4.6
    "$work/$version/bin/python" "$work/turned.py" "$work" 2> /dev/null
done
