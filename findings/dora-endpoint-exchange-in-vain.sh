#!/bin/sh
# dora 1.1.0 (dora-rs-cli from PyPI): in a dataflow over two daemons the first daemon never learns where the nodes of the second are, so
# what they send it takes the daemons' way instead of the direct one (a warning says so), at every start. The warning's advice, a
# longer DORA_ZENOH_ENDPOINT_EXCHANGE_TIMEOUT_MS, changes nothing but that `dora start` takes that much longer: the first daemon waits for
# an answer of the second, and the coordinator tells the second of the dataflow only when the first has done waiting. Which daemon is the
# first depends on the ids (by name), not on who sends; the other way the direct path is found. With 0 nothing is waited for.
# Needs an address of this machine that is not loopback. Exits other than 0 if that has changed.
set -eu
address=$(python3 -c 'import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.connect(("192.0.2.77", 9)); print(s.getsockname()[0])')
work=$(mktemp -d)
pids=
trap 'kill $pids 2> /dev/null || true; wait; rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install --no-compile dora-rs==1.1.0 dora-rs-cli==1.1.0 pyarrow==26.0.1
cd "$work"
export HOME="$work" DORA_COORDINATOR_PORT=6214 DORA_COORDINATOR_ADDR="$address"
cat > node.py <<'PYTHON'
import pyarrow
from dora import Node

node = Node()
for event in node:
    if event["type"] == "INPUT" and event["id"] == "tick":
        node.send_output("out", pyarrow.array([1]))
PYTHON
{
    echo 'nodes:'
    for pair in north:south south:north; do
        here=${pair%:*}
        cat <<YAML
  - id: send-$here
    path: $work/venv/bin/python
    args: $work/node.py
    deploy: {labels: {site: $here}}
    inputs: {tick: dora/timer/millis/100}
    outputs: [out]
  - id: receive-$here
    path: $work/venv/bin/python
    args: $work/node.py
    deploy: {labels: {site: $here}}
    inputs: {in: send-${pair#*:}/out}
YAML
    done
} > dataflow.yml
# Milliseconds that `dora start` takes, and which daemons warn.
start() {
    rm -rf north south
    venv/bin/dora coordinator --interface 0.0.0.0 --store memory > coordinator.log 2>&1 &
    pids=$!
    sleep 2
    port=53491
    for machine in north south; do
        mkdir $machine
        (cd $machine && DORA_ZENOH_ENDPOINT_EXCHANGE_TIMEOUT_MS=$1 exec ../venv/bin/dora daemon --machine-id $machine \
            --labels site=$machine --local-listen-port $port > log 2>&1) &
        pids="$pids $!"
        port=$((port + 1))
    done
    sleep 4
    begun=$(date +%s%3N)
    venv/bin/dora start dataflow.yml --name flow --detach > start.log 2>&1 || { cat start.log; exit 1; }
    took=$(($(date +%s%3N) - begun))
    sleep 2
    warned=$(grep -l 'no zenoh endpoint for remote node' north/log south/log | tr '\n' ' ')
    venv/bin/dora stop --name flow > /dev/null 2>&1 || true
    kill $pids
    wait $pids 2> /dev/null || true
    pids=
    echo "waits $1 ms: start takes $took ms; warnings in: $warned"
}
start 0
[ $took -lt 1400 ]
for wait in 1500 6000; do
    start $wait
    [ $took -ge $wait ] && [ "$warned" = "north/log " ]
done
