#!/bin/sh
# pillow-jxl-plugin 1.3.8 (Pillow 13.0.0): what is done to an opened JPEG in place is not in the JPEG XL that save() writes. Image.paste,
# ImageDraw, putpixel, thumbnail and ImageOps.exif_transpose(in_place=True) leave `format` and `filename` as they were, and for an image
# with both the plugin reads the file on the disk once more and packs that ("lossless JPEG reconstruction", the default). A face
# painted over is there again, a thumbnail has the full size, an upright picture lies on its side. A warning speaks of reconstruction, not
# of this. PNG, WebP and AVIF of the same image are right, and so are copies (resize, convert, rotate), which have no format, and
# lossless_jpeg=False.
# Seen: painted over in white, JPEG XL (250, 0, 1), PNG 255; thumbnail 32 x 16, JPEG XL 64 x 32; lossless_jpeg=False right each time.
# Exits other than 0 if that changes.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install --no-compile pillow==13.0.0 pillow-jxl-plugin==1.3.8
cd "$work"
venv/bin/python -W ignore - <<'PYTHON'
import pillow_jxl
from PIL import Image, ImageDraw, ImageOps

exif = Image.Exif()
exif[0x112] = 6
Image.new("RGB", (64, 32), (250, 0, 0)).save("photo.jpg", quality=95, exif=exif)


def painted(image):
    ImageDraw.Draw(image).rectangle((0, 0, 63, 31), fill="white")


def pasted(image):
    image.paste((255, 255, 255), (0, 0, 64, 32))


def thumbnail(image):
    image.thumbnail((32, 16))


def upright(image):
    ImageOps.exif_transpose(image, in_place=True)


ok = True
for change in (painted, pasted, thumbnail, upright):
    seen = {}
    for name, options in (("x.jxl", {}), ("x.png", {}), ("straight.jxl", {"lossless_jpeg": False})):
        image = Image.open("photo.jpg")
        change(image)
        image.save(name, **options)
        with Image.open(name) as back:
            seen[name] = back.size, back.convert("RGB").getpixel((9, 9))
    print(change.__name__, seen)
    size, colour = seen["x.png"]
    ok &= seen["x.jxl"][0] == (64, 32) and max(abs(a - b) for a, b in zip(seen["x.jxl"][1], (250, 0, 0))) < 5
    ok &= seen["straight.jxl"][0] == size and max(abs(a - b) for a, b in zip(seen["straight.jxl"][1], colour)) < 8
    ok &= seen["x.png"] != seen["x.jxl"]
raise SystemExit(not ok)
PYTHON
