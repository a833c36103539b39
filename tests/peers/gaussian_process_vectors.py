"""Vectors for plugins/architecture-search: scikit-learn's Gaussian process at fixed hyperparameters.

    pip install scikit-learn==1.7.2
    python gaussian_process_vectors.py > ../../plugins/architecture-search/tests/gaussian_process.json
"""

import json

import numpy as np
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

rng = np.random.default_rng(18)
signal, noise, lengths = 1.7, 0.08, [0.9, 2.5, 0.6]
points = rng.normal(size=(25, 3))
targets = np.sin(points[:, 0]) + 0.3 * points[:, 1] + 0.1 * rng.normal(size=25)
queries = rng.normal(size=(8, 3)) * 1.5
kernel = ConstantKernel(signal) * Matern(length_scale=lengths, nu=2.5) + WhiteKernel(noise)
process = GaussianProcessRegressor(kernel=kernel, alpha=1e-8, optimizer=None).fit(points, targets)
likelihood, gradient = process.log_marginal_likelihood(process.kernel_.theta, eval_gradient=True)
mean, deviation = process.predict(queries, return_std=True)
# scikit-learn adds the noise of an observation to the prediction's variance; ours is of the function.
deviation = np.sqrt(np.maximum(deviation**2 - noise, 0))
# theta is signal, lengths, noise; ours is signal, noise, lengths.
print(json.dumps({
    "signal": signal, "noise": noise, "lengths": lengths,
    "points": points.tolist(), "targets": targets.tolist(),
    "log_likelihood": likelihood, "gradient": [gradient[0], gradient[-1], *gradient[1:-1].tolist()],
    "queries": queries.tolist(), "means": mean.tolist(), "deviations": deviation.tolist(),
}))
