"""What nnabla's data iterator makes of images that are not 8-bit RGB, and that it reads what `export-nnc` writes as we do.

    python tests/peers/nnabla_images.py              the table of plugins/nnc/README.md
    python tests/peers/nnabla_images.py FOLDER       also: every image of a data set that export-nnc wrote is its file's RGB over 255

Needs nnabla 1.39.0 (CPython 3.8 to 3.10; see nnabla_models.py) and pillow.
"""

import csv
import pathlib
import sys
import tempfile

import numpy
from nnabla.utils.data_source_loader import FileReader, load_image
from PIL import Image


def seen(path):
    """As the iterator of a CSV reads a cell of `x:image`."""
    try:
        with open(path, "rb") as file:
            return numpy.array(load_image(file, shape=None, normalize=True))
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def kinds(folder):
    colours = numpy.zeros((4, 6, 3), numpy.uint8)
    colours[:, :3] = (200, 100, 50)
    rgb = Image.fromarray(colours)
    exif = Image.Exif()
    exif[0x0112] = 6
    alpha = rgb.convert("RGBA")
    alpha.putalpha(128)
    deep = Image.fromarray(numpy.full((4, 6), 40000, numpy.uint16))
    cases = {
        "rgb.png": (rgb, {}), "grey.png": (rgb.convert("L"), {}), "alpha.png": (alpha, {}), "palette.png": (rgb.convert("P"), {}),
        "grey-alpha.png": (alpha.convert("LA"), {}), "16-bit.png": (deep, {}), "1-bit.png": (Image.new("1", (6, 4), 1), {}),
        "cmyk.jpg": (rgb.convert("CMYK"), {}), "turned.jpg": (rgb, {"exif": exif, "quality": 95}), "webp.webp": (rgb, {}),
    }
    for name, (image, options) in cases.items():
        image.save(folder / name, **options)
        yield name, seen(folder / name)


expected = {
    "rgb.png": (3, 4, 6), "grey.png": (1, 4, 6), "alpha.png": (4, 4, 6), "palette.png": (3, 4, 6), "grey-alpha.png": (2, 4, 6),
    "16-bit.png": (1, 4, 6), "1-bit.png": (1, 4, 6), "cmyk.jpg": (4, 4, 6), "turned.jpg": (3, 4, 6),
}
ok = True
with tempfile.TemporaryDirectory() as folder:
    for name, found in kinds(pathlib.Path(folder)):
        if isinstance(found, str):
            print(f"{name:16} {found[:90]}")
            ok &= name not in expected
            continue
        print(f"{name:16} {str(found.shape):12} first number {found.ravel()[0] * 255:.1f} of 255")
        ok &= found.shape == expected.get(name)
        if name == "16-bit.png":
            ok &= round(found.ravel()[0] * 255) == 40000 % 256
        if name == "1-bit.png":
            ok &= round(found.ravel()[0] * 255) == 1
if len(sys.argv) > 1:
    root = pathlib.Path(sys.argv[1])
    rows = list(csv.reader((root / "index.csv").open()))[1:]
    for image, _ in rows:
        found, right = seen(root / image), numpy.asarray(Image.open(root / image)).transpose(2, 0, 1) / 255
        ok &= not isinstance(found, str) and found.shape == right.shape and bool(numpy.allclose(found, right, atol=1e-6))
    print(f"{len(rows)} images of export-nnc read as they are: {ok}")
    ok &= bool(rows)
sys.exit(not ok)
