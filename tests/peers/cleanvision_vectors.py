# CleanVision's scores and flags of the committed images, for plugins/check/tests/cleanvision.rs.
# Needs: pip install cleanvision==0.3.7 pillow==13.0.0
#
#   python tests/peers/cleanvision_vectors.py > plugins/check/tests/vectors.json
#
# 30 images of each class of tests/fixtures/openclipart8, and of every tenth of them six made worse: darkened, washed
# out, blurred, blurred behind a fog of many tones, reduced to few colours, cut to a strip. Those are not files: the test makes the same pixels by the same
# whole-number arithmetic from the same decoded image, so each is told as its edit. Images are decoded by Pillow here and
# by plugin-decode there.
import json
import pathlib

import numpy as np
import pandas as pd
from cleanvision.issue_managers import image_property
from cleanvision.issue_managers.image_property_issue_manager import ImagePropertyIssueManager
from PIL import Image, ImageFilter

FOLDER = pathlib.Path(__file__).parents[1] / "fixtures" / "openclipart8"
ISSUES = {"dark": "dark", "light": "bright", "blurry": "blur", "low_information": "information",
          "odd_size": "odd_size", "odd_aspect_ratio": "odd_aspect"}


def box(values: np.ndarray, radius: int) -> np.ndarray:
    """Means of squares, rounded down, edges repeated."""
    padded = np.pad(values.astype(np.int64), ((radius, radius), (radius, radius), (0, 0)), mode="edge")
    side = 2 * radius + 1
    total = sum(padded[y:y + values.shape[0], x:x + values.shape[1]] for y in range(side) for x in range(side))
    return (total // (side * side)).astype(np.uint8)


def fog(values: np.ndarray) -> np.ndarray:
    """Blurred, faint, and with a slope from left to right."""
    width = values.shape[1]
    slope = (np.arange(width, dtype=np.int64) * 130 // width)[None, :, None]
    return (box(values, 9).astype(np.int64) // 8 + slope).astype(np.uint8)


def blurriness(grey: Image.Image) -> float:
    """CleanVision's, without the outermost points, which Pillow does not filter."""
    inside = np.asarray(grey.filter(ImageFilter.FIND_EDGES))[1:-1, 1:-1]
    return float(inside.std()) if inside.size else float("inf")


image_property.calc_blurriness = blurriness

EDITS = {
    "": lambda v: v,
    "dark": lambda v: v // 4,
    "washed": lambda v: (240 + v.astype(np.int64) // 17).astype(np.uint8),
    "blurred": lambda v: box(v, 9),
    "fog": fog,
    "posterized": lambda v: v // 128 * 128,
    "strip": lambda v: v[: max(1, v.shape[0] // 4)],
}


def main() -> None:
    rows, images = [], []
    for folder in sorted(p for p in FOLDER.iterdir() if p.is_dir()):
        for index, path in enumerate(sorted(folder.iterdir())[:30]):
            values = np.asarray(Image.open(path).convert("RGB"))
            for edit, change in EDITS.items():
                if edit == "" or index % 10 == 0:
                    rows.append((f"{folder.name}/{path.name}", edit))
                    images.append(Image.fromarray(change(values)))
    manager = ImagePropertyIssueManager()
    table = pd.DataFrame([
        {k: v for issue in ISSUES for k, v in manager.image_properties[issue].calculate(image).items()}
        for image in images
    ])
    out = [{"file": file, "edit": edit, "scores": {}, "flags": []} for file, edit in rows]
    for issue, name in ISSUES.items():
        prop = manager.image_properties[issue]
        scores = prop.get_scores(raw_scores=table[prop.score_columns], issue_type=issue, **manager.params[issue])
        flags = prop.mark_issue(scores=scores, issue_type=issue, threshold=manager.params[issue].get("threshold"))
        for row, score, flag in zip(out, scores.iloc[:, 0], flags.iloc[:, 0]):
            row["scores"][name] = round(float(score), 5)
            if flag:
                row["flags"].append(name)
    print("[\n" + ",\n".join(json.dumps(row) for row in out) + "\n]")


main()
