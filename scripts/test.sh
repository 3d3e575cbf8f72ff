#!/usr/bin/env bash
# What continuous integration runs: packages, checks, build, the fast tests under ASan + UBSan, those of them that start
# threads under TSan, then every test of the release build; its summary is the last thing printed. --fast leaves the
# sanitizers out.
set -euo pipefail
cd "$(dirname "$0")/.."

sanitizers=(asan tsan)
case "${1:-}" in
  "") ;;
  --fast) sanitizers=() ;;
  *)
    echo "usage: scripts/test.sh [--fast]"
    [ "$1" = -h ] || [ "$1" = --help ] || exit 2
    exit 0
    ;;
esac

say() { printf '\n== %s\n' "$*"; }
jobs=$(nproc)

# TSan's runtime does not start where the kernel randomises addresses more than it expects; not every container allows
# to switch that off.
fixed_addresses=()
if setarch -R true 2>/dev/null; then fixed_addresses=(setarch -R); fi

say "packages"
bash scripts/install_packages.sh tests
bash scripts/fetch_cudnn_frontend.sh
bash scripts/fetch_tensorboard.sh

say "checks"
python3 scripts/check || [ $? -eq 77 ]

say "build: release"
cmake --preset release -DDRIFT_TESTS=ON -DDRIFT_BENCH=ON -DDRIFT_CUDA=AUTO
cmake --build --preset release --parallel "$jobs"

for preset in "${sanitizers[@]}"; do
  say "build and tests: $preset"
  cmake --preset "$preset"
  "${fixed_addresses[@]}" cmake --build --preset "$preset" --parallel "$jobs"
  "${fixed_addresses[@]}" ctest --preset "$preset" --parallel "$jobs"
done

say "all tests: release (${SECONDS} s so far)"
ctest --preset release --parallel 2
