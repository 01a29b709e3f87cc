#!/bin/bash
# headers.sh - every header compiles alone, twice included.
set -euo pipefail
cd "$(dirname "$0")/.."

bad=0
for h in $(git ls-files 'src/*.h' 'sim/*.h' 'tests/*.h' 'web/*.h'); do
    [[ $h == src/base/map_body.h ]] && continue # a template, included by map.c
    printf '#include "%s"\n#include "%s"\n' "$h" "$h" |
        gcc -fsyntax-only -std=gnu17 -Wall -Wextra -Wno-unused -D_GNU_SOURCE -DTANDEM_VERSION='""' \
            -I. -Isrc -Isim -Itests -I/usr/include/llhttp -I/usr/share/include/llhttp -x c - || bad=1
done
exit $bad
