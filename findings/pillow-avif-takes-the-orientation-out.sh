#!/bin/sh
# Pillow 13.0.0: saving an image as AVIF removes the orientation from the Exif object it is given. AVIF keeps the orientation in a box of
# its own, so the plugin takes the tag out of the Exif, and it does that in the caller's object. Whatever is saved with it afterwards, in
# the usual loop over formats or sizes, lies on its side, and the order of the formats decides which files are right. image.getexif()
# gives such an object too, and the same one each time, so the image itself has lost it as well: ImageOps.exif_transpose() after the AVIF does
# nothing. With bytes (exif.tobytes()) nothing is changed. JPEG, PNG, WebP and TIFF leave the object alone.
# Seen, Orientation 6: after JPEG, PNG, WebP, TIFF still 6; after AVIF none, and the JPEG saved next has none.
# Exits other than 0 if that changes.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install --no-compile pillow==13.0.0
"$work/venv/bin/python" - <<'PYTHON'
import io
from PIL import Image, ImageOps

exif = Image.Exif()
exif[0x112] = 6
source = io.BytesIO()
Image.new("RGB", (64, 32), (200, 60, 40)).save(source, "JPEG", exif=exif)


def save(image, kind, exif):
    file = io.BytesIO()
    image.save(file, kind, exif=exif)
    return Image.open(file)


ok = True
for kind in ("JPEG", "PNG", "WEBP", "TIFF", "AVIF"):
    image = Image.open(source)
    given = image.getexif()
    first = save(image, kind, given).getexif().get(0x112)
    after = given.get(0x112)
    second = save(image, "JPEG", given).getexif().get(0x112)
    upright = ImageOps.exif_transpose(image).size
    print(f"{kind}: in the file {first}, in the object afterwards {after}, in the JPEG after it {second}, turned by exif_transpose {upright}")
    ok &= (first, after, second, upright) == ((6, None, None, (64, 32)) if kind == "AVIF" else (6, 6, 6, (32, 64)))
image = Image.open(source)
ok &= save(image, "AVIF", image.getexif().tobytes()).getexif().get(0x112) == 6 and image.getexif().get(0x112) == 6
raise SystemExit(not ok)
PYTHON
