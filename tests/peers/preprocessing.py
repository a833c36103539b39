"""From a file to the pixels that a model of ours sees: what other programs do to get its answers.

    image = preprocessing.opened(path)                       # RGB, upright, transparency over white
    square = preprocessing.square(image, size, resize_mode)  # uint8 [size, size, 3], bit for bit what plugin_resize makes of the same pixels

`size` and `resize_mode` are in the metadata of an exported ONNX file, as are `mean` and `deviation`: (square - mean) / deviation, channels first.

Pillow resizes alike but for rounding: it goes along rows first and rounds to bytes between the two passes, where fast_image_resize goes along columns
first with weights of 16 bits. That changes up to a quarter of the bytes by 1. JPEG decoders differ too: libjpeg-turbo (Pillow, OpenCV) and zune-jpeg
(ours) by up to 1 of 255 where colour has full resolution, by up to 3 where it has half. PNG, BMP, TIFF and other lossless files are read alike.
"""

import math

import numpy
from PIL import Image, ImageOps


def opened(path):
    """RGB uint8 [height, width, 3], turned upright, transparency over white."""
    image = ImageOps.exif_transpose(Image.open(path))
    if "A" in image.getbands() or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return numpy.asarray(image.convert("RGB"))


def square(image, size, mode):
    """Corresponds to plugin_resize::resize."""
    height, width = image.shape[:2]
    if mode == "stretch":
        return resized(image, size, size, (0, 0, width, height))
    if mode == "crop":
        side = min(width, height)
        left, top = (width - side) / 2, (height - side) / 2
        return resized(image, size, size, (left, top, left + side, top + side))
    if mode == "pad":
        fit = [min(max(int(side * size / max(width, height) + 0.5), 1), size) for side in (width, height)]
        left, top = ((size - side) // 2 for side in fit)
        whole = numpy.full((size, size, 3), 255, numpy.uint8)
        whole[top : top + fit[1], left : left + fit[0]] = resized(image, *fit, (0, 0, width, height))
        return whole
    raise ValueError(f"resize mode {mode}")


def resized(image, width, height, box):
    """A triangle filter that widens when the image shrinks: along columns, then along rows, rounded to bytes after each."""
    left, top, right, bottom = box
    return along(along(image, 0, top, bottom, height), 1, left, right, width)


def along(image, axis, start, end, count):
    length = image.shape[axis]
    if (start, end, count) == (0, length, length):
        return image
    firsts, weights = zip(*(window(length, start, end, count, place) for place in range(count)))
    # Weights as integers of 16 bits, as exact as the greatest of them allows.
    greatest = max(max(row) for row in weights)
    bits = next(bits for bits in range(22) if math.floor(greatest * (1 << bits + 1) + 0.5) >= 1 << 15 or bits == 21)
    lines = numpy.moveaxis(image, axis, 0).astype(numpy.int64)
    sums = []
    for first, row in zip(firsts, weights):
        row = numpy.array([math.floor(weight * (1 << bits) + 0.5) for weight in row], numpy.int64)
        sums.append(numpy.tensordot(row, lines[first : first + len(row)], 1) + (1 << bits - 1))
    return numpy.moveaxis(numpy.clip(numpy.stack(sums) >> bits, 0, 255).astype(numpy.uint8), 0, axis)


def window(length, start, end, count, place):
    """The first pixel that counts, and the weights from there."""
    scale = (end - start) / count
    radius = max(scale, 1.0)
    centre = start + (place + 0.5) * scale
    pixels = range(max(math.floor(centre - radius), 0), min(math.ceil(centre + radius), length))
    weights = {pixel: max(1 - abs((pixel - (centre - 0.5)) * (1.0 / radius)), 0.0) for pixel in pixels}
    pixels = [pixel for pixel in pixels if weights[pixel] > 0]
    share = 1.0 / sum(weights[pixel] for pixel in pixels)
    return pixels[0], [weights[pixel] * share for pixel in pixels]
