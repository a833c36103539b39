"""Images a second of Wakuteka's embeddings beside onnxruntime's: the same network, weights and images, in turn on the same
machine; medians and ratios. Also compares the embeddings themselves.

onnxruntime gets images that are resized and normalised already, in batches of 1, 4 and 16, of which its fastest counts;
Wakuteka normalises its own.

    pip install onnxruntime numpy
    cargo build -p plugin-embed --example speed
    python tests/peers/bench_onnxruntime.py --ours target/debug/examples/speed --weights WEIGHTS --images FOLDER
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy
import onnxruntime

BATCHES = (1, 4, 16)
# EfficientNet-Lite's own: (v - 127) / 128.
MEAN, DEVIATION = 127.0, 128.0
COSINE = 1e-4

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--ours", required=True, type=pathlib.Path, help="the example `speed`")
parser.add_argument("--weights", required=True)
parser.add_argument("--images", required=True)
parser.add_argument("--device", default="flex", help="several by commas")
parser.add_argument("--precision", default="fp32", help="several by commas")
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--rounds", type=int, default=5)
parser.add_argument("--seconds", type=float, default=3.0)
parser.add_argument("--count", type=int, default=64)
args = parser.parse_args()

threads = {name: str(args.threads) for name in ("RAYON_NUM_THREADS", "OMP_NUM_THREADS")}


def ours(device, precision, *more):
    command = [args.ours, "--weights", args.weights, "--images", args.images, "--count", str(args.count)]
    command += ["--device", device, "--precision", precision, "--seconds", str(args.seconds), *more]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ | threads).stdout


cases = [(device, precision) for device in args.device.split(",") for precision in args.precision.split(",")]
cosines = {}
with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    for case in cases:
        ours(*case, "--write", str(folder))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = args.threads
        session = onnxruntime.InferenceSession(
            str(folder / "network.onnx"), options, providers=["CPUExecutionProvider"]
        )
        size = session.get_inputs()[0].shape[2]
        images = numpy.fromfile(folder / "images.u8", numpy.uint8).reshape(-1, size, size, 3)
        pixels = ((images.astype(numpy.float32) - MEAN) / DEVIATION).transpose(0, 3, 1, 2).copy()
        features = numpy.concatenate([session.run(None, {"pixels": part})[0] for part in numpy.split(pixels, len(pixels))])
        features /= numpy.linalg.norm(features, axis=1, keepdims=True)
        embeddings = numpy.fromfile(folder / "embeddings.f32", numpy.float32).reshape(features.shape)
        cosines[case] = float((embeddings * features).sum(axis=1).min())


def theirs(batch):
    parts = [pixels[first : first + batch] for first in range(0, len(pixels), batch)]
    session.run(None, {"pixels": parts[0]})
    start, done = time.perf_counter(), 0
    while time.perf_counter() - start < args.seconds:
        for part in parts:
            session.run(None, {"pixels": part})
            done += len(part)
    return done / (time.perf_counter() - start)


rates = {name: [] for name in (*cases, *BATCHES)}
for turn in range(args.rounds):
    for case in cases:
        rates[case].append(json.loads(ours(*case))["images_per_second"])
    for batch in BATCHES:
        rates[batch].append(theirs(batch))

best = max(BATCHES, key=lambda batch: statistics.median(rates[batch]))
print(f"images a second, {args.threads} threads, {args.rounds} rounds: median (least to most), ratio to onnxruntime's best")
for name, found in rates.items():
    # Ratios of neighbours in time, for other programs come and go.
    ratio = statistics.median(a / b for a, b in zip(found, rates[best]))
    title = f"onnxruntime {onnxruntime.__version__}, batch {name}" if name in BATCHES else " ".join(name)
    off = "" if name in BATCHES else f", cosine at least {cosines[name]:.7f}"
    print(f"{title:32} {statistics.median(found):7.1f} ({min(found):.1f} to {max(found):.1f})  {ratio:.2f}{off}")
sys.exit(any(1 - cosine > COSINE for (_, precision), cosine in cosines.items() if precision == "fp32"))
