"""Our heads as ONNX in onnxruntime and OpenCV against what plugin-inference says: of the same squares, and of images in files.

What lies between a file and the network is in preprocessing.py. Answers to lossless files are then the same; JPEG decoders round
differently, and a head's features go through a square root: so answers to JPEG files are held to a wider tolerance.

    pip install onnxruntime numpy pillow (onnx, to have the files checked against the standard too; opencv-python-headless >= 5 to ask it as well)
    cargo run -p plugin-inference --example onnx_heads -- FOLDER .wakuteka/weights/efficientnet-lite0.safetensors
    python tests/peers/onnx_heads.py FOLDER

All that is known of the input comes from the metadata of the ONNX file.
"""

import json
import pathlib
import sys

import numpy
import onnxruntime
import preprocessing

try:
    import onnx
except ImportError:
    onnx = None
try:
    import cv2
except ImportError:
    cv2 = None

TOLERANCES = {"squares": 1e-3, "lossless": 1e-3, "jpeg": 3e-2}


def by_opencv(path, pixels):
    """One image at a time, as its engine takes the N of the file for 1."""
    network = cv2.dnn.readNetFromONNX(str(path))
    rows = []
    for image in pixels:
        network.setInput(image[None], "pixels")
        rows.append(network.forward("probabilities")[0])
    return numpy.stack(rows)


worst, count_of_files = dict.fromkeys(TOLERANCES, 0.0), 0
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
    files = [pathlib.Path(file) for file in vector["files"]]
    images = numpy.stack([preprocessing.square(preprocessing.opened(file), size, notes["resize_mode"]) for file in files])
    squares = numpy.fromfile(path.with_suffix(".rgb"), numpy.uint8).reshape(images.shape)
    is_jpeg = numpy.array([file.suffix in (".jpg", ".jpeg") for file in files])
    assert (images == squares)[~is_jpeg].all(), "a lossless file became another square"
    from_files, from_squares = (
        numpy.ascontiguousarray(((rgb.astype(numpy.float32) - mean) / deviation).transpose(0, 3, 1, 2)) for rgb in (images, squares)
    )
    expected = numpy.array(vector["probabilities"], numpy.float32)
    assert expected.shape == (len(images), len(classes)), expected.shape

    def by_onnxruntime(_, pixels):
        logits, probabilities = session.run(["logits", "probabilities"], {"pixels": pixels})
        tempered = numpy.exp(logits / float(notes["temperature"]))
        assert numpy.abs(tempered / tempered.sum(axis=1, keepdims=True) - probabilities).max() < 1e-5
        return probabilities

    for who, ask in [("onnxruntime", by_onnxruntime)] + [("OpenCV", by_opencv)] * (cv2 is not None):
        # All at once and one alone: N is free.
        for what, pixels, rows in [
            ("squares", from_squares, numpy.arange(len(files))),
            ("squares", from_squares, numpy.arange(1)),
            ("lossless", from_files, numpy.flatnonzero(~is_jpeg)),
            ("jpeg", from_files, numpy.flatnonzero(is_jpeg)),
        ]:
            off = numpy.abs(ask(path, pixels[rows]) - expected[rows]).max(axis=1)
            name = files[rows[off.argmax()]].name
            print(f"{who:12} {path.stem:11} {what:8} N={len(rows):<3} off by {off.max():.1e} ({name}), by {numpy.median(off):.1e} in the median")
            worst[what] = max(worst[what], float(off.max()))
print("worst: " + ", ".join(f"{off:.1e} of {what}" for what, off in worst.items()))
sys.exit(any(worst[what] > most for what, most in TOLERANCES.items()) or count_of_files == 0)
