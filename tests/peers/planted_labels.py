#!/usr/bin/env python3
"""Planted wrong labels, evaluated by cleanlab on the predictions that plugins/label-errors/examples/planted.rs wrote.

    python3 -m pip install cleanlab==2.7.1 scikit-learn==1.7.2 numpy==1.26.4
    python3 tests/peers/planted_labels.py digits DIGITS.csv          # label and 64 features a row
    python3 tests/peers/planted_labels.py evaluate PREDICTIONS.csv      # precision and recall a filter
"""

import sys
import warnings

import numpy as np


def digits(path):
    from sklearn.datasets import load_digits

    data = load_digits()
    np.savetxt(path, np.column_stack([data.target, data.data / 16]), delimiter=",", fmt=["%d"] + ["%g"] * 64)


def evaluate(path):
    from cleanlab.filter import find_label_issues

    warnings.filterwarnings("ignore", category=UserWarning)
    rows = np.loadtxt(path, delimiter=",")
    rounds = np.unique(rows[:, 0])
    print(f"{'cleanlab':<22} {'flagged':>8} {'precision':>10} {'recall':>8}")
    for filter_by in ["prune_by_noise_rate", "prune_by_class", "both", "confident_learning"]:
        figures = []
        for number in rounds:
            part = rows[rows[:, 0] == number]
            planted = part[:, 1] == 1
            flags = find_label_issues(part[:, 2].astype(int), part[:, 3:], filter_by=filter_by, n_jobs=1)
            correct = (flags & planted).sum()
            figures.append([flags.sum(), correct / max(flags.sum(), 1), correct / planted.sum()])
        flagged, precision, recall = np.mean(figures, axis=0)
        print(f"{filter_by:<22} {flagged:>8.1f} {precision:>10.3f} {recall:>8.3f}")


if __name__ == "__main__":
    {"digits": digits, "evaluate": evaluate}[sys.argv[1]](sys.argv[2])
