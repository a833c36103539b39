#!/usr/bin/env python3
"""Makes plugins/model/tests/training.json: what PyTorch says of a few steps of ResNet-18 from the same weights.

    python3 -m pip install torch==2.9.0
    python3 tests/peers/training_vectors.py plugins/model/tests/training.json

Weights and images come from a hash of their place, so that both sides have the same without a file.
"""

import json
import sys

import torch
from torch.nn import functional

# At 96 px few ReLUs have an input so near zero that rounding decides their gate, so both sides' gradients can agree closely;
# which do depends on the processor, so there are gradients of several batches.
BATCHES = 3
SIZE, SIZE_BF16, IMAGES, CLASSES, STEPS = 96, 32, 8, 3, 5
SMOOTHING, DECAY, CLIP = 0.05, 0.05, 0.5
MASK = 0xFFFFFFFF


def hashed(name, count):
    """Numbers from -1 to 1, by name and place."""
    seed = 0x811C9DC5
    for byte in name.encode():
        seed = ((seed ^ byte) * 0x01000193) & MASK
    x = (torch.arange(count, dtype=torch.int64) * 0x9E3779B1 + seed) & MASK
    x = ((x ^ (x >> 15)) * 0x2C1B3C6D) & MASK
    x = ((x ^ (x >> 12)) * 0x297A2D39) & MASK
    x = x ^ (x >> 15)
    return (x >> 8).to(torch.float64) / (1 << 23) - 1.0


def shapes():
    """Names and shapes as torchvision has them."""
    found = {}

    def conv(name, source, out, kernel):
        found[f"{name}.weight"] = (out, source, kernel, kernel)

    def norm(name, channels):
        for part in ("weight", "bias", "running_mean", "running_var"):
            found[f"{name}.{part}"] = (channels,)

    conv("conv1", 3, 64, 7)
    norm("bn1", 64)
    source = 64
    for stage in range(4):
        out = 64 << stage
        for block in range(2):
            name = f"layer{stage + 1}.{block}"
            conv(f"{name}.conv1", source, out, 3)
            norm(f"{name}.bn1", out)
            conv(f"{name}.conv2", out, out, 3)
            norm(f"{name}.bn2", out)
            if source != out:
                conv(f"{name}.downsample.0", source, out, 1)
                norm(f"{name}.downsample.1", out)
            source = out
    found["fc.weight"], found["fc.bias"] = (CLASSES, 512), (CLASSES,)
    return found


def value(name, shape):
    """First weights: of a spread at which signals keep their size."""
    if name.endswith("running_mean"):
        return torch.zeros(shape)
    if name.endswith("running_var"):
        return torch.ones(shape)
    x = hashed(name, torch.Size(shape).numel()).reshape(shape)
    if len(shape) == 4:
        out, _, kernel, _ = shape
        x = x * (6.0 / (out * kernel * kernel)) ** 0.5
    elif name == "fc.weight":
        x = x / 512**0.5
    elif name.endswith("weight"):
        x = 1.0 + 0.1 * x
    else:
        x = 0.1 * x
    return x.to(torch.float32)


def images(step, size):
    count = IMAGES * size * size * 3
    x = ((hashed(f"pictures {step}", count) + 1.0) * 64.0).to(torch.uint8).reshape(IMAGES, size, size, 3)
    for image in range(IMAGES):
        x[image, :, :, image % 3] += 100
    return x


class Net:
    def __init__(self):
        self.w = {name: value(name, shape) for name, shape in shapes().items()}
        self.trainable = [name for name in self.w if "running" not in name]
        for name in self.trainable:
            self.w[name].requires_grad_(True)

    def norm(self, name, x):
        w = [self.w[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")]
        return functional.batch_norm(x, *w, training=True, momentum=0.1, eps=1e-5)

    def conv(self, name, x, stride):
        w = self.w[f"{name}.weight"]
        return functional.conv2d(x, w, stride=stride, padding=w.shape[2] // 2)

    def logits(self, x):
        x = functional.relu(self.norm("bn1", self.conv("conv1", x, 2)))
        x = functional.max_pool2d(x, 3, 2, 1)
        for stage in range(1, 5):
            for block in range(2):
                name, stride = f"layer{stage}.{block}", 2 if stage > 1 and block == 0 else 1
                y = functional.relu(self.norm(f"{name}.bn1", self.conv(f"{name}.conv1", x, stride)))
                y = self.norm(f"{name}.bn2", self.conv(f"{name}.conv2", y, 1))
                if f"{name}.downsample.0.weight" in self.w:
                    x = self.norm(f"{name}.downsample.1", self.conv(f"{name}.downsample.0", x, stride))
                x = functional.relu(y + x)
        return functional.linear(x.mean((2, 3)), self.w["fc.weight"], self.w["fc.bias"])

    def loss(self, step, bf16):
        mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
        deviation = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
        x = (images(step, SIZE_BF16 if bf16 else SIZE).permute(0, 3, 1, 2).float() / 255.0 - mean) / deviation
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            logits = self.logits(x)
        targets = torch.arange(IMAGES) % CLASSES
        return functional.cross_entropy(logits.float(), targets, label_smoothing=SMOOTHING)


def losses(rule, bf16=False, clipped=False):
    net = Net()
    weights = [net.w[name] for name in net.trainable]
    # Biases and what norms have are not pulled towards 0.
    groups = [
        {"params": [w for w in weights if w.dim() > 1], "weight_decay": DECAY},
        {"params": [w for w in weights if w.dim() == 1], "weight_decay": 0.0},
    ]
    if rule == "sgd":
        rule = torch.optim.SGD(groups, 0.0002, momentum=0.9)
    elif rule == "adam":
        rule = torch.optim.Adam(groups, 0.00002)
    else:
        rule = torch.optim.AdamW(groups, 0.00002)
    found = []
    for step in range(STEPS):
        rule.zero_grad()
        loss = net.loss(step, bf16)
        loss.backward()
        if clipped:
            torch.nn.utils.clip_grad_norm_(weights, CLIP)
        rule.step()
        found.append(loss.item())
    return found


def gradients(bf16, step=0):
    net = Net()
    net.loss(step, bf16).backward()
    found = {}
    for name in net.trainable:
        gradient = net.w[name].grad.reshape(-1).double()
        found[name] = [gradient.norm().item(), *gradient[:: max(1, len(gradient) // 3)][:3].tolist()]
    for name in ("bn1.running_mean", "layer4.1.bn2.running_var"):
        found[name] = [net.w[name].double().norm().item(), *net.w[name][:3].tolist()]
    return found


def main(path):
    torch.manual_seed(0)
    answer = {
        "torch": torch.__version__.split("+")[0],
        "losses": {rule: losses(rule) for rule in ("sgd", "adam", "adamw")},
        "losses_clipped": losses("sgd", clipped=True),
        # Later steps depend on the gates that rounding decides.
        "losses_bf16": losses("sgd", True)[:1],
        "gradients": [gradients(False, step) for step in range(BATCHES)],
        "gradients_bf16": gradients(True),
    }
    rounded = json.loads(json.dumps(answer), parse_float=lambda text: float(f"{float(text):.7g}"))
    with open(path, "w") as file:
        json.dump(rounded, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main(sys.argv[1])
