#!/usr/bin/env python3
"""Makes plugins/probe/tests/vectors.json: what scikit-learn's LogisticRegression says of the same rows.

    python3 -m pip install scikit-learn==1.7.2 numpy==1.26.4
    python3 tests/peers/probe_vectors.py plugins/probe/tests/vectors.json
"""

import json
import sys

import numpy as np
from sklearn.linear_model import LogisticRegression

# Name, rows, features, classes, C, are rows weighted, are rows of unit length.
CASES = [
    ("two classes", 80, 5, 2, 1.0, False, False),
    ("weak penalty", 120, 12, 4, 100.0, False, False),
    ("strong penalty", 120, 12, 4, 0.01, False, False),
    ("weighted", 120, 12, 4, 1.0, True, False),
    ("unit length", 150, 33, 6, 10.0, False, True),
]


def made(rows, features, classes, unit, random):
    """Rows around a centre each class, classes of uneven size, a tenth of the labels wrong."""
    shares = np.arange(1, classes + 1) / np.arange(1, classes + 1).sum()
    labels = random.choice(classes, size=rows, p=shares)
    labels[:classes] = np.arange(classes)
    centres = random.normal(size=(classes, features))
    points = centres[labels] + 1.5 * random.normal(size=(rows, features))
    wrong = random.random(rows) < 0.1
    labels[wrong] = random.choice(classes, size=wrong.sum())
    if unit:
        points /= np.linalg.norm(points, axis=1, keepdims=True)
    return points.round(3), labels


def main(path):
    random = np.random.default_rng(20201107)
    cases = []
    for name, rows, features, classes, c, weighted, unit in CASES:
        points, labels = made(rows, features, classes, unit, random)
        weights = random.integers(1, 5, size=rows) / 2 if weighted else np.ones(rows)
        peer = LogisticRegression(solver="lbfgs", C=c, tol=1e-10, max_iter=100_000)
        peer.fit(points, labels, sample_weight=weights)
        assert list(peer.classes_) == list(range(classes))
        cases.append({
            "name": name, "c": c, "classes": classes,
            "features": points.tolist(), "targets": labels.tolist(), "weights": weights.tolist(),
            "probabilities": peer.predict_proba(points).round(6).tolist(),
        })
    with open(path, "w") as file:
        file.write("[\n" + ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases) + "\n]\n")


if __name__ == "__main__":
    main(sys.argv[1])
