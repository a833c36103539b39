#!/bin/sh
# imagecodecs 2026.3.6 and pillow-jxl-plugin 1.3.8 call the colours of a JPEG XL linear when the samples have more than 8 bits, and sRGB when they
# have 8, with the same values and options, and have no option to say otherwise. (libjxl by itself takes integers for sRGB, whatever their depth.) Their
# own readers hand back the values and hide it; browsers and every reader that goes by the file's colour space show the 16-bit photo
# much too bright: 200 of 255 becomes 229. imagecodecs takes AVIF and PNG of 16 bits for sRGB.
# Seen, the space written and grey 200 brought to sRGB: imagecodecs uint8 sRGB 200, uint16, 10 bits, float16 and float32 linear 229;
# the plugin mode L sRGB, I;16 linear. Exits other than 0 if that changes.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install --no-compile pillow==13.0.0 pillow-jxl-plugin==1.3.8 imagecodecs==2026.3.6 numpy==2.4.6
"$work/venv/bin/python" - <<'PYTHON'
import io
import imagecodecs
import numpy as np
import pillow_jxl
from PIL import Image, ImageCms

grey = np.full((16, 16, 3), 200, np.uint8)
deep = grey.astype(np.uint16)
cases = {"uint8": (grey, {}), "uint8 lossless": (grey, {"lossless": True}), "uint16": (deep * 257, {}), "uint16 lossless": (deep * 257, {"lossless": True}),
         "10 bits": (deep * 4, {"bitspersample": 10}), "float16": ((grey / 255).astype(np.float16), {}), "float32": ((grey / 255).astype(np.float32), {})}
ok = True
for name, (array, options) in cases.items():
    data = imagecodecs.jpegxl_encode(array, **options)
    again = imagecodecs.jpegxl_decode(data)
    image = Image.open(io.BytesIO(data))
    profile = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
    shown = ImageCms.profileToProfile(image, profile, ImageCms.createProfile("sRGB")).getpixel((4, 4))[0]
    space = ImageCms.getProfileDescription(profile).strip()
    print(f"{name}: {space}, stored {image.getpixel((4, 4))[0]}, shown {shown}")
    linear = not name.startswith("uint8")
    ok &= again.dtype == array.dtype and np.allclose(again, array, rtol=0.01) and abs(image.getpixel((4, 4))[0] - 200) <= 1
    ok &= abs(shown - (229 if linear else 200)) <= 1 and ("Lin" in space) == linear
for mode, picture in (("L", grey[..., 0]), ("I;16", deep[..., 0] * 257)):
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JXL", lossless=True)
    image = Image.open(io.BytesIO(file.getvalue()))
    space = ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))).strip()
    print("pillow-jxl-plugin,", image.mode, space)
    ok &= image.mode == mode and image.getpixel((4, 4)) == picture[4, 4] and ("Lin" in space) == (mode == "I;16")
raise SystemExit(not ok)
PYTHON
