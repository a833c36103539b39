#!/usr/bin/env python3
"""Makes plugins/label-errors/tests/vectors.json: what cleanlab finds in the same predictions.

cleanlab (AGPL) is only run here, as a peer to compare with.

    python3 -m pip install cleanlab==2.7.1 scikit-learn==1.7.2 numpy==1.26.4
    python3 tests/peers/cleanlab_vectors.py plugins/label-errors/tests/vectors.json
"""

import json
import sys

import numpy as np
from cleanlab.count import compute_confident_joint, get_confident_thresholds
from cleanlab.filter import find_label_issues

FILTERS = ["prune_by_noise_rate", "prune_by_class", "both", "confident_learning"]

# Name, images, classes, share of wrong labels, how sure the predictions are, are classes uneven.
CASES = [
    ("few wrong", 300, 5, 0.05, 3.0, False),
    ("many wrong", 300, 4, 0.35, 3.0, False),
    ("unsure", 300, 6, 0.1, 0.7, False),
    ("uneven", 300, 6, 0.1, 2.0, True),
    ("none wrong", 200, 3, 0.0, 6.0, False),
    ("two classes", 200, 2, 0.15, 1.5, True),
    ("tiny classes", 60, 12, 0.3, 1.5, True),
    ("a class without images", 200, 5, 0.1, 2.0, None),
]


def made(images, classes, wrong, sure, uneven, random):
    shares = np.ones(classes) if not uneven else np.arange(1, classes + 1) ** 2.0
    if uneven is None:
        shares[2] = 0
    labels = random.choice(classes, size=images, p=shares / shares.sum())
    if uneven is not None:
        labels[:classes] = np.arange(classes)
    logits = random.normal(size=(images, classes))
    logits[np.arange(images), labels] += sure
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    given = labels.copy()
    for place in np.flatnonzero(random.random(images) < wrong):
        given[place] = random.choice([c for c in range(classes) if c != labels[place] and shares[c] > 0])
    # Numbers that f32 and five decimals can hold, so that both sides see the same.
    return (probabilities * 65536).round() / 65536, given


def main(path):
    random = np.random.default_rng(20210427)
    cases = []
    for name, images, classes, wrong, sure, uneven in CASES:
        probabilities, given = made(images, classes, wrong, sure, uneven, random)
        ranked = {}
        for filter_by in FILTERS:
            mask = find_label_issues(given, probabilities, filter_by=filter_by, n_jobs=1)
            ranked[filter_by] = np.flatnonzero(mask).tolist()
        cases.append({
            "name": name, "classes": classes, "given": given.tolist(),
            "probabilities_65536": (probabilities * 65536).astype(int).tolist(),
            "thresholds": get_confident_thresholds(given, probabilities).round(9).tolist(),
            "confident": compute_confident_joint(given, probabilities, calibrate=False).tolist(),
            "calibrated": compute_confident_joint(given, probabilities).tolist(),
            "suspects": ranked,
        })
        print(name, {name: len(found) for name, found in ranked.items()})
    with open(path, "w") as file:
        file.write("[\n" + ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases) + "\n]\n")


if __name__ == "__main__":
    main(sys.argv[1])
