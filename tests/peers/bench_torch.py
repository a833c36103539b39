"""Images a second of Wakuteka on LibTorch beside PyTorch's, in turn on the same machine; medians and ratios.

Also by second of processor time, which other work on the machine disturbs less: set OMP_WAIT_POLICY=passive for that.

Needs torch 2.9. The networks are torchvision's ResNets, written out here; steps are whole ones: images from 8 bit,
forward, cross entropy, backward, optimizer.

    cargo build --workspace --features libtorch --example step
    python tests/peers/bench_torch.py --ours target/debug/examples/step --model resnet18 --optimizer sgd
"""

import argparse
import statistics
import subprocess
import time

import torch
from torch import nn
from torch.nn import functional

CLASSES = 10


class Block(nn.Module):
    """ResNet's block: two convolutions, or three with the bottleneck."""

    def __init__(self, source, width, stride, bottleneck):
        super().__init__()
        out = width * 4 if bottleneck else width
        shapes = [(source, width, 1, 1), (width, width, 3, stride), (width, out, 1, 1)]
        if not bottleneck:
            shapes = [(source, width, 3, stride), (width, width, 3, 1)]
        self.convs = nn.ModuleList(nn.Conv2d(i, o, k, s, k // 2, bias=False) for i, o, k, s in shapes)
        self.norms = nn.ModuleList(nn.BatchNorm2d(o) for _, o, _, _ in shapes)
        self.down = None
        if source != out or stride != 1:
            self.down = nn.Sequential(nn.Conv2d(source, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x):
        y = x
        for place, (conv, norm) in enumerate(zip(self.convs, self.norms)):
            y = norm(conv(y))
            if place + 1 < len(self.convs):
                y = functional.relu_(y)
        y += x if self.down is None else self.down(x)
        return functional.relu_(y)


def resnet(blocks, bottleneck):
    layers = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(True), nn.MaxPool2d(3, 2, 1)]
    source = 64
    for stage, count in enumerate(blocks):
        width = 64 << stage
        for place in range(count):
            layers.append(Block(source, width, 2 if stage and not place else 1, bottleneck))
            source = width * 4 if bottleneck else width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(source, CLASSES))


MODELS = {
    "resnet18": lambda: resnet([2, 2, 2, 2], False),
    "resnet50": lambda: resnet([3, 4, 6, 3], True),
}
# Name, channels last, bfloat16.
SETTINGS = [
    ("eager", False, False),
    ("channels-last", True, False),
    ("bf16", False, True),
    ("channels-last bf16", True, True),
]


class Peer:
    """PyTorch in one setting."""

    def __init__(self, args, channels_last, bf16):
        torch.manual_seed(1)
        self.bf16 = bf16
        self.format = torch.channels_last if channels_last else torch.contiguous_format
        self.device = args.device
        self.net = MODELS[args.model]().to(args.device, memory_format=self.format)
        parameters = self.net.parameters()
        if args.optimizer == "sgd":
            self.rule = torch.optim.SGD(parameters, 0.01, momentum=0.9, weight_decay=5e-4, fused=args.fused)
        else:
            self.rule = torch.optim.AdamW(parameters, 1e-3, weight_decay=5e-4, fused=args.fused)
        count = args.batch_size
        self.bytes = torch.randint(0, 256, (count, args.size, args.size, 3), dtype=torch.uint8)
        self.targets = (torch.arange(count) % CLASSES).to(args.device)
        self.mean = torch.tensor([0.485, 0.456, 0.406], device=args.device).view(1, 3, 1, 1)
        self.deviation = torch.tensor([0.229, 0.224, 0.225], device=args.device).view(1, 3, 1, 1)

    def logits(self):
        x = self.bytes.to(self.device).permute(0, 3, 1, 2).contiguous(memory_format=self.format).float() / 255
        with torch.autocast(self.device, torch.bfloat16, enabled=self.bf16):
            return self.net((x - self.mean) / self.deviation)

    def train(self):
        self.net.train()
        self.rule.zero_grad(set_to_none=True)
        loss = functional.cross_entropy(self.logits().float(), self.targets, label_smoothing=0.05)
        loss.backward()
        self.rule.step()
        loss.item()

    def infer(self):
        self.net.eval()
        with torch.inference_mode():
            self.logits().float().softmax(1).tolist()


def rate(step, images, seconds):
    for _ in range(2):
        step()
    start, before, done = time.perf_counter(), time.process_time(), 0
    while time.perf_counter() - start < seconds:
        step()
        done += images
    return done / (time.perf_counter() - start), done / (time.process_time() - before)


def ours(args, precision):
    device = "libtorch-cuda:0" if args.device == "cuda" else "libtorch"
    command = [args.ours, "--device", device, "--model", args.model, "--size", str(args.size), "--batch-size"]
    command += [str(args.batch_size), "--seconds", str(args.seconds), "--optimizer", args.optimizer]
    command += ["--precision", precision]
    line = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1]
    return [float(number) for number in line.split()[-4:]]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ours", help="the program `step`; without it PyTorch alone")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--model", choices=MODELS, default="resnet18")
    parser.add_argument("--optimizer", choices=["sgd", "adamw"], default="sgd")
    parser.add_argument("--size", type=int, default=128, help="side of the images, pixels")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4, help="for each figure")
    parser.add_argument("--settings", default="eager,channels-last", help="of PyTorch, or `all`")
    parser.add_argument("--precision", default="fp32", help="of ours: fp32, bf16 or both with a comma")
    parser.add_argument("--fused", action="store_true", help="PyTorch's fused optimizers")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)

    wanted = [name for name, _, _ in SETTINGS] if args.settings == "all" else args.settings.split(",")
    peers = {f"torch {name}": Peer(args, last, bf16) for name, last, bf16 in SETTINGS if name in wanted}
    found = {}
    for _ in range(args.rounds):
        if args.ours:
            for precision in args.precision.split(","):
                found.setdefault(f"ours {precision}", []).append(ours(args, precision))
        for name, peer in peers.items():
            train = rate(peer.train, args.batch_size, args.seconds)
            infer = rate(peer.infer, args.batch_size, args.seconds)
            found.setdefault(name, []).append([train[0], infer[0], train[1], infer[1]])
    first = next(iter(found))
    print(f"{args.model}, {args.size} px, batch {args.batch_size}, {args.optimizer}, {args.threads} threads,", end=" ")
    print(f"torch {torch.__version__}, median of {args.rounds}; ratios are those of {first!r} to each")
    print(f"{'':<24}" + "".join(f"{what:>12} ratio" for what in ("train/s", "infer/s", "train/cpu-s", "infer/cpu-s")))
    # Machines with other work on them go up and down: ratios are taken round by round.
    for name, rows in found.items():
        line = f"{name:<24}"
        for column in range(4):
            median = statistics.median(row[column] for row in rows)
            ratio = statistics.median(one[column] / row[column] for one, row in zip(found[first], rows))
            line += f"{median:>12.1f} {ratio:>5.2f}"
        print(line, flush=True)


if __name__ == "__main__":
    main()
