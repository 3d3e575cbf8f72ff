#!/usr/bin/env bash
# On a machine with a GPU: builds with CUDA, runs the tests labelled gpu on the real device (what CI executes on an
# emulator, nothing changed) and short training runs, and prints a report for docs/gpu_runs.md.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\n== %s\n' "$*"; }
# SECONDS COMMAND...: a kernel that never ends keeps its program, so that only SIGKILL helps.
bounded() {
  local limit=$1 status=0
  shift
  timeout --signal=KILL "$limit" "$@" || status=$?
  [ $status != 137 ] || echo "gpu_check: not done after $limit s, and killed: $*" >&2
  return $status
}

command -v nvidia-smi >/dev/null && nvidia-smi >/dev/null || {
  echo "gpu_check: no NVIDIA GPU answers here (nvidia-smi); scripts/test.sh executes the same tests on an emulator" >&2
  exit 5
}

say "packages"
bash scripts/install_packages.sh tests
bash scripts/fetch_cudnn_frontend.sh

say "build"
cmake --preset release -DDRIFT_TESTS=ON -DDRIFT_BENCH=ON -DDRIFT_CUDA=ON
cmake --build --preset release --parallel "$(nproc)"

say "devices"
bounded 60 build/bin/drift doctor  # ends the check where the driver or the GPU is too old for this build

say "tests labelled gpu"
tests=passed
bounded 1800 ctest --preset gpu || tests=failed

say "training: ResNet-20 on the built-in images, cuda:0"
run=$(mktemp -d)
trap 'rm -rf "$run"' EXIT
bounded 300 build/bin/drift train --recipe recipes/quickstart.toml --device cuda:0 --precision bf16 \
  --out "$run/captured" | tee "$run/result"

# Where the time goes against the floor, and what several workers on one GPU cost.
say "speed: ResNet-56, local batch 128, bf16"
resnet56=(bounded 120 build/bin/drift train --model resnet56 --data shapes:50000:1000 --local-batch 128
  --precision bf16 --lr 0.1 --algo local --period 16 --eval-every 1000000 --bn-stats local --device cuda:0)
measure() {  # NAME FLAG...
  local name=$1
  shift
  if ! "${resnet56[@]}" --steps 400 "$@" --out "$run/$name" > /dev/null; then
    echo "$name: failed" | tee -a "$run/speed"
    return 0
  fi
  python3 - "$run/$name/metrics.jsonl" "$name" <<'PYTHON' | tee -a "$run/speed"
import json, statistics, sys
steps = [record for record in map(json.loads, open(sys.argv[1])) if record["kind"] == "step"][200:]
print(f"{sys.argv[2]}: {statistics.median(step['t_step'] for step in steps) * 1e3:.3f} ms a step, "
      f"{statistics.median(step['img_s'] for step in steps):.0f} images/s (medians of {len(steps)} steps)")
PYTHON
}
for workers in 1 2 4 8 32; do measure "K=$workers" --workers "$workers"; done
measure "K=1, cuDNN's batch norms" --workers 1 --batch-norm cudnn
measure "K=4, cuDNN's batch norms" --workers 4 --batch-norm cudnn
"${resnet56[@]}" --workers 1 --steps 60 --op-times --explain-plans --out "$run/timed" 2> "$run/plans" | tee "$run/times"
build/bin/bench_floor --model resnet56 --batch 128 --precision bf16 > "$run/floor"

say "report for docs/gpu_runs.md"
echo "## $(date +%F): $(nvidia-smi --query-gpu=name --format=csv,noheader | head -n 1)"
echo
echo "Driver $(nvidia-smi --query-gpu=driver_version --format=csv,noheader | head -n 1), $(build/bin/drift --version |
  tr '\n' ' ')commit $(git rev-parse --short HEAD). Tests labelled gpu: $tests."
echo
echo '```'
cat "$run/result" "$run/speed" "$run/times"
grep "conv2d_backward_weights.*workspace" "$run/plans" || true
echo '```'
cat "$run/floor"
[ "$tests" = passed ]
