#!/usr/bin/env python3
"""Times reduced reading of 12-megapixel JPEG photos beside Pillow, OpenCV and libvips, in one run on the same files and cores.

pip requirements: pillow numpy opencv-python-headless pyvips pyvips-binary

    cargo build --release -p plugin-decode --example reduced-speed
    python3 tests/peers/bench_decode.py FOLDER [--count 65] [--rounds 5] [--jobs 2] [--speed target/release/examples/reduced-speed]

The photos are made on the first run: 4000 x 3000, quality 90, 4:2:0, in FOLDER/baseline and FOLDER/progressive. Their spectrum is
that of photos (amplitude about 1/f, grain of the sensor over it), their large shapes are the public-domain images of
tests/fixtures/openclipart8. Each reader runs as so many processes of one thread as there are jobs, all at the same priority; rounds
are interleaved, medians are printed. Files a second say something only on a machine with nothing else to do; processor time does on
others too, for a process that waits for a processor is not charged for it.
"""
import argparse
import importlib.metadata
import os
import pathlib
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time

IMAGES = pathlib.Path(__file__).resolve().parents[1] / "fixtures/openclipart8"
SIZE = (4000, 3000)
QUALITY = 90


def make(folder, count):
    """Photos of a natural spectrum, every one also as progressive."""
    import numpy
    from PIL import Image

    width, height = SIZE
    random = numpy.random.default_rng(1)
    frequency = numpy.hypot(numpy.fft.fftfreq(height)[:, None], numpy.fft.rfftfreq(width)[None, :])
    frequency[0, 0] = 1

    def field():
        noise = random.normal(size=frequency.shape) + 1j * random.normal(size=frequency.shape)
        values = numpy.fft.irfft2(noise * frequency ** -1.15, SIZE[::-1])
        return ((values - values.mean()) / values.std()).astype("float32")

    fields = [field() for _ in range(4)]
    files = sorted(IMAGES.glob("*/*.jpg"))
    step = max(len(files) // count, 1)
    total = {"baseline": 0, "progressive": 0}
    for i, file in enumerate(files[::step][:count]):
        source = Image.open(file).convert("RGB").resize(SIZE, Image.Resampling.BICUBIC)
        def rolled(which):
            return numpy.roll(fields[which % 4], tuple(random.integers(0, 3000, 2)), (0, 1))
        light, tint, grain = rolled(i), rolled(i + 1), rolled(i + 2)
        # Parts of a photo are in focus, others are not.
        focus = numpy.clip(0.55 + 0.5 * grain, 0.15, 1.2)[..., None]
        colour = numpy.stack([light + 0.25 * tint, light, light - 0.25 * tint], -1)
        sensor = random.normal(0, 2.2, (height, width, 1)).astype("float32")
        pixels = numpy.asarray(source) * 0.5 + 60 + 42 * focus * colour + sensor
        image = Image.fromarray(pixels.clip(0, 255).astype("uint8"))
        for kind in total:
            target = folder / kind / f"{i:03}.jpg"
            target.parent.mkdir(parents=True, exist_ok=True)
            image.save(target, quality=QUALITY, subsampling="4:2:0", progressive=kind == "progressive")
            total[kind] += target.stat().st_size
    for kind, size in total.items():
        print(f"made {count} {kind} photos, {size / count / 1e6:.2f} MB each")


def pillow(file, side):
    from PIL import Image

    image = Image.open(file)
    image.draft("RGB", (side, side))
    image.load()


def pillow_resized(file, side):
    from PIL import Image

    image = Image.open(file)
    image.draft("RGB", (side, side))
    image.convert("RGB").resize((side, side), Image.Resampling.BOX)


def opencv(file, side):
    import cv2

    cv2.setNumThreads(1)
    assert cv2.imread(file, cv2.IMREAD_REDUCED_COLOR_8) is not None


def libvips(file, side):
    import pyvips

    pyvips.Image.thumbnail(file, side, height=side, size="force").write_to_memory()


READERS = {"Pillow draft": pillow, "Pillow draft + resize": pillow_resized, "OpenCV reduced 8": opencv, "libvips thumbnail": libvips}


def worker(name, side, files):
    """Reads the files; writes the seconds they took, without what starting Python takes."""
    read = READERS[name]
    read(files[0], side)
    print("ready", flush=True)
    sys.stdin.readline()
    for file in files:
        read(file, side)
    print("done", flush=True)


def processor_seconds(pid):
    """Of a process and its threads so far, in ticks of 10 ms; also of one that has ended and was not waited for."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run(commands):
    """Seconds from when all are ready until the last is done, and processor seconds of all."""
    all_of = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                               env=os.environ | {"VIPS_CONCURRENCY": "1"}) for command in commands]
    for one in all_of:
        assert one.stdout.readline().strip() == "ready", commands
    start, before = time.perf_counter(), sum(processor_seconds(one.pid) for one in all_of)
    for one in all_of:
        one.stdin.write("go\n")
        one.stdin.flush()
    for one in all_of:
        assert one.stdout.readline().strip() == "done", commands
    seconds = time.perf_counter() - start
    processor = sum(processor_seconds(one.pid) for one in all_of) - before
    for one in all_of:
        one.communicate()
    return seconds, processor


def graph(binary, kind, files, side):
    """Through the whole graph into the data set, each file several times, a few bytes apart: files a second, processor seconds a
    file, idle cores and megabytes of the nodes."""
    with tempfile.TemporaryDirectory() as folder:
        os.symlink(pathlib.Path(files[0]).parent.resolve(), pathlib.Path(folder) / kind)
        said = subprocess.run([binary, str(4 * len(files)), str(side), folder, "--intake-only"], check=True, text=True,
                              stdout=subprocess.PIPE).stdout
    after = said[said.index("through the graph"):]
    rate, processor = re.search(r"all +([0-9]+) images/s .* ([0-9.]+) CPU-s", after).groups()
    idle, memory = re.search(r"idle: ([0-9.]+) cores", after)[1], re.search(r"together: ([0-9]+) MB", after)[1]
    return float(rate), float(processor) / (4 * len(files)), float(idle), int(memory)


def main():
    if sys.argv[1:2] == ["--worker"]:
        return worker(sys.argv[2], int(sys.argv[3]), sys.argv[4:])
    options = argparse.ArgumentParser()
    options.add_argument("folder", type=pathlib.Path)
    options.add_argument("--count", type=int, default=65)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--jobs", type=int, default=2)
    options.add_argument("--side", type=int, default=224)
    options.add_argument("--speed", type=pathlib.Path, default=pathlib.Path("target/release/examples/reduced-speed"))
    options.add_argument("--graph", help="target/debug/bench-graph: the whole graph too")
    options.add_argument("--kinds", nargs="+", default=["baseline", "progressive"], choices=["baseline", "progressive"])
    options.add_argument("--only-make", action="store_true")
    chosen = options.parse_args()
    if not (chosen.folder / "baseline").is_dir():
        make(chosen.folder, chosen.count)
    if chosen.only_make:
        return
    processor = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}"
                         for name in ("pillow", "opencv-python-headless", "pyvips-binary"))
    print(f"{processor}, load {os.getloadavg()[0]:.1f}, {chosen.jobs} of {os.cpu_count()} cores, Python {platform.python_version()}, {versions}")
    for kind in chosen.kinds:
        files = sorted(map(str, (chosen.folder / kind).glob("*.jpg")))[: chosen.count]
        for file in files:
            pathlib.Path(file).read_bytes()
        parts = [files[i :: chosen.jobs] for i in range(chosen.jobs)]
        commands = {name: [[sys.executable, __file__, "--worker", name, str(chosen.side), *part] for part in parts]
                    for name in READERS}
        ours = "Wakuteka reduced"
        commands[ours] = [[str(chosen.speed), "--least", str(chosen.side), "--on-signal", *part] for part in parts]
        rates, costs = {name: [] for name in commands}, {name: [] for name in commands}
        idle, most = 0, 0
        for _ in range(chosen.rounds):
            for name, command in commands.items():
                seconds, cost = run(command)
                rates[name].append(len(files) / seconds)
                costs[name].append(cost / len(files))
            if chosen.graph:
                rate, cost, idle_cores, memory = graph(chosen.graph, kind, files, chosen.side)
                rates.setdefault("Wakuteka's graph", []).append(rate)
                costs.setdefault("Wakuteka's graph", []).append(cost)
                idle, most = max(idle, idle_cores), max(most, memory)
        medians = {name: statistics.median(all_of) for name, all_of in rates.items()}
        fastest = max(rate for name, rate in medians.items() if name in READERS)
        cost = {name: 1000 * statistics.median(all_of) for name, all_of in costs.items()}
        cheapest = min(cost for name, cost in cost.items() if name in READERS)
        size = sum(pathlib.Path(file).stat().st_size for file in files) / len(files) / 1e6
        print(f"{kind}: {len(files)} files of {size:.2f} MB, medians of {chosen.rounds} rounds (lowest to highest)")
        for name, rate in sorted(medians.items(), key=lambda item: -item[1]):
            low, high = min(rates[name]), max(rates[name])
            print(f"  {name:22} {rate:6.1f} files/s ({low:.1f} to {high:.1f}), {rate / fastest:.2f} x the fastest peer;"
                  f" {cost[name]:5.1f} ms of processor time a file, {cheapest / cost[name]:.2f} x")
        if chosen.graph:
            print(f"  watch, decode, hash, resize and dataset together: at most {most} MB; at most {idle:.2f} cores idle meanwhile")


if __name__ == "__main__":
    main()
