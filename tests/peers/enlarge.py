#!/usr/bin/env python3
"""Enlarges the fixtures' images to JPEGs of a photo's size, for benchmarks and for the distance of fast from exact hashes.

pip requirements: 'pillow<13'

    python3 tests/peers/enlarge.py FOLDER [--size 640x480] [--quality 85] [--count 600] [--progressive]

Images are stretched (bicubic), with noise (eight grey levels) over them, so that the files are as large as those of photos.
Real detail at that size they have none: the class folders are kept, the sizes are.
"""
import argparse
import pathlib

import numpy
from PIL import Image

IMAGES = pathlib.Path(__file__).resolve().parents[1] / "fixtures/openclipart8"


def main():
    options = argparse.ArgumentParser()
    options.add_argument("folder", type=pathlib.Path)
    options.add_argument("--size", default="640x480")
    options.add_argument("--quality", type=int, default=85)
    options.add_argument("--count", type=int, default=600)
    options.add_argument("--progressive", action="store_true")
    chosen = options.parse_args()
    width, height = map(int, chosen.size.split("x"))
    random = numpy.random.default_rng(1)
    noise = random.normal(0, 8, (height, width, 3))
    files = sorted(IMAGES.glob("*/*.jpg"))
    step = max(len(files) // chosen.count, 1)
    total = 0
    for file in files[::step][: chosen.count]:
        image = Image.open(file).convert("RGB").resize((width, height), Image.Resampling.BICUBIC)
        pixels = numpy.asarray(image) + numpy.roll(noise, random.integers(width), axis=1)
        target = chosen.folder / file.relative_to(IMAGES)
        target.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.clip(0, 255).astype("uint8")).save(
            target, quality=chosen.quality, progressive=chosen.progressive)
        total += target.stat().st_size
    print(f"{chosen.count} images in {chosen.folder}, {total / chosen.count / 1000:.0f} kB each")


if __name__ == "__main__":
    main()
