#!/bin/sh
# nnabla 1.39.0: two things of its solvers that carry the names of others and are something else, without effect on any shape.
# AdamW and SgdW take the weight decay away without the learning rate: AdamW(alpha=0.001, wd=0.01) makes each weight 1 % smaller a step, where PyTorch's
# AdamW(lr=0.001, weight_decay=0.01), optax and Keras take 0.001 %. set_learning_rate() changes it in proportion to the first rate, so that alone
# matters. Settings of others for it wipe the weights out: what is left after 500 steps is 0.7 %, not 99.5 %.
# clip_grad_by_norm(norm) takes each parameter by itself, where clip_grad_norm_ of PyTorch takes all together: gradients 3 and 4 at norm 1
# become 1 and 1, not 0.6 and 0.8, so the direction of the step changes.
# Seen: AdamW, gradient 0: 0.99, at a tenth of the rate 0.999 of it; SgdW(lr=0.1, wd=0.01): 0.99; clipped: 1 and 1. Exits other than 0 if that changes.
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
cat > solvers.py <<'PYTHON'
import nnabla as nn
import nnabla.solvers as S
import numpy as np


def weights(*values):
    variables = [nn.Variable.from_numpy_array(np.array([value], np.float32), need_grad=True) for value in values]
    return dict(zip("ab", variables))


def decayed(solver, rates):
    """The weight 1 after a step with each rate, its gradient being 0."""
    parameters = weights(1.0)
    solver.set_parameters(parameters)
    seen = []
    for rate in rates:
        solver.set_learning_rate(rate)
        parameters["a"].grad.fill(0)
        solver.update()
        seen.append(round(float(parameters["a"].d), 5))
    return seen


adamw = decayed(S.AdamW(alpha=0.001, wd=0.01), [0.001, 0.001, 0.0001])
sgdw = decayed(S.SgdW(lr=0.1, wd=0.01), [0.1])
left = decayed(S.AdamW(alpha=0.001, wd=0.01), [0.001] * 500)[-1]
pair = weights(0.0, 0.0)
solver = S.Sgd(1.0)
solver.set_parameters(pair)
pair["a"].grad.fill(3)
pair["b"].grad.fill(4)
solver.clip_grad_by_norm(1.0)
clipped = [round(float(variable.g), 5) for variable in pair.values()]
print("AdamW", adamw, "SgdW", sgdw, "after 500 steps", left, "clipped", clipped)
assert adamw == [0.99, 0.9801, 0.97912] and sgdw == [0.99] and 0.006 < left < 0.007 and clipped == [1, 1]
PYTHON
venv/bin/python solvers.py
