#!/usr/bin/env bash
# On a machine with a GPU: builds with CUDA, runs the tests labelled gpu on the real device (what CI executes on an
# emulator, nothing changed) and a short training run, and prints a report for docs/gpu_runs.md.
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

say "tests labelled gpu"
tests=passed
ctest --preset gpu || tests=failed

say "training: ResNet-20 on the built-in images, cuda:0"
run=$(mktemp -d)
trap 'rm -rf "$run"' EXIT
build/bin/drift train --recipe recipes/quickstart.toml --device cuda:0 --precision bf16 --out "$run/captured" |
  tee "$run/result"
build/bin/drift train --recipe recipes/quickstart.toml --device cuda:0 --precision bf16 --steps 60 --op-times \
  --out "$run/timed" | tee "$run/times"

say "report for docs/gpu_runs.md"
echo "## $(date +%F): $(nvidia-smi --query-gpu=name --format=csv,noheader | head -n 1)"
echo
echo "Driver $(nvidia-smi --query-gpu=driver_version --format=csv,noheader | head -n 1), $(build/bin/drift --version |
  tr '\n' ' ')commit $(git rev-parse --short HEAD). Tests labelled gpu: $tests."
echo
echo '```'
cat "$run/result" "$run/times"
echo '```'
[ "$tests" = passed ]
