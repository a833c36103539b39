#!/bin/sh
# nnabla 1.39.0 (Pillow 11.3.0) reads 16-bit grey PNGs by the low byte of each sample: 255, 256, 257, 65535 become 255, 0, 1, 255. That is noise where the picture
# is smooth. imread() does it, and by it the data iterators of CSV data sets (Neural Network Console's), without a word: Pillow hands such files out
# as "I;16", which is cast to bytes. With grayscale=True they are cut off at 255 instead, so nearly all is white.
# Its own advice in a warning, to install pypng, makes PNGs of grey and alpha twice as wide, grey and alpha in turn as if both were pixels; a data
# set of them, refused before for its shape, is then read, each picture squeezed into the shape that is asked for.
# Seen: 16 bits: [255, 0, 1, 255], grayscale [255, 255, 255, 255]; grey 200 with alpha 10, 4 x 2, loaded as 1 x 2 x 4: refused, with pypng
# 20220715.0 it is 8 x 2, 200 10 200 10 ..., loaded as 0.38 and 0.44, a mean of the two. Exits other than 0 if that changes.
# Wheels are for CPython 3.8 to 3.10 alone: one of these must be at hand.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python=
for candidate in python3.10 python3.9 python3.8 "$HOME"/.pyenv/versions/3.10.*/bin/python "$HOME"/.pyenv/versions/3.9.*/bin/python; do
  if "$candidate" -c "" 2>/dev/null; then python=$candidate; break; fi
done
[ -n "$python" ] || { echo "there is no CPython 3.8 to 3.10 here" >&2; exit 1; }
"$python" -m venv "$work/venv"
"$work/venv/bin/pip" -q install --no-compile nnabla==1.39.0 pillow==11.3.0
"$work/venv/bin/pip" -q install --no-compile --target "$work/advised" pypng==0.20220715.0
cd "$work"
cat > greys.py <<'PYTHON'
import sys
import numpy as np
from nnabla.utils.data_source_loader import load_image
from nnabla.utils.image_utils import imread
from PIL import Image

Image.fromarray(np.array([[255, 256, 257, 65535]] * 2, np.uint16)).save("deep.png")
Image.new("LA", (4, 2), (200, 10)).save("alpha.png")
deep, grey = imread("deep.png")[0].tolist(), imread("deep.png", grayscale=True)[0].tolist()
alpha = imread("alpha.png")
try:
    with open("alpha.png", "rb") as file:
        loaded = np.unique(load_image(file, (1, 2, 4), True).round(2)).tolist()
except AssertionError:
    loaded = "refused"
print(deep, grey, alpha.shape, alpha[0].tolist(), loaded)
assert deep == [255, 0, 1, 255] and grey == [255] * 4
if sys.argv[1:] == ["advised"]:
    assert alpha.tolist() == [[200, 10] * 4] * 2 and 0.3 < loaded[0] and loaded[-1] < 0.5
else:
    assert alpha.tolist() == [[[200, 10]] * 4] * 2 and loaded == "refused"
PYTHON
venv/bin/python greys.py
PYTHONPATH=advised venv/bin/python greys.py advised
