#!/usr/bin/env bash
# On a machine with a GPU: builds with CUDA, runs the tests labelled gpu on the real device (what CI executes on an
# emulator, nothing changed) and short training runs, and prints a report for docs/gpu_runs.md.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\n== %s\n' "$*"; }

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
build/bin/drift doctor  # ends the check where the driver or the GPU is too old for this build

say "tests labelled gpu"
tests=passed
ctest --preset gpu || tests=failed

say "training: ResNet-20 on the built-in images, cuda:0"
run=$(mktemp -d)
trap 'rm -rf "$run"' EXIT
build/bin/drift train --recipe recipes/quickstart.toml --device cuda:0 --precision bf16 --out "$run/captured" |
  tee "$run/result"

# What docs/gpu_runs.md asks: where the time goes against the floor, and what several workers on one GPU cost.
say "speed: ResNet-56, local batch 128, bf16"
resnet56=(build/bin/drift train --model resnet56 --data shapes:50000:1000 --local-batch 128 --precision bf16 --lr 0.1
  --algo local --period 16 --eval-every 1000000 --bn-stats local --device cuda:0)
for workers in 1 2 4; do
  "${resnet56[@]}" --workers "$workers" --steps 1000 --out "$run/k$workers" > /dev/null
  python3 - "$run/k$workers/metrics.jsonl" "$workers" <<'PYTHON' | tee -a "$run/speed"
import json, statistics, sys
steps = [record for record in map(json.loads, open(sys.argv[1])) if record["kind"] == "step"][500:]
print(f"K = {sys.argv[2]}: {statistics.median(step['t_step'] for step in steps) * 1e3:.3f} ms a step, "
      f"{statistics.median(step['img_s'] for step in steps):.0f} images/s (medians of {len(steps)} steps)")
PYTHON
done
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
