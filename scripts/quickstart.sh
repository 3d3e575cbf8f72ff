#!/usr/bin/env bash
# From a fresh clone to a trained network and a comparison: installs what is missing, builds Release, trains on the
# built-in data set and compares Local SGD with parallel SGD there. Under 15 minutes on two cores, build included.
# Arguments go to `drift train`, e.g. scripts/quickstart.sh --epochs 1.
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

# Begun anew each time: what this build does is the question. An expectation that is not shown (9) is an answer, too.
say "compare"
rm -rf runs/compare-quickstart
build/bin/drift compare recipes/compare/quickstart.toml --jobs "$(nproc)" --out runs/compare-quickstart ||
  [ $? -eq 9 ]

say "done in $((SECONDS / 60)) min $((SECONDS % 60)) s"
cat <<'END'
Built build/bin/drift and ran recipes/quickstart.toml, whose last line above names the run directory: metrics.jsonl has
one line per step, summary.json the result, ckpt/ the weights. Then compared 64 local steps per average with an average
at every step, three times each: the table above; figures are in runs/compare-quickstart/report.html.
Next:
  build/bin/drift train --help
  build/bin/drift describe resnet56
  build/bin/drift data preview --data shapes --out shapes.png
  docs/local_sgd.md        how it works, along the code
END
