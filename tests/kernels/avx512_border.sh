#!/usr/bin/env bash
# avx512_border.sh LIBRARY: what is compiled for AVX-512 defines nothing that the linker may take for a function of
# another file, which must run on every CPU.
set -euo pipefail
shared=$(nm --demangle "$1" | awk '
  /\.o:$/ { member = $1 }
  member ~ /^(convolve|correlate|filters)\.cpp\.o:$/ {
    if ($2 == "T") ++functions
    if ($2 ~ /^[WVu]$/) print member, $0
  }
  END { if (functions < 7) print "there are", functions + 0, "functions, where seven were expected" }')
[ -z "$shared" ] || { printf '%s\n' "$shared" >&2; exit 1; }
