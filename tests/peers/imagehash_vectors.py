#!/usr/bin/env python3
"""Writes plugins/hash/tests/imagehash.csv: what imagehash makes of real images, decoded at full size.

pip requirements: imagehash==4.3.2 'pillow<13' (made with Pillow 12.3.0; from 13 on it resizes some tall images in
another order, which moves a grey level here and there).

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install imagehash==4.3.2 'pillow<13'
    /tmp/venv/bin/python tests/peers/imagehash_vectors.py

Each image is hashed twice: from the pixels that plugin-decode reads (columns ahash dhash phash whash), and from those
that Pillow reads (libjpeg-turbo; columns pillow_*). `apart` is the largest difference between the two pixel arrays and
`differing` the number of bytes that differ: JPEG leaves the last bit of the transform and of upsampling to the decoder.
"""
import csv
import pathlib
import subprocess
import sys
import tempfile

import imagehash
import numpy
from PIL import Image

ROOT = pathlib.Path(__file__).resolve().parents[2]
IMAGES = ROOT / "tests/fixtures/openclipart8"
# Every fourth of 2,367.
EACH = 4
KINDS = {"ahash": imagehash.average_hash, "dhash": imagehash.dhash, "phash": imagehash.phash, "whash": imagehash.whash}


def main():
    files = sorted(IMAGES.glob("*/*.jpg"))[::EACH]
    with tempfile.TemporaryDirectory() as folder:
        # The example as a program, if it is named.
        command = sys.argv[1:] or ["cargo", "run", "-q", "-p", "plugin-hash", "--example", "decoded", "--"]
        subprocess.run([*command, folder, *map(str, files)], check=True, cwd=ROOT)
        rows = []
        for index, file in enumerate(files):
            ours = Image.open(pathlib.Path(folder) / f"{index}.ppm").convert("RGB")
            theirs = Image.open(file).convert("RGB")
            apart = numpy.abs(numpy.asarray(ours, dtype=int) - numpy.asarray(theirs, dtype=int))
            row = {"path": file.relative_to(IMAGES).as_posix(), "width": ours.width, "height": ours.height}
            row |= {name: str(of(ours)) for name, of in KINDS.items()}
            row |= {f"pillow_{name}": str(of(theirs)) for name, of in KINDS.items()}
            row |= {"apart": apart.max(), "differing": int((apart > 0).sum())}
            rows.append(row)
    target = ROOT / "plugins/hash/tests/imagehash.csv"
    with open(target, "w", newline="") as out:
        writer = csv.DictWriter(out, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    same = [row for row in rows if row["apart"] == 0]
    print(f"{len(rows)} images; all pixels are the same in {len(same)}, the largest difference is "
          f"{max(row['apart'] for row in rows)}")
    for name in KINDS:
        moved = sum(row[name] != row[f"pillow_{name}"] for row in rows)
        print(f"{name}: the same from both decoders' pixels in {len(rows) - moved}")


if __name__ == "__main__":
    main()
