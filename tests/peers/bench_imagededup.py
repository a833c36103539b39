#!/usr/bin/env python3
"""From files to hashes: imagededup's PHash beside our four hashes, in turn, on the same images and the same cores.

pip requirements: imagededup==0.3.3.post2 (with --no-deps: it asks for PyTorch for its networks, which hashing does not
use), numpy 'pillow<13' PyWavelets scipy tqdm scikit-learn matplotlib

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install --no-deps imagededup==0.3.3.post2
    /tmp/venv/bin/pip install numpy 'pillow<13' PyWavelets scipy tqdm scikit-learn matplotlib
    /tmp/venv/bin/python tests/peers/enlarge.py /tmp/images --count 1000
    /tmp/venv/bin/python tests/peers/bench_imagededup.py /tmp/images [CORES] [PROGRAM]

CORES is a list such as 0,1 (all, unless it is named); both sides are pinned to them, imagededup has as many workers. The
time for imagededup is that of `PHash().encode_images(folder, recursive=True)`, starting its workers included; ours that
of the example `bench-hash`, which reads the files too and uses as many threads.
"""
import importlib.util
import logging
import os
import statistics
import subprocess
import sys
import time
import types

TURNS = 3


def main():
    folder = sys.argv[1]
    if len(sys.argv) > 2:
        os.sched_setaffinity(0, {int(core) for core in sys.argv[2].split(",")})
    cores = len(os.sched_getaffinity(0))
    program = sys.argv[3:] or ["cargo", "run", "-q", "-p", "plugin-hash", "--example", "bench-hash", "--"]
    if importlib.util.find_spec("torch") is None:
        # The networks need PyTorch; hashing does not, but its package imports both.
        for module, name in (("methods.cnn", "CNN"), ("utils.models", "CustomModel")):
            stub = types.ModuleType(f"imagededup.{module}")
            setattr(stub, name, None)
            sys.modules[stub.__name__] = stub
    from imagededup.methods import PHash

    logging.disable(logging.INFO)
    theirs, ours, exact = [], [], []
    for _ in range(TURNS):
        started = time.perf_counter()
        count = len(PHash(verbose=False).encode_images(folder, recursive=True, num_enc_workers=cores))
        theirs.append(count / (time.perf_counter() - started))
        for kind, figures in (("fast", ours), ("exact", exact)):
            answer = subprocess.run([*program, folder, "--repeat", "1", "--only", kind], check=True, capture_output=True)
            figures.append(float(answer.stdout))
    median = statistics.median
    print(f"{count} images, {cores} cores, images a second, median of {TURNS} turns")
    print(f"imagededup PHash        {median(theirs):8.0f}")
    print(f"four hashes, fast       {median(ours):8.0f}   {median(ours) / median(theirs):5.1f} times")
    print(f"four hashes, exact      {median(exact):8.0f}   {median(exact) / median(theirs):5.1f} times")


if __name__ == "__main__":
    main()
