#!/bin/sh
# ONNX pooling with ceil_mode=1 and padding, as PyTorch has it: a window that would begin in the padding behind the picture has no place.
# OpenVINO 2026.4.1 (MaxPool), OpenCV 5.0.0.93 and pnnx/ncnn 20261020 (both) give it one, and a row and a column more come out than the graph
# says: averages of nothing, 0, and maxima of nothing, -3.4e38, on which the next layer goes on. And where a window sticks out of the padding,
# AveragePool with count_include_pad=1 (PyTorch's default) divides by the points within picture and padding; the three divide by the whole
# kernel (OpenCV and ncnn without any padding too), so the last row and column are too small by a third or more. No message. Without ceil_mode all agree.
# onnxruntime 1.32.0, tract 0.23.9 and onnx 1.23.2's shape inference agree (its tests: test_maxpool_2d_ceil_output_size_reduce_by_one,
# test_averagepool_2d_ceil_last_window_starts_on_pad). Seen, 8 x 8 ones, places a side and last corner, right: maxima 3/3 pad 1: 3, 1;
# averages 3/2 pad 1: 5, 0.25; 3/2 without: 4, 1. The others: 4, -3.4e38; 5, 0.11; OpenCV and ncnn 4, 0.44. Exits other than 0 if that changes.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install --no-compile onnx==1.23.2 onnxruntime==1.32.0 openvino==2026.4.1 opencv-python-headless==5.0.0.93 \
    ncnn==1.0.20261020 tract==0.23.9 numpy==2.4.6
"$work/venv/bin/pip" -q install --no-compile --no-deps pnnx==20261020  # the converter itself does without PyTorch
cd "$work"
cat > ceil.py <<'PYTHON'
import os
import subprocess
import sys
import sysconfig
import cv2
import ncnn
import numpy as np
import onnx
import onnxruntime
import openvino
import tract
from onnx import helper, numpy_helper

PNNX = os.path.join(sysconfig.get_paths()["purelib"], "pnnx", "pnnx")
os.chmod(PNNX, 0o755)
x = np.ones((1, 4, 8, 8), np.float32)


def seen(op, kernel, stride, pad, **attributes):
    def model(shape):
        nodes = [helper.make_node("Conv", ["x", "w"], ["c"]),
                 helper.make_node(op, ["c"], ["y"], kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[pad] * 4, **attributes)]
        graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", 1, x.shape)], [helper.make_tensor_value_info("y", 1, shape)],
                                  [numpy_helper.from_array(np.eye(4, dtype=np.float32).reshape(4, 4, 1, 1), "w")])
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 22)], ir_version=10)

    first = onnxruntime.InferenceSession(model([1, 4, None, None]).SerializeToString(), providers=["CPUExecutionProvider"])
    outputs = {"onnxruntime": first.run(None, {"x": x})[0]}
    net = model(outputs["onnxruntime"].shape)
    onnx.checker.check_model(net, full_check=True)
    onnx.save(net, "net.onnx")
    data = net.SerializeToString()
    outputs["tract"] = tract.onnx().load("net.onnx").into_model().into_runnable().run([x])[0].to_numpy()
    core = openvino.Core()
    outputs["OpenVINO"] = core.compile_model(core.read_model(data), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(x)[0]
    net = cv2.dnn.readNetFromONNX(np.frombuffer(data, np.uint8))
    net.setInput(x)
    outputs["OpenCV"] = net.forward()
    subprocess.run([PNNX, "net.onnx", "inputshape=[1,4,8,8]", "fp16=0"], check=True, capture_output=True)
    net = ncnn.Net()
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
    assert net.load_param("net.ncnn.param") == 0 and net.load_model("net.ncnn.bin") == 0
    with net.create_extractor() as extractor:
        extractor.input("in0", ncnn.Mat(x[0]).clone())
        outputs["ncnn"] = np.array(extractor.extract("out0")[1])[None]
    return {who: (y.shape[2], round(float(y[0, 0, -1, -1]), 2)) for who, y in outputs.items()}


# places a side and the value in the last corner, of a picture of ones
NOTHING = -3.4028234663852886e38
cases = {
    ("MaxPool", 3, 3, 1, 1): dict(right=(3, 1.0), OpenVINO=(4, NOTHING), OpenCV=(4, NOTHING), ncnn=(4, NOTHING)),
    ("AveragePool", 3, 3, 1, 1): dict(right=(3, 1.0), OpenCV=(4, 0.0), ncnn=(4, 0.0)),
    ("AveragePool", 3, 2, 1, 1): dict(right=(5, 0.25), OpenVINO=(5, 0.11), OpenCV=(5, 0.11), ncnn=(5, 0.11)),
    ("AveragePool", 3, 2, 0, 1): dict(right=(4, 1.0), OpenCV=(4, 0.44), ncnn=(4, 0.44)),
    ("MaxPool", 3, 2, 1, 0): dict(right=(4, 1.0)),
}
ok = True
for (op, kernel, stride, pad, ceil), expected in cases.items():
    found = seen(op, kernel, stride, pad, ceil_mode=ceil, **({"count_include_pad": 1} if op == "AveragePool" else {}))
    print(op, f"{kernel}/{stride} pad {pad} ceil {ceil}", found)
    ok &= all(value == expected.get(who, expected["right"]) for who, value in found.items())
sys.exit(not ok)
PYTHON
venv/bin/python ceil.py 2> errors || { cat errors; exit 1; }
