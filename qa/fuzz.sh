#!/bin/bash
# fuzz.sh SECONDS [NAME...] - each fuzz target (fuzz/fuzz_NAME.c), or only those named, runs for so
# long. New inputs go to build-fuzz/found/NAME; one that breaks something is named at the end, and
# becomes a small file of fuzz/corpus/NAME once it is mended.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=$1
shift
[[ -d build-fuzz ]] || CC=clang meson setup build-fuzz -Dfuzz=true -Dbuildtype=debugoptimized
names=("$@")
((${#names[@]})) || mapfile -t names < <(git ls-files 'fuzz/fuzz_*.c' | sed 's/.*fuzz_\(.*\)\.c/\1/')
bad=0
for name in "${names[@]}"; do
    ninja -C build-fuzz "fuzz/fuzz_$name"
    mkdir -p "build-fuzz/found/$name"
    echo "== $name"
    build-fuzz/fuzz/fuzz_"$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=4096 -print_final_stats=1 \
        -artifact_prefix="build-fuzz/found/BROKEN-$name-" "build-fuzz/found/$name" "fuzz/corpus/$name" || bad=1
done
ls build-fuzz/found/BROKEN-* 2>/dev/null || true
exit $bad
