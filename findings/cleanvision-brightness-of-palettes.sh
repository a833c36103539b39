#!/bin/sh
# cleanvision 0.3.7 (Pillow 13.0.0) measures how bright a picture with a palette is on the numbers of its colours, not on the colours:
# the same bright picture is fine as RGB and "dark" as an 8-bit PNG or GIF, since quantize() and most encoders number the colours from 0
# on, and a black one whose black has a high number is "light". CMYK JPEGs are measured as if cyan, magenta and yellow were red, green and
# blue: bright is dark. Pictures with alpha have the average of red alone ("brightness"): pure blue is 0, pure red 255. 16-bit greys are divided by
# 255, so that none is dark and the score goes far past 1.
# Seen, the same noise between 200 and 255: RGB dark_score 0.98, palette 0.25 (dark), CMYK 0.20 (dark); dim 16-bit grey 11.7.
# Exits other than 0 if that changes.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install --no-compile cleanvision==0.3.7 pillow==13.0.0 numpy==2.4.6
cd "$work"
mkdir photos
cat > dark.py <<'PYTHON'
import os
import numpy as np
from cleanvision import Imagelab
from cleanvision.issue_managers.image_property import calc_avg_brightness
from PIL import Image

random = np.random.default_rng(0)
bright = Image.fromarray(random.integers(200, 256, (128, 128, 3), dtype=np.uint8))
bright.save("photos/rgb.png")
bright.quantize(64).save("photos/palette.png")
bright.quantize(64).save("photos/palette.gif")
bright.convert("CMYK").save("photos/cmyk.jpg", quality=95)
Image.fromarray(random.integers(100, 3000, (128, 128), dtype=np.uint16)).save("photos/dim16.png")
if __name__ == "__main__":
    lab = Imagelab(data_path="photos")
    lab.find_issues({"dark": {}, "light": {}}, n_jobs=1, verbose=False)
    seen = {os.path.basename(path): (round(float(row["dark_score"]), 2), bool(row["is_dark_issue"])) for path, row in lab.issues.iterrows()}
    print(seen)
    blue, red = (Image.new("RGBA", (8, 8), colour) for colour in ((0, 0, 255, 255), (255, 0, 0, 255)))
    averages = [round(calc_avg_brightness(image), 2) for image in (blue, blue.convert("RGB"), red, red.convert("RGB"))]
    print("average of blue with and without alpha, red with and without:", averages)
    raise SystemExit(not (
        not seen["rgb.png"][1] and seen["palette.png"][1] and seen["palette.gif"][1] and seen["cmyk.jpg"][1] and seen["dim16.png"][0] > 5
        and averages == [0.0, 0.26, 1.0, 0.49]))
PYTHON
venv/bin/python dark.py 2> errors || { cat errors; exit 1; }
