#!/usr/bin/env bash
# Fetches the headers of cudnn-frontend from PyPI into the user's cache, where CMake finds them. Does nothing when they
# are there, or on a machine without nvcc.
set -euo pipefail

version=1.23.0
cache=${XDG_CACHE_HOME:-$HOME/.cache}/drift/cudnn-frontend
if ! command -v nvcc >/dev/null && [ ! -x /usr/local/cuda/bin/nvcc ]; then
  echo "fetch_cudnn_frontend: no nvcc here, so no CUDA backend will be built"
  exit 0
fi
if [ -f "$cache/version" ] && [ "$(cat "$cache/version")" = "$version" ]; then
  echo "fetch_cudnn_frontend: version $version is in $cache"
  exit 0
fi

python3 -m pip --version >/dev/null 2>&1 || {
  echo "fetch_cudnn_frontend: python3 has no pip here (Debian: apt install python3-pip); without the headers of" \
    "cudnn-frontend no CUDA backend is built"
  exit 0
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# Headers only: any Python's wheel holds the same.
python3 - "$version" "$scratch" <<'PYTHON'
import pathlib
import subprocess
import sys
import zipfile

version, scratch = sys.argv[1], pathlib.Path(sys.argv[2])
command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--python-version",
           "3.11", "--platform", "manylinux_2_28_x86_64", "--platform", "manylinux_2_27_x86_64", "--dest", str(scratch),
           f"nvidia-cudnn-frontend=={version}"]
subprocess.run(command, check=True)
(wheel,) = scratch.glob("*.whl")
with zipfile.ZipFile(wheel) as archive:
    archive.extractall(scratch, [name for name in archive.namelist() if name.startswith("include/")])
PYTHON
mkdir -p "$cache"
rm -rf "$cache/include"
cp -r "$scratch/include" "$cache/include"
echo "$version" >"$cache/version"
echo "fetch_cudnn_frontend: version $version is now in $cache"
