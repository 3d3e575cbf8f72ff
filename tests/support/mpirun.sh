#!/usr/bin/env bash
# Runs a test program in several processes of one machine: mpirun.sh MPIRUN PROCESSES PROGRAM [ARGUMENT...]. All have
# the same random seed; there may be more of them than cores, and whoever starts them may be root, as in a container.
set -euo pipefail
mpirun=$1 processes=$2
shift 2
export DRIFT_TEST_SEED=${DRIFT_TEST_SEED:-$(($(date +%s%N) % 1000000007))}
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
export OMPI_MCA_mpi_yield_when_idle=1 OMPI_MCA_hwloc_base_binding_policy=none OMP_NUM_THREADS=1
exec "$mpirun" -n "$processes" "$@"
