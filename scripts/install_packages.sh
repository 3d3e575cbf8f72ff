#!/usr/bin/env bash
# Installs with apt what is missing on Debian 12 or Ubuntu 24.04: what `drift` is built from (run), or that and what the
# tests, checks and benches need (tests). Does nothing, and needs no rights, when all of it is there.
set -euo pipefail

# ocl-icd-opencl-dev: oneDNN's CMake package demands OpenCL, its Debian package only recommends it. ca-certificates:
# without them libcurl trusts nobody.
run=(g++ cmake ninja-build git libdnnl-dev ocl-icd-opencl-dev libcli11-dev libtomlplusplus-dev libspdlog-dev libfmt-dev
     nlohmann-json3-dev libstb-dev libxxhash-dev zlib1g-dev libarchive-dev libmd-dev libzip-dev
     libjpeg-dev libcurl4-openssl-dev ca-certificates)
# libgmock-dev: GTest's CMake package names its library too. clang-format-14: another version formats differently.
# libopenmpi-dev, openmpi-bin: processes. iproute2: two networks that stand for two hosts. chromium (with a font) looks
# at reports.
tests=(libgtest-dev libgmock-dev librapidcheck-dev libbenchmark-dev python3 clang-format-14
       libopenmpi-dev openmpi-bin iproute2 fonts-dejavu-core chromium)
# Not everywhere a package; without it a test is skipped.
if_offered=(chromium)

case "${1:-}" in
  run) wanted=("${run[@]}") ;;
  tests) wanted=("${run[@]}" "${tests[@]}") ;;
  *)
    echo "usage: scripts/install_packages.sh run|tests" >&2
    exit 2
    ;;
esac

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
  echo "install_packages: no apt here; nothing installed. CMake will name what it misses of: ${wanted[*]}" >&2
  exit 0
fi

installed() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

offered() { [[ "$(apt-cache policy "$1" 2>/dev/null)" =~ Candidate:\ [0-9] ]]; }
# What is missing of all, but for what is not to be had.
missing=()
look() {
  missing=()
  for package in "${wanted[@]}"; do
    installed "$package" && continue
    [[ " ${if_offered[*]} " == *" $package "* ]] && ! offered "$package" && continue
    missing+=("$package")
  done
}

look
if [ ${#missing[@]} -eq 0 ]; then
  echo "install_packages: all ${#wanted[@]} packages are installed"
  exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "install_packages: not root and no sudo. As root, run: apt-get install -y ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi

echo "install_packages: installing ${missing[*]}"
apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300)
"${apt[@]}" update
look  # there may be more packages now
"${apt[@]}" install --no-install-recommends "${missing[@]}"
