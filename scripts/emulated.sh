#!/usr/bin/env bash
# Runs a CUDA-built command on emulated devices, on a machine without a GPU: nothing is relinked, the emulator is put in
# front of the CUDA libraries. --help names what the environment can ask for.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: scripts/emulated.sh COMMAND [ARGUMENT...]

Runs COMMAND, a program of a CUDA build, on the emulator of tests/emulator (see its README.md). The build folder is
$DRIFT_BUILD, or else build/. A mistake that the emulator finds is written to stderr and ends COMMAND with status 70.
What so runs was "executed on an emulator", never "tested on a GPU".

Devices
  EMU_SM=75|80|90|100        which kind of device (default 90; 75 is one to be refused)
  EMU_DRIVER=VERSION         CUDA version of the driver, as 12040; 0: none (default the program's)
  EMU_DEVICES=N              how many there are (default 1)
  EMU_MEMORY=BYTES           memory of each (default 16 GiB); more than that is out of memory
  EMU_DEVICE_PROPERTIES=FILE what cuDNN is told of them (default the file of EMU_SM in tests/emulator/properties)
Order and checks
  EMU_SEED=N                 order of streams, graph nodes, blocks, warps and lanes (default 1; 0: in order)
  EMU_RACE=1                 race check of global memory between streams, graph nodes and blocks; reads of what was
                             never written; early reuse of pinned memory
  EMU_EAGER=1                run work when it is queued: easier to debug, finds less
  EMU_MAX_INSTRUCTIONS=N     that a warp may run in one block before the kernel counts as endless (default 50000000)
  EMU_NVRTC_CACHE=FOLDER     where kernels that cuDNN had compiled are kept (default emulator/compiled in the build
                             folder); empty: nowhere
  EMU_TIMEOUT=SECONDS        that a collective waits for other ranks (default 10)
Mistakes made on purpose
  EMU_FAIL=API:N[:CODE],...  the N-th call of API fails, with the cudaError_t CODE if one is given
  EMU_NCCL_DELAY=RANK:N:MS   the N-th group of a rank of NCCL starts so much later
  EMU_NCCL_LOSE=RANK:N       it never ends, and all ranks see an asynchronous error
  EMU_NCCL_DIE=RANK:N        the rank's process ends instead
  EMU_SKIP_WAIT=N            the N-th cudaStreamWaitEvent of the process does nothing
  EMU_SKIP_SYNC=N            the N-th wait of the host that finds unfinished work does nothing
  EMU_HANG=N                 the kernel of the N-th launch of the program never ends, nor do its replays
What happens at a mistake, and what is reported
  EMU_ON_ERROR=exit          end with status 70 (default); sticky: all later calls fail, as on a device; abort
  EMU_LEAKS=1                memory, streams, events, graphs, libraries' objects never released are a mistake
  EMU_COUNT_CALLS=FILE       writes how often each API was called
  EMU_COUNT_WAITS=FILE       writes how often cudaStreamWaitEvent was called, and how often the host had to wait
  EMU_CONTEXTS=FILE          writes on which devices a context was opened
  EMU_NVTX=FILE              writes the NVTX ranges of each thread
  EMU_STATISTICS=1           instructions run
  EMU_TRACE=1                every operation as it runs, every call that fails
  EMU_DRIVER_TRACE=1         what asks for the fake driver's functions
  EMU_QUIET=1                do not say that this is an emulator
TEXT
}

case "${1:-}" in
  -h | --help) usage; exit 0 ;;
  "") usage >&2; exit 2 ;;
esac

fail() {
  echo "emulated.sh: $*" >&2
  exit 2
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=${DRIFT_BUILD:-$root/build}
emulator=$build/emulator
[ -d "$emulator" ] || fail "there is no emulator in $build: configure it with -DDRIFT_CUDA=ON -DDRIFT_TESTS=ON" \
  "(CUDA toolkit 12.4 or later) and build it; another folder than build/ is named by DRIFT_BUILD"
emulator=$(cd "$emulator" && pwd)

# The soname carries CUDA's major version; there is one.
runtime=("$emulator"/libcudart.so.[0-9]*)
compiler=("$emulator"/libnvrtc.so.[0-9]*)
preload=("${runtime[0]}" "$emulator/libemu_cudnn.so" "$emulator/libemu_cublaslt.so" "$emulator/driver/libcuda.so.1"
         "${compiler[0]}" "$emulator/libemu_threads.so")
[ ! -e "$emulator/libemu_nccl.so" ] || preload+=("$emulator/libemu_nccl.so")  # where the build has NCCL
for library in "${preload[@]}"; do
  [ -e "$library" ] || fail "$library is not there: build all targets, cmake --build $build"
done

# NVTX itself loads what records its ranges.
if [ -n "${EMU_NVTX:-}" ]; then
  recorder=$emulator/libemu_nvtx.so
  [ -e "$recorder" ] || fail "$recorder is not there: build all targets, cmake --build $build"
  export NVTX_INJECTION64_PATH=$recorder
fi

# Preloaded libraries take the place of those that the command's own RPATH would find, whatever that says.
joined=$(IFS=:; echo "${preload[*]}")
[ "${EMU_QUIET:-0}" = 1 ] || echo "emulated.sh: executed on an emulator, not on a GPU" >&2
export EMU_NVRTC_CACHE=${EMU_NVRTC_CACHE-$emulator/compiled}
export EMU_DEVICE_PROPERTIES=${EMU_DEVICE_PROPERTIES:-$root/tests/emulator/properties/sm${EMU_SM:-90}.json}
LD_LIBRARY_PATH=$emulator:$emulator/driver${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} \
  LD_PRELOAD=$joined${LD_PRELOAD:+:$LD_PRELOAD} exec "$@"
