#!/bin/sh
# dora 1.1.0 (dora-rs and dora-rs-cli from PyPI): a quoted string in `env:` of a dataflow that looks like a number reaches the node
# as another string. "007" becomes 7, "1.10" becomes 1.1, "1e3" becomes 1000 and "123456789012345678901" becomes
# 123456789012345680000, although YAML says by the quotes that these are strings. The same happens to what `${VAR}` is replaced by, so a
# version, a part number or a token of digits given in the environment arrives changed. A value without any sign of a number ("0x10")
# passes, and so does `dora start --env`, which refuses such values instead. No message says anything.
# Exits other than 0 if that has changed.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install --no-compile dora-rs==1.1.0 dora-rs-cli==1.1.0 pyarrow==26.0.1
cd "$work"
cat > node.py <<'PYTHON'
import os
from dora import Node

node = Node()
names = ["PART", "VERSION", "CODE", "SERIAL", "HEXADECIMAL", "GIVEN"]
with open("seen", "w") as file:
    file.write(" ".join(f"{name}={os.environ[name]}" for name in names))
PYTHON
cat > dataflow.yml <<'YAML'
nodes:
  - id: node
    path: venv/bin/python
    args: node.py
    env:
      PART: "007"
      VERSION: "1.10"
      CODE: "1e3"
      SERIAL: "123456789012345678901"
      HEXADECIMAL: "0x10"
      GIVEN: "${GIVEN}"
YAML
GIVEN=3.20 venv/bin/dora run dataflow.yml > log 2>&1 || { cat log; exit 1; }
cat seen
echo
[ "$(cat seen)" = "PART=7 VERSION=1.1 CODE=1000 SERIAL=123456789012345680000 HEXADECIMAL=0x10 GIVEN=3.2" ]
