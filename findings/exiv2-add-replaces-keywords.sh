#!/bin/sh
# exiv2 0.27.6 (Debian's command line) and 0.28.9 (PyPI exiv2 0.19.2): `add` and `set` do the other's work on XMP lists.
# `exiv2 -M"add Xmp.dc.subject holiday"` on a file with the keywords cat and dog leaves holiday alone: the others are gone,
# with exit status 0 and no message. `set Xmp.dc.subject holiday` keeps them and appends. The library's XmpData::add does the
# same; between add and write both lists are there, and the file keeps the last. So do lr:hierarchicalSubject and
# digiKam:TagsList. ExifTool 12.57's += on the same file appends.
# Seen: set: "cat, dog, holiday"; add: "holiday"; 0.28.9 XmpData::add: 2 entries in memory, "holiday" in the file.
# Exits other than 0 if that changes.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get -qq download exiv2=0.27.6-1 libexiv2-27=0.27.6-1 libinih1 libinireader0
for deb in *.deb; do dpkg-deb -x "$deb" root; done
export LD_LIBRARY_PATH="$(echo "$work"/root/usr/lib/*-linux-gnu)"
exiv2=root/usr/bin/exiv2
"$exiv2" -V | head -1
cat > start.xmp <<'XMP'
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:subject><rdf:Bag>
<rdf:li>cat</rdf:li><rdf:li>dog</rdf:li></rdf:Bag></dc:subject></rdf:Description></rdf:RDF></x:xmpmeta>
XMP
keywords() { "$exiv2" -PXv -K Xmp.dc.subject "$1"; }
for word in set add; do
    cp start.xmp "$word.xmp"
    "$exiv2" -M"$word Xmp.dc.subject holiday" "$word.xmp"
    echo "$word: $(keywords "$word.xmp")"
done
[ "$(keywords set.xmp)" = "cat, dog, holiday" ]
[ "$(keywords add.xmp)" = "holiday" ]
unset LD_LIBRARY_PATH
python3 -m venv venv
venv/bin/pip -q install --no-compile exiv2==0.19.2
venv/bin/python - <<'PYTHON'
import shutil

import exiv2

shutil.copy("start.xmp", "library.xmp")
image = exiv2.ImageFactory.open("library.xmp")
image.readMetadata()
data = image.xmpData()
data.add(exiv2.XmpKey("Xmp.dc.subject"), exiv2.XmpArrayValue(["holiday"]))
in_memory = [str(datum.value()) for datum in data if datum.key() == "Xmp.dc.subject"]
image.writeMetadata()
image = exiv2.ImageFactory.open("library.xmp")
image.readMetadata()
in_file = [str(datum.value()) for datum in image.xmpData() if datum.key() == "Xmp.dc.subject"]
print("libexiv2", exiv2.version(), "in memory:", in_memory, "in the file:", in_file)
assert in_memory == ["cat, dog", "holiday"] and in_file == ["holiday"], (in_memory, in_file)
PYTHON
