#!/bin/sh
# pillow-jxl-plugin 1.3.8 (Pillow 13.0.0) writes JPEG XL without the ICC profile that it is given, by option and by
# image.info alike: an image in Display P3 becomes one in sRGB, with other colours, and no word of it. What it reads back
# as icc_profile is the decoder's own sRGB. PNG of the same Pillow keeps the profile. Exits other than 0 if that changes.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install pillow==13.0.0 pillow-jxl-plugin==1.3.8
"$work/venv/bin/python" - <<'PYTHON'
import io
import pillow_jxl
from PIL import Image, ImageCms

# A profile that is not sRGB: Lab's is as good as any to be looked for, but of RGB here, with another name.
icc = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
at = icc.index(b"rXYZ")
offset = int.from_bytes(icc[at + 4:at + 8], "big")
icc[offset + 8:offset + 12] = (0x8000).to_bytes(4, "big")  # another red
icc = bytes(icc)
image = Image.new("RGB", (8, 8), (200, 60, 40))

def kept(kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return Image.open(io.BytesIO(file.getvalue())).info.get("icc_profile") == icc

results = {"PNG": kept("PNG", icc_profile=icc), "JXL": kept("JXL", lossless=True, icc_profile=icc)}
image.info["icc_profile"] = icc
results["JXL by info"] = kept("JXL", lossless=True)
print(results)
raise SystemExit(results != {"PNG": True, "JXL": False, "JXL by info": False})
PYTHON
