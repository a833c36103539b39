#!/bin/sh
# nnabla 1.39.0: `nnabla_cli train`, which Neural Network Console runs, keeps the wrong epoch as the best one (save_best, results.nnp) in two cases.
# A best error of 0 counts as "no best so far" (`not best_error`): the epoch that is looked at next takes its place, however bad it is, and
# the ones after it are measured by that. And a validation error that is not a number is entered as 0.0 (the log says "Validation error is Nan"): the
# broken epoch is the best, and the report has 0 for it; an infinite one likewise.
# Seen, one weight that goes from 1 down by 0.3 an epoch. Error 1 where it is below 0: 0 0 0 1 1, the best is one of the first three, kept is the last,
# -0.5. Square of its logarithm plus 0.1: 0.23 0.94 5.4 NaN NaN, the best is the first, reported 0.23 0.94 5.4 0 0, kept is the last, -0.5.
# Exits other than 0 if that changes.
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
cat > best.py <<'PYTHON'
import os
import subprocess
import sys
import nnabla as nn
import nnabla.functions as F
import nnabla.solvers as S
import numpy as np
from nnabla.parameter import get_parameter_or_create
from nnabla.utils.save import save

with open("data.csv", "w") as file:
    file.write("x__0,y__0\n" + "1,1\n" * 4)


def errors(kind, prediction, label):
    """With a weight below 0 all is classified wrongly, or the logarithm is not a number."""
    return F.binary_error(prediction + 0.5, label) if kind == "zero" else F.squared_error(F.log(prediction), label - 1) + 0.1


def trained(kind):
    """Errors of the epochs, and the weight of the one that was kept."""
    nn.clear_parameters()
    x, y = nn.Variable((4, 1)), nn.Variable((4, 1))
    weight = get_parameter_or_create("w", (1, 1), np.ones((1, 1)))
    prediction = x * F.broadcast(weight, (4, 1))
    loss, error = F.mean(prediction), F.mean(errors(kind, prediction, y))
    solver = S.Sgd(0.3)
    solver.set_parameters(nn.get_parameters())
    data = {"uri": os.path.abspath("data.csv"), "variables": {"x": x, "y": y}, "batch_size": 4, "shuffle": False, "no_image_normalization": True}
    save(f"{kind}.nntxt", {
        "global_config": {"default_context": nn.Context(["cpu:float"], "CpuCachedArray", "0")},
        "training_config": {"max_epoch": 5, "iter_per_epoch": 1, "save_best": True},
        "networks": [{"name": name, "batch_size": 4, "outputs": {output: value}, "names": {"x": x, "y": y}}
                     for name, output, value in (("train", "loss", loss), ("valid", "error", error))],
        "datasets": [{"name": "data", **data}],
        "optimizers": [{"name": "optimizer", "solver": solver, "network": "train", "dataset": "data", "data_variables": {"x": "x"},
                        "weight_decay": 0, "lr_decay": 1,
                        "lr_decay_interval": 1, "update_interval": 1}],
        "monitors": [{"name": "valid_error", "network": "valid", "dataset": "data", "data_variables": {"x": "x", "y": "y"}}],
    })
    nn.parameter.save_parameters(f"{kind}.h5")
    os.mkdir(kind)
    subprocess.run([os.path.join(os.path.dirname(sys.executable), "nnabla_cli"), "train", "-c", f"{kind}.nntxt", "-p", f"{kind}.h5", "-o", kind], check=True)
    with open(f"{kind}/monitoring_report.yml") as file:
        report = [round(float(line.split()[1]), 2) for line in file if "valid_error" in line]
    nn.clear_parameters()
    nn.load_parameters(f"{kind}/results.nnp")
    return report, round(float(nn.get_parameters()["w"].d), 2)


seen = {kind: trained(kind) for kind in ("zero", "nan")}
print(seen)
assert seen == {"zero": ([0, 0, 0, 1, 1], -0.5), "nan": ([0.23, 0.94, 5.4, 0, 0], -0.5)}
PYTHON
venv/bin/python best.py
