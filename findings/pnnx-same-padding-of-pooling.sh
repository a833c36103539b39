#!/bin/sh
# pnnx 20261020 (for ncnn 1.0.20261020) turns auto_pad SAME_UPPER of an ONNX graph into the right padding for Conv and into
# the wrong one for MaxPool and AveragePool: at stride 2 on an even size it pads one row and column on every side where 0
# before and 1 after is right, so each such layer (Xception and others from Keras have them) looks one pixel up and left.
# It says nothing and the shapes agree.
# onnxruntime 1.32.0 is the reference. Seen, each row of an 8 x 8 picture 1..8, kernel 3 x 3, stride 2:
#   MaxPool      onnxruntime 3 5 7 8       ncnn 2 4 6 8
#   AveragePool  onnxruntime 2 4 6 7.5     ncnn 1 3 5 7            Conv: the same in both.  Exits other than 0 if that changes.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install --no-compile onnx==1.23.2 onnxruntime==1.32.0 ncnn==1.0.20261020 numpy==2.4.6
"$work/venv/bin/pip" -q install --no-compile --no-deps pnnx==20261020  # the converter itself does without PyTorch
cd "$work"
cat > pool.py <<'PYTHON'
import os
import subprocess
import sysconfig
import ncnn
import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

PNNX = os.path.join(sysconfig.get_paths()["purelib"], "pnnx", "pnnx")
os.chmod(PNNX, 0o755)

x = np.ascontiguousarray(np.broadcast_to(np.arange(1, 9, dtype=np.float32), (1, 1, 8, 8)))
w = np.zeros((1, 1, 3, 3), np.float32)
w[0, 0, 1] = [1, 10, 100]
rows = {}
for op in ("Conv", "MaxPool", "AveragePool"):
    node = helper.make_node(op, ["x", "w"] if op == "Conv" else ["x"], ["y"], strides=[2, 2], kernel_shape=[3, 3],
                            auto_pad="SAME_UPPER")
    graph = helper.make_graph([node], "g", [helper.make_tensor_value_info("x", 1, [1, 1, 8, 8])],
                              [helper.make_tensor_value_info("y", 1, [1, 1, 4, 4])],
                              [numpy_helper.from_array(w, "w")] if op == "Conv" else [])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, f"{op}.onnx")
    right = onnxruntime.InferenceSession(f"{op}.onnx", providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]
    subprocess.run([PNNX, f"{op}.onnx", "inputshape=[1,1,8,8]", "fp16=0"], check=True, capture_output=True)
    net = ncnn.Net()
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
    assert net.load_param(f"{op}.ncnn.param") == 0 and net.load_model(f"{op}.ncnn.bin") == 0
    run = net.create_extractor()
    run.input("in0", ncnn.Mat(x[0]).clone())
    seen = np.array(run.extract("out0")[1])
    rows[op] = right[0, 0, 1].round(2).tolist(), seen.reshape(4, 4)[1].round(2).tolist()
    print(op, "onnxruntime", rows[op][0], "ncnn", rows[op][1])
ok = np.allclose(*rows["Conv"], atol=0.01) and rows["MaxPool"] == ([3, 5, 7, 8], [2, 4, 6, 8])
ok &= rows["AveragePool"][0] == [2, 4, 6, 7.5] and np.abs(np.subtract(*rows["AveragePool"])).min() > 0.4
raise SystemExit(not ok)
PYTHON
venv/bin/python pool.py
