#!/bin/bash
# format.sh [--fix] - the C code is as .clang-format says. Of headers only what is mechanical is
# looked at: their columns of comments are set by hand.
# shellcheck disable=SC2046 # no file of this repository has a blank in its name
set -euo pipefail
cd "$(dirname "$0")/.."

mapfile -t sources < <(git ls-files '*.c')
if [[ ${1-} == --fix ]]; then
    exec clang-format -i "${sources[@]}"
fi
bad=0
if grep -nP '\t| $|\r' $(git ls-files '*.c' '*.h') || grep -nE '^.{101,}' $(git ls-files '*.h'); then
    echo "format.sh: tabs, blanks at a line's end, or more than 100 columns" >&2
    bad=1
fi
# Other versions lay a few things out in other ways.
if [[ $(clang-format --version) == *"version 14."* ]]; then
    for f in "${sources[@]}"; do
        clang-format --dry-run -Werror "$f" 2>/dev/null || {
            echo "format.sh: $f is not formatted (qa/format.sh --fix)" >&2
            bad=1
        }
    done
else
    echo "format.sh: not clang-format 14, layout is not compared" >&2
fi
exit $bad
