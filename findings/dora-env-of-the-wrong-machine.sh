#!/bin/sh
# dora 1.1.0 (dora-rs and dora-rs-cli from PyPI): `${VAR:-default}` in `env:` of a dataflow is replaced by `dora start`, on the machine
# where that is typed, for the nodes of all machines. Two daemons with SITE=north and SITE=south, and `SITE: ${SITE:-nowhere}` in the
# YAML: both nodes see `nowhere`, although each daemon hands its own SITE on to its nodes when the YAML does not name it. So a line that is
# harmless with `dora run` and `dora up`, where all is one machine, takes away from every machine of a cluster what was set up for it,
# a data folder for instance. No message says anything; leaving the variable out of the YAML is what works.
# Exits other than 0 if that has changed.
set -eu
work=$(mktemp -d)
pids=
trap 'kill $pids 2> /dev/null || true; wait; rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install --no-compile dora-rs==1.1.0 dora-rs-cli==1.1.0 pyarrow==26.0.1
cd "$work"
export HOME="$work" DORA_COORDINATOR_PORT=6213
cat > node.py <<'PYTHON'
import os, sys
from dora import Node

node = Node()
with open(sys.argv[1], "w") as file:
    file.write(os.environ.get("SITE", "none"))
PYTHON
flow() {
    echo 'nodes:'
    for machine in north south; do
        cat <<YAML
  - id: on-$machine
    path: $work/venv/bin/python
    args: $work/node.py $work/$1-$machine
    deploy: {machine: $machine}
YAML
        [ "$1" = named ] && printf '    env: {SITE: "${SITE:-nowhere}"}\n'
    done
    return 0
}
flow named > named.yml
flow unnamed > unnamed.yml
venv/bin/dora coordinator --store memory > coordinator.log 2>&1 &
pids=$!
sleep 2
port=53391
for machine in north south; do
    mkdir "$machine"
    (cd "$machine" && SITE=$machine exec ../venv/bin/dora daemon --machine-id $machine --local-listen-port $port > log 2>&1) &
    pids="$pids $!"
    port=$((port + 1))
done
sleep 4
for name in unnamed named; do
    venv/bin/dora start $name.yml --name $name --detach > start.log 2>&1 || { cat start.log; exit 1; }
    for second in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
        [ -s $name-north ] && [ -s $name-south ] && break
        sleep 1
    done
    echo "SITE $name in the YAML: north sees $(cat $name-north), south sees $(cat $name-south)"
done
[ "$(cat unnamed-north unnamed-south named-north named-south)" = northsouthnowherenowhere ]
