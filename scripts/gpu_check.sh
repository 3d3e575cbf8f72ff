#!/usr/bin/env bash
# On a machine with a GPU: builds with CUDA, runs the tests labelled gpu on the real device (what CI executes on an
# emulator, nothing changed), a tiny training under compute-sanitizer and short training runs, and ends with a report of
# one page to be pasted into docs/gpu_runs.md. Each of its parts has a limit of its own.
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

run=$(mktemp -d)
trap 'rm -rf "$run"' EXIT
failed=0

say "tests labelled gpu"
tests=passed
bounded 1800 ctest --preset gpu | tee "$run/tests" || tests=failed failed=1

# Two workers, captured steps, averages, an evaluation; images 32 pixels wide, for the narrow convolutions.
tiny=(build/bin/drift train --quiet --model cifar-resnet8 --data shapes:64:32 --local-batch 8 --workers 2 --algo local
  --period 2 --steps 6 --lr 0.1 --precision bf16 --bn-stats local --device cuda:0)
sanitizer=$(command -v compute-sanitizer || ls /usr/local/cuda/bin/compute-sanitizer 2>/dev/null || true)
# Of cuDNN's kernels synccheck would find what is their business.
sanitize() {  # TOOL FLAG...
  local tool=$1 verdict="found nothing"
  shift
  say "compute-sanitizer: $tool"
  if [ -z "$sanitizer" ]; then
    verdict="not run: no compute-sanitizer here, which comes with the CUDA toolkit"
  elif ! bounded 600 "$sanitizer" --tool "$tool" --error-exitcode 86 "$@" "${tiny[@]}" --out "$run/$tool" \
    > "$run/$tool.log" 2>&1; then
    verdict="FOUND SOMETHING, or was not done"
    failed=1
    tail -n 40 "$run/$tool.log"
  fi
  echo "| $tool | $verdict |" | tee -a "$run/sanitizer"
}
sanitize memcheck
sanitize racecheck
sanitize initcheck
sanitize synccheck --kernel-name kns=drift

say "training: ResNet-20 on the built-in images, cuda:0"
bounded 300 build/bin/drift train --recipe recipes/quickstart.toml --device cuda:0 --precision bf16 \
  --out "$run/captured" | tee "$run/result" || failed=1

# What several workers on one GPU cost, and where the time goes against the floor.
say "speed: ResNet-56, local batch 128, bf16"
resnet56=(bounded 120 build/bin/drift train --model resnet56 --data shapes:50000:1000 --local-batch 128
  --precision bf16 --lr 0.1 --algo local --period 16 --eval-every 1000000 --bn-stats local --device cuda:0)
measure() {  # NAME FLAG...
  local name=$1
  shift
  if ! "${resnet56[@]}" --steps 400 "$@" --out "$run/$name" > /dev/null; then
    echo "| $name | failed | | | | | | |" | tee -a "$run/speed"
    failed=1
    return 0
  fi
  python3 - "$run/$name/metrics.jsonl" "$name" <<'PYTHON' | tee -a "$run/speed"
import json, statistics, sys
steps = [record for record in map(json.loads, open(sys.argv[1])) if record["kind"] == "step"][200:]
def ms(field):
    return f"{statistics.median(step[field] for step in steps) * 1e3:.3f}"
phases = " | ".join(map(ms, ("t_step", "t_fwd", "t_bwd", "t_opt", "t_enqueue")))
averages = statistics.mean(step["t_comm"] for step in steps) * 1e3
print(f"| {sys.argv[2]} | {phases} | {averages:.3f} | {statistics.median(step['img_s'] for step in steps):.0f} |")
PYTHON
}
for workers in 1 2 4 8 32; do measure "K = $workers" --workers "$workers"; done
measure "K = 1, cuDNN's batch norms" --workers 1 --batch-norm cudnn
measure "K = 4, cuDNN's batch norms" --workers 4 --batch-norm cudnn
"${resnet56[@]}" --workers 1 --steps 60 --op-times --out "$run/timed" | tee "$run/times" || failed=1
build/bin/bench_floor --model resnet56 --batch 128 --precision bf16 > "$run/floor"

say "report for docs/gpu_runs.md"
tee build/gpu_report.md <<REPORT
## $(date +%F): $(nvidia-smi --query-gpu=name --format=csv,noheader | head -n 1)

Driver $(nvidia-smi --query-gpu=driver_version --format=csv,noheader | head -n 1), $(build/bin/drift --version |
  tr '\n' ' ')commit $(git rev-parse --short HEAD), $(nproc) cores.

Tests labelled gpu: $tests. $(grep 'tests passed' "$run/tests" || true)
recipes/quickstart.toml in bf16: $(grep -m 1 top1 "$run/result" || true)

| compute-sanitizer, six steps of two workers | |
|---|---|
$(cat "$run/sanitizer")

ResNet-56, batch 128, bf16, H = 16: medians of 200 steps in ms, of averages the mean; all but the step and the time to
enqueue it by the device's clock.

| | a step | forward | backward | update | to enqueue | averages | images/s |
|---|---:|---:|---:|---:|---:|---:|---:|
$(cat "$run/speed")

Where the time of a step that is not captured goes, and the floor of an A100 and an H100:

\`\`\`
$(cat "$run/times")
$(grep -F '**step**' "$run/floor" || true)
\`\`\`
REPORT
echo "(kept as build/gpu_report.md)"
exit $failed
