#!/bin/bash
# test.sh - every test there is, and their number in the last line: "N passed, N failed".
#
#   gcc     warnings are errors; all tests, and the dashboard in a browser
#   clang   warnings are errors; all tests but the long ones, and the same runs played to the same
#           last bit by both programs
#   asan    gcc with AddressSanitizer and UndefinedBehaviorSanitizer; all tests, of the long ones a part
#
# A part that fails does not keep the others from running. Exit code 1: something failed.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

logs=()
jobs=$((2 * $(nproc))) # half of the tests mostly wait
# build NAME MESON-OPTION...: a build folder of its own, so that nothing is compiled twice.
build() {
    local name=$1 verdict=ok
    shift
    mkdir -p "build-$name"
    { [[ -f build-$name/build.ninja ]] || meson setup "build-$name" "$@"; } &&
        ninja -C "build-$name" || verdict="not ok"
    echo "$verdict 1 - it builds" >"build-$name/build.tap"
    logs+=("build-$name/build.tap")
}
run() { # run NAME [MESON-TEST-OPTION...]
    local name=$1
    shift
    logs+=("build-$name/meson-logs/testlog.json")
    rm -f "${logs[-1]}"
    meson test -C "build-$name" --no-rebuild --num-processes "$jobs" --print-errorlogs "$@"
}
tap() { # tap NAME COMMAND...: a command that speaks TAP, at most ten minutes
    local log=build-gcc/$1.tap
    shift
    logs+=("$log")
    timeout 600 "$@" >"$log" || {
        local code=$?
        cat "$log"
        grep -q '^ *not ok' "$log" || echo "not ok 1 - $* (exit code $code)" >>"$log"
    }
}

export ASAN_OPTIONS=detect_stack_use_after_return=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
echo "== gcc"
CC=gcc build gcc -Dwerror=true
run gcc
tap browser qa/browser.sh
echo "== clang"
CC=clang build clang -Dwerror=true
run clang --no-suite long --no-suite wire
tap same qa/same.sh build-gcc/tandem build-clang/tandem
echo "== AddressSanitizer, UndefinedBehaviorSanitizer"
CC=gcc build asan -Dbuildtype=debugoptimized -Db_sanitize=address,undefined
run asan --no-suite lab --no-suite wire

python3 qa/count.py "${logs[@]}"
