#!/bin/sh
# dora-rs and dora-rs-cli 1.1.0 (CPython, pyarrow 26.0.1): parameters sent as metadata do not come back as sent, and what
# was false comes back true. numpy.bool_(False), None and [False] arrive as the strings "False", "None" and "[False]", so
# `if event["metadata"]["keep"]:` goes the other way; numpy.float32(0.25) is "0.25", and "0.25" > "0.1" and "1e-05" > "0.1"
# compare as text. The sender gets no error; the daemon's log has a warning. Python's own bool, int, float, str and lists
# of int, float and str come whole. A datetime goes through a float: of 2,000 instants of 2026 with microseconds half
# come back 1 microsecond early, so equal keys are no longer equal.
# Seen: bool_(False) 'False', None 'None', [False] '[False]', float32(1e-5) '1e-05'; 995 of 2000 instants changed.
# Exits other than 0 if that changes.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install --no-compile dora-rs==1.1.0 dora-rs-cli==1.1.0 pyarrow==26.0.1 numpy==2.4.6
cd "$work"
cat > send.py <<'PYTHON'
import datetime
import numpy as np
import pyarrow as pa
from dora import Node

node = Node()
node.next()
values = {"bool": False, "np_bool": np.bool_(False), "none": None, "bools": [False], "np_float": np.float32(1e-5),
          "int": 7, "float": 0.25, "floats": [1.0, 2.5], "strings": ["a"]}
node.send_output("out", pa.array([0]), {"kind": "values", **values})
start = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
for i in range(2000):
    when = start + datetime.timedelta(microseconds=i * 15_552_000_017)
    node.send_output("out", pa.array([i]), {"kind": "time", "when": when})
PYTHON
cat > receive.py <<'PYTHON'
import datetime
import json
from dora import Node

start = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
values, differences = {}, []
for event in Node():
    if event["type"] != "INPUT":
        continue
    metadata = event["metadata"]
    if metadata["kind"] == "values":
        values = {k: v for k, v in metadata.items() if k in
                  ("bool", "np_bool", "none", "bools", "np_float", "int", "float", "floats", "strings")}
    else:
        when = start + datetime.timedelta(microseconds=event["value"][0].as_py() * 15_552_000_017)
        differences.append(round((metadata["when"] - when) / datetime.timedelta(microseconds=1)))
with open("received.json", "w") as file:
    json.dump([values, differences], file)
PYTHON
cat > dataflow.yml <<'YAML'
nodes:
  - id: send
    path: venv/bin/python
    args: send.py
    inputs: {tick: dora/timer/millis/200}
    outputs: [out]
  - id: receive
    path: venv/bin/python
    args: receive.py
    inputs: {out: {source: send/out, queue_size: 10000, queue_policy: backpressure}}
YAML
venv/bin/dora run dataflow.yml > log 2>&1 || { cat log; exit 1; }
venv/bin/python - <<'PYTHON'
import collections
import json

values, differences = json.load(open("received.json"))
print(values)
count = collections.Counter(differences)
print("instants:", len(differences), "differences in microseconds:", dict(count))
raise SystemExit(not (
    values == {"bool": False, "np_bool": "False", "none": "None", "bools": "[False]", "np_float": "1e-05", "int": 7,
               "float": 0.25, "floats": [1.0, 2.5], "strings": ["a"]}
    and len(differences) == 2000 and set(count) <= {0, -1, 1} and count[0] < 1950))
PYTHON
