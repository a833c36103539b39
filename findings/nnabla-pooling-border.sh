#!/bin/sh
# nnabla 1.39.0: pooling with ignore_border=False is not the ceil_mode of PyTorch and ONNX, as which it is read. It has
# ceil((side + pad) / stride) places, whatever the kernel: the last window may hold one column, which ceil_mode gives no place
# where the window before reaches it. GoogLeNet, AlexNet and others in Sony's samples have it.
# onnxruntime 1.18.1 (MaxPool, ceil_mode=1) is the reference. Seen, kernel 3, stride 2, no padding:
#   side 7: nnabla 4 places, ONNX 3; 55: 28 and 27; 5: 3 and 2; even sides the same.   Exits other than 0 if that changes.
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
"$work/venv/bin/pip" -q install --no-compile nnabla==1.39.0 onnx==1.13.1 onnxruntime==1.18.1
cd "$work"
cat > border.py <<'PYTHON'
import nnabla as nn
import nnabla.functions as F
import numpy as np
import onnxruntime
from onnx import helper

seen = {}
for side in (5, 6, 7, 8, 28, 55):
    x = np.arange(side * side, dtype=np.float32).reshape(1, 1, side, side)
    y = F.max_pooling(nn.Variable.from_numpy_array(x), (3, 3), stride=(2, 2), ignore_border=False)
    y.forward()
    node = helper.make_node("MaxPool", ["x"], ["y"], kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)
    graph = helper.make_graph([node], "g", [helper.make_tensor_value_info("x", 1, x.shape)],
                              [helper.make_tensor_value_info("y", 1, None)])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)])
    model.ir_version = 6
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    seen[side] = y.shape[-1], session.run(None, {"x": x})[0].shape[-1]
    print(f"side {side:2}: nnabla {seen[side][0]} places, ceil_mode {seen[side][1]}")
raise SystemExit(seen != {5: (3, 2), 6: (3, 3), 7: (4, 3), 8: (4, 4), 28: (14, 14), 55: (28, 27)})
PYTHON
venv/bin/python border.py 2>/dev/null
