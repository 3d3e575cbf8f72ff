#!/usr/bin/env bash
# Two network namespaces with a cable between them stand for two hosts; a process of drift runs in each.
#
#   unshare -rn two_hosts.sh CUT_AT DRIFT RUN ARGUMENT...     DRIFT train ARGUMENT... --out RUN
#
# CUT_AT: the line of RUN/metrics.jsonl with which the cable is cut, or 0. Ends as mpirun does; 77: no network here.
set -euo pipefail
cut_at=$1 drift=$2 run=$3
shift 3
near=10.77.0.1 far=10.77.0.2
unshare -n sleep infinity &
host=$!
agent=
# All that runs on the far host ends with this, mpirun's daemon too.
leave() {
  local namespace=$(readlink "/proc/$host/ns/net")
  for process in /proc/[0-9]*; do
    [[ $(readlink "$process/ns/net" 2>/dev/null) != "$namespace" ]] || kill -9 "${process#/proc/}" 2>/dev/null || true
  done
  rm -f "$agent"
}
trap leave EXIT
until [[ $(readlink "/proc/$host/ns/net") != "$(readlink /proc/$$/ns/net)" ]]; do :; done
{
  ip link set lo up
  ip link add near0 type veth peer name far0 netns "$host"
  ip addr add "$near/24" dev near0
  ip link set near0 up
  nsenter -t "$host" -n ip addr add "$far/24" dev far0
  nsenter -t "$host" -n ip link set far0 up
  nsenter -t "$host" -n ip link set lo up
} >&2 || exit 77

# What mpirun reaches another host with: AGENT HOST COMMAND...
agent=$(mktemp)
cat >"$agent" <<EOF
#!/usr/bin/env bash
shift
exec nsenter -t $host -n bash -c "\$*"
EOF
chmod +x "$agent"

export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
mpirun -n 2 --host "$near,$far" --bind-to none --mca plm_rsh_agent "$agent" --mca btl tcp,self \
  --mca btl_tcp_if_include "$near/24" --mca oob_tcp_if_include "$near/24" "$drift" train "$@" --out "$run" &
job=$!
if ((cut_at > 0)); then
  until [[ -f $run/metrics.jsonl && $(wc -l <"$run/metrics.jsonl") -ge $cut_at ]] || ! kill -0 "$job"; do
    sleep 0.05
  done
  ip link set near0 down
  echo "the cable is cut" >&2
  while pgrep -f "^$drift train .*--out $run" >/dev/null; do sleep 0.1; done
  echo "both processes have ended" >&2
  kill -9 "$job"  # it waits for its daemon on the other side, for minutes
fi
wait "$job"
