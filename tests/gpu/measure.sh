#!/usr/bin/env bash
# The 2020 job and the training steps on a GPU, beside PyTorch. Two halves, as the machine with the GPU may have neither
# Rust nor a network:
#
#   tests/gpu/measure.sh build FOLDER              here: builds against PyTorch's wheel, and puts all that is needed into FOLDER
#   FOLDER/measure.sh measure FOLDER IMAGES        there: checks, measures, and prints a table last
#
# IMAGES: a folder of class folders; 3,000 of them are trained on (some several times when there are fewer). The PyTorch there
# must be the version built against: TORCH=2.11.0 (CUDA 13) unless it is set. Where there is no GPU it says so and ends well.
set -euo pipefail

torch_version=${TORCH:-2.11.0}

build() {
    local out root
    root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
    mkdir -p "$1"
    out=$(cd "$1" && pwd)
    if [ ! -d "$out/torch/torch/lib" ]; then
        python3 -m pip install --quiet --no-deps --target "$out/torch" "torch==$torch_version" \
            nvidia-cuda-runtime==13.0.96 nvidia-cuda-cupti==13.0.85
    fi
    local lib="$out/torch/torch/lib" links=""
    # What libtorch_cuda.so itself wants is not needed to link; it is there on the other machine.
    for folder in "$out"/torch/nvidia/*/lib "$lib"; do links="$links -Clink-arg=-Wl,-rpath-link,$folder"; done
    (
        cd "$root"
        export LIBTORCH="$out/torch/torch" LIBTORCH_BYPASS_VERSION_CHECK=1 CARGO_TARGET_DIR="$out/target"
        export RUSTFLAGS="-Clink-arg=-Wl,--allow-shlib-undefined $links"
        cargo build --workspace --features libtorch --bin experiment --example step
    )
    mkdir -p "$out/bin"
    cp "$out/target/debug/experiment" "$out/target/debug/examples/step" "$out/bin/"
    cp "$root"/tests/peers/{bench_torch,job_torch}.py "$root/tests/gpu/measure.sh" "$out/"
    echo "carry $out/bin, $out/*.py, $out/measure.sh and the images; then: measure.sh measure FOLDER IMAGES"
}

measure() {
    local here=$1 images=$2
    if ! nvidia-smi -L >/dev/null 2>&1; then
        echo "no GPU here: nothing measured"
        return
    fi
    local gpu found
    gpu=$(nvidia-smi --query-gpu=name --format=csv,noheader | head -1)
    found=$(python3 -c 'import torch; print(torch.__version__.split("+")[0])')
    if [ "$found" != "$torch_version" ]; then
        echo "PyTorch here is $found, built was against $torch_version: build again with TORCH=$found" >&2
        return 1
    fi
    LD_LIBRARY_PATH=$(python3 -c 'import os, torch; print(os.path.join(os.path.dirname(torch.__file__), "lib"))'):${LD_LIBRARY_PATH:-}
    export LD_LIBRARY_PATH
    local work
    work=$(mktemp -d)
    trap 'rm -rf "$work"' RETURN

    echo "== check: the same training on the CPU and on the GPU"
    local one="once $images --size 64 --epochs 3"
    # On the GPU images are augmented there (--augment-on auto), with the same draws.
    for device in flex libtorch-cuda:0; do
        # shellcheck disable=SC2086
        "$here/bin/experiment" $one --device "$device" --out "$work/$device" | tee "$work/check-$device" | grep '^accuracy'
    done
    python3 - "$work/check-flex" "$work/check-libtorch-cuda:0" <<'PY'
import sys
flex, gpu = (float(next(l for l in open(p) if l.startswith("accuracy")).split()[-1]) for p in sys.argv[1:])
sys.exit(f"accuracy {flex} on the CPU and {gpu} on the GPU: too far apart" if abs(flex - gpu) > 0.1 else 0)
PY

    echo "== steps, beside PyTorch"
    for model in resnet18 resnet50; do
        python3 "$here/bench_torch.py" --ours "$here/bin/step" --device cuda --model "$model" --settings all \
            --precision fp32,tf32,bf16 --rounds 3 | tee "$work/steps-$model"
    done

    echo "== the 2020 job: ResNet-18, 128 px, 3,000 images, 100 epochs, augmentation, evaluated each 10 epochs; images on the GPU"
    nvidia-smi --query-gpu=utilization.gpu,memory.used --format=csv,noheader,nounits -lms 200 >"$work/smi" &
    local sampler=$!
    "$here/bin/experiment" once "$images" --model resnet18 --size 128 --training-images 3000 --epochs 100 --evaluate-every 10 \
        --batch-size "${BATCH:-128}" --precision "${PRECISION:-bf16}" --device libtorch-cuda:0 --out "$work/job" | tee "$work/job.txt"
    kill "$sampler"
    echo "== the same in PyTorch, images on the GPU as ours are"
    python3 "$here/job_torch.py" "$images" --model resnet18 --size 128 --training-images 3000 --epochs 100 --evaluate-every 10 \
        --batch-size "${BATCH:-128}" --precision "${PRECISION:-bf16}" --device cuda --augment-on device | tee "$work/job-torch.txt"
    echo "== ours with images from the host, augmented by the CPU: 20 epochs"
    "$here/bin/experiment" once "$images" --model resnet18 --size 128 --training-images 3000 --epochs 20 --evaluate-every 10 \
        --batch-size "${BATCH:-128}" --precision "${PRECISION:-bf16}" --device libtorch-cuda:0 --augment-on node --out "$work/job-node" |
        tee "$work/job-node.txt"
    echo
    echo "== table ($gpu, PyTorch $found)"
    cat "$work"/steps-*
    echo "-- ours"
    cat "$work/job.txt"
    echo "-- PyTorch"
    cat "$work/job-torch.txt"
    echo "-- ours, augmented by the CPU"
    cat "$work/job-node.txt"
    echo "-- while ours ran"
    awk -F', ' '{ busy += $1; if ($2 > most) most = $2 } END { printf "GPU busy, mean of samples  %.0f %%\nGPU memory at most  %d MiB\n", busy / NR, most }' "$work/smi"
}

case "${1:-}" in
    build) build "${2:?a folder to build into}" ;;
    measure) measure "${2:?the folder that was built}" "${3:?a folder of class folders}" ;;
    *) sed -n '2,11p' "${BASH_SOURCE[0]}"; nvidia-smi -L 2>/dev/null || echo "no GPU here: nothing measured" ;;
esac
