"""Networks to and from nnabla: the same probabilities of the same images, within 1e-4.

    cargo run -p plugin-model --example nnabla -- write FOLDER/ours
    python tests/peers/nnabla_models.py make FOLDER/theirs
    cargo run -p plugin-model --example nnabla -- read FOLDER/theirs
    python tests/peers/nnabla_models.py compare FOLDER

`make` writes LeNet, a small CNN, ResNet-18, EfficientNet-Lite0 and one of other layers as nnabla writes them, parameters in HDF5 and
once in protobuf, and one with repetitions as NNC writes them.
`compare` also has `nnabla_cli infer` run a file of ours. nnabla 1.39.0 has wheels for CPython 3.8 to 3.10 alone; where this Python has
no nnabla, one of those that are at hand (python3.8 to python3.10, also pyenv's) is looked for, gets `pip install nnabla==1.39.0` in a
temporary environment, and runs this script. Where there is none, it says so and exits with 0.
"""

import glob
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

VERSION = "1.39.0"
TOLERANCE = 1e-4


def elsewhere():
    """Runs this script with a Python that can have nnabla."""
    names = [f"python3.{minor}" for minor in (10, 9, 8)]
    found = [shutil.which(name) for name in names]
    for minor in (10, 9, 8):
        found += sorted(glob.glob(os.path.expanduser(f"~/.pyenv/versions/3.{minor}.*/bin/python")))
    runs = lambda python: subprocess.run([python, "-c", ""], capture_output=True).returncode == 0
    found = [python for python in found if python and runs(python)]
    if not found:
        print(f"SKIPPED: nnabla {VERSION} needs CPython 3.8 to 3.10, and there is none here", file=sys.stderr)
        sys.exit(0)
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([found[0], "-m", "venv", folder], check=True)
        python = os.path.join(folder, "bin", "python")
        subprocess.run([python, "-m", "pip", "install", "-q", f"nnabla=={VERSION}"], check=True)
        sys.exit(subprocess.run([python, *sys.argv]).returncode)


try:
    import nnabla as nn
except ImportError:
    elsewhere()

import nnabla.functions as F
import nnabla.parametric_functions as PF
import numpy
from nnabla.utils.nnp_graph import NnpLoader
from nnabla.utils.save import save

SIZE, CLASSES, IMAGES = 64, 10, 2


def lenet(x):
    h = F.tanh(PF.convolution(x, 6, (5, 5), pad=(2, 2), name="conv1"))
    h = F.average_pooling(h, (2, 2))
    h = F.tanh(PF.convolution(h, 16, (5, 5), name="conv2"))
    h = F.average_pooling(h, (2, 2))
    h = F.tanh(PF.affine(h, 120, name="fc1"))
    h = F.tanh(PF.affine(h, 84, name="fc2"))
    return PF.affine(h, CLASSES, name="fc3")


def small(x):
    """Also what nnabla does in its own way: windows beyond the border, ELU, hard sigmoid, a concatenation, arithmetic."""
    x = F.add_scalar(F.mul_scalar(x, 2.0), -1.0)
    h = F.relu(PF.convolution(x, 16, (3, 3), pad=(1, 1), name="conv1"))
    h = F.max_pooling(h, (3, 3), stride=(2, 2), ignore_border=False)
    a = F.elu(PF.convolution(h, 8, (1, 1), name="left"), alpha=0.5)
    b = F.leaky_relu(PF.convolution(h, 8, (3, 3), pad=(1, 1), group=4, name="right"))
    h = F.concatenate(a, b, axis=1)
    h = F.average_pooling(h, (3, 3), stride=(2, 2), pad=(1, 1), including_pad=False)
    squeeze = F.average_pooling(h, h.shape[2:])
    squeeze = F.relu(PF.convolution(squeeze, 4, (1, 1), name="squeeze"))
    h = F.mul2(h, F.hard_sigmoid(PF.convolution(squeeze, 16, (1, 1), name="excite")))
    h = F.swish(PF.depthwise_convolution(h, (5, 5), pad=(2, 2), stride=(2, 2), name="depthwise"))
    return PF.affine(h, CLASSES, name="fc")


def normalized(h, name):
    return PF.batch_normalization(h, batch_stat=False, eps=1e-4, name=name)


def resnet18(x):
    h = PF.convolution(x, 64, (7, 7), pad=(3, 3), stride=(2, 2), with_bias=False, name="conv1")
    h = F.max_pooling(F.relu(normalized(h, "bn1")), (3, 3), stride=(2, 2), pad=(1, 1))
    for stage, maps in enumerate((64, 128, 256, 512)):
        for block in range(2):
            stride = 2 if stage and not block else 1
            with nn.parameter_scope(f"layer{stage + 1}/{block}"):
                s = h
                h = PF.convolution(h, maps, (3, 3), pad=(1, 1), stride=(stride, stride), with_bias=False, name="conv1")
                h = F.relu(normalized(h, "bn1"))
                h = normalized(PF.convolution(h, maps, (3, 3), pad=(1, 1), with_bias=False, name="conv2"), "bn2")
                if s.shape != h.shape:
                    s = PF.convolution(s, maps, (1, 1), stride=(stride, stride), with_bias=False, name="down")
                    s = normalized(s, "downbn")
                h = F.relu(F.add2(h, s))
    return PF.affine(F.average_pooling(h, h.shape[2:]), CLASSES, name="fc")


def padded(h, kernel, stride):
    """TensorFlow's padding, the odd pixel to the right and below."""
    total = [max((-(-side // stride) - 1) * stride + kernel - side, 0) for side in h.shape[2:]]
    (top, left), (bottom, right) = [t // 2 for t in total], [t - t // 2 for t in total]
    return F.pad(h, (top, bottom, left, right)) if any(total) else h


def efficientnet_lite0(x):
    def bn(h, name):
        return PF.batch_normalization(h, batch_stat=False, eps=1e-3, name=name)

    h = PF.convolution(padded(x, 3, 2), 32, (3, 3), stride=(2, 2), with_bias=False, name="stem")
    h = F.relu6(bn(h, "stem_bn"))
    number = 0
    stages = ((1, 16, 1, 3, 1), (6, 24, 2, 3, 2), (6, 40, 2, 5, 2), (6, 80, 3, 3, 2), (6, 112, 3, 5, 1), (6, 192, 4, 5, 2), (6, 320, 1, 3, 1))
    for expand, maps, repeat, kernel, first in stages:
        for block in range(repeat):
            stride = first if block == 0 else 1
            with nn.parameter_scope(f"blocks/{number}"):
                number += 1
                s = h
                if expand != 1:
                    h = PF.convolution(h, h.shape[1] * expand, (1, 1), with_bias=False, name="expand")
                    h = F.relu6(bn(h, "bn0"))
                h = padded(h, kernel, stride)
                h = PF.convolution(h, h.shape[1], (kernel, kernel), stride=(stride, stride), group=h.shape[1], with_bias=False, name="depthwise")
                h = F.relu6(bn(h, "bn1"))
                h = bn(PF.convolution(h, maps, (1, 1), with_bias=False, name="project"), "bn2")
                if s.shape == h.shape:
                    h = F.add2(h, s)
    h = F.relu6(bn(PF.convolution(h, 1280, (1, 1), with_bias=False, name="head"), "head_bn"))
    return PF.affine(F.global_average_pooling(h), CLASSES, name="fc")


def others(x):
    """What none of the above has: trainable slopes, other normalisations, padding before pooling, means along axes, branches that cross."""
    h = PF.convolution(x, 8, (3, 3), stride=(2, 2), with_bias=False, name="stem")
    h = PF.prelu(PF.group_normalization(h, 4, name="groups"), shared=False, name="slopes")
    h = F.max_pooling(F.pad(h, (1, 0, 1, 2)), (3, 3), stride=(2, 2))
    a = PF.instance_normalization(PF.convolution(h, 8, (1, 1), name="a"), name="instances")
    b = PF.prelu(PF.convolution(F.pad(h, (2, 0, 0, 1)), 8, (3, 2), name="b"), name="slope")
    c = F.add2(a, b)
    d = F.mul2(c, a)
    h = F.concatenate(d, c, b, axis=1)
    # The exact GELU, as nnabla's own is an approximation.
    h = F.mul2(h, F.mul_scalar(F.add_scalar(F.erf(F.mul_scalar(h, 0.5**0.5)), 1.0), 0.5))
    s = F.mean(h, axis=(2, 3), keepdims=True)
    s = F.sigmoid(PF.convolution(s, 24, (1, 1), name="squeeze"))
    h = F.mean(F.mul2(h, s), axis=(2, 3))
    h = PF.layer_normalization(PF.affine(h, 16, with_bias=False, name="hidden"), name="layer")
    return PF.affine(h, CLASSES, name="fc")


def repeated(folder):
    """A network with `RepeatStart`, as NNC writes them and nnabla cannot: it reads them, and says what comes out."""
    variables, functions, parameters = [], [], {}
    rng = numpy.random.RandomState(5)

    def variable(name, shape, repeat=(), kind="Buffer"):
        ids = " ".join(f'repeat_id: "{r}"' for r in repeat)
        dims = " ".join(f"dim: {side}" for side in shape)
        variables.append(f'variable {{ name: "{name}" type: "{kind}" {ids} shape {{ {dims} }} }}')

    def function(kind, name, inputs, output, more="", repeat=()):
        ids = " ".join(f'repeat_id: "{r}"' for r in repeat)
        reads = " ".join(f'input: "{i}"' for i in inputs)
        functions.append(f'function {{ name: "{name}" type: "{kind}" {ids} {reads} output: "{output}" {more} }}')

    convolution = "convolution_param { base_axis: 1 pad { dim: 1 dim: 1 } stride { dim: 1 dim: 1 } dilation { dim: 1 dim: 1 } group: 1 }"
    full, outer, both = (IMAGES, 8, SIZE, SIZE), ("R",), ("R", "S")
    variable("x", (IMAGES, 3, SIZE, SIZE))
    variable("stem/conv/W", (8, 3, 3, 3), kind="Parameter")
    parameters["stem/conv/W"] = (8, 3, 3, 3)
    variable("stem_out", full)
    function("Convolution", "stem", ["x", "stem/conv/W"], "stem_out", convolution)
    for name, repeat in (("r", outer), ("s", both), ("inner_out", both), ("relu_out", both), ("s_end", outer), ("sum", outer)):
        variable(name, full, repeat)
    variable("inner{R}{S}/conv/W", (8, 8, 3, 3), both, "Parameter")
    for i in range(2):
        for j in range(3):
            parameters[f"inner[{i}][{j}]/conv/W"] = (8, 8, 3, 3)
    function("RepeatStart", "R", ["stem_out", "sum"], "r", 'repeat_param { repeat_id: "R" times: 2 }', outer)
    function("RepeatStart", "S", ["r", "relu_out"], "s", 'repeat_param { repeat_id: "S" times: 3 }', both)
    function("Convolution", "inner", ["s", "inner{R}{S}/conv/W"], "inner_out", convolution, both)
    function("ReLU", "relu", ["inner_out"], "relu_out", "", both)
    function("RepeatEnd", "S_end", ["relu_out"], "s_end", 'repeat_param { repeat_id: "S" times: 3 }', outer)
    function("Add2", "add", ["r", "s_end"], "sum", "", outer)
    variable("r_end", full)
    function("RepeatEnd", "R_end", ["sum"], "r_end", 'repeat_param { repeat_id: "R" times: 2 }')
    variable("mean", (IMAGES, 8, 1, 1))
    function("GlobalAveragePooling", "gap", ["r_end"], "mean")
    for name, shape in (("fc/affine/W", (8, CLASSES)), ("fc/affine/b", (CLASSES,))):
        variable(name, shape, kind="Parameter")
        parameters[name] = shape
    variable("scores", (IMAGES, CLASSES))
    function("Affine", "fc", ["mean", "fc/affine/W", "fc/affine/b"], "scores", "affine_param { base_axis: 1 }")
    variable("y", (IMAGES, CLASSES))
    function("Softmax", "softmax", ["scores"], "y", "softmax_param { axis: 1 }")
    text = f'network {{ name: "main" batch_size: {IMAGES} repeat_info {{ id: "R" times: 2 }} repeat_info {{ id: "S" times: 3 }}\n'
    text += "\n".join(variables + functions) + "\n}\n"
    text += 'executor { name: "runtime" network_name: "main" data_variable { variable_name: "x" data_name: "x" } '
    text += 'output_variable { variable_name: "y" data_name: "y" } }\n'
    nn.clear_parameters()
    for name, shape in parameters.items():
        fan = numpy.prod(shape[1:]) if len(shape) == 4 else shape[0]
        values = nn.Variable(shape, need_grad=True)
        values.d = rng.randn(*shape) * numpy.sqrt(1.5 / fan)
        nn.parameter.set_parameter(name, values)
    import zipfile
    path = folder / "repeated.nnp"
    with tempfile.TemporaryDirectory() as own, zipfile.ZipFile(path, "w") as file:
        nn.save_parameters(os.path.join(own, "parameter.h5"))
        file.writestr("nnp_version.txt", "0.1\n")
        file.writestr("network.nntxt", text)
        file.write(os.path.join(own, "parameter.h5"), "parameter.h5")
    nn.clear_parameters()
    network = NnpLoader(str(path)).get_network("main", batch_size=IMAGES)
    x = rng.rand(IMAGES, 3, SIZE, SIZE)
    network.inputs["x"].d = x
    network.outputs["y"].forward()
    numbers = {"size": SIZE, "images": x.ravel().tolist(), "answers": network.outputs["y"].d.ravel().tolist()}
    (folder / "repeated.json").write_text(json.dumps(numbers))


def make(folder):
    folder.mkdir(parents=True, exist_ok=True)
    repeated(folder)
    networks = (("lenet", lenet), ("small-cnn", small), ("resnet18", resnet18), ("efficientnet-lite0", efficientnet_lite0), ("others", others))
    for name, network in networks:
        nn.clear_parameters()
        rng = numpy.random.RandomState(7)
        x = nn.Variable((IMAGES, 3, SIZE, SIZE))
        y = F.softmax(network(x))
        for key, parameter in nn.get_parameters(grad_only=False).items():
            values = rng.randn(*parameter.shape)
            if key.endswith("var"):
                values = 0.75 + 0.5 * numpy.abs(values) / 2
            elif key.endswith("gamma"):
                values = 1.0 + 0.1 * values
            elif key.endswith("slope"):
                values = 0.25 + 0.1 * values
            elif key.endswith("W"):
                fan = numpy.prod(parameter.shape[1:]) if len(parameter.shape) == 4 else parameter.shape[0]
                values *= numpy.sqrt(1.5 / fan)
            else:
                values *= 0.1
            parameter.d = values
        x.d = rng.rand(*x.shape)
        y.forward()
        contents = {
            "networks": [{"name": "main", "batch_size": IMAGES, "outputs": {"y": y}, "names": {"x": x}}],
            "executors": [{"name": "runtime", "network": "main", "data": ["x"], "output": ["y"]}],
        }
        save(str(folder / f"{name}.nnp"), contents)
        numbers = {"size": SIZE, "images": x.d.ravel().tolist(), "answers": y.d.ravel().tolist()}
        (folder / f"{name}.json").write_text(json.dumps(numbers))
        if name == "lenet":
            # The same with parameters in protobuf, as older versions wrote them.
            again = folder / "lenet-protobuf"
            again.mkdir(exist_ok=True)
            nn.save_parameters(str(again / "parameter.protobuf"))
            import zipfile
            with zipfile.ZipFile(folder / "lenet.nnp") as old, zipfile.ZipFile(folder / "lenet-protobuf.nnp", "w") as new:
                for entry in ("nnp_version.txt", "network.nntxt"):
                    new.writestr(entry, old.read(entry))
                new.write(again / "parameter.protobuf", "parameter.protobuf")
            shutil.rmtree(again)
            (folder / "lenet-protobuf.json").write_text(json.dumps(numbers))


def compare(folder):
    worst = {"theirs": 0.0, "ours": 0.0}
    count = 0
    for path in sorted((folder / "theirs").glob("*.nnp")):
        expected = numpy.array(json.loads(path.with_suffix(".json").read_text())["answers"])
        found = numpy.array(json.loads(path.with_suffix(".ours.json").read_text()))
        off = float(numpy.abs(expected - found).max())
        print(f"nnabla's {path.stem:20} with us     off by {off:.1e} of up to {expected.max():.2f}")
        worst["theirs"] = max(worst["theirs"], off)
        count += 1
    for path in sorted((folder / "ours").glob("*.nnp")):
        vector = json.loads(path.with_suffix(".json").read_text())
        size, expected = vector["size"], numpy.array(vector["answers"])
        images = numpy.array(vector["images"], numpy.float32).reshape(-1, 3, size, size)
        nn.clear_parameters()
        for batch in (len(images), 1):
            # A loader each: a network's Reshape keeps the first batch size it was made for.
            loader = NnpLoader(str(path))
            network = loader.get_network(loader.get_network_names()[0], batch_size=batch)
            network.inputs["x"].d = images[:batch]
            y = network.outputs["y"]
            y.forward(clear_no_need_grad=True)
            off = float(numpy.abs(y.d.ravel() - expected[: y.d.size]).max())
            worst["ours"] = max(worst["ours"], off)
        count += 1
        line = f"our {path.stem:24} with nnabla off by {off:.1e} of up to {expected.max():.2f}"
        if path.stem in ("lenet", "cnn-relu", "resnet18", "efficientnet-lite0"):
            with tempfile.TemporaryDirectory() as out:
                data = os.path.join(out, "x.bin")
                images[:1].tofile(data)
                cli = os.path.join(os.path.dirname(sys.executable), "nnabla_cli")
                command = [cli, "infer", "-c", str(path), "-b", "1", "-o", os.path.join(out, "result"), data]
                ran = subprocess.run(command, capture_output=True, text=True)
                results = glob.glob(os.path.join(out, "result*"))
                answers = numpy.fromfile(results[0], numpy.float32) if results else numpy.full(CLASSES, numpy.nan)
                inferred = float(numpy.abs(answers - expected[: len(answers)]).max())
                line += f", nnabla_cli infer off by {inferred:.1e}"
                if not inferred <= TOLERANCE:
                    print(ran.stdout[-500:], ran.stderr[-500:])
                    inferred = 1.0
                worst["ours"] = max(worst["ours"], inferred)
        print(line)
    print(f"worst: {worst}")
    sys.exit(max(worst.values()) > TOLERANCE or count < 12)


if __name__ == "__main__":
    {"make": make, "compare": compare}[sys.argv[1]](pathlib.Path(sys.argv[2]))
