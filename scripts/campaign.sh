#!/usr/bin/env bash
# The campaigns of the tests at length: hours, where CI takes minutes. Prints the table of docs/results/campaign.md.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
  cat <<'TEXT'
usage: scripts/campaign.sh [--kills N] [--failures N] [--allocations N] [--power-losses N] [--teams N] [--executions N]
                           [--targets LIST]

Runs so many trials of each kind, by default 1000 kills, every file call and every allocation, 1000 power losses, 500
teams, and 100000000 executions over all fuzz targets, to each its share; 0 leaves a kind out. --targets: only those,
"cifar,metrics". The seed is DRIFT_TEST_SEED, or the date.
It takes the tests of build/ (scripts/test.sh --fast makes them) and makes the fuzz targets in build-fuzz/. Those are
linked with libFuzzer where it is found (Debian: libclang-rt-14-dev, DRIFT_LIBFUZZER names another one); elsewhere they
mutate without looking where that leads. What fails is left in campaign/.
TEXT
}

every=1000000
only=
kills=1000 failures=$every allocations=$every power=1000 teams=500 executions=100000000
while [ $# -gt 0 ]; do
  case "$1=${2:-}" in
    --kills=[0-9]*) kills=$2 ;;
    --failures=[0-9]*) failures=$2 ;;
    --allocations=[0-9]*) allocations=$2 ;;
    --power-losses=[0-9]*) power=$2 ;;
    --teams=[0-9]*) teams=$2 ;;
    --executions=[0-9]*) executions=$2 ;;
    --targets=[a-z]*) only=,$2, ;;
    *)
      usage
      [[ "$1" = -h || "$1" = --help ]] || exit 2
      exit 0
      ;;
  esac
  shift 2
done

export DRIFT_TEST_SEED=${DRIFT_TEST_SEED:-$(date +%Y%m%d)}
tests=build/bin
if [ ! -x $tests/apps_campaign_tests ]; then
  echo "campaign: there is no $tests/apps_campaign_tests: build the tests first" >&2
  exit 2
fi
mkdir -p campaign
status=0

# row NAME COMMAND...: the command, and its row. What it counts are the lines that begin with a number or an exit code.
row() {
  local name=$1 begin=$SECONDS verdict=held log
  shift
  log=campaign/${name// /-}.log
  "$@" >"$log" 2>&1 || { verdict="**failed**, $log" status=1; }
  local counts
  counts=$(grep -aE '^(exit code )?[0-9]+[: ]' "$log" | grep -v FAILED | paste -sd';' | sed 's/;/; /g') || true
  printf '| %s | %s | %s | %s |\n' "$name" "${counts:-none}" "$verdict" $((SECONDS - begin))
}
campaign() {
  local name=$1 cases=$2 program=$3 filter=$4
  [ "$cases" -eq 0 ] || row "$name" env DRIFT_CAMPAIGN_CASES="$cases" $tests/"$program" --gtest_filter="$filter"
}

fuzz() {
  local target=$1 runs=$2 corpus ended=0
  corpus=$(mktemp -d)
  if [ -n "$libfuzzer" ]; then
    build-fuzz/bin/fuzz_"$target" -runs="$runs" -max_len=4096 -seed="$DRIFT_TEST_SEED" -close_fd_mask=2 \
      -print_final_stats=1 -artifact_prefix=campaign/ "$corpus" tests/fuzz/corpus/"$target" 2>&1 |
      sed -E 's/^stat::number_of_executed_units: *([0-9]+)/\1 executions/' || ended=1
  else
    build-fuzz/bin/fuzz_"$target" -runs="$runs" tests/fuzz/corpus/"$target" || ended=1
  fi
  rm -r "$corpus"
  return $ended
}

echo "seed $DRIFT_TEST_SEED, commit $(git rev-parse --short HEAD)"
printf '| Campaign | Trials | | Seconds |\n|---|---|---|---:|\n'
campaign "kills" "$kills" apps_campaign_tests '*FileCalls*IsTheLast'
campaign "file calls that fail" "$failures" apps_campaign_tests '*FileCalls*Fails'
campaign "allocations that fail" "$allocations" apps_campaign_tests 'Allocations.*'
campaign "power losses" "$power" apps_campaign_tests 'PowerLoss.*'
[ ! -x $tests/apps_team_tests ] || campaign "teams" "$teams" apps_team_tests '*Campaign*'

if [ "$executions" -gt 0 ]; then
  libfuzzer=${DRIFT_LIBFUZZER:-$(find /usr/lib/llvm-* -name 'libclang_rt.fuzzer-x86_64.a' 2>/dev/null | sort | tail -1)}
  {
    cmake --preset fuzz -DDRIFT_LIBFUZZER="$libfuzzer"
    cmake --build --preset fuzz --parallel "$(nproc)"
  } >campaign/build.log 2>&1 || { echo "campaign: the fuzz targets cannot be built: campaign/build.log" >&2; exit 1; }
  if [ -w /dev/shm ]; then export TMPDIR=/dev/shm; fi  # none of what they write is meant to last
  targets=(tests/fuzz/corpus/*)
  for target in "${targets[@]}"; do
    [[ -z "$only" || "$only" = *",${target##*/},"* ]] || continue
    row "fuzz ${target##*/}" fuzz "${target##*/}" $((executions / ${#targets[@]}))
  done
fi
exit $status
