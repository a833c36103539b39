"""Our ONNX files in onnxruntime against what our own networks say.

    pip install onnxruntime numpy (and onnx, to have the files checked against the standard too)
    cargo run -p plugin-model --example onnx -- FOLDER
    python tests/peers/onnx_outputs.py FOLDER
"""

import json
import pathlib
import sys

import numpy
import onnxruntime

try:
    import onnx
except ImportError:
    onnx = None

TOLERANCE = 1e-4
worst, count_of_files = 0.0, 0
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.onnx")):
    if onnx:
        onnx.checker.check_model(str(path), full_check=True)
    count_of_files += 1
    vector = json.loads(path.with_suffix(".json").read_text())
    size = vector["size"]
    images = numpy.array(vector["images"], numpy.float32).reshape(-1, 3, size, size)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    expected = numpy.array(vector["logits"], numpy.float32).reshape(len(images), -1)
    # Both at once and one alone: N is free.
    for count in (len(images), 1):
        (logits,) = session.run(["logits"], {"pixels": images[:count]})
        off = float(numpy.abs(logits - expected[:count]).max())
        largest = float(numpy.abs(expected).max())
        print(f"{path.stem:20} N={count}  off by {off:.1e}, the largest logit is {largest:.1f}")
        worst = max(worst, off)
print(f"worst: {worst:.1e}")
sys.exit(worst > TOLERANCE or count_of_files == 0)
