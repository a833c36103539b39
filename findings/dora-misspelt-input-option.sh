#!/bin/sh
# dora 1.1.0 (dora-rs and dora-rs-cli from PyPI): a misspelt option of an input (`queue-size`, `queue_polcy`) is dropped without a
# word. `dora validate` and `dora validate --strict-types` say "Descriptor config OK" and exit 0, `dora run` exits 0, and the input
# gets the default queue of 10 that drops the oldest. A misspelt key of a node (`max_restart`), or a wrong value of a known
# option (`queue_size: many`), is refused by name or place. With `queue_size: 500` a receiver that is busy for 3 seconds gets all
# of 200 messages; with `queue-size: 500` it gets a part of them.
# Seen: 200 of 200 with queue_size, 11 of 200 with queue-size; three times refused where it is not an input's option.
# Exits other than 0 if that changes.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install --no-compile dora-rs==1.1.0 dora-rs-cli==1.1.0 pyarrow==26.0.1
cd "$work"
cat > send.py <<'PYTHON'
import time

import pyarrow as pa
from dora import Node

node = Node()
node.next()
for i in range(200):
    node.send_output("out", pa.array([i]))
    time.sleep(0.01)
PYTHON
cat > receive.py <<'PYTHON'
import time

from dora import Node

got = []
for event in Node():
    if event["type"] == "INPUT":
        if not got:
            time.sleep(3)
        got.append(event["value"][0].as_py())
with open("got", "w") as file:
    file.write(str(len(got)))
PYTHON
# graph OPTION_OF_THE_INPUT KEY_OF_THE_NODE
graph() {
    cat > dataflow.yml <<YAML
nodes:
  - id: send
    path: venv/bin/python
    args: send.py
    inputs: {tick: dora/timer/millis/200}
    outputs: [out]
  - id: receive
    path: venv/bin/python
    args: receive.py
    inputs: {out: {source: send/out, $1}}
    $2
YAML
}
for option in "queue_size: 500" "queue-size: 500"; do
    graph "$option" ""
    venv/bin/dora validate dataflow.yml | grep "Descriptor config OK"
    venv/bin/dora validate --strict-types dataflow.yml > strict 2>&1
    venv/bin/dora run dataflow.yml > log 2>&1
    echo "$option: $(cat got) of 200"
    case $option in
        queue_size*) [ "$(cat got)" = 200 ] ;;
        *) [ "$(cat got)" -lt 200 ] ;;
    esac
done
graph "queue_size: 500, queue_polcy: backpressure" ""
venv/bin/dora validate dataflow.yml | grep "Descriptor config OK"
refused() { if venv/bin/dora validate dataflow.yml > log 2>&1; then echo "accepted: $1"; exit 1; fi; grep -m 1 "$1" log; }
graph "queue_size: 500" "max_restart: 3"
refused max_restart
graph "queue_size: many" ""
refused "nodes\[1\].inputs"
graph "queue_size: 500, queue_policy: oldest" ""
refused "nodes\[1\].inputs"
