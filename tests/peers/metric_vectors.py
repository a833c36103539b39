"""Writes plugins/metric/tests/average_precision.json: average precision, its mean and F1 as scikit-learn has them.

pip install scikit-learn==1.9.1

python tests/peers/metric_vectors.py plugins/metric/tests/average_precision.json
"""

import json
import sys

import numpy as np
from sklearn.metrics import average_precision_score, f1_score

rng = np.random.default_rng(3)
cases = []
# Images, classes, decimals of the scores (few make many ties), how much the scores know.
for images, classes, decimals, skill in [(6, 2, 1, 0.3), (40, 3, 1, 0.2), (60, 8, 3, 0.4), (200, 5, 2, 0.0)]:
    truth = (rng.random((images, classes)) < 0.35).astype(int)
    truth[0, :] = 1
    scores = np.round(np.clip((1 - skill) * rng.random((images, classes)) + skill * truth, 0, 1), decimals)
    cases.append(
        {
            "truth": truth.tolist(),
            "scores": scores.tolist(),
            "average_precision": average_precision_score(truth, scores, average=None).tolist(),
            "mean": average_precision_score(truth, scores, average="macro"),
            "f1": f1_score(truth, scores >= 0.5, average=None).tolist(),
        }
    )
with open(sys.argv[1], "w") as file:
    json.dump(cases, file)
