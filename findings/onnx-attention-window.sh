#!/bin/sh
# ONNX Attention of opset 25 may say how far each place sees (left_window_size, right_window_size: the sliding windows of newer vision
# transformers). OpenVINO 2026.4.1 and tract 0.23.9 read the node, pass over both attributes and let every place see all, without error or
# warning; nor do they refuse an opset whose Attention they do not know. Shapes agree. onnxruntime 1.32.0 and the
# reference evaluator of onnx 1.23.2 keep to the window and agree; without one all four do.
# Seen, values 0..5 of six places, windows of 0 to each side, so each place has its own: right 0 1 2 3 4 5, OpenVINO and tract
# 3.03 3.77 2.2 1.82 3.48 2.46, which is what they give without any window. Exits other than 0 if that changes.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install --no-compile onnx==1.23.2 onnxruntime==1.32.0 openvino==2026.4.1 tract==0.23.9 numpy==2.4.6
cd "$work"
cat > window.py <<'PYTHON'
import sys
import numpy as np
import onnx
import onnxruntime
import openvino
import tract
from onnx import helper
from onnx.reference import ReferenceEvaluator

rng = np.random.default_rng(0)
q, k = (rng.standard_normal((1, 1, 6, 4)).astype(np.float32) for _ in range(2))
v = np.ascontiguousarray(np.broadcast_to(np.arange(6, dtype=np.float32)[:, None], (1, 1, 6, 4)))


def seen(**attributes):
    shape = [1, 1, 6, 4]
    graph = helper.make_graph([helper.make_node("Attention", ["q", "k", "v"], ["y"], **attributes)], "g",
                              [helper.make_tensor_value_info(name, 1, shape) for name in "qkv"], [helper.make_tensor_value_info("y", 1, shape)])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 25)], ir_version=11)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, "net.onnx")
    data = model.SerializeToString()
    feed = {"q": q, "k": k, "v": v}
    outputs = {"reference": ReferenceEvaluator(model).run(None, feed)[0],
               "onnxruntime": onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"]).run(None, feed)[0]}
    core = openvino.Core()
    outputs["OpenVINO"] = core.compile_model(core.read_model(data), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(feed)[0]
    outputs["tract"] = tract.onnx().load("net.onnx").into_model().into_runnable().run([q, k, v])[0].to_numpy()
    return {who: y[0, 0, :, 0].round(2).tolist() for who, y in outputs.items()}


cases = {"whole": {}, "one to each side": {"left_window_size": 1, "right_window_size": 1}, "itself": {"left_window_size": 0, "right_window_size": 0}}
found = {name: seen(**attributes) for name, attributes in cases.items()}
for name, values in found.items():
    print(name, values)
whole = np.array(found["whole"]["reference"])
ok = all(np.allclose(value, whole, atol=0.011) for value in found["whole"].values())
for name in ("one to each side", "itself"):
    right = found[name]["reference"]
    ok &= not np.allclose(right, whole, atol=0.3) and np.allclose(found[name]["onnxruntime"], right, atol=0.011)
    ok &= all(np.allclose(found[name][who], whole, atol=0.011) for who in ("OpenVINO", "tract"))
ok &= found["itself"]["reference"] == [0, 1, 2, 3, 4, 5]
sys.exit(not ok)
PYTHON
venv/bin/python window.py 2> errors || { cat errors; exit 1; }
