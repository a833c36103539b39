"""The job of `experiment once` in PyTorch, with the same recipe: AdamW, one-cycle, label smoothing, shifts, flips and colour.

Squares are made before the clock starts, as ours are. Augmentation is done by worker processes while the device learns, or with
--augment-on device in batches on the device, where all images lie then.

    python3 tests/peers/job_torch.py IMAGES --model resnet18 --size 128 --training-images 3000 --epochs 100 --device cuda --precision bf16

IMAGES: a folder of class folders. Where Pillow is missing, noise takes their place: as fast, but nothing to be trained on.
"""

import argparse
import pathlib
import random
import time

import torch
from bench_torch import MODELS
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

try:
    from PIL import Image
except ImportError:
    Image = None

TEST_SHARE, PADDING, JITTER = 0.2, 0.1, 0.2
GREY = torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)


def read(folder, size):
    """Squares `[images, 3, size, size]` of 8 bit, and classes by index."""
    classes = sorted(path for path in pathlib.Path(folder).iterdir() if path.is_dir())
    squares, targets = [], []
    for index, path in enumerate(classes):
        for file in sorted(path.iterdir()):
            if Image is None:
                squares.append(torch.randint(0, 256, (3, size, size), dtype=torch.uint8))
            else:
                try:
                    image = Image.open(file).convert("RGB").resize((size, size))
                except OSError:
                    continue
                values = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8)
                squares.append(values.view(size, size, 3).permute(2, 0, 1).contiguous())
            targets.append(index)
    return torch.stack(squares), torch.tensor(targets), len(classes)


class Augmented(Dataset):
    """Images, another each time they are asked for."""

    def __init__(self, squares, targets, places):
        self.squares, self.targets, self.places = squares, targets, places

    def __len__(self):
        return len(self.places)

    def __getitem__(self, index):
        place = self.places[index]
        x = self.squares[place].float()
        size = x.shape[1]
        most = int(size * PADDING)
        x = functional.pad(x[None], (most,) * 4, mode="reflect")[0]
        top, left = random.randint(0, 2 * most), random.randint(0, 2 * most)
        x = x[:, top : top + size, left : left + size]
        if random.random() < 0.5:
            x = x.flip(2)
        x = x * random.uniform(1 - JITTER, 1 + JITTER)
        x = torch.lerp((x * GREY).sum(0).mean(), x, random.uniform(1 - JITTER, 1 + JITTER))
        x = torch.lerp((x * GREY).sum(0, keepdim=True).expand_as(x), x, random.uniform(1 - JITTER, 1 + JITTER))
        return x.clamp(0, 255).to(torch.uint8), self.targets[place]


class OnDevice:
    """Images that lie on the device, augmented there a batch at a time."""

    def __init__(self, squares, targets, places, batch_size, device):
        self.squares, self.targets = squares[places].to(device), targets[places].to(device)
        self.batch_size, self.grey = batch_size, GREY.to(device)

    def __len__(self):
        return -(-len(self.squares) // self.batch_size)

    def __iter__(self):
        device = self.squares.device
        for places in torch.randperm(len(self.squares), device=device).split(self.batch_size):
            yield self.augmented(places, device), self.targets[places]

    def augmented(self, places, device):
        count, size = len(places), self.squares.shape[2]
        most = int(size * PADDING)

        def factor():
            return torch.empty(count, 1, 1, 1, device=device).uniform_(1 - JITTER, 1 + JITTER)

        def shifted(flipped):
            at = torch.arange(size, device=device) + torch.randint(-most, most + 1, (count, 1), device=device)
            at = torch.where(flipped, size - 1 - at, at).abs()
            return torch.where(at >= size, 2 * (size - 1) - at, at)

        rows = shifted(torch.zeros(count, 1, dtype=torch.bool, device=device))[:, None, :, None]
        columns = shifted(torch.rand(count, 1, device=device) < 0.5)[:, None, None, :]
        channels = torch.arange(3, device=device)[None, :, None, None]
        x = self.squares[places[:, None, None, None], channels, rows, columns].float() * factor()
        mean = (x * self.grey).sum(1, keepdim=True).mean((2, 3), keepdim=True)
        x = mean + (x - mean) * factor()
        grey = (x * self.grey).sum(1, keepdim=True)
        return (grey + (x - grey) * factor()).clamp(0, 255).to(torch.uint8)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images")
    parser.add_argument("--model", choices=MODELS, default="resnet18")
    parser.add_argument("--size", type=int, default=128, help="side of the images, pixels")
    parser.add_argument("--training-images", type=int, default=3000)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--evaluate-every", type=int, default=10, help="epochs")
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="bf16")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cuda")
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--augment-on", choices=["workers", "device"], default="workers")
    args = parser.parse_args()
    torch.manual_seed(1)
    random.seed(1)
    torch.set_float32_matmul_precision("high")

    squares, targets, classes = read(args.images, args.size)
    order = torch.randperm(len(squares)).tolist()
    held = int(len(order) * TEST_SHARE)
    test, train = order[:held], order[held:]
    train = [train[i % len(train)] for i in range(args.training_images)]
    net = MODELS[args.model]()
    net[-1] = nn.Linear(net[-1].in_features, classes)
    net = net.to(args.device, memory_format=torch.channels_last)
    pinned = args.device == "cuda"
    if args.augment_on == "device":
        batches = OnDevice(squares, targets, train, args.batch_size, args.device)
    else:
        batches = DataLoader(
            Augmented(squares, targets, train), args.batch_size, shuffle=True, num_workers=args.workers,
            persistent_workers=args.workers > 0, pin_memory=pinned, worker_init_fn=lambda _: torch.set_num_threads(1),
        )  # fmt: skip
    rule = torch.optim.AdamW(net.parameters(), 1e-3, weight_decay=5e-4, fused=True)
    course = torch.optim.lr_scheduler.OneCycleLR(rule, 1e-3, total_steps=args.epochs * len(batches))
    mean = torch.tensor([0.485, 0.456, 0.406], device=args.device).view(1, 3, 1, 1) * 255
    deviation = torch.tensor([0.229, 0.224, 0.225], device=args.device).view(1, 3, 1, 1) * 255

    def logits(pixels):
        x = pixels.to(args.device, non_blocking=True).to(memory_format=torch.channels_last)
        with torch.autocast(args.device, torch.bfloat16, enabled=args.precision == "bf16"):
            return net((x.float() - mean) / deviation).float()

    def accuracy():
        net.eval()
        right = 0
        with torch.inference_mode():
            for places in torch.tensor(test).split(args.batch_size):
                right += (logits(squares[places]).argmax(1).cpu() == targets[places]).sum().item()
        net.train()
        return right / len(test)

    start, waited, found = time.perf_counter(), 0.0, 0.0
    for epoch in range(args.epochs):
        asked = time.perf_counter()
        for pixels, wanted in batches:
            waited += time.perf_counter() - asked
            rule.zero_grad(set_to_none=True)
            wanted = wanted.to(args.device, non_blocking=True)
            functional.cross_entropy(logits(pixels), wanted, label_smoothing=0.05).backward()
            rule.step()
            course.step()
            asked = time.perf_counter()
        if (epoch + 1) % args.evaluate_every == 0 or epoch + 1 == args.epochs:
            found = accuracy()
    seconds = time.perf_counter() - start
    augmented = "augmented on the device" if args.augment_on == "device" else f"{args.workers} workers"
    print(f"torch {torch.__version__}, {args.model} at {args.size} px, {args.precision}, {augmented}")
    print(f"seconds                            {seconds:.1f}")
    print(f"images a second                    {args.epochs * len(train) / seconds:.1f}")
    print(f"share of the time without a batch  {100 * waited / seconds:.1f} %")
    if args.device == "cuda":
        print(f"GPU memory at most, MiB            {torch.cuda.max_memory_allocated() // 2**20}")
    print(f"accuracy                           {found:.4f}" if Image else "accuracy                           none: noise")


if __name__ == "__main__":
    main()
