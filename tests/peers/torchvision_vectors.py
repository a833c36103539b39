"""Logits of torchvision's ResNets, and of every kind of block in PyTorch, for plugins/model/tests/torchvision.rs.

    pip install torch==2.9.0 torchvision==0.24.0 --index-url https://download.pytorch.org/whl/cpu
    python tests/peers/torchvision_vectors.py tests/fixtures/torchvision

Weights and images are numbers that Rust makes as well: splitmix64 (Steele, Lea and Flood 2014) of the FNV-1a hash of
the tensor's name plus the number's place. So only the logits need to be kept. The weights of a tiny network are written in
PyTorch's formats: tiny.pth, tiny-old.pth (before 1.6), and tiny-checkpoint.pt (of a parallel network).
"""

import json
import pathlib
import sys

import numpy as np
import torch
import torch.nn.functional as F
import torchvision
from torch import nn


def fnv1a(name):
    state = 0xCBF29CE484222325
    for byte in name.encode():
        state = (state ^ byte) * 0x100000001B3 % 2**64
    return state


def numbers(name, count):
    """From -1 to 1, in double precision."""
    with np.errstate(over="ignore"):
        z = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(fnv1a(name))
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(40)).astype(np.float64) / 2**23 - 1


def fill(module):
    """Numbers a network might have after learning: factors near 1, variances between a half and one and a half."""
    for name, tensor in module.state_dict().items():
        if name.endswith("num_batches_tracked"):
            continue
        values = numbers(name, tensor.numel())
        if name.endswith("running_var"):
            values = 1 + 0.5 * values
        elif tensor.dim() == 1 and name.endswith("weight"):
            values = 1 + 0.2 * values
        elif tensor.dim() == 1:
            values = 0.1 * values
        else:
            values = values * np.sqrt(3 / (tensor.numel() // tensor.shape[0]))
        tensor.copy_(torch.from_numpy(values.astype(np.float32)).reshape(tensor.shape))


class Everything(nn.Module):
    """tests/fixtures/torchvision/everything.yml"""

    def __init__(self, size, classes):
        super().__init__()
        self.a = nn.Conv2d(3, 8, 3, padding=2, dilation=2)
        self.b = nn.BatchNorm2d(8, eps=0.01)
        self.c = nn.Conv2d(8, 8, 3, padding=1, groups=4, bias=False)
        self.d = nn.BatchNorm2d(8)
        self.e = nn.Conv2d(8, 2, 1)
        self.f = nn.Linear(18 * (size // 2) ** 2, 6)
        self.g = nn.BatchNorm1d(6)
        self.h = nn.Linear(6, classes)

    def forward(self, x):
        x = F.leaky_relu(self.b(self.a(x)), 0.2)
        x = F.gelu(self.d(self.c(x))) + x
        x = torch.cat([x, F.avg_pool2d(x, 3, 1, 1), torch.sigmoid(self.e(x))], 1)
        x = F.max_pool2d(x, 3, 2, 1)
        x = torch.tanh(x) + F.relu6(x)
        return self.h(F.relu(self.g(self.f(x.flatten(1)))))


CLASSES, IMAGES = 10, 2
NETWORKS = [
    ("resnet18", 64, torchvision.models.resnet18(num_classes=CLASSES)),
    ("resnet34", 64, torchvision.models.resnet34(num_classes=CLASSES)),
    ("resnet50", 64, torchvision.models.resnet50(num_classes=CLASSES)),
    ("everything", 32, Everything(32, CLASSES)),
]

vectors = []
with torch.no_grad():
    for name, size, network in NETWORKS:
        fill(network)
        images = 2 * numbers("pictures", IMAGES * 3 * size * size)
        x = torch.from_numpy(images.astype(np.float32)).reshape(IMAGES, 3, size, size)
        logits = network.eval()(x).flatten().tolist()
        parameters = sum(p.numel() for p in network.parameters())
        vectors.append({"network": name, "size": size, "parameters": parameters, "logits": logits})
folder = pathlib.Path(sys.argv[1])
(folder / "vectors.json").write_text(json.dumps(vectors, indent=1) + "\n")

tiny = nn.Sequential()
tiny.add_module("conv1", nn.Conv2d(3, 2, 3, stride=8, bias=False))
tiny.add_module("bn1", nn.BatchNorm2d(2))
tiny.add_module("fc", nn.Linear(2 * 2 * 2, 3))
with torch.no_grad():
    fill(tiny)
state = tiny.state_dict()
torch.save(state, folder / "tiny.pth")
torch.save(state, folder / "tiny-old.pth", _use_new_zipfile_serialization=False)
parallel = {f"module.{name}": tensor for name, tensor in state.items()}
torch.save({"epoch": 3, "state_dict": parallel, "arch": "tiny"}, folder / "tiny-checkpoint.pt")
