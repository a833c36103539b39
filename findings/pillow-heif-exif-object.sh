#!/bin/sh
# pillow-heif 1.8.1 (Pillow 13.0.0): whether a HEIC is upright depends on the type in which the Exif is handed to save(). With bytes the orientation goes into
# the box `irot`, where HEIF has it. With an Exif object, as Image.getexif() gives and all of Pillow's formats take, there is no box; the orientation stays
# in the Exif alone, which HEIF readers are to pass over, and pillow-heif itself sets to 1 when it reads. So save("a.heic", exif=image.getexif()), the usual
# line for whoever changes a tag on the way, lays every portrait on its side, and save("a.heic") of the same image is right.
# Seen, 64 x 32 with Orientation 6: bytes and the image's own Exif: irot, read as 32 x 64; an Exif object: no irot, read as 64 x 32 with Orientation 1.
# JPEG, PNG, WebP, TIFF and AVIF of Pillow give 32 x 64 with the object. Exits other than 0 if that changes.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install --no-compile pillow==13.0.0 pillow-heif==1.8.1
"$work/venv/bin/python" - <<'PYTHON'
import io
import pillow_heif
from PIL import Image, ImageOps

pillow_heif.register_heif_opener()


def exif():
    exif = Image.Exif()
    exif[0x112] = 6
    return exif


def saved(image, form, **options):
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def seen(data):
    """Whether there is a box that turns, the size when upright, and the orientation that is still to be applied."""
    image = Image.open(io.BytesIO(data))
    return b"irot" in data, ImageOps.exif_transpose(image).size, image.getexif().get(0x112, 1)


picture = Image.new("RGB", (64, 32), (200, 60, 40))
photo = Image.open(io.BytesIO(saved(picture, "JPEG", exif=exif())))
heic = {
    "bytes": seen(saved(picture, "HEIF", exif=exif().tobytes())),
    "object": seen(saved(picture, "HEIF", exif=exif())),
    "JPEG as it is": seen(saved(photo, "HEIF")),
    "JPEG with getexif()": seen(saved(photo, "HEIF", exif=photo.getexif())),
}
sizes = {form: seen(saved(picture, form, exif=exif()))[1] for form in ("JPEG", "PNG", "WEBP", "TIFF", "AVIF")}
print(heic, sizes, sep="\n")
right, wrong = (True, (32, 64), 1), (False, (64, 32), 1)
assert heic == {"bytes": right, "object": wrong, "JPEG as it is": right, "JPEG with getexif()": wrong}
assert set(sizes.values()) == {(32, 64)}
PYTHON
