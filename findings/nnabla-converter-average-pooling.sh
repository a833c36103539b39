#!/bin/sh
# nnabla_converter 1.39.0 counts padding in averages that leave it out, in both directions, and says nothing:
#   nnabla to ONNX: F.average_pooling(..., including_pad=False) becomes a Pad of zeros and an AveragePool, which counts the zeros;
#     so does ignore_border=False, whose windows beyond the border nnabla divides by the pixels they have.
#   ONNX to nnabla: AveragePool with count_include_pad=0 (the default) is right with equal pads, and wrong with unequal ones or
#     auto_pad=SAME_UPPER (EfficientNet, MobileNet and others from TensorFlow have them).
# Shapes agree; maxima are right. onnxruntime 1.18.1 and nnabla itself are the references. Seen, of a picture of ones, last row:
#   nnabla 1 1 1 1, its ONNX .67 1 1 1 or less; ONNX 1 1 1 1, its .nnp .67 .67 .67 .44.   Exits other than 0 if that changes.
# Wheels are for CPython 3.8 to 3.10 alone: one of these must be at hand.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python=
for candidate in python3.10 python3.9 python3.8 "$HOME"/.pyenv/versions/3.10.*/bin/python "$HOME"/.pyenv/versions/3.9.*/bin/python; do
  if "$candidate" -c "" 2>/dev/null; then python=$candidate; break; fi
done
[ -n "$python" ] || { echo "there is no CPython 3.8 to 3.10 here" >&2; exit 1; }
"$python" -m venv "$work/venv"
"$work/venv/bin/pip" -q install --no-compile nnabla==1.39.0 nnabla-converter==1.39.0 onnxruntime==1.18.1
cd "$work"
cat > pool.py <<'PYTHON'
import os
import subprocess
import sys

import nnabla as nn
import nnabla.functions as F
import numpy as np
import onnx
import onnxruntime
from nnabla.utils.nnp_graph import NnpLoader
from nnabla.utils.save import save
from onnx import helper

ONES = np.ones((1, 1, 8, 8), np.float32)


def convert(source, target):
    cli = os.path.join(os.path.dirname(sys.executable), "nnabla_cli")
    subprocess.run([cli, "convert", "-b", "1", source, target], check=True, capture_output=True)


def to_onnx(name, **options):
    x = nn.Variable(ONES.shape)
    y = F.average_pooling(x, (3, 3), stride=(2, 2), **options)
    save(f"{name}.nnp", {"networks": [{"name": "n", "batch_size": 1, "outputs": {"y": y}, "names": {"x": x}}],
                         "executors": [{"name": "e", "network": "n", "data": ["x"], "output": ["y"]}]})
    x.d = ONES
    y.forward()
    convert(f"{name}.nnp", f"{name}.onnx")
    session = onnxruntime.InferenceSession(f"{name}.onnx", providers=["CPUExecutionProvider"])
    return y.d.copy(), session.run(None, {session.get_inputs()[0].name: ONES})[0]


def from_onnx(name, **attributes):
    node = helper.make_node("AveragePool", ["x"], ["y"], kernel_shape=[3, 3], strides=[2, 2], **attributes)
    graph = helper.make_graph([node], "g", [helper.make_tensor_value_info("x", 1, [1, 1, 8, 8])],
                              [helper.make_tensor_value_info("y", 1, [1, 1, 4, 4])])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)])
    model.ir_version = 6
    onnx.checker.check_model(model)
    onnx.save(model, f"{name}.onnx")
    right = onnxruntime.InferenceSession(f"{name}.onnx", providers=["CPUExecutionProvider"]).run(None, {"x": ONES})[0]
    convert(f"{name}.onnx", f"{name}.nnp")
    loader = NnpLoader(f"{name}.nnp")
    network = loader.get_network(loader.get_network_names()[0], batch_size=1)
    network.inputs["x"].d = ONES
    y = next(iter(network.outputs.values()))
    y.forward()
    return right, y.d.copy()


seen = {
    "to ONNX, including_pad=False": to_onnx("padding", pad=(1, 1), including_pad=False),
    "to ONNX, ignore_border=False": to_onnx("border", ignore_border=False),
    "to nnabla, pads 0 0 1 1": from_onnx("unequal", pads=[0, 0, 1, 1]),
    "to nnabla, SAME_UPPER": from_onnx("same", auto_pad="SAME_UPPER"),
    "to nnabla, pads 1 1 1 1": from_onnx("equal", pads=[1, 1, 1, 1]),
}
ok = True
for name, (right, converted) in seen.items():
    print(f"{name:30} right {right[0, 0, -1].round(2)} converted {converted[0, 0, -1].round(2)}")
    off = float(np.abs(right - converted).max()) if right.shape == converted.shape else -1.0
    ok &= np.allclose(right, 1) and (off < 1e-6 if name.endswith("1 1 1 1") else off > 0.2)
raise SystemExit(not ok)
PYTHON
venv/bin/python pool.py 2>/dev/null
