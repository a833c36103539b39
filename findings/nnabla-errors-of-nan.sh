#!/bin/sh
# nnabla 1.39.0: F.top_n_error of scores that are not numbers is 0, that is, all is right, whatever the label: it counts the classes above that of the label, and
# nothing is above NaN. So a network that has diverged shows the best error of all, 0 %, where argmax by NumPy has one of N right, and what is
# kept by the least error is the broken one. F.binary_error takes NaN for class 0. Scores that are all equal are the other extreme: with n=1 and n=5 of
# ten classes they are wrong for every label. onnxruntime's and PyTorch's TopK give some n classes in both cases.
# Seen, top 1 of ten classes: NaN 0 for all ten labels, one NaN at the label 0, NaN at the other nine 0, all equal 1 for all labels;
# binary: NaN 0 for label 0, 1 for label 1. Exits other than 0 if that changes.
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
"$work/venv/bin/pip" -q install --no-compile nnabla==1.39.0
cd "$work"
cat > errors.py <<'PYTHON'
import nnabla as nn
import nnabla.functions as F
import numpy as np

labels = np.arange(10, dtype=np.float32)[:, None]


def error(function, scores, labels, **options):
    y = function(nn.Variable.from_numpy_array(scores.astype(np.float32)), nn.Variable.from_numpy_array(labels), **options)
    y.forward()
    return y.d.ravel().tolist()


nan = np.full((10, 10), np.nan)
seen = {
    "NaN": error(F.top_n_error, nan, labels),
    "NaN at the label": error(F.top_n_error, np.where(np.eye(10), np.nan, 1), labels),
    "NaN elsewhere": error(F.top_n_error, np.where(np.eye(10), -1, np.nan), labels),
    "equal": error(F.top_n_error, np.zeros((10, 10)), labels),
    "equal, n=5": error(F.top_n_error, np.zeros((10, 10)), labels, n=5),
    "right": error(F.top_n_error, np.eye(10), labels),
    "wrong": error(F.top_n_error, -np.eye(10), labels),
    "binary": error(F.binary_error, nan[:2, :1], labels[:2]),
}
for what, value in seen.items():
    print(what, value)
none, all_of_them = [0] * 10, [1] * 10
assert list(seen.values()) == [none, none, none, all_of_them, all_of_them, none, all_of_them, [0, 1]]
PYTHON
venv/bin/python errors.py
