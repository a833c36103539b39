"""Our heads as ONNX in onnxruntime against what plugin-inference says: of the same squares, and of images that Pillow reads from files.

Pillow and we round pixels of a JPEG, and of a resized image, differently by 1 of 255 now and then, and a head's features go through a
square root: so answers to files are held to a wider tolerance than answers to the same squares.

    pip install onnxruntime numpy pillow (and onnx, to have the files checked against the standard too)
    cargo run -p plugin-inference --example onnx_heads -- FOLDER .wakuteka/weights/efficientnet-lite0.safetensors
    python tests/peers/onnx_heads.py FOLDER

All that is known of the input comes from the metadata of the ONNX file.
"""

import json
import pathlib
import sys

import numpy
import onnxruntime
from PIL import Image, ImageOps

try:
    import onnx
except ImportError:
    onnx = None

TOLERANCE = 1e-3
TOLERANCE_FILES = 3e-2


def opened(path):
    """RGB, turned upright, transparency over white."""
    image = ImageOps.exif_transpose(Image.open(path))
    if "A" in image.getbands() or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


def square(image, size, mode):
    """Corresponds to plugin_resize::resize."""
    width, height = image.size
    if (width, height) == (size, size) or mode == "stretch":
        return image.resize((size, size), Image.BILINEAR)
    if mode == "crop":
        side = min(width, height)
        left, top = (width - side) / 2, (height - side) / 2
        return image.resize((size, size), Image.BILINEAR, (left, top, left + side, top + side))
    if mode == "pad":
        fit = [min(max(int(side * size / max(width, height) + 0.5), 1), size) for side in (width, height)]
        whole = Image.new("RGB", (size, size), "white")
        whole.paste(image.resize(fit, Image.BILINEAR), [(size - side) // 2 for side in fit])
        return whole
    raise ValueError(f"resize mode {mode}")


worst, count_of_files = {"squares": 0.0, "files": 0.0}, 0
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.onnx")):
    if onnx:
        onnx.checker.check_model(str(path), full_check=True)
    count_of_files += 1
    vector = json.loads(path.with_suffix(".json").read_text())
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    notes = session.get_modelmeta().custom_metadata_map
    assert "antialiased" in notes["resize_filter"] and "Exif" in notes["orientation"], notes
    assert notes["background"].startswith("#ffffff"), notes
    mean, deviation = (numpy.array(json.loads(notes[key]), numpy.float32) for key in ("mean", "deviation"))
    size, classes = int(notes["size_px"]), json.loads(notes["classes"])
    images = [square(opened(file), size, notes["resize_mode"]) for file in vector["files"]]
    images = numpy.stack([numpy.asarray(image) for image in images])
    squares = numpy.fromfile(path.with_suffix(".rgb"), numpy.uint8).reshape(images.shape)
    from_files, from_squares = (
        numpy.ascontiguousarray(((rgb.astype(numpy.float32) - mean) / deviation).transpose(0, 3, 1, 2)) for rgb in (images, squares)
    )
    expected = numpy.array(vector["probabilities"], numpy.float32)
    assert expected.shape == (len(images), len(classes)), expected.shape
    # All at once and one alone: N is free.
    for what, pixels, count in [
        ("squares", from_squares, len(images)),
        ("squares", from_squares, 1),
        ("files", from_files, len(images)),
    ]:
        logits, probabilities = session.run(["logits", "probabilities"], {"pixels": pixels[:count]})
        off = numpy.abs(probabilities - expected[:count]).max(axis=1)
        tempered = numpy.exp(logits / float(notes["temperature"]))
        assert numpy.abs(tempered / tempered.sum(axis=1, keepdims=True) - probabilities).max() < 1e-5
        name = pathlib.Path(vector["files"][off.argmax()]).name
        print(f"{path.stem:12} {what:8} N={count:<3} off by {off.max():.1e} ({name}), by {numpy.median(off):.1e} in the median")
        worst[what] = max(worst[what], float(off.max()))
print(f"worst: {worst['squares']:.1e} of the same squares, {worst['files']:.1e} of files")
sys.exit(not (worst["squares"] <= TOLERANCE and worst["files"] <= TOLERANCE_FILES) or count_of_files == 0)
