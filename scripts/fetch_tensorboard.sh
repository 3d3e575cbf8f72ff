#!/usr/bin/env bash
# Fetches the tensorboard package from PyPI into the user's cache, for the test in which it reads what a run wrote. Does
# nothing when it is there; without pip or a network the test is skipped.
set -euo pipefail

version=2.20.0
cache=${XDG_CACHE_HOME:-$HOME/.cache}/drift/tensorboard
if [ -f "$cache/version" ] && [ "$(cat "$cache/version")" = "$version" ]; then
  echo "fetch_tensorboard: version $version is in $cache"
  exit 0
fi
python3 -m pip --version >/dev/null 2>&1 || {
  echo "fetch_tensorboard: python3 has no pip here (Debian: apt install python3-pip); its test is skipped"
  exit 0
}

rm -rf "$cache"
mkdir -p "$cache"
if ! python3 -m pip install --quiet --disable-pip-version-check --only-binary=:all: --target "$cache" \
    "tensorboard==$version" setuptools==80.9.0; then
  rm -rf "$cache"
  echo "fetch_tensorboard: tensorboard $version could not be installed; its test is skipped"
  exit 0
fi
echo "$version" >"$cache/version"
echo "fetch_tensorboard: version $version is now in $cache"
