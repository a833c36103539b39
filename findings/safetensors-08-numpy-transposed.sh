#!/bin/sh
# safetensors 0.8.0: numpy.save() and save_file() write the memory of an array as it lies and the shape as it is seen. Any
# view that is not in C order (w.T of a dense layer brought over from Keras or nnabla, HWC to CHW by transpose, every
# second row, what PCA of scikit-learn leaves) is stored with the right shape, type and size and the
# wrong values. No error. 0.7.0 wrote all of them right; safetensors.torch refuses such tensors by its source. (Upstream: issue 825.)
# Seen, a 3 x 4 array 0..11, its transpose saved and loaded: 0 1 2 | 3 4 5 | ... by 0.8.0, 0 4 8 | 1 5 9 | ... by 0.7.0;
# a nearest-centroid classifier with 64 features and 10 classes, 100 % right, has 2 % after the round trip.
# Exits other than 0 if that changes.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/trip.py" <<'PYTHON'
import os
import sys
import numpy as np
from safetensors import __version__
from safetensors.numpy import load, load_file, save, save_file

broken = __version__ == "0.8.0"
path = sys.argv[1]
a = np.arange(12, dtype=np.float32).reshape(3, 4)
picture = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)
arrays = {"as it is": a, "T": a.T, "every second": a[:, ::2], "Fortran": np.asfortranarray(a), "CHW": picture.transpose(2, 0, 1)}
ok = True
for name, array in arrays.items():
    save_file({"x": array}, path)
    for back in (load_file(path)["x"], load(save({"x": array}))["x"]):
        ok &= back.shape == array.shape and back.dtype == array.dtype
        ok &= np.array_equal(back, array) == (not broken or name == "as it is")
    print(__version__, name, array.shape, array.ravel()[:6].tolist(), "came back as", back.ravel()[:6].tolist())

rng = np.random.default_rng(0)
centres = rng.standard_normal((10, 64)).astype(np.float32)
label = rng.integers(0, 10, 1000)
x = centres[label] + 0.3 * rng.standard_normal((1000, 64)).astype(np.float32)
save_file({"dense": centres.T}, path)
before = ((x @ centres.T - (centres**2).sum(1) / 2).argmax(1) == label).mean()
after = ((x @ load_file(path)["dense"] - (centres**2).sum(1) / 2).argmax(1) == label).mean()
print(__version__, "right before", before, "and after", after)
ok &= before > 0.99 and (after < 0.3 if broken else after == before)
sys.exit(not ok)
PYTHON
for version in 0.8.0 0.7.0; do
    python3 -m venv "$work/$version"
    "$work/$version/bin/pip" -q install --no-compile "safetensors==$version" numpy==2.4.6
    "$work/$version/bin/python" "$work/trip.py" "$work/x.safetensors"
done
