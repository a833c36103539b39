#!/bin/sh
# pillow-jxl-plugin 1.3.8 (Pillow 13.0.0) gives the last frame of an animated JPEG XL for the picture: is_animated is False, n_frames is 1, seek finds
# nothing. All other formats of Pillow begin with the first, and so do thumbnails and viewers; imagecodecs 2026.3.6 (libjxl) gives all.
# A burst or a slide show is labelled by its first picture and learnt by its last, and what was made from a GIF is another picture than the GIF.
# Seen, red, green, blue: plugin blue, GIF, PNG, WebP and AVIF of Pillow red. Exits other than 0 if that changes.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install --no-compile pillow==13.0.0 pillow-jxl-plugin==1.3.8 imagecodecs==2026.3.6 numpy==2.4.6
"$work/venv/bin/python" - <<'PYTHON'
import io
import imagecodecs
import numpy as np
import pillow_jxl
from PIL import Image

colours = [(200, 0, 0), (0, 200, 0), (0, 0, 200)]
frames = [Image.new("RGB", (16, 16), colour) for colour in colours]
files = {"JXL": imagecodecs.jpegxl_encode(np.stack([np.asarray(frame) for frame in frames]), lossless=True, photometric="rgb")}
for kind in ("GIF", "PNG", "WEBP", "AVIF"):
    file = io.BytesIO()
    frames[0].save(file, kind, save_all=True, append_images=frames[1:], duration=100)
    files[kind] = file.getvalue()
all_of_it = imagecodecs.jpegxl_decode(files["JXL"])
assert [tuple(frame[4, 4]) for frame in all_of_it] == colours
ok = True
for kind, data in files.items():
    image = Image.open(io.BytesIO(data))
    red, _, blue = image.convert("RGB").getpixel((4, 4))
    print(kind, "is", "the first" if red > 150 else "the last" if blue > 150 else "another", "of", getattr(image, "n_frames", None))
    ok &= (blue > 150 and image.n_frames == 1 and not image.is_animated) if kind == "JXL" else (red > 150 and image.n_frames == 3)
raise SystemExit(not ok)
PYTHON
