#!/usr/bin/env python3
"""Makes the JPEG files of this folder: kinds that decoders get wrong. Needs Pillow, and cjpeg of libjpeg-turbo-progs.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install pillow && /tmp/venv/bin/python make.py

Beside each file stands what libjpeg-turbo (through Pillow) makes of it, as .ppm of the whole image. Files that it refuses have the
pixels of the file that they were made from.
"""
import io
import pathlib
import struct
import subprocess

from PIL import Image, ImageDraw, ImageFilter

HERE = pathlib.Path(__file__).parent
SIZE = (41, 29)


def blobs():
    image = Image.new("RGB", SIZE, (120, 160, 200))
    draw = ImageDraw.Draw(image)
    for i in range(9):
        x, y, r = SIZE[0] * (i * 37 % 100) / 100, SIZE[1] * (i * 61 % 100) / 100, 5 + i
        draw.ellipse((x - r, y - r, x + r, y + r), fill=(i * 83 % 256, i * 151 % 256, i * 47 % 256))
    return image.filter(ImageFilter.GaussianBlur(2))


def keep(name, data, like=None):
    (HERE / f"{name}.jpg").write_bytes(data)
    Image.open(io.BytesIO(like or data)).convert("RGB").save(HERE / f"{name}.ppm")


def cjpeg(source, *options, scans=None):
    if scans:
        (HERE / "scans.txt").write_text(scans)
        options += ("-scans", HERE / "scans.txt")
    made = subprocess.run(["cjpeg", "-quality", "88", *options], input=source, capture_output=True, check=True).stdout
    (HERE / "scans.txt").unlink(missing_ok=True)
    return made


def main():
    for old in [*HERE.glob("*.jpg"), *HERE.glob("*.ppm")]:
        old.unlink()
    out = io.BytesIO()
    blobs().save(out, "PPM")
    source = out.getvalue()
    for name, scans in {"0-1-2": "0;1;2;", "01-2": "0 1;2;", "0-12": "0;1 2;"}.items():
        for sampling in ("2x2", "1x1"):
            keep(f"scans-{name}-{sampling}", cjpeg(source, "-sample", sampling, scans=scans))
    keep("scans-restarts", cjpeg(source, "-restart", "2B", "-optimize", scans="0;1;2;"))
    for factors in ("1x1,2x1,2x1", "1x1,2x2,1x1", "3x1,1x1,1x1", "1x3,1x1,1x1", "3x2,1x1,1x1", "4x1,1x1,1x1", "2x2,2x1,1x2"):
        name = factors.replace(",", "-")
        keep(f"factors-{name}", cjpeg(source, "-sample", factors))
        keep(f"progressive-{name}", cjpeg(source, "-sample", factors, "-progressive"))
    plain, progressive = cjpeg(source), cjpeg(source, "-progressive")
    at = plain.index(b"\xff\xc0") + 5
    late = b"\xff\xdc\0\x04" + struct.pack(">H", SIZE[1])
    keep("late-height", plain[:at] + b"\0\0" + plain[at + 2:-2] + late + b"\xff\xd9", like=plain)
    # What a film's boxes may hold behind a panorama.
    film = bytes(range(1, 200)) + b"\xff\x60\0mdat\xff\xe5\xff\xff"
    keep("no-end-then-film", plain[:-2] + film, like=plain)
    keep("progressive-no-end", progressive[:-2], like=progressive)
    keep("progressive-no-end-then-film", progressive[:-2] + film, like=progressive)
    for kind, subsampling in {"422": 1, "420": 2}.items():
        out = io.BytesIO()
        blobs().convert("CMYK").save(out, "JPEG", quality=88, subsampling=subsampling)
        keep(f"cmyk-{kind}", out.getvalue())
        ycck = bytearray(out.getvalue())
        ycck[ycck.index(b"Adobe") + 11] = 2
        keep(f"ycck-{kind}", bytes(ycck))


if __name__ == "__main__":
    main()
