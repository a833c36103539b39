"""What nnabla's data iterator makes of images that are not 8-bit RGB, and that it reads what `export-nnc` writes as we do.

    python tests/peers/nnabla_images.py              the table of plugins/nnc/README.md
    python tests/peers/nnabla_images.py FOLDER       also: a data set that export-nnc wrote, through nnabla's data iterator: every image
                                                     is its file's RGB over 255 in one shape, every label the file's

Needs nnabla 1.39.0 (CPython 3.8 to 3.10; see nnabla_models.py) and pillow.
"""

import csv
import pathlib
import sys
import tempfile

import numpy
from nnabla.utils.data_iterator import data_iterator_csv_dataset
from nnabla.utils.data_source_loader import load_image
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


def iterated(root, name):
    """All images and labels of a file of a data set, as nnabla's data iterator gives them to a network, in the file's order."""
    rows = list(csv.reader((root / name).open()))[1:]
    if not rows:
        return rows, [], []
    size = len(rows)
    # Relative paths are taken from the folder of the file, as NNC does.
    with data_iterator_csv_dataset(str(root / name), batch_size=1, shuffle=False, normalize=True, with_file_cache=False) as iterator:
        assert iterator.size == size, (iterator.size, size)
        found = [[numpy.array(value) for value in iterator.next()] for _ in range(size)]
        x, y = iterator.variables.index("x"), iterator.variables.index("y")
    return rows, [batch[x][0] for batch in found], [int(batch[y].ravel()[0]) for batch in found]


if len(sys.argv) > 1:
    root = pathlib.Path(sys.argv[1])
    classes = {int(row[0]) for row in list(csv.reader((root / "classes.csv").open()))[1:]}
    worst, shapes = 0.0, set()
    for name in ("index.csv", "train.csv", "validation.csv", "test.csv"):
        rows, images, labels = iterated(root, name)
        right = [numpy.asarray(Image.open(root / image)) for image, _ in rows]
        shapes |= {image.shape for image in images}
        ok &= all(image.dtype == numpy.uint8 and image.ndim == 3 and image.shape[2] == 3 for image in right)
        worst = max([worst] + [float(numpy.abs(image - pixels.transpose(2, 0, 1) / 255).max()) for image, pixels in zip(images, right)])
        ok &= labels == [int(label) for _, label in rows] and set(labels) <= classes
        print(f"{name:15} {len(rows)} images, {len(set(labels))} classes")
    print(f"what export-nnc wrote, by nnabla's data iterator: shapes {sorted(shapes)}, off by {worst:.1e} of the files' RGB over 255")
    ok &= len(shapes) == 1 and worst < 1e-6
sys.exit(not ok)
