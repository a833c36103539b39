#!/bin/sh
# OpenCV 5.0.0.93 dnn makes two Reshapes of an ONNX graph that follow each other into one, and takes a 0 of the second ("as it was") from what
# goes into the first. x.view(n, groups, c / groups, h, w).view(n, groups, -1), as normalisation over groups and attention have it and
# onnx's own expansion of GroupNormalization (test_group_normalization_example_expanded of its tests comes out wrong), keeps the channels apart:
# everything after it, mean, maximum, softmax, is of other groups. No error, and a last Reshape with the sizes written out hides the wrong shape.
# Its engines ENGINE_NEW and ENGINE_CLASSIC do the same. OpenCV 4.14.0.94 and onnxruntime 1.32.0 are right, and so is a second Reshape without zeros.
# Seen, 1 x 4 x 2 x 2 of 0..15 as two groups, the mean of each taken away: right -3.5 -2.5 ... 3.5 twice, OpenCV 5 -1.5 -0.5 0.5 1.5 four times.
# Exits other than 0 if that changes.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install --no-compile onnx==1.23.2 onnxruntime==1.32.0 opencv-python-headless==5.0.0.93 numpy==2.4.6
"$work/venv/bin/pip" -q install --no-compile --no-deps --target "$work/before" opencv-python-headless==4.14.0.94
cd "$work"
cat > groups.py <<'PYTHON'
import cv2
import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

x = np.arange(16, dtype=np.float32).reshape(1, 4, 2, 2)


def model(second):
    """Of each of two groups of channels, the mean taken away."""
    sizes = {"groups": [1, 2, 2, 2, 2], "flat": second, "back": [1, 4, 2, 2]}
    nodes = [
        helper.make_node("Reshape", ["x", "groups"], ["a"]),
        helper.make_node("Reshape", ["a", "flat"], ["b"]),
        helper.make_node("ReduceMean", ["b"], ["mean"], axes=[2]),
        helper.make_node("Sub", ["b", "mean"], ["c"]),
        helper.make_node("Reshape", ["c", "back"], ["y"]),
    ]
    ends = [helper.make_tensor_value_info(name, 1, x.shape) for name in "xy"]
    weights = [numpy_helper.from_array(np.array(value, np.int64), name) for name, value in sizes.items()]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], weights)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(made, full_check=True)
    return made.SerializeToString()


def opencv(data, *engine):
    net = cv2.dnn.readNetFromONNX(np.frombuffer(data, np.uint8), *engine)
    net.setInput(x)
    return net.forward().ravel().round(2).tolist()


zeros, written = model([0, 0, -1]), model([1, 2, -1])
session = onnxruntime.InferenceSession(zeros, providers=["CPUExecutionProvider"])
seen = {
    "onnxruntime": session.run(None, {"x": x})[0].ravel().round(2).tolist(),
    "zeros": opencv(zeros),
    "written out": opencv(written),
}
five = cv2.__version__.startswith("5.")
if five:
    seen["classic"], seen["new"] = opencv(zeros, cv2.dnn.ENGINE_CLASSIC), opencv(zeros, cv2.dnn.ENGINE_NEW)
for what, row in seen.items():
    print(cv2.__version__, what, row)
right, wrong = [-3.5, -2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 3.5] * 2, [-1.5, -0.5, 0.5, 1.5] * 4
for what, row in seen.items():
    assert row == (wrong if five and what in ("zeros", "classic", "new") else right), what
PYTHON
venv/bin/python groups.py
PYTHONPATH=before venv/bin/python groups.py
