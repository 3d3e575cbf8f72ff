#!/usr/bin/env bash
# From a fresh clone to a trained network: installs what is missing, builds Release and trains on the built-in data set.
# Under 10 minutes on two cores, build included. Arguments go to `drift train`, e.g. scripts/quickstart.sh --epochs 1.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\n== %s\n' "$*"; }

say "packages"
bash scripts/install_packages.sh run

# The CUDA backend takes minutes to compile: only where there is a GPU to run it on.
cuda=OFF
if command -v nvidia-smi >/dev/null && nvidia-smi >/dev/null 2>&1; then
  cuda=AUTO
  bash scripts/fetch_cudnn_frontend.sh
fi

say "build"
# Tests and benches need more packages. The objects are shared with scripts/test.sh, so neither rebuilds the other's.
cmake --preset release -DDRIFT_TESTS=OFF -DDRIFT_BENCH=OFF -DDRIFT_CUDA=$cuda
cmake --build build --target drift --parallel "$(nproc)"

say "train"
build/bin/drift train --recipe recipes/quickstart.toml "$@"

say "done in $((SECONDS / 60)) min $((SECONDS % 60)) s"
cat <<'END'
Built build/bin/drift and ran recipes/quickstart.toml. Its last lines above name the run directory: metrics.jsonl has
one line per step, summary.json the result, ckpt/ the weights.
Next:
  build/bin/drift train --help
  build/bin/drift describe resnet56
  build/bin/drift data preview --data shapes --out shapes.png
  docs/local_sgd.md        how it works, along the code
END
