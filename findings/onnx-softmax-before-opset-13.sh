#!/bin/sh
# ONNX before opset 13: Softmax and LogSoftmax have axis 1 where none is written, and take all axes from there on together. Several go by the
# newer rules (axis -1, that axis alone) whatever the opset of the file, silently. pnnx/ncnn 20261020: GlobalAveragePool and Softmax
# without axis, as SqueezeNet of the ONNX model zoo ends, gives every class the probability 1, as each is the only one of its row. So does
# the reference evaluator of onnx 1.23.2 itself, by which others are tested.
# OpenVINO 2026.4.1 and OpenCV 5.0.0.93 and 4.14.0.94: a map of N x C x H x W is normalised over C at each place, not over C x H x W.
# onnxruntime 1.32.0 and tract 0.23.9 go by the specification. Seen, 4 classes of equal score after the average: right 0.25 each, ncnn and the
# reference 1 each; 4 x 2 x 2 of equal scores: right 0.0625, OpenVINO and OpenCV 0.25, ncnn and the reference 0.5.
# At opset 13 with axis=1 all give 0.25 in both. Exits other than 0 if that changes.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install --no-compile onnx==1.23.2 onnxruntime==1.32.0 openvino==2026.4.1 opencv-python-headless==5.0.0.93 \
    ncnn==1.0.20261020 tract==0.23.9 numpy==2.4.6
"$work/venv/bin/pip" -q install --no-compile --no-deps pnnx==20261020  # the converter itself does without PyTorch
cd "$work"
cat > softmax.py <<'PYTHON'
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
from onnx.reference import ReferenceEvaluator

PNNX = os.path.join(sysconfig.get_paths()["purelib"], "pnnx", "pnnx")
os.chmod(PNNX, 0o755)
x = np.ones((1, 4, 2, 2), np.float32)


def seen(opset, average):
    attributes = {} if opset < 13 else {"axis": 1}
    nodes = [helper.make_node("Conv", ["x", "w"], ["c"])]
    nodes += [helper.make_node("GlobalAveragePool", ["c"], ["p"])] if average else []
    nodes += [helper.make_node("Softmax", ["p" if average else "c"], ["y"], **attributes)]
    shape = [1, 4, 1, 1] if average else [1, 4, 2, 2]
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", 1, x.shape)], [helper.make_tensor_value_info("y", 1, shape)],
                              [numpy_helper.from_array(np.eye(4, dtype=np.float32).reshape(4, 4, 1, 1), "w")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=7)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, "net.onnx")
    data = model.SerializeToString()
    outputs = {"onnxruntime": onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"]).run(None, {"x": x})[0],
               "reference": ReferenceEvaluator(model).run(None, {"x": x})[0],
               "tract": tract.onnx().load("net.onnx").into_model().into_runnable().run([x])[0].to_numpy()}
    core = openvino.Core()
    outputs["OpenVINO"] = core.compile_model(core.read_model(data), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(x)[0]
    net = cv2.dnn.readNetFromONNX(np.frombuffer(data, np.uint8))
    net.setInput(x)
    outputs["OpenCV"] = net.forward()
    subprocess.run([PNNX, "net.onnx", "inputshape=[1,4,2,2]", "fp16=0"], check=True, capture_output=True)
    net = ncnn.Net()
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
    assert net.load_param("net.ncnn.param") == 0 and net.load_model("net.ncnn.bin") == 0
    with net.create_extractor() as extractor:
        extractor.input("in0", ncnn.Mat(x[0]).clone())
        outputs["ncnn"] = np.array(extractor.extract("out0")[1])
    return {who: round(float(y.ravel()[0]), 4) if np.ptp(y) < 1e-5 else y.ravel().tolist() for who, y in outputs.items()}


ok = True
for opset, average in ((11, True), (11, False), (13, True), (13, False)):
    values = seen(opset, average)
    print(cv2.__version__, "opset", opset, "averaged" if average else "map", values)
    right = 0.25 if average or opset == 13 else 0.0625
    ok &= values["onnxruntime"] == values["tract"] == right
    ok &= values["OpenVINO"] == values["OpenCV"] == 0.25
    ok &= values["ncnn"] == values["reference"] == (0.25 if opset == 13 else 1 if average else 0.5)
sys.exit(not ok)
PYTHON
for version in 5.0.0.93 4.14.0.94; do
    "$work/venv/bin/pip" -q install --no-compile "opencv-python-headless==$version" numpy==2.4.6
    "$work/venv/bin/python" softmax.py 2> errors || { cat errors; exit 1; }
done
