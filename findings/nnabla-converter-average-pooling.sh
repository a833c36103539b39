#!/bin/sh
# nnabla_converter 1.39.0 changes averages at the border, in both directions, and says nothing:
#   nnabla to ONNX: F.average_pooling(..., including_pad=False) becomes a Pad that repeats the edge and an AveragePool, which
#     counts it; ignore_border=False, whose windows beyond the border nnabla divides by the pixels they have, counts zeros.
#   ONNX to nnabla: AveragePool with unequal pads or auto_pad=SAME_UPPER (Xception and others from TensorFlow have them) becomes
#     a Pad of mode "repeat": the pixels at the edge count twice. Equal pads are right.
# Shapes agree; maxima are right. onnxruntime 1.18.1 and nnabla itself are the references. Seen, rows 1..8, kernel 3, stride 2:
#   to ONNX 1.5 3 5 7 becomes 1.33 3 5 7, and 2 4 6 7.5 becomes 2 4 6 5; to nnabla 2 4 6 7.5 becomes 2 4 6 7.67.
#   Exits other than 0 if that changes.
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

ROWS = np.ascontiguousarray(np.broadcast_to(np.arange(1, 9, dtype=np.float32), (1, 1, 8, 8)))


def convert(source, target):
    cli = os.path.join(os.path.dirname(sys.executable), "nnabla_cli")
    subprocess.run([cli, "convert", "-b", "1", source, target], check=True, capture_output=True)


def to_onnx(name, **options):
    x = nn.Variable(ROWS.shape)
    y = F.average_pooling(x, (3, 3), stride=(2, 2), **options)
    save(f"{name}.nnp", {"networks": [{"name": "n", "batch_size": 1, "outputs": {"y": y}, "names": {"x": x}}],
                         "executors": [{"name": "e", "network": "n", "data": ["x"], "output": ["y"]}]})
    x.d = ROWS
    y.forward()
    convert(f"{name}.nnp", f"{name}.onnx")
    session = onnxruntime.InferenceSession(f"{name}.onnx", providers=["CPUExecutionProvider"])
    return y.d.copy(), session.run(None, {session.get_inputs()[0].name: ROWS})[0]


def from_onnx(name, **attributes):
    node = helper.make_node("AveragePool", ["x"], ["y"], kernel_shape=[3, 3], strides=[2, 2], **attributes)
    graph = helper.make_graph([node], "g", [helper.make_tensor_value_info("x", 1, [1, 1, 8, 8])],
                              [helper.make_tensor_value_info("y", 1, [1, 1, 4, 4])])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)])
    model.ir_version = 6
    onnx.checker.check_model(model)
    onnx.save(model, f"{name}.onnx")
    right = onnxruntime.InferenceSession(f"{name}.onnx", providers=["CPUExecutionProvider"]).run(None, {"x": ROWS})[0]
    convert(f"{name}.onnx", f"{name}.nnp")
    loader = NnpLoader(f"{name}.nnp")
    network = loader.get_network(loader.get_network_names()[0], batch_size=1)
    network.inputs["x"].d = ROWS
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
expected = {
    "to ONNX, including_pad=False": ([1.5, 3, 5, 7], [1.33, 3, 5, 7]),
    "to ONNX, ignore_border=False": ([2, 4, 6, 7.5], [2, 4, 6, 5]),
    "to nnabla, pads 0 0 1 1": ([2, 4, 6, 7.5], [2, 4, 6, 7.67]),
    "to nnabla, SAME_UPPER": ([2, 4, 6, 7.5], [2, 4, 6, 7.67]),
    "to nnabla, pads 1 1 1 1": ([1.5, 3, 5, 7], [1.5, 3, 5, 7]),
}
ok = True
for name, pair in seen.items():
    right, converted = (found[0, 0, 1].round(2) for found in pair)
    print(f"{name:30} right {right} converted {converted}")
    ok &= all(np.allclose(found, wanted, atol=0.01) for found, wanted in zip((right, converted), expected[name]))
raise SystemExit(not ok)
PYTHON
venv/bin/python pool.py 2>/dev/null
