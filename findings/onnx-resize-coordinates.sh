#!/bin/sh
# ONNX Resize, bilinear: where the points of the result lie is said in the node, and each of three readers passes over a part of it in silence.
#   pnnx/ncnn 20261020: coordinate_transformation_mode=asymmetric (all that comes from TensorFlow 1 and from Upsample) is done as half_pixel.
#   OpenCV 5.0.0.93: the Resize of opset 10, which has asymmetric points and no other, is done as half_pixel; and of scales that do not
#     come out even (interpolate(scale_factor=0.6) of PyTorch) the rounded size is taken and the whole picture put into it, where the node
#     says to keep the scale and leave off what is too much.
#   OpenVINO 2026.4.1: keep_aspect_ratio_policy (opset 18) is not read: the picture is squeezed into the box that it was to fit into.
# onnxruntime 1.32.0 is the reference; the other readers agree with it or refuse the node. Seen, columns 1..8, first row:
#   to half, asymmetric: right 1 3 5 7, ncnn 1.5 3.5 5.5 7.5; opset 10, twice: right 1 1.5 2 2.5, OpenCV 1 1.25 1.75 2.25; scale 0.6: right
#   1.33 3 4.67 6.33, OpenCV 1.5 3.5 5.5 7.5; 8 x 6 into 12 x 5 by not_larger: right 7 x 5, OpenVINO 12 x 5. Exits other than 0 if that changes.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install --no-compile onnx==1.23.2 onnxruntime==1.32.0 openvino==2026.4.1 opencv-python-headless==5.0.0.93 \
    ncnn==1.0.20261020 numpy==2.4.6
"$work/venv/bin/pip" -q install --no-compile --no-deps pnnx==20261020  # the converter itself does without PyTorch
cd "$work"
cat > resize.py <<'PYTHON'
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
from onnx import helper, numpy_helper

PNNX = os.path.join(sysconfig.get_paths()["purelib"], "pnnx", "pnnx")
os.chmod(PNNX, 0o755)
x = np.ascontiguousarray(np.broadcast_to(np.arange(1, 9, dtype=np.float32), (1, 4, 8, 8)))


def seen(opset, sizes=None, scales=None, side=8, **attributes):
    given = {"w": np.eye(4, dtype=np.float32).reshape(4, 4, 1, 1)}
    given["how"] = np.array(scales, np.float32) if scales else np.array(sizes, np.int64)
    inputs = ["c", "how"] if opset < 11 else ["c", "", "how"] if scales else ["c", "", "", "how"]
    nodes = [helper.make_node("Conv", ["x", "w"], ["c"]), helper.make_node("Resize", inputs, ["y"], mode="linear", **attributes)]
    picture = np.ascontiguousarray(x[..., :side])

    def model(shape):
        graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", 1, picture.shape)],
                                  [helper.make_tensor_value_info("y", 1, shape)], [numpy_helper.from_array(v, k) for k, v in given.items()])
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)

    data = model([1, 4, None, None]).SerializeToString()
    right = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"]).run(None, {"x": picture})[0]
    net = model(right.shape)
    onnx.checker.check_model(net, full_check=True)
    onnx.save(net, "net.onnx")
    data = net.SerializeToString()
    outputs = {"onnxruntime": right}
    core = openvino.Core()
    outputs["OpenVINO"] = core.compile_model(core.read_model(data), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(picture)[0]
    try:
        net = cv2.dnn.readNetFromONNX(np.frombuffer(data, np.uint8))
        net.setInput(picture)
        outputs["OpenCV"] = net.forward()
    except cv2.error:
        outputs["OpenCV"] = None
    for name in ("net.ncnn.param", "net.ncnn.bin"):
        if os.path.exists(name):
            os.remove(name)
    subprocess.run([PNNX, "net.onnx", f"inputshape=[1,4,8,{side}]", "fp16=0"], capture_output=True)
    net = ncnn.Net()
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
    try:
        assert net.load_param("net.ncnn.param") == 0 and net.load_model("net.ncnn.bin") == 0
        with net.create_extractor() as extractor:
            extractor.input("in0", ncnn.Mat(picture[0]).clone())
            outputs["ncnn"] = np.array(extractor.extract("out0")[1])[None]
    except Exception:
        outputs["ncnn"] = None
    return {who: None if y is None else (y.shape[2:], y[0, 0, 0, :5].round(2).tolist()) for who, y in outputs.items()}


# the first row of the result; 1..8 are the columns of the picture
HALF, ASYMMETRIC = [1.5, 3.5, 5.5, 7.5], [1.0, 3.0, 5.0, 7.0]
cases = [
    ("to half, half_pixel", dict(opset=13, sizes=[1, 4, 4, 4]), ((4, 4), HALF), {}),
    ("to half, asymmetric", dict(opset=13, sizes=[1, 4, 4, 4], coordinate_transformation_mode="asymmetric"), ((4, 4), ASYMMETRIC),
     {"ncnn": ((4, 4), HALF)}),
    ("twice, opset 10", dict(opset=10, scales=[1, 1, 2, 2]), ((16, 16), [1.0, 1.5, 2.0, 2.5, 3.0]),
     {"OpenCV": ((16, 16), [1.0, 1.25, 1.75, 2.25, 2.75]), "ncnn": None}),
    ("scale 0.6", dict(opset=13, scales=[1, 1, 0.6, 0.6]), ((4, 4), [1.33, 3.0, 4.67, 6.33]), {"OpenCV": ((4, 4), HALF)}),
    ("8 x 6 into 12 x 5, not_larger", dict(opset=18, sizes=[12, 5], side=6, axes=[2, 3], keep_aspect_ratio_policy="not_larger"),
     ((7, 5), [1.1, 2.3, 3.5, 4.7, 5.9]), {"OpenVINO": ((12, 5), [1.1, 2.3, 3.5, 4.7, 5.9]), "OpenCV": None, "ncnn": None}),
]
ok = True
for name, options, right, others in cases:
    found = seen(**options)
    print(name, found)
    for who, value in found.items():
        wanted = others.get(who, right)
        ok &= value == wanted if value is None or wanted is None else value[0] == wanted[0] and np.allclose(value[1], wanted[1], atol=0.011)
sys.exit(not ok)
PYTHON
venv/bin/python resize.py 2> errors || { cat errors; exit 1; }
