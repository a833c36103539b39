#!/bin/sh
# OpenCV 5.0.0.93 and 4.14.0.94 turn JPEG, PNG, WebP and TIFF by the orientation of their Exif (imread, IMREAD_COLOR), and leave AVIF
# as stored: the format's own boxes `irot` and `imir`, which a reader has to apply, are passed over, although libavif hands them out. So a
# portrait photo as JPEG is upright and the AVIF made of it lies on its side; IMREAD_COLOR and IMREAD_IGNORE_ORIENTATION are the same.
# imagecodecs 2026.3.6 gives the stored picture too and has no way to ask for the boxes. libvips 8.18.7 turns; Pillow 13.0.0, which writes
# the files here, shows them as Exif orientation for exif_transpose. Exif within an AVIF is not to turn it, so reading that is no way out.
# Seen, 64 x 32 with Orientation 6, 8, 5: upright 32 x 64 by Pillow and libvips; 64 x 32 by OpenCV and imagecodecs; 2: not mirrored.
# Exits other than 0 if that changes.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/turned.py" <<'PYTHON'
import io
import sys
import cv2
import imagecodecs
import numpy as np
import pyvips
from PIL import Image, ImageOps

image = Image.new("RGB", (64, 32), (20, 20, 20))
image.paste((250, 0, 0), (0, 0, 16, 16))  # a red corner
ok = True
for orientation in (2, 5, 6, 8):
    for kind in ("JPEG", "AVIF"):
        exif = Image.Exif()
        exif[0x112] = orientation
        file = io.BytesIO()
        image.save(file, kind, exif=exif, quality=95)
        data = file.getvalue()
        if kind == "AVIF":
            assert b"imir" in data if orientation == 2 else b"irot" in data
        raw = np.frombuffer(data, np.uint8)
        right = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))
        vips = pyvips.Image.new_from_buffer(data, "").autorot().numpy()
        stored = np.asarray(image)
        seen = {"OpenCV": cv2.imdecode(raw, cv2.IMREAD_COLOR)[..., ::-1]}
        if kind == "AVIF":
            seen["OpenCV, ignoring"] = cv2.imdecode(raw, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)[..., ::-1]
            seen["imagecodecs"] = imagecodecs.avif_decode(data)

        def like(a, b):
            return a.shape == b.shape and np.abs(a.astype(int) - b).mean() < 6

        ok &= like(vips, right) and not like(right, stored)
        for who, array in seen.items():
            as_stored = like(array, stored)
            print(cv2.__version__, kind, orientation, who, array.shape[1::-1], "as stored" if as_stored else "turned")
            ok &= like(array, stored if kind == "AVIF" else right)
sys.exit(not ok)
PYTHON
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install --no-compile pillow==13.0.0 pyvips==3.2.0 pyvips-binary==8.18.7 imagecodecs==2026.3.6 numpy==2.4.6
for version in 5.0.0.93 4.14.0.94; do
    "$work/venv/bin/pip" -q install --no-compile "opencv-python-headless==$version" numpy==2.4.6
    "$work/venv/bin/python" "$work/turned.py"
done
