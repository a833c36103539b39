"""Takes from PyPI's wheels what LibTorch needs on the CPU: unpack_libtorch.py WHEELS FOLDER"""

import ctypes
import pathlib
import shutil
import sys
import zipfile

LIBRARIES = ["libc10.so", "libtorch_cpu.so", "libgomp.so.1", "libcudart.so.12", "libcupti.so.12"]

wheels, folder = map(pathlib.Path, sys.argv[1:])
for wheel in sorted(wheels.glob("*.whl")):
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            path = pathlib.PurePosixPath(member.filename)
            if member.is_dir():
                continue
            if path.parts[:2] == ("torch", "include"):
                out = folder.joinpath(*path.parts[1:])
            elif path.parent.name == "lib" and path.name in LIBRARIES:
                out = folder / "lib" / path.name
            else:
                continue
            out.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(member) as source, out.open("wb") as target:
                shutil.copyfileobj(source, target, 1 << 20)

# Loading them is the proof that nothing else is needed.
for library in LIBRARIES:
    ctypes.CDLL(str((folder / "lib" / library).resolve()))
