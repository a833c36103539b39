#!/bin/sh
# An ONNX Resize with antialias=1 (opset 18; what PyTorch and torchvision export for antialias=True, that is for shrinking
# as Pillow does) is read by OpenVINO 2026.4.1, OpenCV 5.0.0.93 and pnnx/ncnn 20261020 without error or warning, and done
# without antialias. Not "not supported": a model that carries its own preprocessing sees another picture.
# onnxruntime 1.32.0 and the reference evaluator of onnx 1.23.2 average, and agree.
# Seen, stripes 255 255 0 0 ... of 63 points shrunk to 21, cubic, columns 8 to 15:
#   onnxruntime, reference  129 129 126 126 129 129 126 126     OpenVINO, OpenCV, ncnn  255 255 0 0 255 255 0 0
# (linear: 142 142 113 113 ... against the same 255 255 0 0). Exits other than 0 if that changes.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install --no-compile onnx==1.23.2 onnxruntime==1.32.0 openvino==2026.4.1 opencv-python-headless==5.0.0.93 \
    ncnn==1.0.20261020 numpy==2.4.6
"$work/venv/bin/pip" -q install --no-compile --no-deps pnnx==20261020  # the converter itself does without PyTorch
cd "$work"
cat > antialias.py <<'PYTHON'
import os
import subprocess
import sysconfig
import cv2
import ncnn
import numpy as np
import onnx
import onnxruntime
import openvino
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

PNNX = os.path.join(sysconfig.get_paths()["purelib"], "pnnx", "pnnx")
os.chmod(PNNX, 0o755)

stripes = np.where(np.arange(63) % 4 < 2, 255, 0).astype(np.float32)
x = np.ascontiguousarray(np.broadcast_to(stripes, (1, 1, 63, 63)))
ok = True
for mode in ("linear", "cubic"):
    graph = helper.make_graph(
        [helper.make_node("Resize", ["x", "", "", "size"], ["y"], mode=mode, antialias=1)], "g",
        [helper.make_tensor_value_info("x", 1, x.shape)], [helper.make_tensor_value_info("y", 1, [1, 1, 21, 21])],
        [numpy_helper.from_array(np.array([1, 1, 21, 21], np.int64), "size")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    data = model.SerializeToString()
    seen = {}
    seen["onnxruntime"] = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]
    seen["reference"] = ReferenceEvaluator(model).run(None, {"x": x})[0]
    core = openvino.Core()
    seen["OpenVINO"] = core.compile_model(core.read_model(data), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(x)[0]
    net = cv2.dnn.readNetFromONNX(np.frombuffer(data, np.uint8))
    net.setInput(x)
    seen["OpenCV"] = net.forward()
    onnx.save(model, f"{mode}.onnx")
    subprocess.run([PNNX, f"{mode}.onnx", "inputshape=[1,1,63,63]", "fp16=0"], check=True, capture_output=True)
    net = ncnn.Net()
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
    assert net.load_param(f"{mode}.ncnn.param") == 0 and net.load_model(f"{mode}.ncnn.bin") == 0
    run = net.create_extractor()
    run.input("in0", ncnn.Mat(x[0]).clone())
    seen["ncnn"] = np.array(run.extract("out0")[1])
    for who, y in seen.items():
        row = y.reshape(21, 21)[10, 8:16].round(0).astype(int)
        print(mode, who, row.tolist())
        smooth = 80 <= row.min() and row.max() <= 175
        ok &= smooth if who in ("onnxruntime", "reference") else row.tolist() == [255, 255, 0, 0, 255, 255, 0, 0]
raise SystemExit(not ok)
PYTHON
venv/bin/python antialias.py
