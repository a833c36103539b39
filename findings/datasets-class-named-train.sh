#!/bin/sh
# datasets 5.2.0 (Hugging Face): load_dataset("imagefolder", data_dir=...) on one folder per class looks for the words train, test, testing, eval, dev, valid
# and so on in all paths before it looks at classes. One class of that name, or with that word in it, is taken for a split, and the pictures of all
# other classes are left out, without a word: of bus, car and train come the trains alone, as split "train", and as they are one class then
# there is no label either. "test tube" among cat and beaker, or "dev board", does the same; "trains" and "tram" are classes. Given splits
# (photos/train/<class>) are what the words are for. A label is also the innermost folder alone: 2023 in cat and 2023 in dog are one class, 2023.
# Pillow 13.0.0 makes the pictures, 3 of each class. Seen: bus car train: train 3, no label; bus car tram: train 9, bus car tram; cat, beaker,
# "test tube": test 3, no label; cat/2023, cat/2024, dog/2023: 2023 and 2024. Exits other than 0 if that changes.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip -q install --no-compile datasets==5.2.0 huggingface-hub==2.4.0 pyarrow==26.0.1 pillow==13.0.0 numpy==2.4.6
cat > folders.py <<'PYTHON'
import pathlib
import warnings
import datasets
from PIL import Image

warnings.simplefilter("error")
datasets.disable_progress_bars()


def seen(*classes):
    """Of each split: the number of pictures and the names of the labels."""
    root = pathlib.Path("_".join(classes).replace("/", "-"))
    for name in classes:
        (root / name).mkdir(parents=True)
        for i in range(3):
            Image.new("RGB", (8, 8), (90 * i, 20, 20)).save(root / name / f"{i}.png")
    splits = datasets.load_dataset("imagefolder", data_dir=str(root), cache_dir="cache")
    found = {split: (len(rows), rows.features["label"].names if "label" in rows.features else None) for split, rows in splits.items()}
    print(", ".join(classes), found)
    return found


assert seen("bus", "car", "tram") == {"train": (9, ["bus", "car", "tram"])}
assert seen("bus", "car", "trains") == {"train": (9, ["bus", "car", "trains"])}
assert seen("bus", "car", "train") == {"train": (3, None)}
assert seen("beaker", "cat", "test tube") == {"test": (3, None)}
assert seen("beaker", "cat", "dev board") == {"validation": (3, None)}
assert seen("cat/2023", "cat/2024", "dog/2023") == {"train": (9, ["2023", "2024"])}
PYTHON
HF_HUB_OFFLINE=1 HF_HOME="$work/home" venv/bin/python folders.py
