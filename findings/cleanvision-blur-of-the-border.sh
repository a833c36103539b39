#!/bin/sh
# cleanvision 0.3.7 (Pillow 13.0.0): whether a picture is called blurry depends on how bright its border is. The score is the spread of
# Pillow's FIND_EDGES of the picture made small (64 px), and Pillow leaves the outermost row and column of a filtered picture as they
# were: 6 % of the points are brightness among edges near 0. So a blurred photo on a bright ground (sky, snow, a white table) is never
# found, and its negative is. Other kernels of Pillow do the same; cv2.Laplacian and scikit-image mirror the border instead.
# Seen, a disc that fades out without an edge, spread of the edges inside 2.2 and 2.0: on black score 0.08 (blurry), on white 0.42 (not
# blurry, threshold 0.29). Exits other than 0 if that changes.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install --no-compile cleanvision==0.3.7 pillow==13.0.0 numpy==2.4.6
cd "$work"
mkdir photos
cat > blur.py <<'PYTHON'
import os
import numpy as np
from cleanvision import Imagelab
from PIL import Image, ImageFilter

y, x = np.mgrid[0:256, 0:256] - 127.5
outwards = np.argsort(np.argsort(np.hypot(x, y), axis=None, kind="stable"), kind="stable").reshape(256, 256) / 256**2
disc = 255 * (1 - outwards)  # as many points of every tone
pictures = {"on-black": disc, "on-white": 255 - disc}
inside = {}
for name, picture in pictures.items():
    image = Image.fromarray(picture.round().astype(np.uint8)).convert("RGB")
    image.save(f"photos/{name}.png")
    edges = np.asarray(image.resize((64, 64)).convert("L").filter(ImageFilter.FIND_EDGES))
    inside[name] = edges[1:-1, 1:-1].std()
if __name__ == "__main__":
    lab = Imagelab(data_path="photos")
    lab.find_issues({"blurry": {}}, n_jobs=1, verbose=False)
    issues = {os.path.basename(path)[:-4]: row for path, row in lab.issues.iterrows()}
    for name, row in issues.items():
        print(name, "edges inside", round(inside[name], 2), "score", round(row["blurry_score"], 3), "blurry", row["is_blurry_issue"])
    black, white = issues["on-black"], issues["on-white"]
    raise SystemExit(not (black["is_blurry_issue"] and not white["is_blurry_issue"] and abs(inside["on-black"] - inside["on-white"]) < 1
                          and white["blurry_score"] > black["blurry_score"] + 0.3))
PYTHON
venv/bin/python blur.py 2> errors || { cat errors; exit 1; }
