#!/bin/sh
# pillow-jxl-plugin 1.3.8 (Pillow 13.0.0) writes the orientation into the Exif of a JPEG XL alone, where the format says that it is to be
# ignored: the codestream has an orientation of its own, and the plugin leaves that at 1. So photos from HEIC, WebP, TIFF or PNG, or JPEGs with lossless_jpeg=False, lie on
# their side in every reader that goes by the format (imagecodecs 2026.3.6 with libjxl here; browsers), and are right in Pillow, which hides it. The
# other way round it turns twice: a JPEG XL with the same orientation in codestream and Exif, as libjxl makes them, comes out turned and with the Exif as
# it was, so exif_transpose turns it again. And the Exif box is written without the four bytes of offset that it begins with, so
# strict readers do not find the tags. JPEGs packed without loss are right in both.
# Seen, Orientation 6, 64 x 32: written and read by libjxl 64 x 32 (right 32 x 64); read by the plugin 32 x 64 and then 64 x 32 (right 32 x 64).
# Exits other than 0 if that changes.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install --no-compile pillow==13.0.0 pillow-jxl-plugin==1.3.8 imagecodecs==2026.3.6 numpy==2.4.6
cd "$work"
venv/bin/python -W ignore - <<'PYTHON'
import io
import struct
import imagecodecs
import pillow_jxl
from PIL import Image, ImageOps

exif = Image.Exif()
exif[0x112] = 6
Image.new("RGB", (64, 32), (200, 60, 40)).save("photo.jpg", quality=95, exif=exif)


def boxes(data):
    found, at = [], 0
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        length = length or len(data) - at
        found.append((kind, data[at:at + length]))
        at += length
    return found


def sizes(data):
    image = Image.open(io.BytesIO(data))
    return image.size, image.getexif().get(0x112), ImageOps.exif_transpose(image).size, imagecodecs.jpegxl_decode(data).shape[1::-1]


Image.open("photo.jpg").save("packed.jxl")
with open("packed.jxl", "rb") as file:
    packed = file.read()
written = io.BytesIO()
Image.open("photo.jpg").save(written, "JXL", lossless_jpeg=False)
written = written.getvalue()
# What libjxl makes of the photo anew: the same codestream and Exif, without what brings the JPEG back.
tags = b"\0\0\0\0" + exif.tobytes()[6:]
parts = [(kind, part) for kind, part in boxes(packed) if kind not in (b"jbrd", b"brob")]
anew = b"".join(part for _, part in parts[:2]) + struct.pack(">I4s", 8 + len(tags), b"Exif") + tags + b"".join(part for _, part in parts[2:])
seen = {"packed": sizes(packed), "written": sizes(written), "anew": sizes(anew)}
for name, (size, orientation, upright, libjxl) in seen.items():
    print(f"{name}: plugin {size}, Orientation {orientation}, exif_transpose {upright}; libjxl {libjxl}")
box = dict(boxes(written))[b"Exif"]
print("the Exif box begins with", box[8:12])
raise SystemExit(not (
    seen["packed"] == ((64, 32), 6, (32, 64), (32, 64)) and seen["written"] == ((64, 32), 6, (32, 64), (64, 32))
    and seen["anew"] == ((32, 64), 6, (64, 32), (32, 64)) and box[8:12] in (b"MM\0*", b"II*\0")))
PYTHON
